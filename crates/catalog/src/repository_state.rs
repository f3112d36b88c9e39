//! What may be written where: the state of each repository, and of the whole system.
//!
//! Every change of a repository's tags and manifests begins with [`Catalog::writable_in`], in its transaction. It holds
//! the repository's row against its end and a new state, so that a repository is never deleted or closed under a push,
//! and answers the same for every way to a change. The lock is the weakest that does so: every commit counts in the same
//! row (`generation`), and two pushes that shared it more strongly would wait for each other there.

use jiff::Timestamp;

use crate::batch::{Answer, Batch};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::repositories::read_sparse;
use crate::rows::Columns as _;
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, RepositoryId, Sparse};

/// What a repository is open for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepositoryState {
    /// Pulls and pushes.
    #[default]
    Normal,
    /// Pulls only.
    ReadOnly,
    /// Pulls; only its mirror writes.
    Mirror,
    /// Pulls; only the cache of an upstream writes.
    Proxy,
    /// Nothing: it is being deleted.
    Deleting,
}

/// Every state, in the order of the enum.
const ALL: [RepositoryState; 5] = [
    RepositoryState::Normal,
    RepositoryState::ReadOnly,
    RepositoryState::Mirror,
    RepositoryState::Proxy,
    RepositoryState::Deleting,
];

impl RepositoryState {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ReadOnly => "read_only",
            Self::Mirror => "mirror",
            Self::Proxy => "proxy",
            Self::Deleting => "deleting",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, CatalogError> {
        ALL.into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(CatalogError::Corrupt("state of a repository"))
    }

    /// Returns whether a writer may change tags and manifests.
    pub const fn admits(self, writer: Writer) -> bool {
        match (self, writer) {
            (Self::Deleting | Self::ReadOnly, _) => false,
            (Self::Normal, _) | (Self::Mirror, Writer::Restorer) => true,
            (Self::Mirror | Self::Proxy, writer) => {
                matches!(writer, Writer::Mirror | Writer::Prune)
            }
        }
    }
}

/// On whose behalf something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A person or robot.
    Person,
    /// A mirror or proxy follows its upstream.
    Mirror,
    /// A retention policy.
    Prune,
    /// A person who brings back what a tag pointed at before: in a mirror too, that is how a bad release is undone.
    Restorer,
}

/// What a change needs to know of its repository.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) sparse: Option<Sparse>,
}

statements! {
    HEAD = "SELECT name, live_name, state, sparse,
            (SELECT value FROM system_state WHERE name = 'read_only') AS system_read_only
        FROM repository WHERE id = $1 {key share}";
    LOCK = "SELECT name, state, description FROM repository WHERE id = $1 AND live_name IS NOT NULL {for update}";
    SET_STATE = "UPDATE repository SET state = $2 WHERE id = $1 AND live_name IS NOT NULL";
    DESCRIBE = "UPDATE repository SET description = $2 WHERE id = $1 AND live_name IS NOT NULL";
    SYSTEM = "SELECT value FROM system_state WHERE name = 'read_only'";
    SET_SYSTEM = "UPDATE system_state SET value = $1 WHERE name = 'read_only' AND value <> $1";
}

impl Catalog {
    /// Returns whether the whole system is closed for changes.
    pub async fn is_system_read_only(&self) -> Result<bool, CatalogError> {
        let row = self
            .dialect
            .query(SYSTEM)
            .fetch_optional(&self.reader)
            .await?;
        row.map_or(Ok(false), |row| row.flag("value"))
    }

    /// Closes the whole system for changes, or opens it. Returns whether that changed anything.
    pub async fn set_system_read_only(
        &self,
        read_only: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let updated = self
            .dialect
            .query(SET_SYSTEM)
            .bind(i64::from(read_only))
            .execute(&mut *tx)
            .await?;
        if updated.rows_affected() == 0 {
            return Ok(false);
        }
        let entry = AuditEntry {
            detail: Some(if read_only { "read only" } else { "open" }),
            ..AuditEntry::on(AuditAction::SystemState, None, None)
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Sets what a repository is open for. Returns whether it exists.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] for [`RepositoryState::Deleting`], which is not a state but an end:
    /// [`Catalog::delete_repository`].
    pub async fn set_repository_state(
        &self,
        repository: RepositoryId,
        state: RepositoryState,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        if state == RepositoryState::Deleting {
            return Err(CatalogError::Conflict("state of a repository"));
        }
        let mut tx = self.begin().await?;
        let query = self.dialect.query(LOCK).bind(repository.0);
        let Some(row) = query.fetch_optional(&mut *tx).await? else {
            return Ok(false);
        };
        if row.text("state")? == state.as_str() {
            return Ok(true);
        }
        self.dialect
            .query(SET_STATE)
            .bind(repository.0)
            .bind(state.as_str())
            .execute(&mut *tx)
            .await?;
        let name = row.text("name")?;
        let entry = AuditEntry {
            detail: Some(state.as_str()),
            ..AuditEntry::on(AuditAction::RepositoryState, Some(&name), None)
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Sets a repository's description. Returns whether it exists.
    pub async fn describe_repository(
        &self,
        repository: RepositoryId,
        description: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(LOCK).bind(repository.0);
        let Some(row) = query.fetch_optional(&mut *tx).await? else {
            return Ok(false);
        };
        if row.text("description")? == description {
            return Ok(true);
        }
        self.dialect
            .query(DESCRIBE)
            .bind(repository.0)
            .bind(description.to_owned())
            .execute(&mut *tx)
            .await?;
        let name = row.text("name")?;
        let entry = AuditEntry::on(AuditAction::RepositoryDescribe, Some(&name), None);
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Begins a change of a repository: returns what the change needs to know, and holds the repository until its end.
    ///
    /// # Errors
    /// [`CatalogError::ReadOnly`], [`CatalogError::RepositoryGone`].
    pub(crate) async fn writable_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        writer: Writer,
    ) -> Result<Head, CatalogError> {
        let mut batch = self.batch();
        ask_head(&mut batch, repository);
        read_head(&batch.run(tx).await?.next()?, writer)
    }
}

/// Asks in a batch what [`Catalog::writable_in`] does.
pub(crate) fn ask_head(batch: &mut Batch, repository: RepositoryId) {
    batch.add(HEAD).bind(repository.0);
}

/// Reads the answer to [`ask_head`].
pub(crate) fn read_head(answer: &Answer, writer: Writer) -> Result<Head, CatalogError> {
    let row = answer.rows.first().ok_or(CatalogError::RepositoryGone)?;
    if row.maybe_text("live_name")?.is_none() {
        return Err(CatalogError::RepositoryGone);
    }
    let state = RepositoryState::parse(&row.text("state")?)?;
    if row.maybe_int("system_read_only")? == Some(1) {
        return Err(CatalogError::ReadOnly("the registry"));
    }
    if !state.admits(writer) {
        return Err(CatalogError::ReadOnly(match state {
            RepositoryState::Mirror => "a mirror",
            RepositoryState::Proxy => "a cache of another registry",
            _ => "the repository",
        }));
    }
    Ok(Head {
        name: row.text("name")?,
        sparse: read_sparse(&row.text("sparse")?)?,
    })
}

/// Returns the namespace of a repository: the first component of its name.
pub(crate) fn namespace_of(repository_name: &str) -> &str {
    repository_name
        .split_once('/')
        .map_or(repository_name, |(namespace, _)| namespace)
}
