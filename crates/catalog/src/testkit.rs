//! Databases for tests, here and in the crates above: behind the feature `testkit`, no part of the product.
//!
//! [`Postgres`] is a real server from the system's package in a temporary directory: one cluster per test binary, one
//! database per test, copied from a migrated template. It speaks over a unix socket only, so that no port can be taken.
//! A missing package fails the test with the words to install it; nothing is skipped.
//!
//! The server ends with its test binary, however that ends: a small shell outside the binary waits for the end of a
//! pipe that the binary holds, then stops the server and removes the directory.

pub mod plans;
mod wire;

pub use wire::{Cut, Wire};

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AnyPool, Executor as _};
use tokio::sync::OnceCell;

use crate::{Catalog, CatalogError};

/// The account that runs the server when the tests run as root, which PostgreSQL refuses.
const UNPRIVILEGED: &str = "postgres";

/// A SQLite catalog in a directory of its own, which goes with the value.
#[derive(Debug)]
pub struct Sqlite {
    directory: tempfile::TempDir,
}

impl Sqlite {
    /// Makes an empty place for a catalog.
    ///
    /// # Panics
    /// If no temporary directory can be made.
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// Returns the address for [`Catalog::connect`].
    pub fn url(&self) -> String {
        format!(
            "sqlite:{}",
            self.directory.path().join("catalog.db").display()
        )
    }
}

/// The cluster of this test binary.
#[derive(Debug)]
pub struct Postgres {
    /// Where `pg_ctl` is.
    bin: PathBuf,
    socket_directory: PathBuf,
    databases: AtomicU32,
    /// The shell that cleans up. The binary holds the other end of its input for life; its end is the sign to stop.
    _guard: Child,
}

impl Postgres {
    /// Returns the cluster, starting it at the first call.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start; the text says what to do.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Makes a database with this version's schema and returns its address for [`Catalog::connect`].
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        self.create(&format!("test_{number}"), Some("migrated"))
            .await
    }

    /// Makes a database without any table and returns its address.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn empty_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        self.create(&format!("empty_{number}"), None).await
    }

    /// Starts a cluster that no other test uses: it may be stopped.
    ///
    /// # Panics
    /// As [`Postgres::shared`].
    pub async fn alone() -> Self {
        Self::start().await
    }

    /// Ends every process of the cluster at once, as a crash does.
    ///
    /// # Panics
    /// If `pg_ctl` refuses.
    pub fn crash(&self) {
        let data = self.socket_directory.join("data");
        run(unprivileged(&self.bin.join("pg_ctl"))
            .arg("--pgdata")
            .arg(data)
            .args(["-m", "immediate", "-w", "stop"]));
    }

    /// Starts the cluster again; it answers when this returns.
    ///
    /// # Panics
    /// If `pg_ctl` refuses.
    pub fn start_again(&self) {
        start_server(&self.bin, &self.socket_directory);
    }

    async fn start() -> Self {
        let bin = find_programs();
        // A socket's path may have at most 107 bytes: not below a deep target directory.
        let directory = tempfile::Builder::new()
            .prefix("tidegate-pg-")
            .tempdir_in("/tmp")
            .expect("a temporary directory")
            .keep();
        if is_root() {
            std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755))
                .expect("permissions of the temporary directory");
            run(Command::new("chown").arg(UNPRIVILEGED).arg(&directory));
        }
        let data = directory.join("data");
        run(unprivileged(&bin.join("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=tidegate", "--auth=trust", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8"]));
        let guard = guard(&bin, &directory);
        start_server(&bin, &directory);
        let cluster = Self {
            bin,
            socket_directory: directory,
            databases: AtomicU32::new(0),
            _guard: guard,
        };
        let template = cluster.create("migrated", None).await;
        let catalog = Catalog::connect(&template).await.expect("the migrations");
        catalog.close().await;
        cluster
    }

    async fn create(&self, name: &str, template: Option<&str>) -> String {
        // Copies of one template must not overlap.
        static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _turn = ONE_AT_A_TIME.lock().await;
        let pool = open(&self.url("postgres")).await;
        pool.execute(crate::dialect::create_database(name, template))
            .await
            .expect("a new database");
        pool.close().await;
        self.url(name)
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres:///{database}?host={}&user=tidegate",
            self.socket_directory.display()
        )
    }
}

/// Prepares every registered statement and returns the refusals, each with the statement's name, and how many there are.
///
/// # Errors
/// If the database cannot be reached.
pub async fn prepare_all(catalog: &Catalog) -> Result<(usize, Vec<String>), CatalogError> {
    let mut connection = catalog.begin().await?;
    let mut refused = Vec::new();
    let mut prepared = 0;
    for (name, statement) in all_statements() {
        prepared += 1;
        let rendered = catalog.dialect.render(statement, 2);
        if let Err(error) = connection.prepare(rendered).await {
            refused.push(format!("{name}: {error}"));
        }
    }
    Ok((prepared, refused))
}

/// Every registered statement with its name.
fn all_statements() -> impl Iterator<Item = (&'static str, crate::dialect::Statement)> {
    STATEMENTS
        .iter()
        .chain(&crate::collection::STATEMENTS)
        .chain(&crate::manifests::STATEMENTS)
        .chain(&crate::tags::STATEMENTS)
        .chain(&crate::usage::STATEMENTS_OF_FOLDER)
        .chain(&crate::upstreams::FOLDER)
        .copied()
        .flatten()
        .copied()
}

/// Writes the rows of a plan as text.
pub(crate) fn plan(
    catalog: &Catalog,
    rows: Vec<sqlx::any::AnyRow>,
) -> Result<String, CatalogError> {
    use crate::rows::Columns as _;
    let column = match catalog.dialect {
        crate::dialect::Dialect::Sqlite => "detail",
        crate::dialect::Dialect::Postgres => "QUERY PLAN",
    };
    let lines: Vec<String> = crate::rows::all(rows, |row| row.text(column))?;
    Ok(lines.join("\n"))
}

/// Every module's statements. A test compares it with the source files.
const STATEMENTS: &[&[(&str, crate::dialect::Statement)]] = &[
    crate::accounts::STATEMENTS,
    crate::audit::STATEMENTS,
    crate::audit::archive::STATEMENTS,
    crate::audit::trail::STATEMENTS,
    crate::blobs::STATEMENTS,
    crate::connection::STATEMENTS,
    crate::decisions::STATEMENTS,
    crate::endpoints::STATEMENTS,
    crate::endpoints::deliveries::STATEMENTS,
    crate::endpoints::health::STATEMENTS,
    crate::events::STATEMENTS,
    crate::evidence_rows::STATEMENTS,
    crate::generations::STATEMENTS,
    crate::jobs::STATEMENTS,
    crate::login_failures::STATEMENTS,
    crate::mounts::STATEMENTS,
    crate::people::credentials::STATEMENTS,
    crate::people::defaults::STATEMENTS,
    crate::people::identities::STATEMENTS,
    crate::people::members::STATEMENTS,
    crate::people::name_pages::STATEMENTS,
    crate::people::organizations::STATEMENTS,
    crate::people::overviews::STATEMENTS,
    crate::people::patterns::STATEMENTS,
    crate::people::rights::STATEMENTS,
    crate::people::robots::STATEMENTS,
    crate::people::teams::STATEMENTS,
    crate::people::users::STATEMENTS,
    crate::permissions::STATEMENTS,
    crate::policies::STATEMENTS,
    crate::pulls::STATEMENTS,
    crate::repositories::STATEMENTS,
    crate::repository_page::STATEMENTS,
    crate::repository_deletion::STATEMENTS,
    crate::retention::STATEMENTS,
    crate::repository_state::STATEMENTS,
    crate::schedules::STATEMENTS,
    crate::sessions::STATEMENTS,
    crate::sign_ins::STATEMENTS,
    crate::signing_keys::STATEMENTS,
    crate::simple_signatures::STATEMENTS,
    crate::store_checks::STATEMENTS,
    crate::tag_figures::STATEMENTS,
    crate::tag_page::STATEMENTS,
    crate::transfer::STATEMENTS,
    crate::uploads::STATEMENTS,
];

/// Returns how many modules have registered statements.
pub fn registered_modules() -> usize {
    STATEMENTS.len()
        + crate::collection::STATEMENTS.len()
        + crate::manifests::STATEMENTS.len()
        + crate::tags::STATEMENTS.len()
        + crate::usage::STATEMENTS_OF_FOLDER.len()
        + crate::upstreams::FOLDER.len()
}

/// Opens a plain pool, for a test that looks at tables itself.
///
/// # Panics
/// If the database cannot be reached.
pub async fn open(url: &str) -> AnyPool {
    sqlx::any::install_default_drivers();
    let url = match url.strip_prefix("sqlite:") {
        Some(path) => format!("sqlite://{path}?mode=rwc"),
        None => url.to_owned(),
    };
    AnyPool::connect(&url).await.expect("a connection")
}

/// Forgets what is known about images, and with `layers` about layers too, as if it had never been written.
///
/// # Panics
/// If the database refuses.
pub async fn forget_evidence(url: &str, layers: bool) {
    let pool = open(url).await;
    let all = [
        "DELETE FROM image_report",
        "DELETE FROM inventory_package",
        "DELETE FROM inventory",
        "DELETE FROM layer_report",
    ];
    for statement in &all[..if layers { 4 } else { 3 }] {
        pool.execute(*statement).await.expect("deleted rows");
    }
    pool.close().await;
}

/// Makes every lease end now, as if its worker had died long ago.
///
/// # Panics
/// If the database refuses.
pub async fn end_leases(url: &str) {
    let pool = open(url).await;
    pool.execute("UPDATE job SET lease_until = 0 WHERE state = 'running'")
        .await
        .expect("an update");
    pool.close().await;
}

/// Makes every queued job due, without the wait it was queued with.
///
/// # Panics
/// If the database refuses.
pub async fn make_jobs_due(url: &str) {
    let pool = open(url).await;
    pool.execute("UPDATE job SET run_after = 0 WHERE state = 'ready'")
        .await
        .expect("an update");
    pool.close().await;
}

/// Lets every protection, restore window and wait of collection end now, as if much time had passed.
///
/// # Panics
/// If the database refuses.
pub async fn let_time_pass(url: &str) {
    let pool = open(url).await;
    for statement in [
        "INSERT INTO namespace_setting (namespace, restore_us)
            SELECT DISTINCT namespace, CAST(0 AS BIGINT) FROM repository WHERE 1 = 1
            ON CONFLICT (namespace) DO UPDATE SET restore_us = 0",
        "UPDATE manifest SET protected_until = 0",
        "UPDATE repo_blob SET protected_until = 0",
        "UPDATE blob SET condemned_at = 0 WHERE state = 'condemned'",
        "UPDATE gc_review SET review_after = 0",
        "UPDATE upload SET expires_at = 0",
    ] {
        pool.execute(statement).await.expect("an update");
    }
    pool.close().await;
}

/// Returns the key of every object that holds a blob, sorted.
///
/// # Panics
/// If the database refuses.
pub async fn object_keys(url: &str) -> Vec<String> {
    use sqlx::Row as _;
    let pool = open(url).await;
    let rows = pool
        .fetch_all("SELECT object_key FROM blob ORDER BY object_key")
        .await;
    let rows = rows.expect("the rows");
    pool.close().await;
    let mut keys: Vec<String> = rows.iter().map(|row| row.get("object_key")).collect();
    keys.sort_unstable();
    keys
}

/// Leaves the mark of a transfer that has not ended.
///
/// # Panics
/// If the database refuses.
pub async fn begin_transfer(url: &str) {
    let pool = open(url).await;
    pool.execute("INSERT INTO transfer (source, started_at) VALUES ('elsewhere', 0)")
        .await
        .expect("a new row");
    pool.close().await;
}

/// What somebody who can write to the database may do to the row of an upload, with the bytes that some need.
pub const UPLOAD_DAMAGES: [(&str, Option<&[u8]>); 13] = [
    ("UPDATE upload SET durable_bytes = -1 WHERE id = $1", None),
    (
        "UPDATE upload SET durable_bytes = 9223372036854775807 WHERE id = $1",
        None,
    ),
    (
        "UPDATE upload SET durable_bytes = 1000000 WHERE id = $1",
        None,
    ),
    ("UPDATE upload SET durable_bytes = 1 WHERE id = $1", None),
    ("UPDATE upload SET hash_state = NULL WHERE id = $1", None),
    (
        "UPDATE upload SET hash_state = $2 WHERE id = $1",
        Some(b"noise"),
    ),
    (
        "UPDATE upload SET hash_state = $2 WHERE id = $1",
        Some(&[0xff; 104]),
    ),
    ("UPDATE upload SET algorithm = 'md5' WHERE id = $1", None),
    ("UPDATE upload SET algorithm = 'sha512' WHERE id = $1", None),
    (
        "UPDATE upload SET object_key = '../../../../../../tmp/tidegate-escaped' WHERE id = $1",
        None,
    ),
    (
        "UPDATE upload SET object_key = '/tmp/tidegate-escaped' WHERE id = $1",
        None,
    ),
    (
        "UPDATE upload SET parts = '{\"nonsense', multipart_id = 'x' WHERE id = $1",
        None,
    ),
    (
        "UPDATE upload SET tail = '../../../../tmp/tidegate-escaped' WHERE id = $1",
        None,
    ),
];

/// Damages the row of an upload in one of the ways of [`UPLOAD_DAMAGES`].
///
/// # Panics
/// If the database refuses, or there is no such row.
pub async fn damage_upload(url: &str, upload: &str, damage: usize) {
    let pool = open(url).await;
    let (statement, bytes) = UPLOAD_DAMAGES[damage];
    let mut query = crate::dialect::tamper(statement).bind(upload.to_owned());
    if let Some(bytes) = bytes {
        query = query.bind(bytes.to_vec());
    }
    let done = query.execute(&pool).await.expect("an update");
    assert_eq!(done.rows_affected(), 1, "{statement}");
    pool.close().await;
}

/// Makes the stored policies unreadable.
///
/// # Panics
/// If the database refuses.
pub async fn break_policies(url: &str) {
    let pool = open(url).await;
    pool.execute("UPDATE policy SET body = 'damaged', sha256 = 'damaged'")
        .await
        .expect("an update");
    pool.close().await;
}

/// Undoes a transaction as SQLite does by itself when its disk is full: behind the driver's back.
///
/// # Panics
/// If the database refuses.
pub async fn undo_a_transaction(catalog: &Catalog) {
    let mut tx = catalog.begin().await.expect("a transaction");
    (*tx).execute("ROLLBACK").await.expect("an end");
}

/// Has the database refuse a second job of a kind, so that a transaction that queues one fails in its middle.
///
/// # Panics
/// If the database refuses.
pub async fn refuse_a_second_job_of_a_kind(catalog: &Catalog) {
    let mut tx = catalog.begin().await.expect("a transaction");
    (*tx)
        .execute("CREATE UNIQUE INDEX one_job_of_a_kind ON job (kind)")
        .await
        .expect("an index");
    tx.commit().await.expect("an end");
}

/// Checks the file of a SQLite catalog, page by page.
///
/// # Panics
/// If it is damaged.
pub async fn assert_sound(url: &str) {
    use sqlx::Row as _;
    let pool = open(url).await;
    let rows = pool.fetch_all("PRAGMA integrity_check").await;
    let found: Vec<String> = rows
        .expect("a check")
        .iter()
        .map(|row| row.get(0))
        .collect();
    pool.close().await;
    assert_eq!(found, ["ok"]);
}

/// Starts the shell that outlives the binary and cleans up after it.
fn guard(bin: &Path, directory: &Path) -> Child {
    let script = "trap '' INT TERM HUP; cat >/dev/null; \"$1\" --pgdata \"$2/data\" -m immediate -w stop >/dev/null 2>&1; rm -rf \"$2\"";
    let mut command = unprivileged(Path::new("sh"));
    command
        .args(["-c", script, "guard"])
        .arg(bin.join("pg_ctl"))
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

fn start_server(bin: &Path, directory: &Path) {
    run(unprivileged(&bin.join("pg_ctl"))
        .arg("--pgdata")
        .arg(directory.join("data"))
        .arg("--log")
        .arg(directory.join("log"))
        .arg("-o")
        .arg(format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c max_connections=300",
            directory.display()
        ))
        .args(["-w", "start"]));
}

/// Returns the directory that holds `initdb` and `pg_ctl`.
fn find_programs() -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        candidates.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    candidates
        .into_iter()
        .find(|directory| directory.join("initdb").is_file() && directory.join("pg_ctl").is_file())
        .expect("PostgreSQL is not installed: the tests need `initdb` and `pg_ctl` (on Debian: `apt-get install postgresql`)")
}

/// Returns a command that runs as an ordinary user.
fn unprivileged(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={UNPRIVILEGED}"))
            .arg(format!("--regid={UNPRIVILEGED}"))
            .arg("--init-groups")
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    // The current directory may be closed to that user.
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn run(command: &mut Command) {
    // The server must not hold the test's own output open, or a pipe behind the tests would never end.
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = output
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let status = child.wait().expect("the command's end");
    if !status.success() {
        let mut reason = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut reason).unwrap_or_default();
        }
        panic!("{command:?} failed: {reason}");
    }
}
