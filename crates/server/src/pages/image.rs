//! One image: verdict, health, findings by upgrade, packages, layers.

use std::collections::BTreeSet;

use advisories::advice::upgrade_actions;
use axum::response::Response;
use catalog::Repository;
use evidence::{Finding, ImageReport, Inventory, MatchReport, Subject};
use oci::{Digest, Manifest, Reference, Tag};
use web::{
    Analysed, Analysis, ErrorKind, FindingFilter, FindingGroup, FindingsTab, ImagePage, LayerRow,
    LayersTab, Overview, PackageFilter, PackageRow, PackagesTab, Paging, PlatformLink, Tab,
    TabContent, Tally, VerdictCard,
};

use super::{PageError, Visit, html};
use crate::doors::{self, evidence_of::is_runnable};
use crate::error::ApiError;

/// Upgrades shown on the overview.
const TOP_UPGRADES: usize = 5;

/// How the address names the image.
pub(super) enum Asked {
    Tag(Tag),
    Digest(Digest),
}

pub(super) async fn page(
    visit: &Visit,
    repository: Repository,
    asked: Asked,
) -> Result<Response, PageError> {
    let app = &visit.app;
    let now = app.clock.now();
    let (tag, reference) = match asked {
        Asked::Tag(tag) => (Some(tag.clone()), Reference::Tag(tag)),
        Asked::Digest(digest) => (None, Reference::Digest(digest)),
    };
    let missing = || PageError::Shown(ErrorKind::NotFound);
    let stored = app
        .catalog
        .manifest_by_reference(repository.id, &reference, now)
        .await?
        .ok_or_else(missing)?;
    let manifest = Manifest::parse(&stored.bytes, &stored.media_type).map_err(ApiError::fault)?;

    let wanted = Some(visit.parameter("platform")).filter(|platform| !platform.is_empty());
    let (platforms, shown) =
        platforms(visit, &repository, &stored.digest, &manifest, wanted).await?;
    let shown_manifest = if shown == stored.digest {
        Some(manifest.clone())
    } else {
        let child = app.catalog.manifest(repository.id, &shown).await?;
        child.and_then(|child| Manifest::parse(&child.bytes, &child.media_type).ok())
    };
    let found = found(visit, &repository, &shown, shown_manifest.as_ref()).await?;
    let tab = Tab::from_parameter(visit.parameter("tab"));
    let content = match &found.report {
        Some(report) => content(visit, tab, report),
        None => TabContent::empty(tab),
    };
    let verdict = doors::judge(app, &repository, &stored.digest, tag.as_ref())
        .await?
        .verdict;
    let size_bytes = shown_manifest.as_ref().map_or(0, |manifest| {
        manifest
            .config
            .iter()
            .chain(&manifest.layers)
            .map(|blob| blob.size)
            .fold(stored.bytes.len() as u64, u64::saturating_add)
    });
    let page = ImagePage {
        frame: visit.frame(),
        repository: repository.name,
        tag,
        digest: stored.digest,
        media_type: stored.media_type,
        size_bytes,
        pushed: Some(stored.pushed_at),
        platform: wanted.map(str::to_owned),
        platforms,
        registry_host: visit.registry_host(),
        verdict: Some(VerdictCard {
            advice: advice(found.report.as_ref()),
            verdict,
        }),
        analysis: found.analysis,
        content,
    };
    html(web::render_image(&page))
}

/// Returns an index's platforms and the manifest to show: the platform asked for, else the first that runs.
async fn platforms(
    visit: &Visit,
    repository: &Repository,
    digest: &Digest,
    manifest: &Manifest,
    wanted: Option<&str>,
) -> Result<(Vec<PlatformLink>, Digest), PageError> {
    if !manifest.is_index() {
        return Ok((Vec::new(), digest.clone()));
    }
    let app = &visit.app;
    let children = app.catalog.children(repository.id, digest).await?;
    let runnable: Vec<_> = children
        .into_iter()
        .filter(|child| {
            child
                .platform
                .as_deref()
                .is_none_or(|platform| !platform.starts_with("unknown/"))
        })
        .collect();
    let label = |child: &catalog::ChildRow| {
        child
            .platform
            .clone()
            .unwrap_or_else(|| child.digest.short().to_owned())
    };
    let chosen = runnable
        .iter()
        .find(|child| wanted.is_some_and(|wanted| label(child) == wanted))
        .or_else(|| runnable.iter().find(|child| child.present))
        .map_or_else(|| digest.clone(), |child| child.digest.clone());
    let mut links = Vec::new();
    for child in &runnable {
        let tally = if child.present {
            tally(visit, &child.digest).await?
        } else {
            Tally::NotScanned
        };
        links.push(PlatformLink {
            platform: label(child),
            shown: child.digest == chosen,
            tally,
        });
    }
    Ok((links, chosen))
}

async fn tally(visit: &Visit, digest: &Digest) -> Result<Tally, PageError> {
    let Some(report) = visit.app.catalog.image_report(digest).await? else {
        return Ok(Tally::Queued);
    };
    Ok(match report.summary.as_of {
        Some(as_of) => Tally::Counted {
            open: report.summary.counts,
            fixable: report.summary.fixable.total(),
            partial: !report.summary.complete,
            as_of,
        },
        None => Tally::Unknown {
            reason: "no advisories imported".to_owned(),
        },
    })
}

struct Found {
    analysis: Analysis,
    report: Option<ImageReport>,
}

async fn found(
    visit: &Visit,
    repository: &Repository,
    digest: &Digest,
    manifest: Option<&Manifest>,
) -> Result<Found, PageError> {
    let catalog = &visit.app.catalog;
    if let Some(manifest) =
        manifest.filter(|manifest| !is_runnable(manifest) && !manifest.is_index())
    {
        let media_type = manifest
            .effective_artifact_type()
            .unwrap_or(&manifest.media_type)
            .to_owned();
        return Ok(Found {
            analysis: Analysis::Unsupported { media_type },
            report: None,
        });
    }
    let (Some(row), Some(inventory)) = (
        catalog.image_report(digest).await?,
        catalog.inventory(digest).await?,
    ) else {
        let pushed = catalog
            .manifest(repository.id, digest)
            .await?
            .map(|manifest| manifest.pushed_at);
        let analysis = match pushed {
            Some(since) => Analysis::Queued { since, ahead: None },
            None => Analysis::NotScanned,
        };
        return Ok(Found {
            analysis,
            report: None,
        });
    };
    let inventory: Inventory = serde_json::from_slice(&inventory.body).map_err(ApiError::fault)?;
    let matches: Option<MatchReport> =
        serde_json::from_slice(&row.body).map_err(ApiError::fault)?;
    let subject = Subject {
        name: repository.name.to_string(),
        digest: Some(digest.clone()),
    };
    let report = ImageReport {
        schema_version: 1,
        subject,
        inventory,
        matches,
    };
    let analysis = Analysis::Ready(Box::new(Analysed::from_report(&report, row.stored_at)));
    Ok(Found {
        analysis,
        report: Some(report),
    })
}

fn content(visit: &Visit, tab: Tab, report: &ImageReport) -> TabContent {
    match tab {
        Tab::Overview => {
            let open: Vec<Finding> = report
                .matches
                .iter()
                .flat_map(MatchReport::open)
                .cloned()
                .collect();
            let mut upgrades = groups(&open);
            upgrades.retain(|group| group.to.is_some());
            upgrades.truncate(TOP_UPGRADES);
            TabContent::Overview(Overview {
                facts: report.inventory.facts.clone(),
                upgrades,
            })
        }
        Tab::Vulnerabilities => {
            let filter = FindingFilter::from_pairs(visit.query.iter().map(|(k, v)| (k, v)));
            let findings: Vec<Finding> = report
                .matches
                .iter()
                .flat_map(|matches| &matches.findings)
                .filter(|finding| filter.accepts(finding))
                .cloned()
                .collect();
            let all = groups(&findings);
            let paging = Paging::new(visit.page_number(), Paging::PER_PAGE, all.len());
            TabContent::Vulnerabilities(FindingsTab {
                filter,
                groups: all[paging.range()].to_vec(),
                paging,
                findings: findings.len(),
                layers: report.inventory.layers.clone(),
            })
        }
        Tab::Packages => {
            let filter = PackageFilter::from_pairs(visit.query.iter().map(|(k, v)| (k, v)));
            let all: Vec<PackageRow> = report
                .inventory
                .packages
                .iter()
                .filter(|package| filter.accepts(package))
                .map(|package| PackageRow {
                    package: package.clone(),
                    findings: report.matches.as_ref().map(|matches| {
                        let of_package = matches
                            .open()
                            .filter(|f| f.package == package.name && f.version == package.version);
                        of_package.map(|finding| finding.severity).collect()
                    }),
                })
                .collect();
            let paging = Paging::new(visit.page_number(), Paging::PER_PAGE, all.len());
            let rows = all[paging.range()].to_vec();
            TabContent::Packages(PackagesTab {
                filter,
                rows,
                paging,
                layers: report.inventory.layers.clone(),
            })
        }
        Tab::Layers => {
            let rows = report
                .inventory
                .layers
                .iter()
                .enumerate()
                .map(|(position, layer)| layer_row(report, position, layer));
            TabContent::Layers(LayersTab {
                rows: rows.collect(),
            })
        }
    }
}

fn layer_row(report: &ImageReport, position: usize, layer: &evidence::LayerInfo) -> LayerRow {
    let position = u32::try_from(position).ok();
    let packages = report
        .inventory
        .packages
        .iter()
        .filter(|package| package.layer == position)
        .count();
    let open = report.matches.as_ref().map(|matches| {
        let mut seen = BTreeSet::new();
        let of_layer = matches.open().filter(|finding| finding.layer == position);
        of_layer
            .filter(|finding| seen.insert(finding.id.clone()))
            .map(|finding| finding.severity)
            .collect()
    });
    LayerRow {
        layer: layer.clone(),
        packages,
        findings: open,
    }
}

/// Groups findings by the upgrade that removes them.
fn groups(findings: &[Finding]) -> Vec<FindingGroup> {
    upgrade_actions(findings)
        .into_iter()
        .map(|action| FindingGroup {
            kind: action.package_type,
            package: action.name,
            from: action.from,
            to: action.to,
            command: action.command,
            findings: action
                .findings
                .iter()
                .filter_map(|index| findings.get(*index))
                .cloned()
                .collect(),
        })
        .collect()
}

/// Returns the one thing to do that helps most.
fn advice(report: Option<&ImageReport>) -> Option<String> {
    let open: Vec<Finding> = report?.matches.as_ref()?.open().cloned().collect();
    let action = upgrade_actions(&open)
        .into_iter()
        .find(|action| action.to.is_some())?;
    let to = action.to.as_deref().unwrap_or_default();
    let count = action.findings.len();
    let noun = if count == 1 { "finding" } else { "findings" };
    Some(format!(
        "Update {} from {} to {to}: removes {count} {noun}.",
        action.name, action.from
    ))
}
