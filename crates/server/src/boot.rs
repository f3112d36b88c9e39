//! Starting and stopping.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use blobs::BlobError;
use catalog::{Actor, Catalog, CatalogError, NewAccount};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::analysis::{Analyses, snapshots};
use crate::app::{App, Shared};
use crate::auth::password::{HashError, Passwords, hash_now};
use crate::auth::secret::{SecretKind, generate};
use crate::auth::throttle::Throttle;
use crate::auth::token::{KeyError, Tokens, generate_key};
use crate::auth::uses::Uses;
use crate::clock::Clock;
use crate::doors::policies::Policies;
use crate::http::{Patience, Places};
use crate::metrics::Metrics;
use crate::notify::pulls::Pulls;
use crate::outbound::{ClientError, Outbound};
use crate::pull_stats::PullStats;
use crate::recent::Recent;
use crate::settings::Settings;
use crate::sign_in::Ways;
use crate::sign_in::directory::{self, TlsError};
use crate::sign_in::oidc;
use crate::summaries::Summaries;
use crate::upstream::Upstreams;
use crate::{http, pull_stats, router, sweep, workers};

/// The first account.
const ADMIN: &str = "admin";

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("cannot create the data directory `{}`", path.display())]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The data can be read by the machine's other users, and that cannot be changed.
    #[error("cannot close `{}` to other users", path.display())]
    MakePrivate {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error("cannot open the blob store")]
    Store(#[source] BlobError),
    /// The catalog cannot be opened or read.
    #[error("cannot open the catalog")]
    Catalog(#[from] CatalogError),
    /// A migration into the database has not ended.
    #[error(
        "a migration into this database has not ended: run `tidegate migrate` again with the same arguments"
    )]
    HalfMigrated,
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The policy file cannot be read.
    #[error("cannot read the policy `{}`", path.display())]
    ReadPolicy {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The policy file is not a policy.
    #[error("the policy `{}` is not usable", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<gate::PolicyError>,
    },
    /// A password cannot be hashed.
    #[error(transparent)]
    Password(#[from] HashError),
    /// Outgoing connections cannot be set up as asked.
    #[error(transparent)]
    Outbound(#[from] ClientError),
    /// The directory's certificates cannot be used.
    #[error(transparent)]
    Directory(#[from] TlsError),
    /// A signing key is damaged.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A server that answers.
pub struct Running {
    /// The address it listens on; with port 0 asked for, the one it got.
    pub address: SocketAddr,
    /// The password of `admin`, if this start generated it. It is shown once and stored nowhere.
    pub generated_password: Option<SecretString>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    catalog: Catalog,
}

impl Running {
    /// Returns what stops the server when cancelled.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits until the server was stopped and has drained.
    pub async fn wait(mut self) {
        while self.tasks.join_next().await.is_some() {}
        self.catalog.close().await;
    }
}

/// Starts a server; it answers when this returns.
pub async fn start(settings: Settings, clock: Clock) -> Result<Running, StartError> {
    make_directory(&settings.data)?;
    let store = settings
        .storage
        .open(&settings.data)
        .await
        .map_err(StartError::Store)?;
    let metrics = Metrics::new();
    let catalog = Catalog::connect(settings.database.expose_secret())
        .await?
        .observed(
            metrics.waits.on_database("read"),
            metrics.waits.on_database("write"),
        );
    if let Some(path) = settings.database.expose_secret().strip_prefix("sqlite:") {
        make_private(Path::new(path))?;
    }
    if catalog.is_half_transferred().await? {
        return Err(StartError::HalfMigrated);
    }
    let now = clock.now();
    publish_policy_file(&catalog, &settings, now).await?;
    let tokens = signing_keys(&catalog, now).await?;
    let outbound = Outbound::new(&settings.outbound)?;
    let ways = Ways::new(&settings.sign_in, &outbound)?;

    let listener = listen(settings.listen).await?;
    let address = listener.local_addr().map_err(|source| StartError::Listen {
        address: settings.listen,
        source,
    })?;
    let metrics_listener = match settings.metrics_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    // Last of what can fail: a generated password is shown by the start that made it, and by no other.
    let generated_password = ensure_admin(&catalog, settings.admin_password.as_ref(), now).await?;
    let stop = CancellationToken::new();
    let app: Shared = Arc::new(App {
        settings: Settings {
            listen: address,
            ..settings
        },
        clock,
        catalog: catalog.clone(),
        store,
        tokens,
        uses: Uses::default(),
        passwords: Passwords::new(metrics.passwords.clone()),
        outbound,
        upstreams: Upstreams::new(),
        throttle: Throttle::new(),
        ways,
        metrics,
        policies: Policies::new(),
        pull_stats: PullStats::default(),
        recent: Recent::new(),
        summaries: Summaries::new(),
        pulls: Pulls::new(),
        analyses: Analyses::new(),
        snapshot: ArcSwapOption::empty(),
        jobs_queued: Notify::new(),
        trash_filled: Notify::new(),
        stop: stop.clone(),
    });
    let seen = snapshots::open_first(&app).await;

    let mut tasks = JoinSet::new();
    let patience = Patience::default();
    let places = Places::of_process();
    tracing::info!(most = places.count(), "connections at once");
    let served = http::serve(
        listener,
        router::router(&app),
        patience,
        places,
        stop.clone(),
    );
    tasks.spawn(served);
    if let Some(listener) = metrics_listener {
        tasks.spawn(http::serve(
            listener,
            router::operations_router(&app),
            patience,
            Places::few(),
            stop.clone(),
        ));
    }
    tasks.spawn(snapshots::watch(app.clone(), seen));
    tasks.spawn(directory::recheck::run(app.clone()));
    tasks.spawn(oidc::recheck::run(app.clone()));
    tasks.spawn(pull_stats::run(app.clone()));
    tasks.spawn(sweep::run(app.clone()));
    tasks.spawn(workers::schedules::run(app.clone()));
    tasks.spawn(workers::signals::run(app.clone()));
    tasks.spawn(workers::watch::run(app.clone()));
    workers::lane::spawn_all(&app, &mut tasks);
    Ok(Running {
        address,
        generated_password,
        stop,
        tasks,
        catalog,
    })
}

/// The directory holds private images and, with SQLite, the keys that sign tokens: it is its owner's alone.
fn make_directory(path: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let refused = |source| StartError::DataDirectory {
        path: path.to_owned(),
        source,
    };
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|above| !above.as_os_str().is_empty() && !above.is_dir())
        .collect();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(refused)?;
    for made in missing {
        // What is in a directory survives a power failure only if its own name does.
        let above = made.parent().filter(|above| *above != Path::new(""));
        fs_err::File::open(above.unwrap_or(Path::new(".")))
            .and_then(|directory| directory.sync_all())
            .map_err(refused)?;
    }
    make_private(path)
}

/// Takes the rights of group and others away. SQLite makes its other files with the mode of the database.
fn make_private(path: &Path) -> Result<(), StartError> {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    let refused = |source| StartError::MakePrivate {
        path: path.to_owned(),
        source,
    };
    let mode = fs_err::metadata(path)
        .map_err(refused)?
        .permissions()
        .mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    tracing::info!(path = %path.display(), "closed to other users");
    let private = std::fs::Permissions::from_mode(mode & 0o7777 & !OTHERS);
    fs_err::set_permissions(path, private).map_err(refused)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen { address, source })
}

/// On first start there is one account, `admin`, with the given or a generated password.
async fn ensure_admin(
    catalog: &Catalog,
    given: Option<&SecretString>,
    now: Timestamp,
) -> Result<Option<SecretString>, StartError> {
    if catalog.has_accounts().await? {
        return Ok(None);
    }
    let generated = given.is_none().then(|| generate(SecretKind::Password));
    let password = given
        .or(generated.as_ref())
        .expect("one of the two is there")
        .clone();
    let hash = tokio::task::spawn_blocking(move || hash_now(&password))
        .await
        .expect("hashing does not panic")?;
    let admin = NewAccount {
        name: ADMIN,
        password_hash: Some(&hash),
        superuser: true,
        ..NewAccount::default()
    };
    match catalog
        .create_account(&admin, &Actor::named("system"), now)
        .await
    {
        Ok(_) => Ok(generated),
        // Another replica was faster; its password counts.
        Err(CatalogError::Conflict(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn publish_policy_file(
    catalog: &Catalog,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), StartError> {
    let Some(path) = &settings.policy else {
        return Ok(());
    };
    let read = fs_err::read_to_string(path);
    let text = read.map_err(|source| StartError::ReadPolicy {
        path: path.clone(),
        source,
    })?;
    let policy = gate::Policy::parse(&text).map_err(|source| StartError::Policy {
        path: path.clone(),
        source: Box::new(source),
    })?;
    catalog
        .publish_policy(policy.name(), &text, &Actor::named("system"), now)
        .await?;
    Ok(())
}

/// All replicas sign with the keys in the catalog; the first start draws one.
async fn signing_keys(catalog: &Catalog, now: Timestamp) -> Result<Tokens, StartError> {
    let mut keys = catalog.signing_keys().await?;
    if keys.is_empty() {
        catalog.add_signing_key(&generate_key(), now).await?;
        keys = catalog.signing_keys().await?;
    }
    Ok(Tokens::new(&keys)?)
}
