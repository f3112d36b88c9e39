//! `tidegate serve`: the registry, the pages and the work behind them, in one process.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use secrecy::ExposeSecret as _;
use server::{Clock, Running, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::command::config::refused;
use crate::config::{Environment, Flags, LogFormat, ServeConfig};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Serve the registry and its pages
///
/// Everything is created on first start: the data folder, the database and the account `admin`. Its password is that of
/// TIDEGATE_ADMIN_PASSWORD; without one a password is made and shown once. SIGINT and SIGTERM end running requests
/// gracefully.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidegate serve --data /var/lib/tidegate --listen 127.0.0.1:5000")]
pub(crate) struct Args {
    #[command(flatten)]
    flags: Flags,
}

/// Serves until a signal asks to stop.
pub(crate) fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let environment: Environment = std::env::vars_os().collect();
    let config = ServeConfig::load(&args.flags, &environment).map_err(refused)?;
    start_logs(config.log_format, &config.log_level);
    server::log_panics();
    raise_descriptors();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(config, output))
}

async fn serve(config: ServeConfig, output: &mut Output) -> Result<Exit, Failure> {
    let settings = Settings {
        data: config.data,
        storage: config.storage,
        blob_redirect: config.blob_redirect,
        listen: config.listen,
        database: config.database,
        external_url: config.external_url.clone(),
        policy: config.policy,
        advisories: config.advisories,
        metrics_listen: config.metrics_listen,
        admin_password: config.admin_password,
        outbound: config.outbound,
        trusted_proxies: config.trusted_proxies,
        sign_in: config.sign_in,
        verify: config.verify,
        registry: config.registry,
        audit: config.audit,
    };
    // Before anything else: whoever sees the address may send a signal at once.
    let mut signals = StopSignals::listen().context("cannot listen for signals")?;
    let running = tokio::select! {
        started = server::start(settings, Clock::System) => started.map_err(Failure::new)?,
        // Nothing was promised to anybody yet, and a start may be given up at any point.
        () = signals.next() => return Ok(Exit::Pass),
    };
    announce(&running, config.external_url.as_deref(), output);
    let stop = running.stop_token();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping");
        stop.cancel();
    });
    running.wait().await;
    Ok(Exit::Pass)
}

fn announce(running: &Running, external_url: Option<&str>, output: &mut Output) {
    let address = external_url.map_or_else(|| format!("http://{}", running.address), str::to_owned);
    tracing::info!(listen = %running.address, "serving");
    output.say(&format!("Tidegate serves {address}"));
    if let Some(password) = &running.generated_password {
        output.say(&format!(
            "The password of `admin` is {} (shown this once; `tidegate admin password` sets another)",
            password.expose_secret()
        ));
    }
}

/// Raises the number of files and connections that the process may open to what the system allows it. The lower number
/// that shells set protects programs which keep descriptors in a fixed table (`select`); this one has none, and starts
/// no other program that could.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the number of files that may be open, the number stays as it is");
    }
}

/// The signals that ask for a stop, heard from the moment this exists.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn start_logs(format: LogFormat, level: &str) {
    let filter = EnvFilter::new(level);
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // A second start in one process (there is none) would keep the first logger; that is no reason to stop.
    let started = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logs were started before");
    }
}
