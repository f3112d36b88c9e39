//! Going through repositories: as a job, or dry.

use catalog::{
    Actor, Catalog, CatalogError, Claim, DeleteOutcome, JobResults, Lane, RepositoryId,
    TagCandidate, TagCause,
};
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use serde::Serialize;
use utoipa::ToSchema;

use super::Policy;
use super::decide::{Counted, is_left};
use crate::app::Shared;
use crate::clock::Clock;
use crate::error::chain;
use crate::workers::{ATTEMPTS, JobError, Kind};

/// The kind of the job, and the name of its schedule.
pub(crate) const RETENTION: &str = "retention";
/// Rows read at once.
const PAGE: u32 = 1_000;
/// Lines a dry run lists; what is beyond is counted.
const MAX_LINES: usize = 1_000;

/// Applies every repository's policy.
pub(crate) const RETENTION_JOB: Kind = Kind {
    name: RETENTION,
    lane: Lane::Bulk,
    max_attempts: ATTEMPTS,
    perform: |app, claim| Box::pin(perform(app, claim)),
};

/// Something that a policy ends.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneLine {
    /// The tag; `null` for a manifest without one.
    #[schema(value_type = Option<String>)]
    pub(crate) tag: Option<Tag>,
    #[schema(value_type = String)]
    pub(crate) digest: Digest,
    /// The rule's name; `untaggedAfter` for a manifest without a tag.
    pub(crate) rule: String,
    /// The bytes below it, each blob once. What other tags share with it stays.
    pub(crate) size_bytes: u64,
    /// It would end, but is immutable and stays.
    pub(crate) immutable: bool,
}

/// What a policy ends in a repository.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneReport {
    /// The first thousand.
    pub items: Vec<PruneLine>,
    /// How many there are.
    pub total: u64,
    /// How many of them are immutable and stay.
    pub immutable: u64,
}

impl PruneReport {
    fn add(&mut self, line: PruneLine) {
        self.total += 1;
        self.immutable += u64::from(line.immutable);
        if self.items.len() < MAX_LINES {
            self.items.push(line);
        }
    }
}

async fn perform(app: Shared, _: Claim) -> Result<JobResults, JobError> {
    let catalog = &app.catalog;
    if !catalog.has_retention().await? || catalog.is_system_read_only().await? {
        return Ok(JobResults::default());
    }
    let mut after = RepositoryId(0);
    loop {
        let page = catalog.repositories_after(after, PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(JobResults::default());
        };
        after = *last;
        for (id, name) in &page {
            if app.stop.is_cancelled() {
                return Err(JobError::Stopping);
            }
            let Some(stored) = catalog.retention_for(*id, name).await? else {
                continue;
            };
            if !stored.enabled {
                continue;
            }
            let policy = match Policy::parse(&stored.body) {
                Ok(policy) => policy,
                Err(error) => {
                    tracing::error!(scope = %stored.scope, cause = %chain(&error), "a retention policy cannot be read, it ends nothing");
                    continue;
                }
            };
            let pruning = Pruning {
                catalog,
                clock: &app.clock,
                repository: *id,
                name,
                by: &Actor::named("system"),
                is_dry: false,
            };
            let report = apply(&pruning, &policy).await?;
            if report.total > 0 {
                tracing::info!(repo = %name, ended = report.total - report.immutable, "retention applied");
            }
        }
    }
}

/// Where a policy is applied, and on whose behalf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pruning<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) clock: &'a Clock,
    pub(crate) repository: RepositoryId,
    pub(crate) name: &'a RepositoryName,
    pub(crate) by: &'a Actor,
    /// Whether nothing is changed.
    pub(crate) is_dry: bool,
}

/// Goes through one repository; a dry run changes nothing.
pub(crate) async fn apply(
    pruning: &Pruning<'_>,
    policy: &Policy,
) -> Result<PruneReport, CatalogError> {
    let now = pruning.clock.now();
    let mut report = PruneReport::default();
    let mut counted = Counted::new(policy);
    let mut after: Option<Tag> = None;
    while let Some(page) = next_page(pruning, &mut after, now).await? {
        for candidate in &page {
            counted.add(policy, candidate);
        }
    }
    after = None;
    while let Some(page) = next_page(pruning, &mut after, now).await? {
        for candidate in &page {
            let Some(rule) = counted.judge(policy, candidate, now) else {
                continue;
            };
            let immutable = end(pruning, candidate).await?;
            report.add(PruneLine {
                tag: Some(candidate.tag.clone()),
                digest: candidate.digest.clone(),
                rule: rule.to_owned(),
                size_bytes: candidate.size_bytes,
                immutable,
            });
        }
    }
    if policy.untagged_after.is_some() {
        untagged(pruning, policy, &mut report).await?;
    }
    Ok(report)
}

/// Ends a tag. Returns whether it may not end.
async fn end(pruning: &Pruning<'_>, candidate: &TagCandidate) -> Result<bool, CatalogError> {
    let (catalog, now) = (pruning.catalog, pruning.clock.now());
    let (repository, tag) = (pruning.repository, &candidate.tag);
    if pruning.is_dry {
        let is_immutable = catalog.is_tag_immutable(repository, pruning.name, tag, now);
        return Ok(is_immutable.await? == Some(true));
    }
    // Somebody may have moved it since it was judged.
    if catalog.resolve_tag(repository, tag, now).await? != Some(candidate.digest.clone()) {
        return Ok(false);
    }
    let ended = catalog
        .end_tag(repository, tag, TagCause::Prune, pruning.by, now)
        .await;
    match ended {
        Ok(_) | Err(CatalogError::RepositoryGone) => Ok(false),
        Err(CatalogError::Immutable(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

async fn untagged(
    pruning: &Pruning<'_>,
    policy: &Policy,
    report: &mut PruneReport,
) -> Result<(), CatalogError> {
    let (catalog, repository) = (pruning.catalog, pruning.repository);
    let now = pruning.clock.now();
    let mut after: Option<Digest> = None;
    loop {
        let page = catalog
            .untagged_manifests(repository, after.as_ref(), PAGE)
            .await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.digest.clone());
        for manifest in page
            .iter()
            .filter(|manifest| is_left(policy, manifest, now))
        {
            if !pruning.is_dry {
                let deleted = catalog
                    .prune_manifest(repository, &manifest.digest, pruning.by, now)
                    .await?;
                if !matches!(deleted, DeleteOutcome::Deleted { .. }) {
                    continue;
                }
            }
            report.add(PruneLine {
                tag: None,
                digest: manifest.digest.clone(),
                rule: "untaggedAfter".to_owned(),
                size_bytes: manifest.size_bytes,
                immutable: false,
            });
        }
    }
}

/// Reads the tags after `after` and moves it on; `None` at the end.
async fn next_page(
    pruning: &Pruning<'_>,
    after: &mut Option<Tag>,
    now: Timestamp,
) -> Result<Option<Vec<TagCandidate>>, CatalogError> {
    let page = pruning
        .catalog
        .tag_candidates(pruning.repository, after.as_ref(), PAGE, now)
        .await?;
    let Some(last) = page.last() else {
        return Ok(None);
    };
    *after = Some(last.tag.clone());
    Ok(Some(page))
}
