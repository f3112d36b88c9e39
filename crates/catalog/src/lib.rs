//! Every SQL statement of the house: people, names, tags, uploads, evidence rows, decisions, jobs, the audit trail.
//!
//! One [`Catalog`] speaks to SQLite or PostgreSQL with one SQL text. Each concern has one module with its types, its
//! statements and its methods on [`Catalog`]. "Not found" is `None`; a fault is a [`CatalogError`]. Several writes
//! that belong together are one method and one transaction: no transaction leaves this crate.
//!
//! What it does not do: it holds no bytes of blobs (that is `blobs`), decides nothing (that is `gate`), reads no clock
//! and draws no random numbers. Instants arrive as `now`; only leases are compared with the database's own clock,
//! because they are promises between machines.
//!
//! Adding a statement: put it into the module's `statements!` block in the dialect both engines share; a test prepares
//! it on both. Adding a table: one new file in each folder of `migrations`; a test compares the resulting columns.

mod accounts;
mod audit;
mod batch;
mod blobs;
mod collection;
mod connection;
mod decisions;
mod dialect;
mod endpoints;
mod error;
mod events;
mod evidence_rows;
mod generations;
mod grounds;
mod job_signals;
mod jobs;
mod login_failures;
mod manifests;
mod mounts;
mod patterns;
mod people;
mod permissions;
mod policies;
mod pulls;
mod repositories;
mod repository_deletion;
mod repository_page;
mod repository_state;
mod retention;
mod rows;
mod schedules;
mod scope;
mod sessions;
mod sign_ins;
mod signing_keys;
mod simple_signatures;
mod store_checks;
mod tag_figures;
mod tag_page;
mod tags;
mod transfer;
mod uploads;
mod upstreams;
mod usage;

#[cfg(feature = "testkit")]
#[doc(hidden)]
pub mod testkit;

pub use accounts::{
    Account, AccountId, AccountKind, NewAccount, Principal, PrincipalId, PrincipalState,
};
pub use audit::archive::AuditSegment;
pub use audit::trail::{AuditCursor, AuditFilter};
pub use audit::{Actor, AuditAction, AuditEntry, AuditOutcome, AuditRow};
pub use blobs::{Blob, NewBlob, Published, UnlinkOutcome};
pub use collection::{
    BlobRow, Collected, CollectionRun, Discarded, Pass, Queue, Reclaim, ReclaimCause, Reclaimable,
    Rule, Switches, is_assured,
};
pub use connection::{Catalog, OnWait};
pub use decisions::{Decision, NewDecision};
pub use endpoints::deliveries::{Attempt, DELIVER, Delivery, DeliveryState, StoredEvent};
pub use endpoints::health::EndpointHealth;
pub use endpoints::{
    Endpoint, EndpointId, EndpointScope, EndpointSecret, EndpointSettings, EventFormat,
};
pub use error::{CatalogError, Source};
pub use events::{Event, EventKind, FAN_OUT};
pub use evidence_rows::{
    EvidenceStamp, ImageSummary, LayerReport, NewImageReport, PackageKey, StoredInventory,
    StoredReport,
};
pub use generations::Generation;
pub use grounds::{AnalysisGrounds, ImageParts, VerdictGrounds};
pub use job_signals::JobSignals;
pub use jobs::{Claim, JobResults, JobRow, JobState, Lane, NewJob};
pub use login_failures::{LoginFailures, LoginMemory, Tally};
pub use manifests::{
    ChildRow, DeleteOutcome, PurgeOutcome, PutError, PutManifest, PutOutcome, Referenced, Referrer,
    StoredManifest, parse_life,
};
pub use patterns::{Pattern, PatternError};
pub use people::{
    ANY_NAMESPACE, AccountChange, Credential, CredentialKind, DefaultPermission,
    DefaultPermissionId, Identity, NameListing, NamePage, NamePlace, NewCredential, NewIdentity,
    NewRobot, NewSecret, OWNERS, OrganizationMember, PatternPermission, Presented, Robot,
    RobotChange, RobotId, Subject, SubjectId, SyncedGroups, Team, TeamChange, TeamId, TeamMember,
    TeamRole, TeamSync, UnknownTeamRole, UsedRobot,
};
pub use permissions::{Permission, Role, UnknownRole};
pub use policies::Policy;
pub use pulls::{PullCount, PullDay};
pub use repositories::{
    Repository, RepositoryId, Sparse, UnknownSparse, UnknownVisibility, Visibility,
};
pub use repository_deletion::{DELETE_REPOSITORY, DeleteRepositoryError};
pub use repository_page::{
    FiguresStamp, RepositoryFigures, RepositoryHead, RepositorySummary, VerdictCounts,
};
pub use repository_state::{RepositoryState, Writer};
pub use retention::{RetentionPolicy, TagCandidate, UntaggedManifest};
pub use schedules::Schedule;
pub use scope::Scope;
pub use sign_ins::Voucher;
pub use signing_keys::SigningKey;
pub use simple_signatures::{SignatureOutcome, SimpleSignature};
pub use store_checks::{CheckProgress, Fault, StoreCheck, StoreFinding};
pub use tag_page::{TagCursor, TagListing, TagOrder, TagRow};
pub use tags::{
    ExpiringTag, HistoryRow, ImmutabilityRule, NewImmutabilityRule, RepositoryTag, RestoreError,
    RestoreWindow, TagCause, TagMove,
};
pub use transfer::{CopiedTable, TransferError, Transferred};
pub use uploads::{Advance, NewUpload, Staging, Upload};
pub use upstreams::{
    CachedTag, CredentialChange, Mirror, MirrorFilter, MirrorId, MirrorRun, NewMirror, Updated,
    Upstream, UpstreamId, UpstreamSettings,
};
pub use usage::{NamespaceUse, NewQuota, PendingUsage, Quota, QuotaUse, RepositoryUse};
