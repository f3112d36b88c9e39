//! Engines that work through a daemon: containerd and Docker, each started for one test in a folder of its own.
//!
//! Neither touches the machine's own engine: sockets, images and state lie in the test's folder, and Docker gets no
//! network. Both need root; other users get it from a `sudo` that asks nothing, and the test says so where there is none.
//!
//! Adding a daemon: what it is started with and what shows that it answers, as one function here.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::serve::{PASSWORD, Server};
use crate::tools::{Said, Tools};

/// A daemon answers long before.
const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon and the client that speaks to it.
pub(crate) struct Daemon {
    child: Child,
    client: Vec<String>,
    package: &'static str,
    /// The folder, and the credentials in it.
    pub(crate) tools: Tools,
    credential: Option<String>,
}

impl Daemon {
    /// containerd, with the plainest snapshotter and without the parts that serve Kubernetes.
    pub(crate) fn containerd(server: &Server) -> Self {
        let tools = Tools::of_admin(server);
        let folder = tools.path("");
        let folder = folder.to_str().expect("a path in UTF-8");
        let settings = format!(
            "version = 2\nroot = \"{folder}/root\"\nstate = \"{folder}/state\"\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = \"{folder}/run/containerd.sock\"\n"
        );
        tools.world.write("containerd.toml", settings);
        let socket = format!("{folder}/run/containerd.sock");
        let client = ["ctr", "--address", &socket];
        Self::start(
            &["containerd", "--config", "containerd.toml"],
            &client,
            "containerd",
            tools,
        )
        .with_credential(format!("admin:{PASSWORD}"))
    }

    /// The Docker engine, without a network of its own.
    pub(crate) fn docker(server: &Server) -> Self {
        let tools = Tools::of_admin(server);
        fs_err::copy(tools.path("auth.json"), tools.path("config.json")).expect("its credentials");
        let folder = tools.path("");
        let folder = folder.to_str().expect("a path in UTF-8");
        let socket = format!("unix://{folder}/run/docker.sock");
        let root = format!("--data-root={folder}/root");
        let state = format!("--exec-root={folder}/state");
        let pid = format!("--pidfile={folder}/run/docker.pid");
        let host = format!("--host={socket}");
        let daemon = [
            "dockerd",
            "--storage-driver=vfs",
            "--bridge=none",
            "--iptables=false",
            &root,
            &state,
            &pid,
            &host,
        ];
        let client = ["docker", "--config", folder, "--host", &socket];
        Self::start(&daemon, &client, "docker.io", tools)
    }

    fn with_credential(mut self, credential: String) -> Self {
        self.credential = Some(credential);
        self
    }

    #[track_caller]
    fn start(daemon: &[&str], client: &[&str], package: &'static str, tools: Tools) -> Self {
        let words = [root(), daemon].concat();
        let log = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .open(tools.path("daemon.log"))
            .expect("a log");
        let child = Command::new(words[0])
            .args(&words[1..])
            .current_dir(tools.path(""))
            .env_clear()
            .envs(tools.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.into_file())
            .spawn()
            .unwrap_or_else(|error| crate::tools::missing(words[0], package, &error));
        let client = [root(), client].concat();
        let mut daemon = Self {
            child,
            client: client.into_iter().map(str::to_owned).collect(),
            package,
            tools,
            credential: None,
        };
        daemon.wait();
        daemon
    }

    #[track_caller]
    fn wait(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.run(&["version"]).succeeded() {
            let ended = self.child.try_wait().expect("its state");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{} does not answer (it needs root, or a sudo that asks nothing):\n{}",
                self.package,
                self.tools.world.read("daemon.log")
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs the daemon's client.
    pub(crate) fn run(&self, words: &[&str]) -> Said {
        let all: Vec<&str> = self.client.iter().map(String::as_str).collect();
        self.tools
            .run(all[0], self.package, &[&all[1..], words].concat())
    }

    /// Runs `ctr` with a command that reaches the registry, over plain HTTP and with the credential.
    pub(crate) fn reach(&self, command: &[&str], words: &[&str]) -> Said {
        let mut all = command.to_vec();
        all.push("--plain-http");
        if let Some(credential) = &self.credential {
            all.extend(["--user", credential]);
        }
        all.extend(words);
        self.run(&all)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        stop(&["kill", "-TERM", &pid]);
        // Its answer to the signal is its end; what it leaves belongs to root.
        let _ = self.child.wait();
        for folder in ["root", "state", "run"] {
            let folder: PathBuf = self.tools.path(folder);
            stop(&["rm", "-rf", "--one-file-system", &folder.to_string_lossy()]);
        }
    }
}

/// The words before a command that needs root.
fn root() -> &'static [&'static str] {
    if rustix::process::geteuid().is_root() {
        &[]
    } else {
        &["sudo", "--non-interactive"]
    }
}

fn stop(words: &[&str]) {
    let words = [root(), words].concat();
    // Cleaning up after a test: what it leaves, the machine's temporary folder takes.
    let _ = Command::new(words[0])
        .args(&words[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
