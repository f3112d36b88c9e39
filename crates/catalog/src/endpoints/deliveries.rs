//! Events on their way: one row for each event and endpoint, one job for each endpoint that works them off in order.
//!
//! An endpoint has at most one open job ([`DELIVER`]), so nobody is told two things at once. A row that is added takes
//! the endpoint's lock before it looks for the job, and a job that ends takes it before it looks for rows: one of the
//! two sees the other, and no row is forgotten.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::EndpointId;
use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, EventKind, Lane, NewJob};

/// The kind of job that works off what is due for one endpoint. Its payload is `{"endpoint": id}`.
pub const DELIVER: &str = "event-deliver";

/// An event as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number; later events have higher ones.
    pub id: i64,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// In which namespace.
    pub namespace: Option<String>,
    /// In which repository, by id.
    pub repository_id: Option<i64>,
    /// In which repository, by its name at that time.
    pub repository: Option<String>,
    /// To which tag.
    pub tag: Option<String>,
    /// To which manifest.
    pub digest: Option<String>,
    /// Who did it.
    pub actor: String,
    /// More, as JSON.
    pub data: Option<String>,
}

/// What has become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// It will be tried.
    Pending,
    /// It was accepted.
    Delivered,
    /// It failed too often, or its endpoint was switched off.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// What it tells.
    pub event: StoredEvent,
    /// What has become of it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next, if it is pending.
    pub due_at: Timestamp,
    /// The last answer's status.
    pub status: Option<i64>,
    /// The last failure in words.
    pub excerpt: Option<String>,
    /// How long the last attempt took.
    pub took_ms: Option<i64>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What has become of the delivery.
    pub state: DeliveryState,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
    /// The failure in words.
    pub excerpt: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// Why the endpoint is to be switched off, if it is.
    pub disable: Option<String>,
}

statements! {
    EVENT = "SELECT id AS event_id, kind, at, namespace, repository_id, repository, tag, digest, actor, data
        FROM event WHERE id = $1";
    INSERT_PING = "INSERT INTO event (kind, at, namespace, repository_id, repository, actor)
        SELECT 'ping', CAST($2 AS BIGINT), e.namespace, e.repository_id, r.name, CAST($3 AS TEXT)
        FROM endpoint e LEFT JOIN repository r ON r.id = e.repository_id WHERE e.id = $1 RETURNING id";
    LOCK_ENDPOINT = "SELECT id FROM endpoint WHERE id = $1 {for update}";
    INSERT = "INSERT INTO delivery (endpoint_id, event_id, state, attempts, due_at, updated_at)
        VALUES ($1, $2, 'pending', 0, $3, $3) ON CONFLICT (endpoint_id, event_id) DO NOTHING RETURNING id";
    NEXT = "SELECT d.*, e.kind, e.at, e.namespace, e.repository_id, e.repository, e.tag, e.digest, e.actor, e.data
        FROM delivery d JOIN event e ON e.id = d.event_id
        WHERE d.endpoint_id = $1 AND d.state = 'pending' AND d.due_at <= $2 ORDER BY d.event_id LIMIT 1";
    EARLIEST = "SELECT MIN(d.due_at) AS due_at FROM delivery d JOIN endpoint e ON e.id = d.endpoint_id
        WHERE d.endpoint_id = $1 AND d.state = 'pending' AND e.enabled = 1";
    RECORD = "UPDATE delivery SET state = $3, attempts = attempts + 1, due_at = $4, status = $5, excerpt = $6,
            took_ms = $7, updated_at = $8
        WHERE id = $1 AND attempts = $2 AND state = 'pending' RETURNING endpoint_id";
    REACHED = "UPDATE endpoint SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL";
    FAILING = "UPDATE endpoint SET failing_since = $2 WHERE id = $1 AND failing_since IS NULL";
    SWITCH_OFF = "UPDATE endpoint SET enabled = 0, disabled_reason = $2, updated_at = $3
        WHERE id = $1 AND enabled = 1 RETURNING namespace, repository_id";
    BURY_ALL = "UPDATE delivery SET state = 'dead', excerpt = $2, updated_at = $3
        WHERE endpoint_id = $1 AND state = 'pending'";
    REVIVE = "UPDATE delivery SET state = 'pending', attempts = 0, due_at = $3, updated_at = $3
        WHERE endpoint_id = $1 AND id = $2 AND state <> 'pending' RETURNING id";
    LIST = "SELECT d.*, e.kind, e.at, e.namespace, e.repository_id, e.repository, e.tag, e.digest, e.actor, e.data
        FROM delivery d JOIN event e ON e.id = d.event_id
        WHERE d.endpoint_id = $1 AND d.id < $2 AND ($3 = '' OR d.state = $3) ORDER BY d.id DESC LIMIT $4";
    PURGE_DELIVERIES = "DELETE FROM delivery WHERE id IN (SELECT d.id FROM delivery d JOIN event e ON e.id = d.event_id
        WHERE d.state <> 'pending' AND e.at < $1 ORDER BY e.at LIMIT 1000)";
    PURGE_EVENTS = "DELETE FROM event WHERE id IN (SELECT e.id FROM event e
        WHERE e.at < $1 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event_id = e.id) ORDER BY e.at LIMIT 1000)";
    STATES = "SELECT state, COUNT(*) AS deliveries FROM delivery WHERE state <> 'delivered' GROUP BY state";
}

impl Catalog {
    /// Returns an event.
    pub async fn event(&self, id: i64) -> Result<Option<StoredEvent>, CatalogError> {
        let query = self.dialect.query(EVENT).bind(id);
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_event).transpose()
    }

    /// Puts an event on its way to endpoints, once for each however often it is called.
    pub async fn deliver_to(
        &self,
        event: i64,
        endpoints: &[EndpointId],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut endpoints = endpoints.to_vec();
        endpoints.sort_unstable();
        let mut tx = self.begin().await?;
        for endpoint in endpoints {
            self.deliver_in(&mut tx, event, endpoint, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Sends an endpoint an event that says nothing else than that it works. Returns the delivery's number, or `None`
    /// without such an endpoint.
    pub async fn ping_endpoint(
        &self,
        endpoint: EndpointId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<i64>, CatalogError> {
        let mut tx = self.begin().await?;
        let inserted = self
            .dialect
            .query(INSERT_PING)
            .bind(endpoint.0)
            .bind(micros(now))
            .bind(by.name.clone())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = inserted else { return Ok(None) };
        let delivery = self
            .deliver_in(&mut tx, row.int("id")?, endpoint, now)
            .await?;
        let target = endpoint.0.to_string();
        let entry = AuditEntry::on(AuditAction::WebhookTest, None, Some(&target));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(delivery)
    }

    /// Sends a delivery again that has ended. Returns whether there was one.
    pub async fn redeliver(
        &self,
        endpoint: EndpointId,
        delivery: i64,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        if !self.lock_endpoint(&mut tx, endpoint).await? {
            return Ok(false);
        }
        let revived = self
            .dialect
            .query(REVIVE)
            .bind(endpoint.0)
            .bind(delivery)
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await?;
        if revived.is_none() {
            return Ok(false);
        }
        self.queue_delivery_in(&mut tx, endpoint, Duration::ZERO)
            .await?;
        let detail = format!("delivery {delivery}");
        let target = endpoint.0.to_string();
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::WebhookRedeliver, None, Some(&target))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns what is due for an endpoint next, in the order of events.
    pub async fn due_delivery(
        &self,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Result<Option<Delivery>, CatalogError> {
        let row = self
            .dialect
            .query(NEXT)
            .bind(endpoint.0)
            .bind(micros(now))
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_delivery).transpose()
    }

    /// Writes down what came of an attempt. Returns false, with nothing written, if somebody else made one meanwhile.
    pub async fn record_attempt(
        &self,
        delivery: &Delivery,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let recorded = self
            .dialect
            .query(RECORD)
            .bind(delivery.id)
            .bind(delivery.attempts)
            .bind(attempt.state.as_str())
            .bind(micros(attempt.due_at))
            .bind(attempt.status.map(i64::from))
            .bind(attempt.excerpt.clone())
            .bind(i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX))
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = recorded else {
            return Ok(false);
        };
        let endpoint = row.int("endpoint_id")?;
        if attempt.state == DeliveryState::Delivered {
            let query = self.dialect.query(REACHED).bind(endpoint);
            query.execute(&mut *tx).await?;
        } else {
            let query = self.dialect.query(FAILING).bind(endpoint);
            query.bind(micros(now)).execute(&mut *tx).await?;
        }
        if let Some(reason) = &attempt.disable {
            self.switch_off_in(&mut tx, EndpointId(endpoint), reason, now)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Lists an endpoint's deliveries, latest first, beginning below the number `before`.
    pub async fn deliveries(
        &self,
        endpoint: EndpointId,
        state: Option<DeliveryState>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>, CatalogError> {
        let rows = self
            .dialect
            .query(LIST)
            .bind(endpoint.0)
            .bind(before.unwrap_or(i64::MAX))
            .bind(state.map_or("", DeliveryState::as_str))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_delivery(&row))
    }

    /// Returns how many deliveries are `pending` and `dead`.
    pub async fn delivery_counts(&self) -> Result<Vec<(String, u64)>, CatalogError> {
        let rows = self.dialect.query(STATES).fetch_all(&self.reader).await?;
        all(rows, |row| {
            Ok((row.text("state")?, row.size("deliveries")?))
        })
    }

    /// Deletes ended deliveries of events before an instant, then events without deliveries, at most a thousand of each.
    /// Returns how many rows went.
    pub async fn purge_events(&self, before: Timestamp) -> Result<u64, CatalogError> {
        let mut purged = 0;
        for statement in [PURGE_DELIVERIES, PURGE_EVENTS] {
            let query = self.dialect.query(statement).bind(micros(before));
            purged += query.execute(&self.writer).await?.rows_affected();
        }
        Ok(purged)
    }

    /// Takes the endpoint's lock before its job ends; the counterpart of [`Self::deliver_in`].
    pub(crate) async fn lock_endpoint(
        &self,
        tx: &mut Tx,
        endpoint: EndpointId,
    ) -> Result<bool, CatalogError> {
        let query = self.dialect.query(LOCK_ENDPOINT).bind(endpoint.0);
        Ok(query.fetch_optional(&mut **tx).await?.is_some())
    }

    /// Queues the endpoint's next job if anything is left for it, not before `pause`.
    pub(crate) async fn continue_delivery_in(
        &self,
        tx: &mut Tx,
        endpoint: EndpointId,
        pause: Duration,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let query = self.dialect.query(EARLIEST).bind(endpoint.0);
        let row = query.fetch_one(&mut **tx).await?;
        let Some(due) = row.maybe_time("due_at")? else {
            return Ok(());
        };
        let wait = Duration::try_from(due.duration_since(now)).unwrap_or_default();
        self.queue_delivery_in(tx, endpoint, wait.max(pause)).await
    }

    async fn deliver_in(
        &self,
        tx: &mut Tx,
        event: i64,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Result<Option<i64>, CatalogError> {
        if !self.lock_endpoint(tx, endpoint).await? {
            return Ok(None);
        }
        let inserted = self
            .dialect
            .query(INSERT)
            .bind(endpoint.0)
            .bind(event)
            .bind(micros(now))
            .fetch_optional(&mut **tx)
            .await?;
        let Some(row) = inserted else { return Ok(None) };
        self.queue_delivery_in(tx, endpoint, Duration::ZERO).await?;
        Ok(Some(row.int("id")?))
    }

    async fn queue_delivery_in(
        &self,
        tx: &mut Tx,
        endpoint: EndpointId,
        delay: Duration,
    ) -> Result<(), CatalogError> {
        let key = format!("{DELIVER}:{}", endpoint.0);
        let job = NewJob {
            kind: DELIVER.into(),
            lane: Lane::Notify,
            payload: format!("{{\"endpoint\":{}}}", endpoint.0),
            dedup_key: Some(key.clone()),
            delay,
        };
        let queued = self.enqueue_in(tx, &job).await?;
        if queued.is_none() && delay.is_zero() {
            self.hasten_in(tx, &key).await?;
        }
        Ok(())
    }

    async fn switch_off_in(
        &self,
        tx: &mut Tx,
        endpoint: EndpointId,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let switched = self
            .dialect
            .query(SWITCH_OFF)
            .bind(endpoint.0)
            .bind(reason.to_owned())
            .bind(micros(now))
            .fetch_optional(&mut **tx)
            .await?;
        if switched.is_none() {
            return Ok(());
        }
        self.dialect
            .query(BURY_ALL)
            .bind(endpoint.0)
            .bind("the endpoint was switched off")
            .bind(micros(now))
            .execute(&mut **tx)
            .await?;
        let target = endpoint.0.to_string();
        let entry = AuditEntry {
            detail: Some(reason),
            ..AuditEntry::on(AuditAction::WebhookDisable, None, Some(&target))
        };
        self.audit_in(tx, &entry, &Actor::named("system"), now)
            .await
    }
}

fn read_event(row: &AnyRow) -> Result<StoredEvent, CatalogError> {
    Ok(StoredEvent {
        id: row.int("event_id")?,
        kind: EventKind::parse(&row.text("kind")?)
            .ok_or(CatalogError::Corrupt("kind of an event"))?,
        at: row.time("at")?,
        namespace: row.maybe_text("namespace")?,
        repository_id: row.maybe_int("repository_id")?,
        repository: row.maybe_text("repository")?,
        tag: row.maybe_text("tag")?,
        digest: row.maybe_text("digest")?,
        actor: row.text("actor")?,
        data: row.maybe_text("data")?,
    })
}

pub(super) fn read_delivery(row: &AnyRow) -> Result<Delivery, CatalogError> {
    Ok(Delivery {
        id: row.int("id")?,
        event: read_event(row)?,
        state: DeliveryState::parse(&row.text("state")?)
            .ok_or(CatalogError::Corrupt("state of a delivery"))?,
        attempts: row.int("attempts")?,
        due_at: row.time("due_at")?,
        status: row.maybe_int("status")?,
        excerpt: row.maybe_text("excerpt")?,
        took_ms: row.maybe_int("took_ms")?,
        updated_at: row.time("updated_at")?,
    })
}
