//! Small files of language package managers, at paths where their readers look: (extractor, path, content).
//!
//! The conformance suite takes the first of each extractor; the fuzz target `languages` starts from all of them. Adding
//! one: a row that reaches every branch worth reaching.

pub(crate) const SAMPLES: &[(&str, &str, &str)] = &[
    (
        "beam",
        "app/lib/jason-1.4.1/ebin/jason.app",
        "%% made\n{application,'jason',[{description,\"a \\\"b\\\"\"},{vsn,\"1.4.1\"}]}.\n",
    ),
    (
        "beam-lock",
        "srv/mix.lock",
        "%{\n  \"jason\": {:hex, :jason, \"1.4.1\", \"af\", [:mix], [], \"hexpm\", \"fb\"},\n}\n",
    ),
    (
        "beam-lock",
        "srv/rebar.lock",
        "{\"1.2.0\",\n[{<<\"cowboy\">>,{pkg,<<\"cowboy\">>,<<\"2.9.0\">>},0}]}.\n",
    ),
    (
        "bitnami",
        "opt/bitnami/redis/.spdx-redis.spdx",
        r#"{"packages":[{"name":"redis","versionInfo":"7.2.4-0","licenseDeclared":"MIT","externalRefs":[{"referenceLocator":"pkg:bitnami/redis@7.2.4-0?arch=amd64"}]}]}"#,
    ),
    (
        "cocoapods-lock",
        "ios/Podfile.lock",
        "PODS:\n  - A (5.8.1)\n  - F/A (10.19.0):\n    - F/C\nEXTERNAL SOURCES:\n  O:\n    :path: \"../O\"\n",
    ),
    (
        "conan-lock",
        "src/conan.lock",
        r#"{"requires":["zlib/1.2.13@a/b#97%16"],"graph_lock":{"nodes":{"1":{"ref":"x/1"}}}}"#,
    ),
    (
        "conda",
        "opt/conda/conda-meta/requests-2.31.0.json",
        r#"{"name":"requests","version":"2.31.0","build":"py311_0","subdir":"linux-64","channel":"main","license":"MIT","files":["lib/r-2.dist-info/METADATA"]}"#,
    ),
    (
        "cran",
        "usr/lib/R/library/jsonlite/DESCRIPTION",
        "Package: jsonlite\nVersion: 1.8.8\nLicense: MIT\nDescription: a\n b: c\nBuilt: R 4.3.2\n",
    ),
    (
        "dart-lock",
        "app/pubspec.lock",
        "packages:\n  http:\n    source: hosted\n    version: \"1.1.0\"\n",
    ),
    (
        "dotnet",
        "app/App.deps.json",
        r#"{"libraries":{"A/1.0.0":{"type":"package"},"runtimepack.B/8.0.1":{"type":"runtimepack"},"C/1":{"type":"project"},}} // x"#,
    ),
    (
        "dotnet-lock",
        "src/packages.lock.json",
        r#"{"dependencies":{"net8.0":{"A":{"type":"Direct","resolved":"1.0.0"}}}}"#,
    ),
    (
        "go-mod",
        "src/go.mod",
        "module a\nrequire b.c/d v1.0.0 // indirect\nrequire (\n\te.f/g v2.0.0\n)\nreplace e.f/g v2.0.0 => h.i/j v2.0.1\n",
    ),
    (
        "haskell-lock",
        "srv/stack.yaml.lock",
        "packages:\n- completed:\n    hackage: a-b-1.3@sha256:ab,1\n- completed:\n    name: c\n    version: '1'\n",
    ),
    (
        "haskell-lock",
        "srv/cabal.project.freeze",
        "constraints: any.aeson ==2.1.2.1,\n             aeson -cffi\n",
    ),
    (
        "julia",
        "root/.julia/packages/JSON/93Ea8/Project.toml",
        "name = \"JSON\"\nversion = \"0.21.4\"\n",
    ),
    (
        "julia-lock",
        "srv/Manifest.toml",
        "manifest_format = \"2.0\"\n[[deps.JSON]]\nversion = \"0.21.4\"\n",
    ),
    (
        "lua",
        "usr/lib/luarocks/rocks-5.4/a/1-1/a-1-1.rockspec",
        "package = \"a\"\nversion = '1-1'\ndescription = {\n   license = \"MIT\",\n}\n",
    ),
    (
        "npm-lock",
        "srv/yarn.lock",
        "\"@s/a@^1\", \"@s/a@^1.2\":\n  version \"1.2.3\"\n\n\"b@npm:c@^2\":\n  version: 2.0.1\n  resolution: \"c@npm:2.0.1\"\n",
    ),
    (
        "npm-lock",
        "srv/package-lock.json",
        r#"{"packages":{"node_modules/a":{"version":"1.0.0"},"node_modules/l":{"link":true}}}"#,
    ),
    (
        "npm-lock",
        "srv/npm-shrinkwrap.json",
        r#"{"dependencies":{"a":{"version":"npm:b@1.0.0","dependencies":{"c":{"version":"1"}}}}}"#,
    ),
    (
        "npm-lock",
        "srv/pnpm-lock.yaml",
        "lockfileVersion: 5.4\npackages:\n  /@s/b/2.0.0_a@1.0.0:\n    dev: false\n  example.com/c/3.0.0: {version: '1'}\n",
    ),
    (
        "npm-lock",
        "srv/bun.lock",
        "{ // x\n\"packages\": {\"a\": [\"a@1.0.0\", \"\", {}, \"sha\"],},}",
    ),
    (
        "php",
        "srv/vendor/composer/installed.json",
        r#"{"packages":[{"name":"a/b","version":"v1.0","license":["MIT"]}],"dev":true}"#,
    ),
    (
        "php-lock",
        "srv/composer.lock",
        r#"{"packages":[{"name":"a/b","version":"v1.0"}],"packages-dev":[]}"#,
    ),
    (
        "php-pear",
        "usr/share/php/.registry/a.reg",
        "a:3:{s:4:\"name\";s:1:\"a\";s:7:\"version\";a:1:{s:7:\"release\";s:1:\"1\";}i:0;d:0.5;}",
    ),
    (
        "python-archive",
        "srv/numpy-1.26.4-2-cp312-cp312-linux_x86_64.whl",
        "a zip file",
    ),
    (
        "python-lock",
        "srv/requirements.txt",
        "a[b]==1.0 ; c == 'd' \\\n --hash=e:f\n# g\nh===2\n",
    ),
    (
        "python-lock",
        "srv/Pipfile.lock",
        r#"{"default":{"a":{"version":"==1"}},"develop":{}}"#,
    ),
    (
        "python-lock",
        "srv/uv.lock",
        "[[package]]\nname = \"a\"\nversion = \"4.3.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n",
    ),
    (
        "python-origin",
        "s/a-1.dist-info/direct_url.json",
        r#"{"url":"https://a:b@example.com/a.git","vcs_info":{"vcs":"git","commit_id":"1a2b"}}"#,
    ),
    (
        "python-record",
        "s/a-1.dist-info/RECORD",
        "\"a/\"\"b\"\"/c-2.dist-info/METADATA\",sha256=x,1\n",
    ),
    (
        "ruby",
        "usr/lib/ruby/gems/3.2.0/specifications/a-1.gemspec",
        "# stub: a 1 java lib\nGem::Specification.new do |s|\n  s.name = \"a\".freeze\n  s.licenses = [\"MIT\".freeze, 'x']\n",
    ),
    (
        "ruby-lock",
        "srv/Gemfile.lock",
        "GEM\n  specs:\n    nokogiri (1.15.4-x86_64-linux)\n      racc (~> 1.4)\n",
    ),
    (
        "rust-lock",
        "srv/Cargo.lock",
        "[[package]]\nname = \"serde\"\nversion = \"1.0.195\"\nsource = \"registry+x\"\n",
    ),
    (
        "swift-lock",
        "srv/Package.resolved",
        r#"{"pins":[{"location":"https://a@github.com/b/c.git","state":{"version":"2.62.0"}}]}"#,
    ),
    (
        "wordpress",
        "srv/wp-content/plugins/akismet/akismet.php",
        "<?php\n/*\n * Plugin Name: A\n * Version: 5.3\n * License: GPL */\n",
    ),
];
