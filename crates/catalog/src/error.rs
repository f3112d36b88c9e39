//! What can go wrong between a method and its database.

/// A failure of the catalog. "Not found" is never one of them.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The database's address is neither `sqlite:PATH` nor `postgres://…`.
    #[error("the database address must be `sqlite:PATH` or `postgres://…`")]
    Address,
    /// The database cannot be reached, is shutting down or has no free connection; trying again later may help.
    #[error("the database is not available")]
    Unavailable(#[source] Source),
    /// The schema cannot be brought to this version.
    #[error("the database schema cannot be migrated")]
    Migrate(#[source] Source),
    /// Something with this name or id exists already.
    #[error("a row with the same {0} exists already")]
    Conflict(&'static str),
    /// A stored value is not what this version writes.
    #[error("a stored {0} is not readable")]
    Corrupt(&'static str),
    /// The tag may neither move nor end.
    #[error("tag `{0}` is immutable")]
    Immutable(oci::Tag),
    /// The tag ends by itself, so it cannot be made immutable.
    #[error("tag `{0}` has an expiry, take that away before making it immutable")]
    Expiring(oci::Tag),
    /// Nothing may be changed there.
    #[error("{0} is read-only")]
    ReadOnly(&'static str),
    /// The quota leaves no room.
    #[error("{0}, nothing more can be pushed")]
    OverQuota(crate::QuotaUse),
    /// The repository was deleted meanwhile.
    #[error("the repository was deleted")]
    RepositoryGone,
    /// The device that holds the database is full.
    #[error("no space is left for the database")]
    Full(#[source] Source),
    /// The database refused a statement.
    #[error("the database refused a statement")]
    Database(#[source] Source),
}

const SQLITE_FULL: &str = "13";
const POSTGRES_DISK_FULL: &str = "53100";

/// Returns whether a code means that the same statement may succeed later.
///
/// # Source
/// SQLite "Result and Extended Result Codes" (busy, locked and their extensions); PostgreSQL appendix A, "Error Codes"
/// (classes 08 connection, 40 rollback, 53 resources, 57P operator intervention).
fn is_passing(code: &str) -> bool {
    let is_sqlite = matches!(code, "5" | "6" | "261" | "262" | "517" | "518");
    let is_sqlstate = code.len() == 5;
    is_sqlite
        || is_sqlstate
            && ["08", "40", "53", "57P"]
                .iter()
                .any(|class| code.starts_with(class))
}

/// SQLite is busy or locked; PostgreSQL has too many connections.
fn is_busy(code: &str) -> bool {
    matches!(code, "5" | "6" | "261" | "262" | "517" | "518" | "53300")
}

/// The cause, as the driver reports it. Its text is for logs only.
pub type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

impl CatalogError {
    /// Returns whether trying the same call again later may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Returns whether the database works but has no place for one more: no free connection, or a lock held too long.
    pub fn is_overload(&self) -> bool {
        let Self::Unavailable(source) = self else {
            return false;
        };
        match source.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::PoolTimedOut) => true,
            Some(sqlx::Error::Database(refusal)) => {
                is_busy(refusal.code().unwrap_or_default().as_ref())
            }
            _ => false,
        }
    }

    /// Turns a unique violation into [`CatalogError::Conflict`] on `what`.
    pub(crate) fn conflict_on(self, what: &'static str) -> Self {
        let is_unique = match &self {
            Self::Database(source) => source
                .downcast_ref::<sqlx::Error>()
                .and_then(sqlx::Error::as_database_error)
                .is_some_and(sqlx::error::DatabaseError::is_unique_violation),
            _ => false,
        };
        if is_unique {
            Self::Conflict(what)
        } else {
            self
        }
    }
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(Box::new(error)),
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default().into_owned();
                let source = Box::new(sqlx::Error::Database(refusal));
                match code.as_str() {
                    SQLITE_FULL | POSTGRES_DISK_FULL => Self::Full(source),
                    code if is_passing(code) => Self::Unavailable(source),
                    _ => Self::Database(source),
                }
            }
            _ => Self::Database(Box::new(error)),
        }
    }
}
