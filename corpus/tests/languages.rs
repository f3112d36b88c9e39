//! Databases and lock files of language package managers: what each file of the corpus must give.
//!
//! `python/expected.json` and `npm/expected.json` are compared in `inventory.rs`. The other files have no expected
//! list beside them, so the lists stand here, read from the files themselves. Where a reader could think otherwise, the
//! row says why.

use std::path::{Path, PathBuf};

/// One file: the extractor, the file below `packages`, its packages, the diagnostics, and what is not plain to see.
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const NONE: &[&str] = &[];
const JS_TOKENS: &[&str] = &[
    "js-tokens 2.0.0",
    "js-tokens 4.0.0",
    "loose-envify 1.4.0",
    "object-assign 4.1.1",
    "prop-types 15.7.2",
    "react-is 16.13.1",
    "scheduler 0.13.6",
];
const PEAR_LOG: &[&str] = &["pear/log 1.13.3", "pear/pear_exception 1.0.2"];

const ROWS: &[Row] = &[
    (
        "conda",
        "conda/trivy/environment/testdata/conda-meta/_libgcc_mutex-0.1-main.json",
        &["_libgcc_mutex 0.1"],
        NONE,
        "",
    ),
    (
        "conda",
        "conda/trivy/environment/testdata/conda-meta/_openmp_mutex-5.1-1_gnu.json",
        &["_openmp_mutex 5.1"],
        NONE,
        "",
    ),
    (
        "conda",
        "conda/trivy/environment/testdata/conda-meta/blas-1.0-openblas.json",
        &["blas 1.0"],
        NONE,
        "an empty licence is none",
    ),
    (
        "conda",
        "conda/trivy/environment/testdata/conda-meta/bzip2-1.0.8-h5eee18b_6.json",
        &["bzip2 1.0.8"],
        NONE,
        "",
    ),
    (
        "conda",
        "conda/trivy/meta/testdata/invalid.json",
        NONE,
        NONE,
        "an empty object names nothing and is no damage",
    ),
    (
        "conda",
        "conda/trivy/meta/testdata/pip-22.2.2-py38h06a4308_0.json",
        &["pip 22.2.2 (linux-64)"],
        NONE,
        "",
    ),
    (
        "dotnet",
        "dotnet/trivy/deps/testdata/datacollector.deps.json",
        &["Newtonsoft.Json 9.0.1"],
        NONE,
        "the other library is a project",
    ),
    (
        "dotnet-lock",
        "dotnet/trivy/nuget/testdata/lock-without-deps/packages.lock.json",
        NONE,
        NONE,
        "",
    ),
    (
        "dotnet-lock",
        "dotnet/trivy/nuget/testdata/lock/packages.lock.json",
        &["Newtonsoft.Json 12.0.3", "NuGet.Frameworks 5.7.0"],
        NONE,
        "",
    ),
    (
        "npm",
        "npm/osv-scalibr/invalid",
        NONE,
        &["npm.bad_json"],
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/bun/testdata/happy/bun.lock",
        &[
            "@types/bun 1.2.13",
            "@types/node 22.15.18",
            "bun-types 1.2.13",
            "typescript 5.8.3",
            "undici-types 6.21.0",
            "zod 3.24.4",
        ],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/bun/testdata/no-node-modules/bun.lock",
        &[
            "@types/bun 1.2.14",
            "@types/node 22.15.21",
            "bun-types 1.2.14",
            "typescript 5.8.3",
            "undici-types 6.21.0",
        ],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/bun/testdata/sad/bun.lock",
        NONE,
        NONE,
        "a format version that is a word still leaves a readable list, which is empty",
    ),
    (
        "npm-lock",
        "npm/trivy/npm/testdata/happy/package-lock.json",
        &[
            "@babel/parser 7.23.6",
            "ansi-colors 3.2.3",
            "array-flatten 1.1.1",
            "body-parser 1.18.3",
            "debug 2.6.9",
            "express 4.16.4",
            "ms 2.0.0",
            "ms 2.1.1",
        ],
        NONE,
        "packages for development are declared like all others",
    ),
    (
        "npm-lock",
        "npm/trivy/npm/testdata/no-node_modules/package-lock.json",
        &["ms 2.1.1"],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/npm/testdata/sad/package-lock.json",
        NONE,
        &["npm.bad_lock"],
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/pnpm/testdata/happy-v9/pnpm-lock.yaml",
        &["vue-router 4.5.1"],
        NONE,
        "the snapshots repeat the packages",
    ),
    (
        "npm-lock",
        "npm/trivy/pnpm/testdata/happy/pnpm-lock.yaml",
        &["ms 2.1.3"],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/pnpm/testdata/no-node_modules/pnpm-lock.yaml",
        &[
            "@babel/helper-string-parser 7.24.7",
            "@babel/helper-validator-identifier 7.24.7",
            "@babel/parser 7.24.7",
            "@babel/types 7.24.7",
            "ms 2.1.3",
            "to-fast-properties 2.0.0",
        ],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/pnpm/testdata/sad/pnpm-lock.yaml",
        NONE,
        NONE,
        "`{broken}` is YAML: a map with one key",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/alias/yarn.lock",
        &[
            "@types/jsonstream 0.8.33",
            "@types/node 20.10.5",
            "@types/uuid 9.0.7",
            "debug 4.3.4",
            "ms 2.1.2",
            "ms 2.1.3",
            "undici-types 5.26.5",
        ],
        NONE,
        "an alias stands under the name it leads to",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/happy/yarn.lock",
        JS_TOKENS,
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/latest-version/yarn.lock",
        &["debug 4.3.5", "js-tokens 9.0.0", "ms 2.1.2"],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/monorepo/yarn.lock",
        &[
            "is-number 6.0.0",
            "is-number 7.0.0",
            "is-odd 3.0.1",
            "js-tokens 4.0.0",
            "js-tokens 8.0.1",
            "loose-envify 1.4.0",
            "object-assign 4.1.1",
            "prettier 2.8.8",
            "prop-types 15.8.1",
            "react-is 16.13.1",
            "scheduler 0.23.0",
        ],
        NONE,
        "workspaces are the project itself",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/no-packagejson/yarn.lock",
        JS_TOKENS,
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/project-with-workspace-in-subdir/foo/yarn.lock",
        &["hoek 6.1.3"],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/unsupported_protocol/yarn.lock",
        NONE,
        NONE,
        "a block begins in the first column; this one does not, and its protocol is nobody's",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/wrong-packagejson/yarn.lock",
        &["js-tokens 2.0.0"],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/yarn-berry-node-modules/yarn.lock",
        &["is-callable 1.2.7", "is-number 6.0.0", "is-odd 3.0.1"],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/yarn-classic-licenses/yarn.lock",
        &[
            "@babel/parser 7.22.7",
            "@vue/compiler-sfc 2.7.14",
            "nanoid 3.3.6",
            "picocolors 1.0.0",
            "postcss 8.4.27",
            "source-map 0.6.1",
            "source-map-js 1.0.2",
        ],
        NONE,
        "",
    ),
    (
        "npm-lock",
        "npm/trivy/yarn/testdata/yarn-licenses/yarn.lock",
        &["is-callable 1.2.7", "is-number 6.0.0", "is-odd 3.0.1"],
        NONE,
        "",
    ),
    (
        "php",
        "php/trivy/composer/testdata/composer-vendor/happy/installed.json",
        PEAR_LOG,
        NONE,
        "the tag `v1.0.2` is the version 1.0.2",
    ),
    (
        "php",
        "php/trivy/composer/testdata/composer-vendor/sad/installed.json",
        NONE,
        &["php.bad_json"],
        "",
    ),
    (
        "php-lock",
        "php/trivy/composer/testdata/composer/happy/composer.lock",
        PEAR_LOG,
        NONE,
        "",
    ),
    (
        "php-lock",
        "php/trivy/composer/testdata/composer/no-composer-json/composer.lock",
        PEAR_LOG,
        NONE,
        "",
    ),
    (
        "php-lock",
        "php/trivy/composer/testdata/composer/sad/composer.lock",
        NONE,
        &["php.bad_json"],
        "",
    ),
    (
        "php-lock",
        "php/trivy/composer/testdata/composer/with-dev/composer.lock",
        &[
            "pear/log 1.14.6",
            "pear/pear_exception 1.0.2",
            "psr/log 1.1.4",
        ],
        NONE,
        "",
    ),
    (
        "php-lock",
        "php/trivy/composer/testdata/composer/wrong-composer-json/composer.lock",
        PEAR_LOG,
        NONE,
        "",
    ),
    (
        "ruby",
        "ruby/trivy/gemspec/testdata/empty_name.gemspec",
        &["test-unit 3.3.7"],
        NONE,
        "RubyGems takes the name from the comment in front, which this file still has",
    ),
    (
        "ruby",
        "ruby/trivy/gemspec/testdata/multiple_licenses.gemspec",
        &["test-unit 3.3.7"],
        NONE,
        "",
    ),
];

/// What the corpus has beside databases and lock files: statements that somebody wants packages, and names none.
const NOT_DATABASES: [&str; 5] = [
    "packages.config",
    "Directory.Packages.props",
    "Packages.props",
    "composer.json",
    "package.json",
];

fn read(extractor: &str, path: &Path) -> (Vec<evidence::Package>, Vec<String>) {
    let content = fs_err::read(path).expect("a corpus file is readable");
    // The place decides between formats of one extractor; in the corpus each file has its own name.
    let place = path.to_string_lossy();
    let (packages, notes) = inventory::parse_with(extractor, place.as_bytes(), &content)
        .expect("a registered extractor");
    let codes = notes.into_iter().map(|note| note.code.into_owned());
    (packages, codes.collect())
}

#[test]
fn every_database_and_lock_file_gives_exactly_its_packages() {
    for (extractor, file, expected, codes, fact) in ROWS {
        let path = corpus::path("packages").join(file);
        let (packages, noted) = read(extractor, &path);
        let mut found: Vec<String> = packages
            .iter()
            .map(|package| {
                let arch = package.arch.iter().map(|arch| format!(" ({arch})"));
                let arch: String = arch.collect();
                format!("{} {}{arch}", package.name, package.version)
            })
            .collect();
        found.sort();
        found.dedup();
        assert_eq!(found, *expected, "{file}: {fact}");
        assert_eq!(noted, *codes, "{file}: {fact}");
    }
}

#[test]
fn no_file_of_the_corpus_is_left_out() {
    let root = corpus::path("packages");
    let mut missing = Vec::new();
    for ecosystem in ["conda", "dotnet", "php", "ruby", "npm"] {
        for path in files(&root.join(ecosystem)) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let file = path
                .strip_prefix(&root)
                .expect("below the root")
                .to_string_lossy()
                .into_owned();
            let is_listed = ROWS.iter().any(|row| row.1 == file);
            // Every `package.json`, under whatever name, is in `npm/expected.json`.
            let is_golden = is_golden(&root, &file) || name == "expected.json";
            if !is_listed && !is_golden && !NOT_DATABASES.contains(&name.as_str()) {
                missing.push(file);
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

fn is_golden(root: &Path, file: &str) -> bool {
    let golden = fs_err::read_to_string(root.join("npm/expected.json")).expect("readable");
    golden.contains(&format!("\"{file}\""))
}

#[test]
fn licences_are_those_of_the_files() {
    let root = corpus::path("packages");
    let check = |extractor: &str, file: &str, expected: &[&str]| {
        let (packages, _) = read(extractor, &root.join(file));
        assert_eq!(packages[0].licenses, expected, "{file}");
    };
    check(
        "ruby",
        "ruby/trivy/gemspec/testdata/multiple_licenses.gemspec",
        &["Ruby", "BSDL", "PSFL"],
    );
    check(
        "conda",
        "conda/trivy/environment/testdata/conda-meta/_libgcc_mutex-0.1-main.json",
        &["MIT"],
    );
    check(
        "php",
        "php/trivy/composer/testdata/composer-vendor/happy/installed.json",
        &["MIT"],
    );
    // A distribution without the field says it in classifiers.
    check(
        "python",
        "python/trivy/classifier-license-dist/setuptools-51.3.3.dist-info/METADATA",
        &["MIT License"],
    );
}

#[test]
fn a_python_package_from_a_repository_and_its_record_are_read() {
    let root = corpus::path("packages/python/syft/site-packages");
    for folder in [
        "license/with-license-file-declared.dist-info",
        "license/without-license-file-declared.dist-info",
    ] {
        for (extractor, name) in [
            ("python-origin", "direct_url.json"),
            ("python-record", "RECORD"),
        ] {
            let (packages, noted) = read(extractor, &root.join(folder).join(name));
            assert!(
                packages.is_empty() && noted.is_empty(),
                "{folder}/{name}: {noted:?}"
            );
        }
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).expect("a corpus folder is readable") {
        let path = entry.expect("a corpus entry is readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
