//! `tidegate serve` as a process: a folder for its data, a free port, its log, and the signals that end it.
//!
//! [`Site`] is what outlives a process (data folder, database, policy, advisories); [`Server`] is one process of it. A
//! server that does not answer in time fails its test with everything it logged. Nothing here knows the registry's
//! protocol: see [`crate::wire`] for requests and [`crate::tools`] for real clients.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use blobs::S3Config;
use blobs::testkit::Seaweed;
use catalog::testkit::Postgres;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;

use crate::wire::{Answer, Request};
use crate::world::World;

/// The password of `admin` in every site.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Everything a process needs is there long before; a slow machine gets its time.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the catalog is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    /// A file in the data folder.
    Sqlite,
    /// A database of a real PostgreSQL.
    Postgres,
}

/// What outlives a process.
pub(crate) struct Site {
    pub(crate) world: Arc<World>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
    bucket: Option<S3Config>,
}

impl Site {
    /// A site on SQLite whose administrator's password is [`PASSWORD`].
    pub(crate) fn new() -> Self {
        Self::without_password().with_variable("TIDEGATE_ADMIN_PASSWORD", PASSWORD)
    }

    /// A site that has to make a password itself.
    pub(crate) fn without_password() -> Self {
        Self {
            world: Arc::new(World::new()),
            arguments: ["serve", "--data", "data", "--listen", "127.0.0.1:0"]
                .map(str::to_owned)
                .to_vec(),
            environment: Vec::new(),
            wrapper: Vec::new(),
            bucket: None,
        }
    }

    /// A site on an engine.
    pub(crate) fn on(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::new(),
            Engine::Postgres => Self::new().with_variable("TIDEGATE_DATABASE", &database()),
        }
    }

    /// Keeps blobs in a bucket of a real S3 server.
    pub(crate) fn in_bucket(mut self) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let config = runtime.block_on(async { Seaweed::shared().await.config() });
        let credentials = config.credentials.as_ref().expect("a key");
        let variables = [
            (
                "TIDEGATE_STORAGE",
                format!("s3://{}/{}", config.bucket, config.prefix),
            ),
            (
                "TIDEGATE_S3_ENDPOINT",
                config.endpoint.clone().expect("an address"),
            ),
            (
                "TIDEGATE_S3_ACCESS_KEY_ID",
                credentials.access_key_id.clone(),
            ),
            (
                "TIDEGATE_S3_SECRET_ACCESS_KEY",
                credentials.secret_access_key.expose_secret().to_owned(),
            ),
        ];
        for (name, value) in &variables {
            self = self.with_variable(name, value);
        }
        self.bucket = Some(config);
        self
    }

    /// Returns whether blobs are kept in a bucket.
    pub(crate) fn has_bucket(&self) -> bool {
        self.bucket.is_some()
    }

    /// Returns the names of all bytes in the store: objects, and what is staged.
    pub(crate) fn stored_objects(&self) -> BTreeSet<String> {
        let Some(config) = &self.bucket else {
            let blobs = self.data("blobs");
            let files = self.blob_files();
            let relative = files.iter().map(|(path, _)| {
                let relative = path.strip_prefix(&blobs).expect("inside");
                relative.display().to_string()
            });
            return relative.collect();
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = blobs::Store::open_s3(config).await.expect("a store");
            let staged = store.list_uploads().await.expect("a listing");
            assert!(staged.is_empty(), "tails are left: {staged:?}");
            let objects = store.list(None, usize::MAX).await.expect("a listing");
            objects
                .iter()
                .map(|found| found.key.as_str().to_owned())
                .collect()
        })
    }

    /// Publishes a policy at start.
    pub(crate) fn with_policy(mut self, text: &str) -> Self {
        self.world.write("policy.yaml", text);
        self.arguments
            .extend(["--policy", "policy.yaml"].map(str::to_owned));
        self
    }

    /// Imports feeds, given as names and texts, into the data folder.
    pub(crate) fn with_advisories(self, feeds: &[(&str, &str)]) -> Self {
        for (name, text) in feeds {
            self.world.write(&format!("feeds/{name}"), text);
        }
        self.world
            .run(&["advisories", "import", "feeds", "--data", "data"])
            .ends_with(0);
        self
    }

    /// Adds a variable to the environment of every process.
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an option to every process.
    pub(crate) fn with_option(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// The same site with one option more, or with another value of one it has.
    pub(crate) fn clone_with(&self, name: &str, value: &str) -> Self {
        let mut arguments = self.arguments.clone();
        if let Some(place) = arguments.iter().position(|argument| argument == name) {
            value.clone_into(&mut arguments[place + 1]);
        } else {
            arguments.extend([name.to_owned(), value.to_owned()]);
        }
        Self {
            world: Arc::clone(&self.world),
            arguments,
            environment: self.environment.clone(),
            wrapper: self.wrapper.clone(),
            bucket: self.bucket.clone(),
        }
    }

    /// Starts every process through another program, which must become it.
    pub(crate) fn with_wrapper(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Starts a process and waits until it answers.
    pub(crate) fn start(&self) -> Server {
        Server::start(self.command(), Arc::clone(&self.world))
    }

    /// Runs a process that is expected to end by itself.
    pub(crate) fn run(&self) -> crate::world::Run {
        let mut child = self.command();
        child.stdout(Stdio::piped()).stderr(Stdio::piped());
        assert_cmd::Command::from_std(child)
            .timeout(PATIENCE)
            .output()
            .expect("it ends")
            .into()
    }

    fn command(&self) -> Command {
        let mut words = self
            .wrapper
            .iter()
            .map(String::as_str)
            .chain([env!("CARGO_BIN_EXE_tidegate")])
            .chain(self.arguments.iter().map(String::as_str));
        let mut command = Command::new(words.next().expect("the program"));
        command
            .args(words)
            .current_dir(self.world.path(""))
            .env_clear()
            .env("HOME", self.world.path(""))
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Returns the variables of every process.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Returns the address of the catalog.
    pub(crate) fn catalog(&self) -> String {
        let given = self
            .environment
            .iter()
            .find(|(name, _)| name == "TIDEGATE_DATABASE");
        match given {
            Some((_, address)) => address.clone(),
            None => format!("sqlite:{}", self.data("tidegate.db").display()),
        }
    }

    /// Returns a path inside the data folder.
    pub(crate) fn data(&self, path: &str) -> PathBuf {
        self.world.path("data").join(path)
    }

    /// Returns the files below the data folder that hold blobs, finished or not, with their sizes.
    pub(crate) fn blob_files(&self) -> Vec<(PathBuf, u64)> {
        let mut files = Vec::new();
        list(&self.data("blobs"), &mut files);
        files
    }
}

fn list(folder: &Path, files: &mut Vec<(PathBuf, u64)>) {
    for entry in fs_err::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("its type");
        if kind.is_dir() {
            list(&entry.path(), files);
        } else {
            files.push((entry.path(), entry.metadata().expect("its size").len()));
        }
    }
}

/// Makes a database with the current schema in the test binary's own PostgreSQL.
fn database() -> String {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async { Postgres::shared().await.database().await })
}

/// The lines of a process, as they come.
#[derive(Default)]
struct Log {
    lines: Mutex<(Vec<String>, bool)>,
    grown: Condvar,
}

impl Log {
    fn add(&self, line: Option<String>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match line {
            Some(line) => lines.0.push(line),
            None => lines.1 = true,
        }
        self.grown.notify_all();
    }

    fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.0.join("\n")
    }

    /// Returns the first line for which `wanted` gives something; panics with the log when none comes.
    #[track_caller]
    fn wait_for<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = lines.0.iter().find_map(|line| wanted(line)) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !lines.1 && !left.is_zero(),
                "the server did not say {what}; it said:\n{}",
                lines.0.join("\n")
            );
            (lines, _) = self
                .grown
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A process that answers.
pub(crate) struct Server {
    child: Child,
    host: String,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    /// Keeps the folder while a process uses it.
    _world: Arc<World>,
}

impl Server {
    #[track_caller]
    fn start(mut command: Command, world: Arc<World>) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stderr = child.stderr.take().expect("a pipe");
        let log = Arc::new(Log::default());
        let written = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                written.add(Some(line));
            }
            written.add(None);
        });
        let host = log.wait_for("where it serves", |line| {
            line.split_once("Tidegate serves http://")
                .map(|(_, host)| host.trim().to_owned())
        });
        Self {
            child,
            host,
            log,
            reader: Some(reader),
            _world: world,
        }
    }

    /// Returns `address:port`, as image names begin.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the name of an image as clients write it.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// Returns everything logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Returns the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Begins a request as the administrator.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.host, method, path).by("admin", PASSWORD)
    }

    /// Asks as the administrator.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// Returns a counter of `/metrics`; one that never counted is 0.
    #[track_caller]
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let text = self.get("/metrics").expect(200).text();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.trim().parse().expect("a number"))
    }

    /// Waits until an image has a verdict and returns what the API says about it.
    #[track_caller]
    pub(crate) fn verdict(&self, repository: &str, tag: &str) -> serde_json::Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self
                .get(&format!("/api/v1/repositories/{repository}/-/tags/{tag}"))
                .expect(200)
                .json();
            if answer["verdict"]["verdict"] != "pending" {
                return answer;
            }
            assert!(Instant::now() < deadline, "still pending: {answer}");
            std::thread::yield_now();
        }
    }

    /// Waits until the log says something.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.log
            .wait_for(text, |line| line.contains(text).then_some(()));
    }

    /// Asks the process to stop.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops the process as an operator does and checks that it ended well. Returns its log.
    #[track_caller]
    pub(crate) fn stop(self) -> String {
        self.terminate();
        self.ended()
    }

    /// Waits for the end of a process that was asked to stop, and checks that it ended well. Returns its log.
    #[track_caller]
    pub(crate) fn ended(mut self) -> String {
        let status = self.wait();
        assert!(status.success(), "{status}; it said:\n{}", self.log());
        self.log()
    }

    /// Ends the process as a power failure does.
    #[track_caller]
    pub(crate) fn kill(mut self) {
        self.signal(Signal::KILL);
        let status = self.wait();
        assert_eq!(status.signal(), Some(9), "{}", self.log());
    }

    /// Waits for the end of a process that kills itself. Returns whether it did.
    pub(crate) fn died(mut self) -> bool {
        self.wait().signal() == Some(9)
    }

    /// Returns whether the process still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a process").is_none()
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), signal).expect("the process takes signals");
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        // The log ends with the process, and unlike the process it can be waited for with a limit.
        let mut lines = self
            .log
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while !lines.1 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "it does not end; it said:\n{}",
                lines.0.join("\n")
            );
            (lines, _) = self
                .log
                .grown
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(lines);
        self.child.wait().expect("its end")
    }
}

impl Drop for Server {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test is read with what its server said"
    )]
    fn drop(&mut self) {
        // After an orderly end there is nothing to kill any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.log());
        }
    }
}
