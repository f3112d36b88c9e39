//! A folder with images, feeds and a home, and a way to run the program in it.

use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;
use image::testkit::{TarBuilder, TestImage, TestLayer, docker_archive};

/// The instant of every scan here.
pub(crate) const AS_OF: &str = "2026-11-24T06:10:00Z";

/// What a run gave.
pub(crate) struct Run {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Checks the exit code and shows everything when it is another one.
    #[track_caller]
    pub(crate) fn ends_with(self, exit: i32) -> Self {
        assert_eq!(
            self.exit, exit,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Checks that standard error says this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no `{text}` in:\n{}",
            self.stderr
        );
        self
    }

    /// Checks that standard output shows this.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "no `{text}` in:\n{}",
            self.stdout
        );
        self
    }

    /// Checks that standard output does not show this.
    #[track_caller]
    pub(crate) fn hides(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text), "`{text}` in:\n{}", self.stdout);
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            exit: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// A folder of one test.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// An empty world.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A world with `image.tar`, and the sample's advisories as `known.tgdb`.
    pub(crate) fn with_sample() -> Self {
        let world = Self::new();
        world.write("image.tar", docker_archive(&[sample_image()]));
        world.import_sample();
        world
    }

    /// Writes the sample's feeds and imports them into `known.tgdb`.
    pub(crate) fn import_sample(&self) {
        self.write("tracker.json", TRACKER);
        self.write("kev.json", KEV);
        self.write("requests.json", OSV);
        self.write("severities.jsonl", SEVERITIES);
        self.run(&[
            "advisories",
            "import",
            "tracker.json",
            "kev.json",
            "requests.json",
            "severities.jsonl",
            "--out",
            "known.tgdb",
        ])
        .ends_with(0);
    }

    /// Writes a file.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test's own folder; nobody reads it after a crash"
    )]
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().expect("inside the folder")).expect("a folder");
        fs_err::write(path, bytes).expect("written");
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).expect("readable")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program in this world.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin");
        command
    }

    /// Runs the program.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().expect("it starts").into()
    }

    /// Scans the sample image with the sample's advisories.
    pub(crate) fn scan(&self, args: &[&str]) -> Run {
        let mut all = vec![
            "scan",
            "docker-archive:image.tar",
            "--advisories",
            "known.tgdb",
            "--as-of",
            AS_OF,
        ];
        all.extend(args);
        self.run(&all)
    }
}

/// A small Debian with openssl and a Python package on top.
pub(crate) fn sample_image() -> TestImage {
    let base = TarBuilder::new()
        .file(
            "usr/lib/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
        )
        .symlink("etc/os-release", "../usr/lib/os-release")
        .file("var/lib/dpkg/status", STATUS)
        .finish();
    let application = TarBuilder::new()
        .file(
            "usr/local/lib/python3.11/site-packages/requests-2.25.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: requests\nVersion: 2.25.0\nLicense: Apache 2.0\n\n",
        )
        .finish();
    let mut image = TestImage::new(vec![TestLayer::tar(base), TestLayer::gzip(&application)])
        .named("payments/api:2.3.7");
    image.history = serde_json::json!([
        {"created_by": "/bin/sh -c #(nop) ADD file:base in / "},
        {"created_by": "CMD [\"bash\"]", "empty_layer": true},
        {"created_by": "RUN pip install requests"},
    ]);
    image
}

/// An image of one layer with these files.
pub(crate) fn image_of(files: &[(&str, &str)]) -> TestImage {
    let tar = files
        .iter()
        .fold(TarBuilder::new(), |tar, (path, content)| {
            tar.file(path, content)
        })
        .finish();
    TestImage::new(vec![TestLayer::tar(tar)])
}

pub(crate) const STATUS: &str = "\
Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl
Version: 3.0.11-1~deb12u2

Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.15-2+b2

";

pub(crate) const TRACKER: &str = r#"{
 "openssl": {
  "CVE-2024-0001": {"description": "A handshake reads past its buffer.",
   "releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.11-1~deb12u2", "bookworm-security": "3.0.14-1~deb12u1"}, "fixed_version": "3.0.14-1~deb12u1", "urgency": "high"}}},
  "CVE-2024-0002": {"description": "A leak without consequence.",
   "releases": {"bookworm": {"status": "open", "repositories": {"bookworm": "3.0.11-1~deb12u2"}, "urgency": "low"}}}
 }
}"#;

pub(crate) const KEV: &str = r#"{"title": "Catalog", "catalogVersion": "2026.08.03", "dateReleased": "2026-08-03T12:00:00.0000Z", "count": 1,
 "vulnerabilities": [{"cveID": "CVE-2024-0001", "vendorProject": "OpenSSL", "product": "OpenSSL", "vulnerabilityName": "OpenSSL",
  "dateAdded": "2026-08-03", "shortDescription": "x", "requiredAction": "x", "dueDate": "2026-08-24",
  "knownRansomwareCampaignUse": "Unknown", "notes": "", "cwes": []}]}"#;

pub(crate) const OSV: &str = r#"{"schema_version": "1.6.0", "id": "GHSA-j8r2-6x86-q33q", "modified": "2023-06-01T00:00:00Z",
 "published": "2023-05-22T00:00:00Z", "aliases": ["CVE-2023-32681"], "summary": "Headers reach the proxy",
 "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N"}],
 "affected": [{"package": {"ecosystem": "PyPI", "name": "requests"},
  "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.3.0"}, {"fixed": "2.31.0"}]}]}]}"#;

/// Records of another ecosystem: they give the severities of the flaws that Debian's tracker only names.
pub(crate) const SEVERITIES: &str = r#"{"schema_version": "1.6.0", "id": "RUSTSEC-2024-0001", "modified": "2024-06-01T00:00:00Z", "published": "2024-05-01T00:00:00Z", "aliases": ["CVE-2024-0001"], "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}], "affected": [{"package": {"ecosystem": "crates.io", "name": "openssl-src"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "300.0.0"}]}]}]}
{"schema_version": "1.6.0", "id": "RUSTSEC-2024-0002", "modified": "2024-06-01T00:00:00Z", "published": "2024-05-01T00:00:00Z", "aliases": ["CVE-2024-0002"], "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:N/A:N"}], "affected": [{"package": {"ecosystem": "crates.io", "name": "openssl-src"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "300.0.0"}]}]}]}
"#;
