//! Other registries, from the console: upstreams and mirrors. Running servers hear of changes within seconds.

use std::time::Duration;

pub use catalog::MirrorFilter;
use catalog::{
    AuditAction, AuditEntry, CatalogError, Lane, Mirror, NewJob, NewMirror, RepositoryState,
    Upstream,
};
use jiff::Timestamp;
use oci::RepositoryName;
use secrecy::SecretString;

use super::{Admin, AdminError};
pub use crate::api::mirrors::MirrorItem;
pub use crate::api::upstreams::UpstreamItem;
use crate::outbound::{Outbound, OutboundSettings};
use crate::upstream::settings::{self, Written};
use crate::upstream::{ROOT_CONFLICT, mirror};
use crate::workers::schedules::next_after;

/// An upstream to be set up.
#[derive(Clone, Debug, Default)]
pub struct NewUpstream {
    /// What administrators call it.
    pub name: String,
    /// `https://registry.example.com`; `docker.io` means Docker Hub.
    pub url: String,
    /// What to sign in with.
    pub credential: Option<(String, SecretString)>,
    /// Other addresses that may see the credential.
    pub realms: Vec<String>,
    /// The first name component below which it is cached.
    pub namespace: Option<String>,
    /// Put before the name on the upstream.
    pub prefix: String,
    /// Patterns of names that are cached; empty caches all.
    pub allow: Vec<String>,
    /// Patterns of names that are not.
    pub deny: Vec<String>,
    /// How long a tag is served without asking again.
    pub ttl: Option<Duration>,
    /// How long a tag is kept after its last pull.
    pub keep: Option<Duration>,
    /// Whether everybody who is signed in may pull through it.
    pub signed_in_read: bool,
}

impl Admin {
    /// Sets up an upstream.
    ///
    /// # Errors
    /// [`AdminError::Unacceptable`] for a value that is not usable or a name that is taken.
    pub async fn create_upstream(
        &self,
        new: NewUpstream,
        outbound: &OutboundSettings,
        now: Timestamp,
    ) -> Result<Upstream, AdminError> {
        settings::name(&new.name)?;
        let unusable = |error: crate::ClientError| AdminError::Unacceptable(error.to_string());
        let outbound = Outbound::new(outbound).map_err(unusable)?;
        let written = Written {
            url: new.url,
            credential: new.credential,
            realms: new.realms,
            namespace: new.namespace,
            prefix: new.prefix,
            allow: new.allow,
            deny: new.deny,
            ttl: new.ttl,
            keep: new.keep,
            signed_in_read: new.signed_in_read,
        };
        let checked = settings::upstream(written, &outbound)?;
        if let Some(namespace) = &checked.namespace
            && let Some(name) = self.catalog.uncached_repository_in(namespace).await?
        {
            return Err(AdminError::Unacceptable(format!(
                "the repository {name} was pushed here, {ROOT_CONFLICT}"
            )));
        }
        let created = self
            .catalog
            .create_upstream(&new.name, &checked, &self.actor, now)
            .await;
        created.map_err(|error| match error {
            CatalogError::Conflict(_) => AdminError::NameTaken(new.name),
            other => other.into(),
        })
    }

    /// Lists the upstreams by name.
    pub async fn upstreams(&self) -> Result<Vec<UpstreamItem>, AdminError> {
        let upstreams = self.catalog.list_upstreams().await?;
        let shown = |upstream| crate::api::upstreams::item(upstream, false);
        Ok(upstreams.into_iter().map(shown).collect())
    }

    /// Removes an upstream; what was cached stays.
    pub async fn delete_upstream(&self, name: &str, now: Timestamp) -> Result<(), AdminError> {
        let deleted = self.catalog.delete_upstream(name, &self.actor, now).await;
        let deleted = deleted.map_err(|error| match error {
            CatalogError::Conflict(_) => AdminError::Unacceptable(
                "a mirror copies from this upstream, delete the mirror first".to_owned(),
            ),
            other => other.into(),
        })?;
        if deleted {
            Ok(())
        } else {
            Err(AdminError::NoUpstream(name.to_owned()))
        }
    }

    /// Makes a repository a mirror.
    pub async fn create_mirror(
        &self,
        repository: RepositoryName,
        upstream: &str,
        source: &str,
        filter: MirrorFilter,
        cron: Option<&str>,
        now: Timestamp,
    ) -> Result<Mirror, AdminError> {
        settings::mirror(source, &filter, cron, now)?;
        let found = self.catalog.upstream(upstream).await?;
        let found = found.ok_or_else(|| AdminError::NoUpstream(upstream.to_owned()))?;
        let namespace = repository.as_str().split('/').next().unwrap_or_default();
        if self
            .catalog
            .upstream_of_namespace(namespace)
            .await?
            .is_some()
        {
            return Err(AdminError::Unacceptable(format!(
                "`{namespace}` is a cache, a mirror needs another name"
            )));
        }
        let new = NewMirror {
            repository,
            upstream: found.id,
            source: source.to_owned(),
            filter,
            cron: cron.map(str::to_owned),
            enabled: true,
        };
        let created = self.catalog.create_mirror(&new, &self.actor, now).await;
        let created = created.map_err(|error| match error {
            CatalogError::Conflict(_) => AdminError::NameTaken(new.repository.to_string()),
            other => other.into(),
        })?;
        self.catalog
            .ensure_copy(&new.repository, RepositoryState::Mirror, &self.actor, now)
            .await?;
        if let Some(cron) = cron {
            let next = next_after(cron, now)
                .map_err(|error| AdminError::Unacceptable(error.to_string()))?;
            let name = mirror::schedule_name(&new.repository);
            self.catalog.put_schedule(&name, cron, next).await?;
        }
        Ok(created)
    }

    /// Lists up to a thousand mirrors by repository.
    pub async fn mirrors(&self) -> Result<Vec<MirrorItem>, AdminError> {
        let upstreams = self.catalog.list_upstreams().await?;
        let mirrors = self.catalog.list_mirrors(None, 1_000).await?;
        let name_of = |mirror: &Mirror| {
            let upstream = upstreams.iter().find(|u| u.id == mirror.settings.upstream);
            upstream.map_or_else(String::new, |upstream| upstream.name.clone())
        };
        Ok(mirrors
            .into_iter()
            .map(|mirror| {
                let name = name_of(&mirror);
                crate::api::mirrors::item(mirror, name)
            })
            .collect())
    }

    /// Queues a run of a mirror; a running server does it. Returns false if one was queued or running already.
    pub async fn run_mirror(
        &self,
        repository: &RepositoryName,
        now: Timestamp,
    ) -> Result<bool, AdminError> {
        self.mirror(repository).await?;
        let job: NewJob = mirror::job(repository, Lane::Manual);
        let is_new = self.catalog.enqueue(&job).await?.is_some();
        let entry = AuditEntry::on(AuditAction::MirrorRun, Some(repository.as_str()), None);
        self.catalog.audit(&entry, &self.actor, now).await?;
        Ok(is_new)
    }

    /// Ends a mirror; its repository stays.
    pub async fn delete_mirror(
        &self,
        repository: &RepositoryName,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        self.mirror(repository).await?;
        self.catalog
            .delete_mirror(repository, &self.actor, now)
            .await?;
        self.catalog
            .remove_schedule(&mirror::schedule_name(repository))
            .await?;
        Ok(())
    }

    async fn mirror(&self, repository: &RepositoryName) -> Result<Mirror, AdminError> {
        let found = self.catalog.mirror(repository).await?;
        found.ok_or_else(|| AdminError::NoMirror(repository.clone()))
    }
}
