//! Endpoints: who is told of events, and what is on its way to them.
//!
//! An endpoint belongs to the whole registry, a namespace or one repository. A repository's endpoint is bound to its
//! id, not its name: whoever takes a deleted name over does not talk to the former owner's machines. `deliveries` has
//! the events on their way, `health` how that goes.

pub(crate) mod deliveries;
pub(crate) mod health;

use std::fmt;

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, EventKind, RepositoryId, StoredEvent,
};

/// An endpoint's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(pub i64);

/// What an endpoint is told about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EndpointScope {
    /// Everything.
    System,
    /// One namespace.
    Namespace(String),
    /// One repository.
    Repository(RepositoryId),
}

/// The key that signs what an endpoint is sent. Its text is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointSecret(String);

impl EndpointSecret {
    /// Wraps a secret's text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text, to sign with.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventFormat {
    /// CloudEvents 1.0 as JSON.
    CloudEvents,
    /// A sentence for a chat room.
    Slack,
}

impl EventFormat {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CloudEvents => "cloudevents",
            Self::Slack => "slack",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::CloudEvents, Self::Slack]
            .into_iter()
            .find(|format| format.as_str() == word)
    }
}

/// What people decide about an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSettings {
    /// A name for people.
    pub name: String,
    /// Where events are sent.
    pub url: String,
    /// What signs them.
    pub secret: EndpointSecret,
    /// How they are written.
    pub format: EventFormat,
    /// Which kinds; none for all but pulls.
    pub kinds: Vec<EventKind>,
    /// Patterns of repository names; none for all.
    pub repositories: Vec<String>,
    /// Patterns of tags; none for all, and for what has no tag.
    pub tags: Vec<String>,
    /// Whether anything is sent.
    pub enabled: bool,
}

/// An endpoint as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// What it is told about.
    pub scope: EndpointScope,
    /// The repository's name, if it belongs to one.
    pub repository_name: Option<String>,
    /// What people decided.
    pub settings: EndpointSettings,
    /// Since when nothing could be delivered.
    pub failing_since: Option<Timestamp>,
    /// Why the server switched it off.
    pub disabled_reason: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

statements! {
    INSERT = "INSERT INTO endpoint (namespace, repository_id, name, url, secret, format, kinds, repositories, tags,
            enabled, created_by, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) RETURNING id";
    UPDATE = "UPDATE endpoint SET name = $2, url = $3, secret = $4, format = $5, kinds = $6, repositories = $7,
            tags = $8, enabled = $9, updated_at = $10, failing_since = NULL, disabled_reason = NULL
        WHERE id = $1 RETURNING id";
    GET = "SELECT e.*, r.name AS repository_name FROM endpoint e LEFT JOIN repository r ON r.id = e.repository_id
        WHERE e.id = $1";
    LIST = "SELECT e.*, r.name AS repository_name FROM endpoint e LEFT JOIN repository r ON r.id = e.repository_id
        WHERE e.id > $1 ORDER BY e.id LIMIT $2";
    OF_NAMESPACE = "SELECT e.*, r.name AS repository_name FROM endpoint e LEFT JOIN repository r ON r.id = e.repository_id
        WHERE e.namespace = $3 AND e.id > $1 ORDER BY e.id LIMIT $2";
    OF_REPOSITORY = "SELECT e.*, r.name AS repository_name FROM endpoint e JOIN repository r ON r.id = e.repository_id
        WHERE e.repository_id = $3 AND e.id > $1 ORDER BY e.id LIMIT $2";
    COUNT = "SELECT COUNT(*) AS endpoints FROM endpoint";
    OF_EVENT = "SELECT e.*, r.name AS repository_name FROM endpoint e LEFT JOIN repository r ON r.id = e.repository_id
        WHERE e.enabled = 1 AND ((e.namespace IS NULL AND e.repository_id IS NULL)
            OR e.namespace = $1 OR e.repository_id = $2)
        ORDER BY e.id";
    WANTS_PULLS = "SELECT id FROM endpoint WHERE enabled = 1 AND ' ' || kinds || ' ' LIKE '% pull %' LIMIT 1";
    DELETE = "DELETE FROM endpoint WHERE id = $1 RETURNING name";
}

impl Catalog {
    /// Creates an endpoint.
    pub async fn create_endpoint(
        &self,
        scope: &EndpointScope,
        settings: &EndpointSettings,
        by: &Actor,
        now: Timestamp,
    ) -> Result<EndpointId, CatalogError> {
        let (namespace, repository) = match scope {
            EndpointScope::System => (None, None),
            EndpointScope::Namespace(namespace) => (Some(namespace.clone()), None),
            EndpointScope::Repository(id) => (None, Some(id.0)),
        };
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(INSERT)
            .bind(namespace)
            .bind(repository)
            .bind(settings.name.clone())
            .bind(settings.url.clone())
            .bind(settings.secret.expose().to_owned())
            .bind(settings.format.as_str())
            .bind(words(&settings.kinds))
            .bind(settings.repositories.join(" "))
            .bind(settings.tags.join(" "))
            .bind(i64::from(settings.enabled))
            .bind(by.name.clone())
            .bind(micros(now))
            .fetch_one(&mut *tx)
            .await?;
        let id = EndpointId(row.int("id")?);
        let place = self.place_in(&mut tx, scope).await?;
        self.audit_endpoint_in(
            &mut tx,
            AuditAction::WebhookCreate,
            id,
            settings,
            place,
            by,
            now,
        )
        .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Replaces what people decided about an endpoint; whatever the server held against it is forgotten. Returns whether
    /// it exists.
    pub async fn update_endpoint(
        &self,
        endpoint: &Endpoint,
        settings: &EndpointSettings,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let updated = self
            .dialect
            .query(UPDATE)
            .bind(endpoint.id.0)
            .bind(settings.name.clone())
            .bind(settings.url.clone())
            .bind(settings.secret.expose().to_owned())
            .bind(settings.format.as_str())
            .bind(words(&settings.kinds))
            .bind(settings.repositories.join(" "))
            .bind(settings.tags.join(" "))
            .bind(i64::from(settings.enabled))
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await?;
        if updated.is_none() {
            return Ok(false);
        }
        let place = self.place_in(&mut tx, &endpoint.scope).await?;
        let action = AuditAction::WebhookChange;
        self.audit_endpoint_in(&mut tx, action, endpoint.id, settings, place, by, now)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes an endpoint with everything on its way to it. Returns whether it existed.
    pub async fn delete_endpoint(
        &self,
        endpoint: &Endpoint,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let deleted = self
            .dialect
            .query(DELETE)
            .bind(endpoint.id.0)
            .fetch_optional(&mut *tx)
            .await?;
        if deleted.is_none() {
            return Ok(false);
        }
        let place = self.place_in(&mut tx, &endpoint.scope).await?;
        let action = AuditAction::WebhookDelete;
        self.audit_endpoint_in(
            &mut tx,
            action,
            endpoint.id,
            &endpoint.settings,
            place,
            by,
            now,
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns an endpoint. The caller checks the right to its scope.
    pub async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, CatalogError> {
        let query = self.dialect.query(GET).bind(id.0);
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_endpoint).transpose()
    }

    /// Lists endpoints by id, beginning after `after`: those of a scope itself, or all of them.
    pub async fn endpoints(
        &self,
        scope: Option<&EndpointScope>,
        after: EndpointId,
        limit: u32,
    ) -> Result<Vec<Endpoint>, CatalogError> {
        let query = |statement| {
            self.dialect
                .query(statement)
                .bind(after.0)
                .bind(i64::from(limit))
        };
        let query = match scope {
            None | Some(EndpointScope::System) => query(LIST),
            Some(EndpointScope::Namespace(namespace)) => {
                query(OF_NAMESPACE).bind(namespace.clone())
            }
            Some(EndpointScope::Repository(id)) => query(OF_REPOSITORY).bind(id.0),
        };
        all(query.fetch_all(&self.reader).await?, |row| {
            read_endpoint(&row)
        })
    }

    /// Returns how many endpoints there are.
    pub async fn endpoint_count(&self) -> Result<u64, CatalogError> {
        let row = self.dialect.query(COUNT).fetch_one(&self.reader).await?;
        row.size("endpoints")
    }

    /// Returns the endpoints in whose scope an event is. Kinds and patterns are the caller's to compare.
    pub async fn endpoints_of(&self, event: &StoredEvent) -> Result<Vec<Endpoint>, CatalogError> {
        let rows = self
            .dialect
            .query(OF_EVENT)
            .bind(event.namespace.clone())
            .bind(event.repository_id)
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_endpoint(&row))
    }

    /// Returns whether any endpoint asks for pulls.
    pub async fn wants_pulls(&self) -> Result<bool, CatalogError> {
        let row = self
            .dialect
            .query(WANTS_PULLS)
            .fetch_optional(&self.reader)
            .await?;
        Ok(row.is_some())
    }

    /// Returns where an endpoint's changes are audited: its namespace or repository.
    async fn place_in(
        &self,
        tx: &mut Tx,
        scope: &EndpointScope,
    ) -> Result<Option<String>, CatalogError> {
        match scope {
            EndpointScope::System => Ok(None),
            EndpointScope::Namespace(namespace) => Ok(Some(namespace.clone())),
            EndpointScope::Repository(id) => self.repository_name_in(tx, *id).await,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "an audit row has that many columns"
    )]
    async fn audit_endpoint_in(
        &self,
        tx: &mut Tx,
        action: AuditAction,
        id: EndpointId,
        settings: &EndpointSettings,
        place: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        // The address may hold a token in its path or query; the trail names the endpoint, not the address.
        let target = id.0.to_string();
        let detail = serde_json::json!({ "name": settings.name, "enabled": settings.enabled });
        let entry = AuditEntry {
            detail: Some(&detail.to_string()),
            ..AuditEntry::on(action, place.as_deref(), Some(&target))
        };
        self.audit_in(tx, &entry, by, now).await
    }
}

fn words(kinds: &[EventKind]) -> String {
    let words: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
    words.join(" ")
}

fn read_endpoint(row: &AnyRow) -> Result<Endpoint, CatalogError> {
    let repository = row.maybe_int("repository_id")?.map(RepositoryId);
    let scope = match (row.maybe_text("namespace")?, repository) {
        (Some(namespace), _) => EndpointScope::Namespace(namespace),
        (None, Some(id)) => EndpointScope::Repository(id),
        (None, None) => EndpointScope::System,
    };
    let list = |column| -> Result<Vec<String>, CatalogError> {
        let text = row.text(column)?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    };
    let kinds = list("kinds")?;
    let kinds: Option<Vec<EventKind>> = kinds.iter().map(|word| EventKind::parse(word)).collect();
    Ok(Endpoint {
        id: EndpointId(row.int("id")?),
        scope,
        repository_name: row.maybe_text("repository_name")?,
        settings: EndpointSettings {
            name: row.text("name")?,
            url: row.text("url")?,
            secret: EndpointSecret(row.text("secret")?),
            format: EventFormat::parse(&row.text("format")?)
                .ok_or(CatalogError::Corrupt("format of an endpoint"))?,
            kinds: kinds.ok_or(CatalogError::Corrupt("kinds of an endpoint"))?,
            repositories: list("repositories")?,
            tags: list("tags")?,
            enabled: row.flag("enabled")?,
        },
        failing_since: row.maybe_time("failing_since")?,
        disabled_reason: row.maybe_text("disabled_reason")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
    })
}
