//! skopeo, podman and buildah from Debian, each run in a folder of its own.
//!
//! They see no configuration of the machine: their policy accepts any signature, their storage is a temporary folder
//! with the plainest driver, their credentials are the file that [`Tools::login`] writes. A program that is missing
//! fails the test with the package to install.

use std::path::PathBuf;
use std::time::Duration;

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::serve::{PASSWORD, Server};
use crate::world::World;

/// No command takes longer.
const PATIENCE: Duration = Duration::from_secs(100);

/// A client's folder.
pub(crate) struct Tools {
    pub(crate) world: World,
}

/// What a client said, whichever stream it chose.
pub(crate) struct Said {
    line: String,
    succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn succeeded(&self) -> bool {
        self.succeeded
    }

    /// Checks that it succeeded, and returns its output without the final line break.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert!(self.succeeded, "{} failed:\n{}", self.line, self.stderr);
        self.stdout.trim_end().to_owned()
    }

    /// Checks that it failed, and returns what it said to that.
    #[track_caller]
    #[expect(
        clippy::print_stdout,
        reason = "the words of clients are worth reading: --nocapture"
    )]
    pub(crate) fn refused(self) -> String {
        assert!(!self.succeeded, "{} succeeded", self.line);
        println!("$ {}\n{}", self.line, self.stderr);
        self.stderr
    }
}

impl Tools {
    /// A folder without credentials.
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.write(
            "policy.json",
            r#"{"default":[{"type":"insecureAcceptAnything"}]}"#,
        );
        world.write("registries.conf", "unqualified-search-registries = []\n");
        world.write("run/.keep", "");
        Self { world }
    }

    /// A folder with the administrator's credentials.
    pub(crate) fn of_admin(server: &Server) -> Self {
        Self::of(server, "admin", PASSWORD)
    }

    /// A folder with somebody's credentials.
    pub(crate) fn of(server: &Server, user: &str, password: &str) -> Self {
        Self::of_host(server.host(), user, password)
    }

    /// A folder with somebody's credentials for a registry that is reached under this name.
    pub(crate) fn of_host(host: &str, user: &str, password: &str) -> Self {
        let tools = Self::new();
        let credential = STANDARD.encode(format!("{user}:{password}"));
        let document = serde_json::json!({ "auths": { host: { "auth": credential } } });
        tools.world.write("auth.json", document.to_string());
        tools
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.world.path(name)
    }

    /// `skopeo copy`, between any two places.
    pub(crate) fn copy(&self, options: &[&str], from: &str, to: &str) -> Said {
        let mut words = vec!["--policy", "policy.json", "copy", "--quiet"];
        for (place, option) in [
            (from, "--src-tls-verify=false"),
            (to, "--dest-tls-verify=false"),
        ] {
            if place.starts_with("docker://") {
                words.push(option);
            }
        }
        words.extend(options);
        words.extend([from, to]);
        self.run("skopeo", "skopeo", &words)
    }

    /// Another command of skopeo about a place in a registry.
    pub(crate) fn skopeo(&self, command: &str, options: &[&str], place: &str) -> Said {
        let mut words = vec!["--policy", "policy.json", command, "--tls-verify=false"];
        words.extend(options);
        words.push(place);
        self.run("skopeo", "skopeo", &words)
    }

    /// A command of podman.
    pub(crate) fn podman(&self, words: &[&str]) -> Said {
        let mut all = vec![
            "--root=storage",
            "--runroot=run/podman",
            "--storage-driver=vfs",
            "--cgroup-manager=cgroupfs",
            "--events-backend=file",
        ];
        all.extend(words);
        self.run("podman", "podman", &all)
    }

    /// A command of buildah.
    pub(crate) fn buildah(&self, words: &[&str]) -> Said {
        let mut all = vec![
            "--root=storage",
            "--runroot=run/buildah",
            "--storage-driver=vfs",
        ];
        all.extend(words);
        self.run("buildah", "buildah", &all)
    }

    /// Begins a command that the test ends itself.
    pub(crate) fn spawn_copy(&self, from: &str, to: &str) -> std::process::Child {
        let mut command = std::process::Command::new("skopeo");
        command
            .args(["--policy", "policy.json", "copy", "--quiet"])
            .args(["--dest-tls-verify=false", from, to])
            .current_dir(self.world.path(""))
            .env_clear()
            .envs(self.environment())
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap_or_else(|error| missing("skopeo", "skopeo", &error))
    }

    /// Runs a program in the folder.
    pub(crate) fn run(&self, program: &str, package: &str, words: &[&str]) -> Said {
        let output = Command::new(program)
            .args(words)
            .current_dir(self.world.path(""))
            .env_clear()
            .envs(self.environment())
            .timeout(PATIENCE)
            .output()
            .unwrap_or_else(|error| missing(program, package, &error));
        Said {
            line: format!("{program} {}", words.join(" ")),
            succeeded: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What every program of the folder sees.
    pub(crate) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("HOME", self.path("")),
            ("PATH", PathBuf::from("/usr/sbin:/usr/bin:/sbin:/bin")),
            ("TMPDIR", self.path("")),
            ("XDG_RUNTIME_DIR", self.path("run")),
            ("REGISTRY_AUTH_FILE", self.path("auth.json")),
            ("CONTAINERS_REGISTRIES_CONF", self.path("registries.conf")),
            ("BUILDAH_ISOLATION", PathBuf::from("chroot")),
        ]
    }
}

pub(crate) fn missing(program: &str, package: &str, error: &std::io::Error) -> ! {
    panic!(
        "cannot run `{program}` ({error}): the tests need Debian's package `{package}` (`apt-get install {package}`)"
    )
}

/// Returns a program of the folder into which `scripts/setup` puts what comes from PyPI.
#[track_caller]
pub(crate) fn from_pypi(program: &str) -> String {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache"),
        PathBuf::from,
    );
    let path = cache.join("tidegate-tools/python/bin").join(program);
    assert!(
        path.is_file(),
        "there is no {}: run `make setup-test`",
        path.display()
    );
    path.to_string_lossy().into_owned()
}
