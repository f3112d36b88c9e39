//! One small file for each reader of language packages, at a path where it looks: what fuzzing of them starts from.
//!
//! A reader asks for a path first, so a fuzzer that has to find one spends its time on names. Adding a row: the
//! extractor's name, the path, a file that reaches every branch worth reaching.

/// One file: the extractor that reads it, its path, its content.
pub struct Sample {
    /// The extractor's name.
    pub extractor: &'static str,
    /// The path inside an image.
    pub path: &'static str,
    /// The content.
    pub content: &'static str,
}

const fn sample(extractor: &'static str, path: &'static str, content: &'static str) -> Sample {
    Sample {
        extractor,
        path,
        content,
    }
}

/// The files.
pub const SAMPLES: &[Sample] = &[
    sample(
        "npm-lock",
        "srv/package-lock.json",
        r#"{"lockfileVersion":2,"packages":{"node_modules/a":{"version":"1.0.0"},"node_modules/l":{"link":true}},"dependencies":{"a":{"version":"npm:b@1.0.0","dependencies":{}}}}"#,
    ),
    sample(
        "npm-lock",
        "srv/yarn.lock",
        "\"@s/a@^1\", \"@s/a@^1.2\":\n  version \"1.2.3\"\n\n\"b@npm:c@^2\":\n  version: 2.0.1\n  resolution: \"c@npm:2.0.1\"\n",
    ),
    sample(
        "npm-lock",
        "srv/pnpm-lock.yaml",
        "lockfileVersion: 5.4\npackages:\n  /@s/b/2.0.0_a@1.0.0:\n    dev: false\n  example.com/c/3.0.0: {version: '1'}\n",
    ),
    sample(
        "npm-lock",
        "srv/bun.lock",
        "{ // x\n\"packages\": {\"a\": [\"a@1.0.0\", \"\", {}, \"sha\"],},}",
    ),
    sample(
        "python-archive",
        "srv/numpy-1.26.4-2-cp312-cp312-linux_x86_64.whl",
        "",
    ),
    sample(
        "python-lock",
        "srv/Pipfile.lock",
        r#"{"default":{"a":{"version":"==1"}},"develop":{}}"#,
    ),
    sample(
        "python-lock",
        "srv/uv.lock",
        "[[package]]\nname = \"a\"\nversion = \"4.3.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n",
    ),
    sample(
        "python-lock",
        "srv/requirements.txt",
        "a[b]==1.0 ; c == 'd' \\\n --hash=e:f\n# g\n",
    ),
    sample(
        "python-record",
        "s/a-1.dist-info/RECORD",
        "\"a/\"\"b\"\"/c-2.dist-info/METADATA\",sha256=x,1\n",
    ),
];
