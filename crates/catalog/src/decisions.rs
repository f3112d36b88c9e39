//! Decisions: each verdict that a door acted on, as a document that can be shown and replayed.

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::batch::{Answer, Batch};
use crate::connection::Tx;
use crate::dialect::{Dialect, statements};
use crate::events::{ask_heard, is_heard};
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, Event, EventKind, RepositoryId};

/// A decision to be stored.
#[derive(Clone, Debug)]
pub struct NewDecision {
    /// Its id, made by the caller.
    pub id: Uuid,
    /// The repository it was made in.
    pub repository: RepositoryId,
    /// The manifest it is about.
    pub digest: Digest,
    /// The tag that was asked for, if one was.
    pub tag: Option<Tag>,
    /// `push`, `pull`, `deploy`, `ci`.
    pub door: String,
    /// The policy it was made with.
    pub policy_sha256: Digest,
    /// `allow`, `warn`, `deny`, `pending`.
    pub verdict: String,
    /// How many rules stand behind the word: what lists show beside it.
    pub loud_rules: u32,
    /// The decision, as JSON.
    pub document: String,
    /// Until when the same inputs give the same answer; `None` for ever.
    pub valid_until: Option<Timestamp>,
}

/// A decision as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its id.
    pub id: Uuid,
    /// The repository it was made in.
    pub repository: RepositoryId,
    /// That repository's name.
    pub repository_name: RepositoryName,
    /// The manifest it is about.
    pub digest: Digest,
    /// The tag that was asked for, if one was.
    pub tag: Option<Tag>,
    /// `push`, `pull`, `deploy`, `ci`.
    pub door: String,
    /// The policy it was made with.
    pub policy_sha256: Digest,
    /// `allow`, `warn`, `deny`, `pending`.
    pub verdict: String,
    /// The decision, as JSON.
    pub document: String,
    /// Until when the same inputs give the same answer; `None` for ever.
    pub valid_until: Option<Timestamp>,
    /// When it was made.
    pub decided_at: Timestamp,
}

statements! {
    RETIRE = "UPDATE decision SET is_current = NULL WHERE repository_id = $1 AND digest = $2 AND is_current = 1
        RETURNING verdict";
    INSERT = "INSERT INTO decision (id, repository_id, digest, tag, door, policy_sha256, verdict, document,
            valid_until, decided_at, loud_rules, is_current)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)
        ON CONFLICT (repository_id, digest, is_current) DO NOTHING";
    GET = "SELECT d.*, r.name AS repository_name FROM decision d JOIN repository r ON r.id = d.repository_id
        WHERE d.id = $1";
    LATEST = "SELECT d.*, r.name AS repository_name FROM decision d JOIN repository r ON r.id = d.repository_id
        WHERE d.repository_id = $1 AND d.digest = $2 AND d.policy_sha256 = $3
        ORDER BY d.decided_at DESC, d.id DESC LIMIT 1";
    CURRENT = "SELECT d.*, r.name AS repository_name FROM decision d JOIN repository r ON r.id = d.repository_id
        WHERE d.repository_id = $1 AND d.digest = $2 AND d.is_current = 1";
    LIST = "SELECT d.*, r.name AS repository_name FROM decision d JOIN repository r ON r.id = d.repository_id
        WHERE d.repository_id = $1 ORDER BY d.decided_at DESC, d.id DESC LIMIT $2";
    LIST_AFTER = "SELECT d.*, r.name AS repository_name
        FROM decision a JOIN decision d ON d.repository_id = a.repository_id
            AND (d.decided_at < a.decided_at OR (d.decided_at = a.decided_at AND d.id < a.id))
        JOIN repository r ON r.id = d.repository_id
        WHERE a.repository_id = $1 AND a.id = $3
        ORDER BY d.decided_at DESC, d.id DESC LIMIT $2";
}

impl Catalog {
    /// Stores a decision; it becomes the current one of its manifest in its repository.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the id is taken.
    pub async fn put_decision(
        &self,
        decision: &NewDecision,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut batch = self.batch();
        ask_heard(&mut batch, decision.repository);
        let (tx, mut answers) = self.begin_short_with(batch).await?;
        let is_heard = is_heard(&answers.next()?)?;
        self.end_with_decision(tx, self.batch(), decision, is_heard, now)
            .await
    }

    /// Returns a decision. The caller checks the right to read its repository.
    pub async fn decision(&self, id: Uuid) -> Result<Option<Decision>, CatalogError> {
        let query = self.dialect.query(GET).bind(id.to_string());
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_decision).transpose()
    }

    /// Returns the last decision about a manifest under one policy.
    pub async fn latest_decision(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        policy_sha256: &Digest,
    ) -> Result<Option<Decision>, CatalogError> {
        let row = self
            .dialect
            .query(LATEST)
            .bind(repository.0)
            .bind(digest.to_string())
            .bind(policy_sha256.to_string())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_decision).transpose()
    }

    /// Returns the current decision about a manifest, under whatever policy: what lists show.
    pub async fn current_decision(
        &self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<Decision>, CatalogError> {
        let mut batch = self.batch();
        ask_current_decision(&mut batch, repository, digest);
        read_current_decision(&batch.read(&self.reader).await?.next()?)
    }

    /// Lists a repository's decisions, latest first, beginning after the decision `after`.
    pub async fn list_decisions(
        &self,
        repository: RepositoryId,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Decision>, CatalogError> {
        let statement = if after.is_some() { LIST_AFTER } else { LIST };
        let mut query = self
            .dialect
            .query(statement)
            .bind(repository.0)
            .bind(i64::from(limit));
        if let Some(after) = after {
            query = query.bind(after.to_string());
        }
        all(query.fetch_all(&self.reader).await?, |row| {
            read_decision(&row)
        })
    }

    /// Ends a transaction with the statements of `before`, whose answers nobody needs, and a decision. `is_heard` is the
    /// answer to [`ask_heard`] in the same transaction.
    pub(crate) async fn end_with_decision(
        &self,
        mut tx: Tx,
        mut before: Batch,
        decision: &NewDecision,
        is_heard: bool,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        // SQLite's one writer meets nobody else's decision, and who does not listen need not know what was said before:
        // nothing has to be read between the statements.
        if self.dialect == Dialect::Sqlite && !is_heard {
            replace(&mut before, decision, now);
            let ended = tx.commit_with(before).await;
            return ended.map_err(|e| CatalogError::from(e).conflict_on("decision id"));
        }
        self.put_decision_in(&mut tx, before, decision, is_heard, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Stores a decision after the statements of `before`, and tells those who listen.
    async fn put_decision_in(
        &self,
        tx: &mut Tx,
        mut before: Batch,
        decision: &NewDecision,
        is_heard: bool,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        // Two doors may decide at once on PostgreSQL: whoever inserts second retires the first and tries again.
        let mut previous = None;
        loop {
            let mut batch = before.take();
            let skipped = batch.len();
            replace(&mut batch, decision, now);
            let answers = batch.run(tx).await;
            let mut answers =
                answers.map_err(|e| CatalogError::from(e).conflict_on("decision id"))?;
            answers.rows_of(skipped)?;
            if let Some(row) = answers.next()?.rows.first() {
                previous = Some(row.text("verdict")?);
            }
            if answers.next()?.has_changed_one() {
                break;
            }
        }
        self.tell_verdict_in(tx, decision, previous.as_deref(), is_heard, now)
            .await
    }

    /// Tells endpoints when the word differs from the one before; a first verdict is news unless it allows.
    async fn tell_verdict_in(
        &self,
        tx: &mut Tx,
        decision: &NewDecision,
        previous: Option<&str>,
        is_heard: bool,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        if !is_heard || previous.unwrap_or("allow") == decision.verdict {
            return Ok(());
        }
        let name = self.repository_name_in(tx, decision.repository).await?;
        let Some(name) = name else { return Ok(()) };
        let data = serde_json::json!({
            "from": previous, "to": decision.verdict, "decision": decision.id.to_string(), "door": decision.door,
        });
        let event = Event {
            tag: decision.tag.as_ref(),
            digest: Some(&decision.digest),
            data: Some(&data.to_string()),
            ..Event::in_repository(
                EventKind::VerdictChanged,
                decision.repository,
                &name,
                "system",
            )
        };
        self.event_in(tx, &event, now).await
    }
}

/// Asks in a batch for the current decision about a manifest.
pub(crate) fn ask_current_decision(batch: &mut Batch, repository: RepositoryId, digest: &Digest) {
    batch
        .add(CURRENT)
        .bind(repository.0)
        .bind(digest.to_string());
}

/// Reads the answer to [`ask_current_decision`].
pub(crate) fn read_current_decision(answer: &Answer) -> Result<Option<Decision>, CatalogError> {
    answer.rows.first().map(read_decision).transpose()
}

/// Retires the current decision, with its word as the answer, and makes this one current.
fn replace(batch: &mut Batch, decision: &NewDecision, now: Timestamp) {
    batch
        .add(RETIRE)
        .bind(decision.repository.0)
        .bind(decision.digest.to_string());
    batch
        .add(INSERT)
        .bind(decision.id.to_string())
        .bind(decision.repository.0)
        .bind(decision.digest.to_string())
        .bind(decision.tag.as_ref().map(Tag::to_string))
        .bind(decision.door.clone())
        .bind(decision.policy_sha256.to_string())
        .bind(decision.verdict.clone())
        .bind(decision.document.clone())
        .bind(decision.valid_until.map(micros))
        .bind(micros(now))
        .bind(i64::from(decision.loud_rules));
}

fn read_decision(row: &AnyRow) -> Result<Decision, CatalogError> {
    Ok(Decision {
        id: row.uuid("id")?,
        repository: RepositoryId(row.int("repository_id")?),
        repository_name: row.repository_name("repository_name")?,
        digest: row.digest("digest")?,
        tag: row.maybe_tag("tag")?,
        door: row.text("door")?,
        policy_sha256: row.digest("policy_sha256")?,
        verdict: row.text("verdict")?,
        document: row.text("document")?,
        valid_until: row.maybe_time("valid_until")?,
        decided_at: row.time("decided_at")?,
    })
}
