//! The doors: evidence meets policy, and the verdict is stored with its address.
//!
//! [`judge`] is the only way to a verdict on the server. A decision is stored with a key of the policies and a key of the
//! evidence it was made from, and holds while both are the same and its time has not come. Both keys are read anew with
//! every question, from small indexed rows: a changed policy, a new report or a moved tag counts at once, everywhere.
//!
//! A verdict belongs to a manifest, not to the way it was asked for: by tag, by digest or as a child of an index, the
//! same policies apply, because those of every tag that leads to it are taken together.

pub(crate) mod evidence_of;
pub(crate) mod policies;
pub(crate) mod pull;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use advisories::Snapshot;
use catalog::{CatalogError, EvidenceStamp, Generation, Repository};
use gate::{
    Decision, Door, EvidenceSet, FeedState, IndexChild, Policy, Subject, SubjectKind, Verdict,
    combine_index, decide,
};
use jiff::Timestamp;
use oci::{Digest, Tag};
use uuid::Uuid;

use crate::analysis::image::Pushed;
use crate::analysis::{AnalysisError, job_key};
use crate::app::App;
use evidence_of::{Documents, Known, KnownChild};
use rules::Rules;
pub(crate) use rules::stored_verdict;

/// No verdict could be made. It is never an `allow`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgeError {
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
    #[error("the match with new advisories failed")]
    Analysis(#[from] AnalysisError),
    #[error("stored evidence is not readable")]
    Document(#[from] serde_json::Error),
    #[error("the work was interrupted by a stop")]
    Interrupted,
    #[error("the stored policy `{name}` is not readable")]
    Policy {
        name: String,
        #[source]
        source: Box<gate::PolicyError>,
    },
}

/// A verdict as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    /// Whether a pull of this very manifest is refused. An index with one usable platform is not.
    pub(crate) refuses_pull: bool,
    /// Whether it is about something that no gate judges.
    pub(crate) is_artifact: bool,
    /// How long a pull waits while the verdict is pending.
    pub(crate) hold: Duration,
}

impl Judged {
    /// Returns the verdict's sentence, if a client should hear it.
    pub(crate) fn sentence(&self) -> Option<String> {
        self.verdict.speaks().then(|| gate::explain(&self.verdict))
    }
}

/// A verdict that the server keeps in memory, and what must be the same for it to hold.
#[derive(Debug)]
pub(crate) struct Remembered {
    pub(crate) judged: Judged,
    snapshot: Option<Digest>,
    stamps: Vec<(Digest, EvidenceStamp)>,
}

/// Returns the current verdict as [`judge`] does, from memory where nothing it depends on has changed. `generation` was
/// read in the course of this request.
pub(crate) async fn judge_again(
    app: &App,
    repository: &Repository,
    generation: Generation,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<Arc<Remembered>, JudgeError> {
    // Not by tag: the policies of all tags that lead to a manifest are taken together, so its tags share one verdict.
    let key = (repository.id, digest.clone());
    let now = app.clock.now();
    if let Some(known) = app.recent.verdicts.get(&key, generation, now)
        && still_holds(app, &known, now).await?
    {
        return Ok(known);
    }
    let snapshot = app.snapshot.load_full();
    let (judged, judged_from) = judge_and_tell(app, repository, digest, tag).await?;
    let mut stamps = Vec::new();
    let is_settled = judged_from.stamps(digest, &mut stamps);
    let known = Arc::new(Remembered {
        judged,
        snapshot: snapshot.map(|snapshot| snapshot.info().id.clone()),
        stamps,
    });
    if is_settled {
        app.recent
            .verdicts
            .keep(key, generation, now, Arc::clone(&known));
    }
    Ok(known)
}

async fn still_holds(app: &App, known: &Remembered, now: Timestamp) -> Result<bool, JudgeError> {
    let valid_until = known.judged.verdict.valid_until;
    let snapshot = app.snapshot.load();
    let snapshot = snapshot.as_ref().map(|snapshot| &snapshot.info().id);
    if valid_until.is_some_and(|until| until <= now) || known.snapshot.as_ref() != snapshot {
        return Ok(false);
    }
    if known.stamps.is_empty() {
        return Ok(true);
    }
    let digests: Vec<Digest> = known
        .stamps
        .iter()
        .map(|(digest, _)| digest.clone())
        .collect();
    let current = app.catalog.evidence_stamps(&digests).await?;
    Ok(known
        .stamps
        .iter()
        .all(|(digest, stamp)| current.get(digest) == Some(stamp)))
}

/// Returns the current verdict on a manifest in a repository, made now if there is none or it ran out.
///
/// Call it after new evidence with the same arguments: a stored decision made from other evidence is not current.
pub(crate) async fn judge(
    app: &App,
    repository: &Repository,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<Judged, JudgeError> {
    let (judged, _) = judge_and_tell(app, repository, digest, tag).await?;
    Ok(judged)
}

/// Returns the current verdict and what it was made from.
async fn judge_and_tell(
    app: &App,
    repository: &Repository,
    digest: &Digest,
    tag: Option<&Tag>,
) -> Result<(Judged, Known), JudgeError> {
    let snapshot = app.snapshot.load_full();
    let known = evidence_of::look_up(app, repository.id, digest, snapshot.as_ref()).await?;
    if matches!(known, Known::Artifact) {
        return Ok((unjudged(app, repository, digest, tag), known));
    }
    let rules = Rules::of(app, repository, digest, tag).await?;
    let evidence_key = known.key(snapshot.as_deref());
    if let Some(current) = rules.current(&evidence_key, app.clock.now()) {
        return Ok((current, known));
    }
    let bench = Bench::new(app, repository, tag, &rules, snapshot.as_ref());
    let (judged, judged_from) = bench.judge(digest, known).await?;
    let judged = rules.addressed(app, judged);
    // The key of what was read, not of what was there before: a report that arrived in between is not lost on anybody.
    let evidence_key = judged_from.key(snapshot.as_deref());
    let decision = rules.decision(repository, digest, tag, evidence_key, &judged)?;
    app.catalog.put_decision(&decision, app.clock.now()).await?;
    Ok((judged.0, judged_from))
}

/// Judges an image that was just taken apart, and stores what was found out about it with the verdict.
///
/// Its report is stored even where no verdict can be made.
pub(crate) async fn judge_pushed(
    app: &App,
    repository: &Repository,
    tag: Option<&Tag>,
    Pushed { fresh, grounds }: Pushed,
) -> Result<Judged, JudgeError> {
    let (snapshot, at) = (fresh.snapshot.clone(), fresh.at);
    let (documents, report) = Documents::of_fresh(fresh);
    let digest = report.digest.clone();
    let decided = async {
        let rules = Rules::from_grounds(app, repository, &digest, tag, grounds).await?;
        let bench = Bench::new(app, repository, tag, &rules, snapshot.as_ref());
        let judged = rules.addressed(app, bench.judge_image(&digest, &documents));
        let evidence_key = Known::Image(documents.stamp.clone()).key(snapshot.as_deref());
        let decision = rules.decision(repository, &digest, tag, evidence_key, &judged)?;
        Ok::<_, JudgeError>((judged.0, decision))
    };
    match decided.await {
        Ok((judged, decision)) => {
            app.catalog
                .put_report_and_decision(&report, &decision, &job_key(repository.id, &digest), at)
                .await?;
            Ok(judged)
        }
        Err(error) => {
            app.catalog.put_image_report(&report, at).await?;
            Err(error)
        }
    }
}

/// An artifact is nobody's to judge: it passes, under no policy and without a stored decision.
fn unjudged(app: &App, repository: &Repository, digest: &Digest, tag: Option<&Tag>) -> Judged {
    let subject = Subject {
        repository: repository.name.as_str(),
        tag: tag.map(Tag::as_str),
        digest: Some(digest),
        ..Subject::default()
    };
    let evidence = EvidenceSet::default();
    Judged {
        verdict: decide(&[], &subject, &evidence, app.clock.now(), Door::Pull),
        refuses_pull: false,
        is_artifact: true,
        hold: Duration::ZERO,
    }
}

/// What all parts of one verdict share.
struct Bench<'a> {
    app: &'a App,
    repository: &'a Repository,
    tag: Option<&'a Tag>,
    policies: Vec<&'a Policy>,
    snapshot: Option<&'a Arc<Snapshot>>,
    feeds: Vec<FeedState<'a>>,
    now: Timestamp,
}

impl<'a> Bench<'a> {
    fn new(
        app: &'a App,
        repository: &'a Repository,
        tag: Option<&'a Tag>,
        rules: &'a Rules,
        snapshot: Option<&'a Arc<Snapshot>>,
    ) -> Self {
        Self {
            app,
            repository,
            tag: tag.or(rules.tags.first()),
            policies: rules.policies.iter().map(AsRef::as_ref).collect(),
            snapshot,
            feeds: evidence_of::feed_states(snapshot.map(AsRef::as_ref)),
            now: app.clock.now(),
        }
    }

    /// Judges a manifest, an index together with its children. Returns also what it was judged from.
    async fn judge(&self, digest: &Digest, known: Known) -> Result<(Judged, Known), JudgeError> {
        match known {
            Known::Image(_) => {
                let snapshot = self.snapshot;
                let Some(documents) = evidence_of::read(self.app, digest, snapshot).await? else {
                    return Ok(self.judge_pending(digest, None));
                };
                let judged = self.judge_image(digest, &documents);
                Ok((judged, Known::Image(documents.stamp)))
            }
            Known::Pending { since } => Ok(self.judge_pending(digest, since)),
            Known::Artifact => Ok((
                unjudged(self.app, self.repository, digest, self.tag),
                Known::Artifact,
            )),
            Known::Index(children) => Box::pin(self.judge_index(digest, children)).await,
        }
    }

    fn judge_image(&self, digest: &Digest, documents: &Documents) -> Judged {
        let set = documents.set(&self.feeds);
        let subject = self.subject(digest, documents.platform(), SubjectKind::Image);
        self.decide(&subject, &set)
    }

    fn judge_pending(&self, digest: &Digest, since: Option<Timestamp>) -> (Judged, Known) {
        let set = EvidenceSet {
            pending: true,
            pending_since: since,
            feeds: &self.feeds,
            ..EvidenceSet::default()
        };
        let subject = self.subject(digest, None, SubjectKind::Image);
        (self.decide(&subject, &set), Known::Pending { since })
    }

    async fn judge_index(
        &self,
        digest: &Digest,
        children: Vec<KnownChild>,
    ) -> Result<(Judged, Known), JudgeError> {
        let set = EvidenceSet {
            feeds: &self.feeds,
            ..EvidenceSet::default()
        };
        let own = self.decide(&self.subject(digest, None, SubjectKind::Index), &set);
        let wanted: Vec<&str> = self
            .policies
            .iter()
            .flat_map(|policy| policy.platforms())
            .map(String::as_str)
            .collect();
        let mut verdicts = Vec::new();
        let mut judged_from = Vec::new();
        for child in children {
            let platform = child.platform.clone();
            let platform = platform.unwrap_or_else(|| "unknown platform".to_owned());
            let is_wanted = wanted.is_empty() || wanted.contains(&platform.as_str());
            let (judged, known) = match child.known {
                Some(known) if is_wanted => {
                    let (judged, known) = self.judge(&child.digest, known).await?;
                    (Some(judged), Some(known))
                }
                known => (None, known),
            };
            if is_wanted {
                verdicts.push((platform, judged));
            }
            judged_from.push(KnownChild { known, ..child });
        }
        let some_usable = verdicts
            .iter()
            .any(|(_, judged)| judged.as_ref().is_some_and(|judged| !judged.refuses_pull));
        let children: Vec<IndexChild<'_>> = verdicts
            .iter()
            .map(|(platform, judged)| IndexChild {
                platform,
                verdict: judged.as_ref().map(|judged| &judged.verdict),
            })
            .collect();
        let own_refuses = own.refuses_pull;
        let combined = combine_index(own.verdict, &children);
        let refuses_pull = !combined.verdict.lets_through() && (own_refuses || !some_usable);
        let judged = Judged {
            verdict: combined,
            refuses_pull,
            is_artifact: false,
            hold: Duration::ZERO,
        };
        Ok((judged, Known::Index(judged_from)))
    }

    fn decide(&self, subject: &Subject<'_>, evidence: &EvidenceSet<'_>) -> Judged {
        let verdict = decide(&self.policies, subject, evidence, self.now, Door::Pull);
        Judged {
            refuses_pull: !verdict.verdict.lets_through(),
            is_artifact: false,
            hold: Duration::ZERO,
            verdict,
        }
    }

    fn subject<'b>(
        &'b self,
        digest: &'b Digest,
        platform: Option<&'b str>,
        kind: SubjectKind,
    ) -> Subject<'b> {
        Subject {
            repository: self.repository.name.as_str(),
            tag: self.tag.map(Tag::as_str),
            digest: Some(digest),
            platform,
            kind,
        }
    }
}

impl App {
    /// Returns the address at which people and verdicts reach this server.
    pub(crate) fn base_url(&self) -> String {
        match &self.settings.external_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", self.settings.listen),
        }
    }

    /// Returns the permanent address of a decision.
    fn decision_url(&self, id: Uuid) -> String {
        format!("{}/d/{id}", self.base_url())
    }
}

/// Returns whether a decision waits for evidence.
pub(crate) fn is_pending(verdict: &Verdict) -> bool {
    verdict.verdict == Decision::Pending
}
