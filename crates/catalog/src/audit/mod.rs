//! The audit trail: who did what, written in the transaction that did it.
//!
//! Everything that changes something writes exactly one entry. Refusals are entries too, but folded: anybody can cause
//! any number of them. `trail` reads, `archive` packs what is old.
//!
//! Adding an action: a variant of [`AuditAction`] and its word.

pub(crate) mod archive;
pub(crate) mod trail;

use jiff::Timestamp;
use oci::Digest;

use crate::batch::Batch;
use crate::connection::Tx;
use crate::dialect::statements;
use crate::events::first_component;
use crate::rows::{all, micros};
use crate::{Catalog, CatalogError, RepositoryId};

/// Who acts, as the audit trail names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The principal's name; `system` for the server itself.
    pub name: String,
    /// The address the request came from.
    pub ip: Option<String>,
    /// The request's id in the logs.
    pub request_id: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// On whose behalf, if not its own.
    pub acting_as: Option<String>,
}

impl Actor {
    /// Returns an actor known by name only.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// An account was created.
    AccountCreate,
    /// A password was replaced.
    PasswordSet,
    /// An account was disabled.
    AccountDisable,
    /// An identity was linked to an account.
    IdentityLink,
    /// An identity's source no longer lets it in.
    IdentitySuspend,
    /// An identity was taken from an account.
    IdentityUnlink,
    /// A team was created.
    TeamCreate,
    /// A team was changed.
    TeamUpdate,
    /// A team was deleted.
    TeamDelete,
    /// Somebody joined a team.
    TeamMemberAdd,
    /// Somebody left a team.
    TeamMemberRemove,
    /// Memberships were replaced by what an identity provider says.
    TeamSync,
    /// A token or a secret was made.
    CredentialCreate,
    /// A token or a secret was revoked.
    CredentialRevoke,
    /// An account was enabled again.
    AccountEnable,
    /// An account was changed.
    AccountUpdate,
    /// An account was deleted.
    AccountDelete,
    /// An organisation was created.
    OrganizationCreate,
    /// An organisation was deleted.
    OrganizationDelete,
    /// A repository was opened to everybody, or closed.
    VisibilitySet,
    /// What new repositories give was set.
    DefaultPermissionSet,
    /// What new repositories give was taken back.
    DefaultPermissionRemove,
    /// A robot was created.
    RobotCreate,
    /// A robot was changed.
    RobotUpdate,
    /// A robot was deleted.
    RobotDelete,
    /// A role was given.
    Grant,
    /// A role was taken away.
    Revoke,
    /// A repository was created.
    RepositoryCreate,
    /// What a repository's manifests may leave out was set.
    RepositorySparse,
    /// A manifest was pushed.
    Push,
    /// A tag moved.
    TagMove,
    /// A tag was deleted.
    TagDelete,
    /// A tag points at an earlier target again.
    TagRestore,
    /// A tag ended by itself.
    TagExpire,
    /// A retention policy ended a tag.
    TagPrune,
    /// A tag got another expiry.
    TagExpirySet,
    /// A tag was made immutable, or that was lifted.
    TagImmutability,
    /// Spans of a tag were deleted permanently.
    HistoryPurge,
    /// A namespace got another restore window.
    RestoreWindowSet,
    /// An immutability rule was added.
    ImmutabilityAdd,
    /// An immutability rule was lifted.
    ImmutabilityDelete,
    /// A retention policy was set.
    RetentionSet,
    /// A retention policy was deleted.
    RetentionDelete,
    /// A quota was set.
    QuotaSet,
    /// A quota was deleted.
    QuotaDelete,
    /// A repository was opened or closed for changes.
    RepositoryState,
    /// A repository got another description.
    RepositoryDescribe,
    /// A repository was deleted.
    RepositoryDelete,
    /// The whole system was opened or closed for changes.
    SystemState,
    /// A manifest was deleted.
    ManifestDelete,
    /// A manifest was deleted permanently.
    ManifestPurge,
    /// A blob was uploaded to a repository.
    BlobPush,
    /// A blob of another repository came into a repository.
    BlobMount,
    /// A blob left a repository.
    BlobDelete,
    /// A simple-signing signature was added to a manifest.
    SignatureAdd,
    /// A policy was published.
    PolicyPublish,
    /// Another registry was set up.
    UpstreamCreate,
    /// What is known about another registry was changed.
    UpstreamUpdate,
    /// Another registry was removed.
    UpstreamDelete,
    /// A repository became a mirror.
    MirrorCreate,
    /// A mirror was changed.
    MirrorUpdate,
    /// A mirror ended.
    MirrorDelete,
    /// A mirror was told to run now.
    MirrorRun,
    /// Somebody signed in.
    Login,
    /// Somebody signed out.
    Logout,
    /// Somebody failed to sign in.
    LoginFailure,
    /// A pull was refused by a verdict.
    PullDenied,
    /// Collection was started by hand.
    CollectionRun,
    /// Collection was paused, resumed or given another pace.
    CollectionSteer,
    /// A job that had failed too often was made due again.
    JobRetry,
    /// An endpoint was made.
    WebhookCreate,
    /// An endpoint was changed.
    WebhookChange,
    /// An endpoint was deleted.
    WebhookDelete,
    /// The server switched an endpoint off that failed for too long.
    WebhookDisable,
    /// An endpoint was tried out.
    WebhookTest,
    /// An event was sent again.
    WebhookRedeliver,
    /// The trail was exported.
    AuditExport,
}

impl AuditAction {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreate => "account.create",
            Self::PasswordSet => "account.password",
            Self::AccountDisable => "account.disable",
            Self::IdentityLink => "identity.link",
            Self::IdentitySuspend => "identity.suspend",
            Self::IdentityUnlink => "identity.unlink",
            Self::TeamCreate => "team.create",
            Self::TeamUpdate => "team.update",
            Self::TeamDelete => "team.delete",
            Self::TeamMemberAdd => "team.member.add",
            Self::TeamMemberRemove => "team.member.remove",
            Self::TeamSync => "team.sync",
            Self::CredentialCreate => "credential.create",
            Self::CredentialRevoke => "credential.revoke",
            Self::AccountEnable => "account.enable",
            Self::AccountUpdate => "account.update",
            Self::AccountDelete => "account.delete",
            Self::OrganizationCreate => "organization.create",
            Self::OrganizationDelete => "organization.delete",
            Self::VisibilitySet => "repository.visibility",
            Self::DefaultPermissionSet => "permission.default.set",
            Self::DefaultPermissionRemove => "permission.default.remove",
            Self::RobotUpdate => "robot.update",
            Self::RobotCreate => "robot.create",
            Self::RobotDelete => "robot.delete",
            Self::Grant => "permission.grant",
            Self::Revoke => "permission.revoke",
            Self::RepositoryCreate => "repository.create",
            Self::RepositorySparse => "repository.sparse",
            Self::Push => "manifest.push",
            Self::TagMove => "tag.move",
            Self::TagDelete => "tag.delete",
            Self::TagRestore => "tag.restore",
            Self::TagExpire => "tag.expire",
            Self::TagPrune => "tag.prune",
            Self::TagExpirySet => "tag.expiry",
            Self::TagImmutability => "tag.immutability",
            Self::HistoryPurge => "tag.purge",
            Self::RestoreWindowSet => "namespace.restore-window",
            Self::ImmutabilityAdd => "immutability.add",
            Self::ImmutabilityDelete => "immutability.delete",
            Self::RetentionSet => "retention.set",
            Self::RetentionDelete => "retention.delete",
            Self::QuotaSet => "quota.set",
            Self::QuotaDelete => "quota.delete",
            Self::RepositoryState => "repository.state",
            Self::RepositoryDescribe => "repository.describe",
            Self::RepositoryDelete => "repository.delete",
            Self::SystemState => "system.state",
            Self::ManifestDelete => "manifest.delete",
            Self::ManifestPurge => "manifest.purge",
            Self::BlobPush => "blob.push",
            Self::BlobMount => "blob.mount",
            Self::BlobDelete => "blob.delete",
            Self::SignatureAdd => "signature.add",
            Self::PolicyPublish => "policy.publish",
            Self::UpstreamCreate => "upstream.create",
            Self::UpstreamUpdate => "upstream.update",
            Self::UpstreamDelete => "upstream.delete",
            Self::MirrorCreate => "mirror.create",
            Self::MirrorUpdate => "mirror.update",
            Self::MirrorDelete => "mirror.delete",
            Self::MirrorRun => "mirror.run",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::LoginFailure => "login.failure",
            Self::PullDenied => "pull.denied",
            Self::CollectionRun => "collection.run",
            Self::CollectionSteer => "collection.steer",
            Self::JobRetry => "job.retry",
            Self::WebhookCreate => "webhook.create",
            Self::WebhookChange => "webhook.change",
            Self::WebhookDelete => "webhook.delete",
            Self::WebhookDisable => "webhook.disable",
            Self::WebhookTest => "webhook.test",
            Self::WebhookRedeliver => "webhook.redeliver",
            Self::AuditExport => "audit.export",
        }
    }

    /// Returns how such an action ended.
    pub const fn outcome(self) -> AuditOutcome {
        match self {
            Self::LoginFailure => AuditOutcome::Failure,
            Self::PullDenied => AuditOutcome::Denied,
            _ => AuditOutcome::Success,
        }
    }
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// It was done.
    Success,
    /// It did not work.
    Failure,
    /// It was not allowed.
    Denied,
}

impl AuditOutcome {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Success, Self::Failure, Self::Denied]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }
}

/// Something that was done, or refused.
#[derive(Clone, Debug)]
pub struct AuditEntry<'a> {
    /// What.
    pub action: AuditAction,
    /// In which repository, by name.
    pub repository: Option<&'a str>,
    /// On what: a tag, a digest, a name.
    pub target: Option<&'a str>,
    /// More, in words or JSON.
    pub detail: Option<&'a str>,
}

impl<'a> AuditEntry<'a> {
    /// Builds an entry without detail.
    pub fn on(action: AuditAction, repository: Option<&'a str>, target: Option<&'a str>) -> Self {
        Self {
            action,
            repository,
            target,
            detail: None,
        }
    }
}

/// A row of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number; rows are ordered by it.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The word of an [`AuditAction`].
    pub action: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// In which namespace.
    pub namespace: Option<String>,
    /// In which repository, by name.
    pub repository: Option<String>,
    /// On what.
    pub target: Option<String>,
    /// More.
    pub detail: Option<String>,
    /// How often: refusals of one kind are counted on one entry.
    pub occurrences: i64,
}

statements! {
    INSERT = "INSERT INTO audit (at, actor, acting_as, ip, user_agent, request_id, action, outcome, namespace,
            repository, target, detail, fold_key)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING";
    INSERT_AT = "INSERT INTO audit (at, actor, acting_as, ip, user_agent, request_id, action, outcome, target,
            namespace, repository)
        SELECT CAST($1 AS BIGINT), $2, $3, $4, $5, $6, $7, $8, $9, r.namespace, r.name
        FROM repository r WHERE r.id = $10";
    FOLD = "UPDATE audit SET occurrences = occurrences + 1 WHERE fold_key = $1";
    LIST = "SELECT * FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2";
}

impl Catalog {
    /// Writes an entry for something that changes no other row: a sign-in, a refused pull.
    pub async fn audit(
        &self,
        entry: &AuditEntry<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        self.audit_in(&mut tx, entry, by, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lists the trail, latest first, beginning below the number `after`.
    pub async fn list_audit(
        &self,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, CatalogError> {
        let rows = self
            .dialect
            .query(LIST)
            .bind(after.unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| trail::read_row(&row))
    }

    /// Writes an entry for a refusal, or counts it on the entry with the same key. Whoever chooses the keys decides how
    /// many entries there can be.
    pub async fn audit_folded(
        &self,
        entry: &AuditEntry<'_>,
        by: &Actor,
        fold_key: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let counted = self
            .dialect
            .query(FOLD)
            .bind(fold_key.to_owned())
            .execute(&self.writer)
            .await?;
        if counted.rows_affected() > 0 {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        let mut batch = self.batch();
        bind_entry(batch.add(INSERT), entry, by, Some(fold_key), now);
        let inserted = batch.run(&mut tx).await?.next()?.has_changed_one();
        tx.commit().await?;
        if !inserted {
            // Somebody was faster.
            let query = self.dialect.query(FOLD).bind(fold_key.to_owned());
            query.execute(&self.writer).await?;
        }
        Ok(())
    }

    /// Writes an entry in the transaction that does what it tells, at its end.
    pub(crate) async fn audit_in(
        &self,
        tx: &mut Tx,
        entry: &AuditEntry<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        bind_entry(tx.later().await?.add(INSERT), entry, by, None, now);
        Ok(())
    }

    /// Writes an entry about a digest in a repository whose name the caller has not read.
    pub(crate) async fn audit_at(
        &self,
        tx: &mut Tx,
        action: AuditAction,
        repository: RepositoryId,
        target: &Digest,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        tx.later()
            .await?
            .add(INSERT_AT)
            .bind(micros(now))
            .bind(by.name.clone())
            .bind(by.acting_as.clone())
            .bind(by.ip.clone())
            .bind(by.user_agent.clone())
            .bind(by.request_id.clone())
            .bind(action.as_str())
            .bind(action.outcome().as_str())
            .bind(target.to_string())
            .bind(repository.0);
        Ok(())
    }
}

/// Binds the parameters of [`INSERT`].
fn bind_entry(
    batch: &mut Batch,
    entry: &AuditEntry<'_>,
    by: &Actor,
    fold_key: Option<&str>,
    now: Timestamp,
) {
    batch
        .bind(micros(now))
        .bind(by.name.clone())
        .bind(by.acting_as.clone())
        .bind(by.ip.clone())
        .bind(by.user_agent.clone())
        .bind(by.request_id.clone())
        .bind(entry.action.as_str())
        .bind(entry.action.outcome().as_str())
        .bind(
            entry
                .repository
                .map(|name| first_component(name).to_owned()),
        )
        .bind(entry.repository.map(str::to_owned))
        .bind(entry.target.map(str::to_owned))
        .bind(entry.detail.map(str::to_owned))
        .bind(fold_key.map(str::to_owned));
}
