//! The registries under test, as child processes.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::http::Connection;

const PASSWORD: &str = "only-for-this-measurement";

/// The repository that every workload uses.
pub(crate) const REPOSITORY: &str = "bench/app";

/// A registry that runs.
pub(crate) struct Registry {
    pub(crate) name: String,
    pub(crate) host: String,
    child: Child,
    has_tokens: bool,
}

impl Registry {
    /// Tidegate as it is installed: tokens, policy, analysis.
    pub(crate) fn tidegate(
        program: &Path,
        folder: &Path,
        database: Option<&str>,
    ) -> anyhow::Result<Self> {
        let host = free_host()?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--log-level", "warn", "--listen", &host, "--data"])
            .arg(folder.join("tidegate"))
            .env("TIDEGATE_ADMIN_PASSWORD", PASSWORD);
        if let Some(database) = database {
            command.env("TIDEGATE_DATABASE", database);
        }
        let version = said(program, "--version")?;
        let name = match database {
            Some(_) => format!("{version} (PostgreSQL)"),
            None => version,
        };
        Self::start(name, host, command, true)
    }

    /// CNCF distribution: no authentication, descriptors cached in memory, no access log.
    pub(crate) fn distribution(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let host = free_host()?;
        let data = folder.join("distribution");
        let settings = folder.join("distribution.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{cache: {{blobdescriptor: inmemory}}, filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '{host}'}}\n",
            data.display()
        );
        fs_err::OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&settings)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&settings);
        Self::start(said(program, "--version")?, host, command, false)
    }

    fn start(
        name: String,
        host: String,
        mut command: Command,
        has_tokens: bool,
    ) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let mut registry = Self {
            name,
            host,
            child,
            has_tokens,
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answers = Connection::open(&registry.host, None)
                .and_then(|mut connection| connection.send("GET", "/v2/", "", &[]));
            if answers.is_ok() {
                return Ok(registry);
            }
            if let Some(status) = registry.child.try_wait()? {
                bail!("{} ended with {status}", registry.name);
            }
            if Instant::now() > deadline {
                bail!("{} does not answer", registry.name);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the value of `Authorization` for the next minutes.
    pub(crate) fn authorization(&self) -> anyhow::Result<Option<String>> {
        if !self.has_tokens {
            return Ok(None);
        }
        let challenge = Connection::open(&self.host, None)?
            .send("GET", "/v2/", "", &[])?
            .challenge
            .context("no challenge")?;
        let service = challenge
            .split_once("service=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map_or("", |(service, _)| service);
        let mut connection = self.connect_as_person()?;
        let path =
            format!("/token?service={service}&scope=repository:{REPOSITORY}:pull,push,delete");
        let answer = connection.expect(200, "GET", &path, "", &[])?;
        let document: serde_json::Value = serde_json::from_slice(connection.last_body(&answer))?;
        let token = document["token"].as_str().context("no token")?;
        Ok(Some(format!("Bearer {token}")))
    }

    /// Opens connections that may do everything.
    pub(crate) fn connect(&self, count: usize) -> anyhow::Result<Vec<Connection>> {
        let authorization = self.authorization()?;
        (0..count)
            .map(|_| Connection::open(&self.host, authorization.as_deref()))
            .collect()
    }

    /// Opens a connection with the administrator's name and password, for what no repository's token opens.
    pub(crate) fn connect_as_person(&self) -> anyhow::Result<Connection> {
        Connection::open(&self.host, Some(&basic()))
    }

    /// Opens a connection of somebody who has signed in to the pages.
    pub(crate) fn connect_as_visitor(&self) -> anyhow::Result<Connection> {
        let mut connection = Connection::open(&self.host, None)?;
        let answer = connection.expect(200, "GET", "/sign-in", "", &[])?;
        let page = String::from_utf8_lossy(connection.last_body(&answer)).into_owned();
        let token = page
            .split_once("name=\"csrf\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(token, _)| token)
            .context("no token in the form")?;
        connection.remember(answer.cookie);
        let form = format!("username=admin&password={PASSWORD}&csrf={token}");
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let answer = connection.expect(303, "POST", "/sign-in", kind, &[form.as_bytes()])?;
        connection.remember(Some(answer.cookie.context("no session")?));
        Ok(connection)
    }

    /// Returns the seconds of processor time it has used.
    pub(crate) fn processor_seconds(&self) -> anyhow::Result<f64> {
        let text = fs_err::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = text
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks = |place: usize| {
            fields
                .get(place)
                .and_then(|field| field.parse::<f64>().ok())
        };
        let (user, system) = ticks(11).zip(ticks(12)).context("no processor times")?;
        Ok((user + system) / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Returns the most memory it has had resident, in MiB.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<f64> {
        let text = fs_err::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok())
            .context("no peak memory")?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Its data goes with the folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("admin:{PASSWORD}")))
}

fn free_host() -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

fn said(program: &Path, option: &str) -> anyhow::Result<String> {
    let output = Command::new(program)
        .arg(option)
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = text.split_whitespace().collect();
    let name = words
        .first()
        .map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    Ok(format!("{name} {}", words.last().unwrap_or(&"")))
}
