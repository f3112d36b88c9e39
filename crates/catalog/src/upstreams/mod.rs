//! Other registries: their addresses and credentials, what is cached of them, what is mirrored from them.
//!
//! An [`Upstream`] is an address with a credential. With a namespace, names below it are cached from there
//! ([`proxy`]); a [`Mirror`] copies one repository from there ([`mirror`]). A secret leaves this crate only as a
//! [`SecretString`], and is dropped when the address it was given for changes.

mod mirror;
mod proxy;

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::any::AnyRow;

pub use self::mirror::{Mirror, MirrorFilter, MirrorId, MirrorRun, NewMirror};
pub use self::proxy::CachedTag;

use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros, span};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError};

/// Every statement of this folder.
#[cfg(feature = "testkit")]
pub(crate) const FOLDER: [&[(&str, crate::dialect::Statement)]; 3] =
    [STATEMENTS, mirror::STATEMENTS, proxy::STATEMENTS];

/// The id of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub i64);

/// Another registry.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The id.
    pub id: UpstreamId,
    /// What administrators call it.
    pub name: String,
    /// What they said about it.
    pub settings: UpstreamSettings,
    /// Who it was set up by.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What administrators say about an upstream.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    /// `https://registry-1.docker.io`, without a path.
    pub url: String,
    /// The name to sign in with.
    pub username: Option<String>,
    /// The password or token.
    pub secret: Option<SecretString>,
    /// Origins (`https://auth.example.com`) that may see the credential beside the upstream's own.
    pub realms: Vec<String>,
    /// The first name component below which it is cached.
    pub namespace: Option<String>,
    /// What is put before a cached name on the upstream: `mirror` makes `NAMESPACE/app` its `mirror/app`.
    pub prefix: String,
    /// Patterns of names on the upstream that may be cached; empty allows all.
    pub allow: Vec<String>,
    /// Patterns of names on the upstream that may not.
    pub deny: Vec<String>,
    /// How long a tag is served without asking the upstream again.
    pub ttl: Duration,
    /// How long a cached tag is kept after its last pull; `None` keeps it.
    pub keep: Option<Duration>,
    /// Whether everybody who is signed in may pull through it.
    pub signed_in_read: bool,
}

/// What a change does with the stored credential.
#[derive(Clone, Debug)]
pub enum CredentialChange {
    /// The stored one stays, unless the address or the realms change.
    Keep,
    /// This one replaces it, or `None` removes it.
    Set(Option<(String, SecretString)>),
}

/// How an update ended.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The upstream as it is now.
    pub upstream: Upstream,
    /// The stored credential was dropped, because it was given for another address.
    pub dropped_credential: bool,
}

statements! {
    INSERT = "INSERT INTO upstream (name, url, username, secret, realms, namespace, prefix, allow_patterns,
            deny_patterns, ttl_us, keep_us, signed_in_read, created_by, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14) RETURNING *";
    UPDATE = "UPDATE upstream SET url = $2, username = $3, secret = $4, realms = $5, namespace = $6, prefix = $7,
            allow_patterns = $8, deny_patterns = $9, ttl_us = $10, keep_us = $11, signed_in_read = $12,
            updated_at = $13
        WHERE id = $1 RETURNING *";
    LOCK = "SELECT * FROM upstream WHERE name = $1 {for update}";
    BY_NAME = "SELECT * FROM upstream WHERE name = $1";
    BY_ID = "SELECT * FROM upstream WHERE id = $1";
    BY_NAMESPACE = "SELECT * FROM upstream WHERE namespace = $1";
    LIST = "SELECT * FROM upstream ORDER BY name";
    HAS_MIRRORS = "SELECT repository FROM mirror WHERE upstream_id = $1 ORDER BY repository LIMIT 1";
    DELETE = "DELETE FROM upstream WHERE id = $1";
}

impl Catalog {
    /// Sets up an upstream.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the name or the namespace is taken.
    pub async fn create_upstream(
        &self,
        name: &str,
        settings: &UpstreamSettings,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Upstream, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(INSERT)
            .bind(name.to_owned())
            .bind(settings.url.clone())
            .bind(settings.username.clone())
            .bind(exposed(settings.secret.as_ref()))
            .bind(texts(&settings.realms)?)
            .bind(settings.namespace.clone())
            .bind(settings.prefix.clone())
            .bind(texts(&settings.allow)?)
            .bind(texts(&settings.deny)?)
            .bind(span(settings.ttl))
            .bind(settings.keep.map(span))
            .bind(i64::from(settings.signed_in_read))
            .bind(by.name.clone())
            .bind(micros(now))
            .fetch_one(&mut *tx)
            .await
            .map_err(|error| CatalogError::from(error).conflict_on("upstream"))?;
        let entry = AuditEntry {
            detail: Some(&settings.url),
            ..AuditEntry::on(AuditAction::UpstreamCreate, None, Some(name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        read_upstream(&row)
    }

    /// Changes an upstream. A stored secret goes with the address and the realms it was given for: whoever edits those
    /// must say it again. Returns `None` if there is no such upstream.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the namespace is taken.
    pub async fn update_upstream(
        &self,
        name: &str,
        settings: &UpstreamSettings,
        credential: &CredentialChange,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Updated>, CatalogError> {
        let mut tx = self.begin().await?;
        let stored = self
            .dialect
            .query(LOCK)
            .bind(name.to_owned())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(stored) = stored.as_ref().map(read_upstream).transpose()? else {
            return Ok(None);
        };
        let is_bound =
            stored.settings.url == settings.url && stored.settings.realms == settings.realms;
        let had_secret = stored.settings.secret.is_some();
        let (username, secret) = match credential {
            CredentialChange::Set(Some((username, secret))) => {
                (Some(username.clone()), Some(secret.clone()))
            }
            CredentialChange::Keep if is_bound => (
                stored.settings.username.clone(),
                stored.settings.secret.clone(),
            ),
            CredentialChange::Set(None) | CredentialChange::Keep => (None, None),
        };
        let dropped_credential =
            had_secret && secret.is_none() && matches!(credential, CredentialChange::Keep);
        let row = self
            .dialect
            .query(UPDATE)
            .bind(stored.id.0)
            .bind(settings.url.clone())
            .bind(username)
            .bind(exposed(secret.as_ref()))
            .bind(texts(&settings.realms)?)
            .bind(settings.namespace.clone())
            .bind(settings.prefix.clone())
            .bind(texts(&settings.allow)?)
            .bind(texts(&settings.deny)?)
            .bind(span(settings.ttl))
            .bind(settings.keep.map(span))
            .bind(i64::from(settings.signed_in_read))
            .bind(micros(now))
            .fetch_one(&mut *tx)
            .await
            .map_err(|error| CatalogError::from(error).conflict_on("upstream"))?;
        if let Some(left) = &stored.settings.namespace
            && settings.namespace.as_ref() != Some(left)
        {
            self.open_cached_in(&mut tx, left).await?;
        }
        let entry = AuditEntry {
            detail: Some(&settings.url),
            ..AuditEntry::on(AuditAction::UpstreamUpdate, None, Some(name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(Some(Updated {
            upstream: read_upstream(&row)?,
            dropped_credential,
        }))
    }

    /// Removes an upstream; what was cached stays. Returns whether there was one.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] while a mirror copies from it.
    pub async fn delete_upstream(
        &self,
        name: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let stored = self
            .dialect
            .query(LOCK)
            .bind(name.to_owned())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = stored else { return Ok(false) };
        let id = row.int("id")?;
        let used = self
            .dialect
            .query(HAS_MIRRORS)
            .bind(id)
            .fetch_optional(&mut *tx)
            .await?;
        if used.is_some() {
            return Err(CatalogError::Conflict("mirror of this upstream"));
        }
        self.dialect
            .query(DELETE)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        if let Some(namespace) = row.maybe_text("namespace")? {
            self.open_cached_in(&mut tx, &namespace).await?;
        }
        let entry = AuditEntry::on(AuditAction::UpstreamDelete, None, Some(name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns the upstream of this name.
    pub async fn upstream(&self, name: &str) -> Result<Option<Upstream>, CatalogError> {
        let query = self.dialect.query(BY_NAME).bind(name.to_owned());
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_upstream).transpose()
    }

    /// Returns the upstream of this id.
    pub async fn upstream_by_id(&self, id: UpstreamId) -> Result<Option<Upstream>, CatalogError> {
        let query = self.dialect.query(BY_ID).bind(id.0);
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_upstream).transpose()
    }

    /// Returns the upstream that is cached below this namespace.
    pub async fn upstream_of_namespace(
        &self,
        namespace: &str,
    ) -> Result<Option<Upstream>, CatalogError> {
        let query = self.dialect.query(BY_NAMESPACE).bind(namespace.to_owned());
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_upstream).transpose()
    }

    /// Lists the upstreams by name. Administrators write them by hand, so there are few.
    pub async fn list_upstreams(&self) -> Result<Vec<Upstream>, CatalogError> {
        let rows = self.dialect.query(LIST).fetch_all(&self.reader).await?;
        all(rows, |row| read_upstream(&row))
    }
}

fn exposed(secret: Option<&SecretString>) -> Option<String> {
    secret.map(|secret| secret.expose_secret().to_owned())
}

fn texts(list: &[String]) -> Result<String, CatalogError> {
    serde_json::to_string(list).map_err(|_| CatalogError::Corrupt("list of texts"))
}

fn read_texts(text: &str) -> Result<Vec<String>, CatalogError> {
    serde_json::from_str(text).map_err(|_| CatalogError::Corrupt("list of texts"))
}

fn read_span(micros: i64) -> Result<Duration, CatalogError> {
    let micros = u64::try_from(micros).map_err(|_| CatalogError::Corrupt("duration"))?;
    Ok(Duration::from_micros(micros))
}

fn read_upstream(row: &AnyRow) -> Result<Upstream, CatalogError> {
    Ok(Upstream {
        id: UpstreamId(row.int("id")?),
        name: row.text("name")?,
        settings: UpstreamSettings {
            url: row.text("url")?,
            username: row.maybe_text("username")?,
            secret: row.maybe_text("secret")?.map(SecretString::from),
            realms: read_texts(&row.text("realms")?)?,
            namespace: row.maybe_text("namespace")?,
            prefix: row.text("prefix")?,
            allow: read_texts(&row.text("allow_patterns")?)?,
            deny: read_texts(&row.text("deny_patterns")?)?,
            ttl: read_span(row.int("ttl_us")?)?,
            keep: row.maybe_int("keep_us")?.map(read_span).transpose()?,
            signed_in_read: row.flag("signed_in_read")?,
        },
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
