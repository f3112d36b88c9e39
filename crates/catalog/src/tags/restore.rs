//! The way back: how long it stays open, and going it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oci::{Digest, Tag};

use super::{Retargeted, TagCause, TagTarget};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::repository_state::{Writer, namespace_of};
use crate::rows::{Columns as _, micros, span};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, RepositoryId, Sparse};

/// How long a manifest that was brought back is kept although nothing else refers to it.
const RESTORE_PROTECTION: SignedDuration = SignedDuration::from_hours(24);

/// How long what was deleted can be brought back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestoreWindow {
    /// Not at all.
    None,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 14 days.
    #[default]
    TwoWeeks,
    /// 28 days.
    FourWeeks,
}

impl RestoreWindow {
    /// Every window, shortest first.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Day,
        Self::Week,
        Self::TwoWeeks,
        Self::FourWeeks,
    ];

    /// Returns the word of the API and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Day => "1d",
            Self::Week => "1w",
            Self::TwoWeeks => "2w",
            Self::FourWeeks => "4w",
        }
    }

    /// Returns its length.
    pub const fn duration(self) -> Duration {
        let days = match self {
            Self::None => 0,
            Self::Day => 1,
            Self::Week => 7,
            Self::TwoWeeks => 14,
            Self::FourWeeks => 28,
        };
        Duration::from_hours(24 * days)
    }

    /// Returns the instant that the window reaches back to: what ended after it can be brought back.
    pub fn begin(self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.duration()).unwrap_or(Timestamp::MIN)
    }
}

/// The text names no window.
#[derive(Debug, thiserror::Error)]
#[error("a restore window is one of `0`, `1d`, `1w`, `2w`, `4w`")]
pub struct UnknownRestoreWindow;

impl FromStr for RestoreWindow {
    type Err = UnknownRestoreWindow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|window| window.as_str() == text);
        found.ok_or(UnknownRestoreWindow)
    }
}

impl fmt::Display for RestoreWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a tag is not brought back. Nothing is changed then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The tag never pointed there, or the span was deleted permanently.
    #[error("tag `{tag}` has no way back to {digest}")]
    NoSpan {
        /// The tag.
        tag: Tag,
        /// The target asked for.
        digest: Digest,
    },
    /// The restore window has closed.
    #[error("tag `{tag}` left {digest} before the restore window of {window}")]
    OutsideWindow {
        /// The tag.
        tag: Tag,
        /// The target asked for.
        digest: Digest,
        /// The namespace's window.
        window: RestoreWindow,
    },
    /// The manifest, or a blob it needs, is not in the repository any more.
    #[error("{0} is not whole any more, push it again")]
    Gone(Digest),
    /// A fault or refusal of the catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<sqlx::Error> for RestoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Catalog(error.into())
    }
}

statements! {
    WINDOW = "SELECT restore_us FROM namespace_setting WHERE namespace = $1";
    SET_WINDOW = "INSERT INTO namespace_setting (namespace, restore_us) VALUES ($1, $2)
        ON CONFLICT (namespace) DO UPDATE SET restore_us = excluded.restore_us";
    FIND = "SELECT id, COALESCE(end_us, expires_us) AS ended FROM tag
        WHERE repository_id = $1 AND name = $2 AND digest = $3 AND purged_at IS NULL
          AND (end_us IS NOT NULL OR expires_us <= $4)
        ORDER BY id DESC LIMIT 1";
    LOCK_MANIFEST = "SELECT digest FROM manifest WHERE repository_id = $1 AND digest = $2 {for update}";
    SHOW = "WITH RECURSIVE below (digest) AS (
            SELECT digest FROM manifest WHERE repository_id = $1 AND digest = $2
            UNION
            SELECT r.digest FROM below b
            JOIN manifest_ref r ON r.repository_id = $1 AND r.parent = b.digest AND r.kind = 'child'
        )
        UPDATE manifest SET deleted_at = NULL, protected_until = $3
        WHERE repository_id = $1 AND digest IN (SELECT digest FROM below)";
    MISSING = "SELECT r.digest FROM manifest_ref r
        WHERE r.repository_id = $1 AND r.parent = $2 AND r.kind IN ('config', 'layer')
          AND NOT EXISTS (SELECT 1 FROM repo_blob l WHERE l.repository_id = $1 AND l.digest = r.digest)
        LIMIT 1";
}

impl Catalog {
    /// Returns a namespace's restore window.
    pub async fn restore_window(&self, namespace: &str) -> Result<RestoreWindow, CatalogError> {
        let query = self.dialect.query(WINDOW).bind(namespace.to_owned());
        let row = query.fetch_optional(&self.reader).await?;
        row.map_or(Ok(RestoreWindow::default()), |row| {
            read_window(row.int("restore_us")?)
        })
    }

    /// Sets a namespace's restore window.
    pub async fn set_restore_window(
        &self,
        namespace: &str,
        window: RestoreWindow,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        self.dialect
            .query(SET_WINDOW)
            .bind(namespace.to_owned())
            .bind(span(window.duration()))
            .execute(&mut *tx)
            .await?;
        let entry = AuditEntry {
            detail: Some(window.as_str()),
            ..AuditEntry::on(AuditAction::RestoreWindowSet, None, Some(namespace))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Points a tag at one of its earlier targets again. Returns what it pointed at before.
    ///
    /// A manifest deleted by digest, and the children of an index, are shown again. `sparse` is what counts where the
    /// repository has no word of its own about missing blobs.
    pub async fn restore_tag(
        &self,
        repository: RepositoryId,
        tag: &Tag,
        digest: &Digest,
        sparse: Sparse,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Digest>, RestoreError> {
        let mut tx = self.begin().await?;
        let head = self
            .writable_in(&mut tx, repository, Writer::Restorer)
            .await?;
        let found = self
            .dialect
            .query(FIND)
            .bind(repository.0)
            .bind(tag.to_string())
            .bind(digest.to_string())
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await?;
        let row = found.ok_or_else(|| RestoreError::NoSpan {
            tag: tag.clone(),
            digest: digest.clone(),
        })?;
        let window = self.window_in(&mut tx, namespace_of(&head.name)).await?;
        if row.time("ended")? <= window.begin(now) {
            return Err(RestoreError::OutsideWindow {
                tag: tag.clone(),
                digest: digest.clone(),
                window,
            });
        }
        let sparse = head.sparse.unwrap_or(sparse);
        self.show_in(&mut tx, repository, sparse, digest, now)
            .await?;
        let target = TagTarget {
            digest: Some(digest),
            reverts: Some(row.int("id")?),
            ..TagTarget::end(repository, Some(&head.name), tag, TagCause::Restore)
        };
        let previous = match self.retarget_tag(&mut tx, &target, by, now).await? {
            Retargeted::Changed { previous } => previous,
            Retargeted::Unchanged => Some(digest.clone()),
        };
        tx.commit().await?;
        Ok(previous)
    }

    /// Shows a manifest and its children again, if it is whole.
    async fn show_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        sparse: Sparse,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<(), RestoreError> {
        let on_manifest = |statement| {
            self.dialect
                .query(statement)
                .bind(repository.0)
                .bind(digest.to_string())
        };
        let locked = on_manifest(LOCK_MANIFEST).fetch_optional(&mut **tx).await?;
        let missing = on_manifest(MISSING).fetch_optional(&mut **tx).await?;
        if locked.is_none() || (missing.is_some() && sparse != Sparse::All) {
            return Err(RestoreError::Gone(digest.clone()));
        }
        let protected_until = now.saturating_add(RESTORE_PROTECTION).unwrap_or(now);
        on_manifest(SHOW)
            .bind(micros(protected_until))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Returns a namespace's window inside a transaction.
    pub(crate) async fn window_in(
        &self,
        connection: &mut sqlx::AnyConnection,
        namespace: &str,
    ) -> Result<RestoreWindow, CatalogError> {
        let query = self.dialect.query(WINDOW).bind(namespace.to_owned());
        let row = query.fetch_optional(&mut *connection).await?;
        row.map_or(Ok(RestoreWindow::default()), |row| {
            read_window(row.int("restore_us")?)
        })
    }
}

fn read_window(micros: i64) -> Result<RestoreWindow, CatalogError> {
    RestoreWindow::ALL
        .into_iter()
        .find(|window| span(window.duration()) == micros)
        .ok_or(CatalogError::Corrupt("restore window"))
}
