//! The outbox: what happened, written by the transaction that did it, for the endpoints that want to be told.
//!
//! An event whose transaction is undone was never there; an event that is committed is told at least once. No row is
//! written while no endpoint could want it, so a registry without endpoints pays one indexed look for each change.
//!
//! # Emitting an event
//!
//! Call [`Catalog::event_in`] in the transaction that changes something, or [`Catalog::record_event`] for what changes
//! nothing (a pull). A new kind is a variant of [`EventKind`] and a line in `docs/guides/webhooks.md`.

use std::time::Duration;

use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::batch::{Answer, Batch};
use crate::connection::Tx;
use crate::dialect::statements;
use crate::evidence_rows::{read_counts, read_grade};
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, Lane, NewImageReport, NewJob, RepositoryId};

/// The kind of job that finds an event's endpoints. Its payload is `{"event": id}`.
pub const FAN_OUT: &str = "event-fan-out";

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A tag or a manifest was deleted.
    Delete,
    /// A tag ended by its expiry or by a retention rule.
    Expiry,
    /// A mirror ran.
    Mirror,
    /// Somebody tried the endpoint out.
    Ping,
    /// An image was pulled. Only endpoints that name this kind get it, and not every pull.
    Pull,
    /// A manifest was pushed; one event for each tag that it came with.
    Push,
    /// A namespace came near its quota or met it.
    Quota,
    /// An image was analysed for the first time, or what is known about it changed.
    ScanFinished,
    /// A tag that pointed at something points at something else.
    TagMove,
    /// The gate judges an image differently from before.
    VerdictChanged,
}

impl EventKind {
    /// Every kind, in the order of its word.
    pub const ALL: [Self; 10] = [
        Self::Delete,
        Self::Expiry,
        Self::Mirror,
        Self::Ping,
        Self::Pull,
        Self::Push,
        Self::Quota,
        Self::ScanFinished,
        Self::TagMove,
        Self::VerdictChanged,
    ];

    /// Returns the word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Expiry => "expiry",
            Self::Mirror => "mirror",
            Self::Ping => "ping",
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Quota => "quota",
            Self::ScanFinished => "scan.finished",
            Self::TagMove => "tag.move",
            Self::VerdictChanged => "verdict.changed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Something to be told.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What happened.
    pub kind: EventKind,
    /// In which namespace, for what is about no repository. That of a repository is its name's first component.
    pub namespace: Option<&'a str>,
    /// In which repository: its id and name.
    pub repository: Option<(RepositoryId, &'a str)>,
    /// To which tag.
    pub tag: Option<&'a Tag>,
    /// To which manifest.
    pub digest: Option<&'a Digest>,
    /// Who did it; `system` for the server itself.
    pub actor: &'a str,
    /// More, as the text of a JSON object.
    pub data: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// An event in a repository.
    pub fn in_repository(
        kind: EventKind,
        repository: RepositoryId,
        name: &'a str,
        actor: &'a str,
    ) -> Self {
        Self {
            kind,
            namespace: None,
            repository: Some((repository, name)),
            tag: None,
            digest: None,
            actor,
            data: None,
        }
    }

    /// An event of a namespace as a whole.
    pub fn in_namespace(kind: EventKind, namespace: &'a str, actor: &'a str) -> Self {
        Self {
            kind,
            namespace: Some(namespace),
            repository: None,
            tag: None,
            digest: None,
            actor,
            data: None,
        }
    }

    fn namespace(&self) -> Option<&'a str> {
        let of_repository = self.repository.map(|(_, name)| first_component(name));
        of_repository.or(self.namespace)
    }
}

/// Returns a repository name's namespace.
pub(crate) fn first_component(repository: &str) -> &str {
    repository.split('/').next().unwrap_or(repository)
}

statements! {
    RECORD = "INSERT INTO event (kind, at, namespace, repository_id, repository, tag, digest, actor, data)
        SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT),
            CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS TEXT)
        WHERE EXISTS (SELECT 1 FROM endpoint e WHERE e.enabled = 1 AND (
            (e.namespace IS NULL AND e.repository_id IS NULL) OR e.namespace = $3 OR e.repository_id = $4))
        RETURNING id";
    HEARD = "SELECT CASE WHEN EXISTS (SELECT 1 FROM endpoint e WHERE e.enabled = 1 AND (
            (e.namespace IS NULL AND e.repository_id IS NULL) OR e.repository_id = $1
            OR e.namespace = (SELECT r.namespace FROM repository r WHERE r.id = $1)))
        THEN 1 ELSE 0 END AS is_heard";
    HOLDERS = "SELECT r.id, r.name FROM manifest m JOIN repository r ON r.id = m.repository_id
        WHERE m.digest = $1 AND r.live_name IS NOT NULL
          AND EXISTS (SELECT 1 FROM endpoint e WHERE e.enabled = 1)
        ORDER BY r.id LIMIT 100";
    KNOWN = "SELECT grade, critical, high, medium, low, negligible, unknown FROM image_report WHERE digest = $1";
}

/// Asks in a batch whether an endpoint might want to hear of a repository.
pub(crate) fn ask_heard(batch: &mut Batch, repository: RepositoryId) {
    batch.add(HEARD).bind(repository.0);
}

/// Reads the answer to [`ask_heard`].
pub(crate) fn is_heard(answer: &Answer) -> Result<bool, CatalogError> {
    answer.row()?.flag("is_heard")
}

/// Asks in a batch for the repositories that hold a manifest; none while there is no endpoint.
pub(crate) fn ask_holders(batch: &mut Batch, digest: &Digest) {
    batch.add(HOLDERS).bind(digest.to_string());
}

/// Reads the answer to [`ask_holders`].
pub(crate) fn read_holders(answer: Answer) -> Result<Vec<(RepositoryId, String)>, CatalogError> {
    all(answer.rows, |row| {
        Ok((RepositoryId(row.int("id")?), row.text("name")?))
    })
}

impl Catalog {
    /// Records an event that changes no row.
    pub async fn record_event(
        &self,
        event: &Event<'_>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        self.event_in(&mut tx, event, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records an event in the transaction that causes it, and queues the job that tells the endpoints. Writes nothing
    /// if no endpoint could want it.
    pub(crate) async fn event_in(
        &self,
        tx: &mut Tx,
        event: &Event<'_>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let row = self
            .dialect
            .query(RECORD)
            .bind(event.kind.as_str())
            .bind(micros(now))
            .bind(event.namespace().map(str::to_owned))
            .bind(event.repository.map(|(id, _)| id.0))
            .bind(event.repository.map(|(_, name)| name.to_owned()))
            .bind(event.tag.map(Tag::to_string))
            .bind(event.digest.map(Digest::to_string))
            .bind(event.actor.to_owned())
            .bind(event.data.map(str::to_owned))
            .fetch_optional(&mut **tx)
            .await?;
        let Some(row) = row else { return Ok(()) };
        // Without a key: transactions that queue the same key would wait for each other.
        let job = NewJob {
            kind: FAN_OUT.into(),
            lane: Lane::Notify,
            payload: format!("{{\"event\":{}}}", row.int("id")?),
            dedup_key: None,
            delay: Duration::ZERO,
        };
        self.enqueue_in(tx, &job).await?;
        Ok(())
    }

    /// Tells those who were found with [`ask_holders`] of a report that is about to replace the one before, if it is the
    /// first or says something else.
    pub(crate) async fn tell_scan_in(
        &self,
        tx: &mut Tx,
        holders: Vec<(RepositoryId, String)>,
        report: &NewImageReport,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        if holders.is_empty() {
            return Ok(());
        }
        let known = self
            .dialect
            .query(KNOWN)
            .bind(report.digest.to_string())
            .fetch_optional(&mut **tx)
            .await?;
        let summary = &report.summary;
        if let Some(row) = &known
            && read_counts(row)? == summary.counts
            && row.maybe_int("grade")?.map(read_grade).transpose()? == summary.grade
        {
            return Ok(());
        }
        let data = serde_json::json!({
            "first": known.is_none(), "grade": summary.grade, "counts": summary.counts,
            "fixable": summary.fixable, "packages": summary.packages, "complete": summary.complete,
        });
        for (repository, name) in holders {
            let event = Event {
                digest: Some(&report.digest),
                data: Some(&data.to_string()),
                ..Event::in_repository(EventKind::ScanFinished, repository, &name, "system")
            };
            self.event_in(tx, &event, now).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_read_back() {
        assert!(EventKind::ALL.is_sorted_by_key(|kind| kind.as_str()));
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::parse("everything"), None);
    }
}
