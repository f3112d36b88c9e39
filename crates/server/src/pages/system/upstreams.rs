//! Other registries: what is cached and mirrored from them, and how that goes.

use std::collections::{BTreeMap, HashMap};

use axum::response::Response;
use catalog::{Mirror, MirrorRun, Principal, Upstream, UpstreamId};
use jiff::Timestamp;
use oci::RepositoryName;
use serde::Deserialize;
use web::routes::Route;
use web::{
    CacheWords, Done, ErrorKind, LastAnswer, MirrorOutcome, MirrorResult, MirrorRow, UpstreamRow,
    UpstreamsPage,
};

use super::{Form, PageError, Visit, and_back, done, html};
use crate::app::App;
use crate::upstream::{last_answer, mirror};

/// Mirrors on a page.
const PER_PAGE: u32 = 50;

/// The part of a run's report that is shown. What a later version adds is left out.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Report {
    copied: u64,
    unchanged: u64,
    ended: u64,
    failed: u64,
    failures: BTreeMap<String, String>,
    error: Option<String>,
}

pub(super) async fn page(visit: &Visit) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let after: Option<RepositoryName> = visit.parameter("after").parse().ok();
    let upstreams = catalog.list_upstreams().await?;
    let mut mirrors = catalog.list_mirrors(after.as_ref(), PER_PAGE + 1).await?;
    let has_more = mirrors.len() > PER_PAGE as usize;
    mirrors.truncate(PER_PAGE as usize);
    let schedules = catalog.schedules().await?;
    let due: HashMap<String, Timestamp> = schedules
        .into_iter()
        .map(|schedule| (schedule.name, schedule.next_run))
        .collect();
    let names: HashMap<UpstreamId, &str> = upstreams
        .iter()
        .map(|upstream| (upstream.id, upstream.name.as_str()))
        .collect();
    let page = UpstreamsPage {
        frame: visit.frame(),
        done: done(visit),
        is_continued: after.is_some(),
        next: mirrors
            .last()
            .filter(|_| has_more)
            .map(|mirror| mirror.settings.repository.clone()),
        mirrors: mirrors
            .into_iter()
            .map(|mirror| mirror_row(mirror, &names, &due))
            .collect(),
        upstreams: upstreams
            .iter()
            .map(|upstream| upstream_row(&visit.app, upstream))
            .collect(),
    };
    html(web::render_upstreams(&page))
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    form: &Form,
) -> Result<Response, PageError> {
    if form.field("do") != "mirror" {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let app = &visit.app;
    let missing = || PageError::Shown(ErrorKind::NotFound);
    let name: RepositoryName = form.field("repository").parse().map_err(|_| missing())?;
    let mirror = app.catalog.mirror(&name).await?.ok_or_else(missing)?;
    mirror::run_now(app, &mirror.settings.repository, &visit.actor(principal)).await?;
    Ok(and_back(
        &Route::Upstreams.with("done", Done::Mirror.as_str()),
    ))
}

fn upstream_row(app: &App, upstream: &Upstream) -> UpstreamRow {
    let settings = &upstream.settings;
    UpstreamRow {
        name: upstream.name.clone(),
        url: settings.url.clone(),
        username: settings.username.clone(),
        cache: settings.namespace.clone().map(|namespace| CacheWords {
            namespace,
            prefix: settings.prefix.clone(),
            ttl_seconds: settings.ttl.as_secs(),
        }),
        last: last_answer(app, upstream).map(|last| LastAnswer {
            at: last.at,
            problem: last.problem,
        }),
    }
}

fn mirror_row(
    mirror: Mirror,
    names: &HashMap<UpstreamId, &str>,
    due: &HashMap<String, Timestamp>,
) -> MirrorRow {
    let settings = mirror.settings;
    let finished = mirror.last.as_ref().map(|run| run.finished_at);
    MirrorRow {
        next: due
            .get(&mirror::schedule_name(&settings.repository))
            .copied(),
        repository: settings.repository,
        upstream: names
            .get(&settings.upstream)
            .copied()
            .unwrap_or_default()
            .to_owned(),
        source: settings.source,
        cron: settings.cron,
        enabled: settings.enabled,
        // One that died while it ran looks the same until it runs again.
        running_since: mirror
            .started_at
            .filter(|started| finished.is_none_or(|finished| finished < *started)),
        last: mirror.last.as_ref().map(result),
        succeeded: mirror.succeeded_at,
    }
}

fn result(run: &MirrorRun) -> MirrorResult {
    let report: Report = serde_json::from_str(&run.report).unwrap_or_default();
    MirrorResult {
        outcome: match run.outcome.as_str() {
            "ok" => MirrorOutcome::Ok,
            "partial" => MirrorOutcome::Partial,
            _ => MirrorOutcome::Failed,
        },
        at: run.finished_at,
        copied: report.copied,
        unchanged: report.unchanged,
        ended: report.ended,
        failed: report.failed,
        failures: report.failures.into_iter().collect(),
        error: report.error,
    }
}
