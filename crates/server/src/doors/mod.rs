//! The doors: evidence meets policy, and the verdict is stored with its address.
//!
//! [`judge`] is the only way to a verdict on the server. A decision is made once per (manifest, policies) and kept
//! until time or new evidence could change it; a pull of a judged image costs one indexed query.
//!
//! A verdict belongs to a manifest, not to the way it was asked for: by tag, by digest or as a child of an index, the
//! same policies apply, because those of every tag that leads to it are taken together.

pub(crate) mod evidence_of;
pub(crate) mod policies;
pub(crate) mod pull;

use std::sync::Arc;

use catalog::{CatalogError, NewDecision, Repository};
use gate::{
    Decision, Door, IndexChild, Policy, Subject, SubjectKind, Verdict, combine_index, decide,
};
use oci::{Digest, Tag};
use uuid::Uuid;

use crate::app::App;
use evidence_of::{Evidence, evidence_of};

/// Children of an index that are judged.
const MAX_CHILDREN: usize = 100;

/// No verdict could be made. It is never an `allow`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JudgeError {
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
    #[error("stored evidence is not readable")]
    Document(#[from] serde_json::Error),
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
}

impl Judged {
    /// Returns the verdict's sentence, if a client should hear it.
    pub(crate) fn sentence(&self) -> Option<String> {
        self.verdict.speaks().then(|| gate::explain(&self.verdict))
    }
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
    let tags = tags_leading_to(app, repository, digest, tag).await?;
    let applicable = app.policies.applicable(app, repository, &tags).await?;
    let key = decision_key(&applicable);
    let found = evidence_of(app, repository.id, digest).await?;
    if let Some(current) = current(app, repository, digest, &key, &found).await? {
        return Ok(current);
    }

    let verdict = verdict(
        app,
        repository,
        digest,
        tag.or(tags.first()),
        &applicable,
        &found,
    )
    .await?;
    let id = Uuid::now_v7();
    let url = app.decision_url(id);
    let verdict = Judged {
        refuses_pull: verdict.refuses_pull,
        verdict: verdict.verdict.with_address(id.to_string(), url),
    };
    store(app, repository, digest, tag, &key, id, &verdict).await?;
    Ok(verdict)
}

/// The policies as one hash: the same set in the same versions gives the same key.
fn decision_key(policies: &[Arc<Policy>]) -> Digest {
    let mut text = String::from("pull");
    for policy in policies {
        text.push('\n');
        text.push_str(policy.name());
        text.push(' ');
        text.push_str(policy.sha256().as_str());
    }
    Digest::sha256(text.as_bytes())
}

/// All tags that lead to a manifest, directly or through an index: a policy bound to one of them holds however the
/// manifest is asked for.
async fn tags_leading_to(
    app: &App,
    repository: &Repository,
    digest: &Digest,
    asked: Option<&Tag>,
) -> Result<Vec<Tag>, CatalogError> {
    let now = app.clock.now();
    let mut tags = app.catalog.tags_of(repository.id, digest, now).await?;
    for parent in app.catalog.parents(repository.id, digest).await? {
        tags.extend(app.catalog.tags_of(repository.id, &parent, now).await?);
    }
    tags.extend(asked.cloned());
    tags.sort_unstable();
    tags.dedup();
    Ok(tags)
}

/// What a stored decision was made from, beside the document itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct Document {
    #[serde(rename = "evidenceKey")]
    evidence_key: Digest,
    #[serde(rename = "refusesPull")]
    refuses_pull: bool,
    verdict: Verdict,
}

/// Reads a stored decision's verdict.
pub(crate) fn stored_verdict(document: &str) -> Result<Verdict, serde_json::Error> {
    serde_json::from_str::<Document>(document).map(|document| document.verdict)
}

async fn current(
    app: &App,
    repository: &Repository,
    digest: &Digest,
    key: &Digest,
    found: &Evidence,
) -> Result<Option<Judged>, JudgeError> {
    let Some(decision) = app
        .catalog
        .latest_decision(repository.id, digest, key)
        .await?
    else {
        return Ok(None);
    };
    if decision
        .valid_until
        .is_some_and(|until| until <= app.clock.now())
    {
        return Ok(None);
    }
    let document: Document = serde_json::from_str(&decision.document)?;
    if document.evidence_key != found.key() {
        return Ok(None);
    }
    Ok(Some(Judged {
        verdict: document.verdict,
        refuses_pull: document.refuses_pull,
    }))
}

async fn store(
    app: &App,
    repository: &Repository,
    digest: &Digest,
    tag: Option<&Tag>,
    key: &Digest,
    id: Uuid,
    judged: &Judged,
) -> Result<(), JudgeError> {
    let found = evidence_of(app, repository.id, digest).await?;
    let document = Document {
        evidence_key: found.key(),
        refuses_pull: judged.refuses_pull,
        verdict: judged.verdict.clone(),
    };
    let decision = NewDecision {
        id,
        repository: repository.id,
        digest: digest.clone(),
        tag: tag.cloned(),
        door: Door::Pull.as_str().to_owned(),
        policy_sha256: key.clone(),
        verdict: judged.verdict.verdict.as_str().to_owned(),
        loud_rules: judged.verdict.counts.fail
            + judged.verdict.counts.warn
            + judged.verdict.counts.unknown,
        document: serde_json::to_string(&document)?,
        valid_until: judged.verdict.valid_until,
    };
    app.catalog.put_decision(&decision, app.clock.now()).await?;
    Ok(())
}

async fn verdict(
    app: &App,
    repository: &Repository,
    digest: &Digest,
    tag: Option<&Tag>,
    policies: &[Arc<Policy>],
    found: &Evidence,
) -> Result<Judged, JudgeError> {
    let policies: Vec<&Policy> = policies.iter().map(AsRef::as_ref).collect();
    let one = |digest: &Digest, found: &Evidence| {
        let subject = Subject {
            repository: repository.name.as_str(),
            tag: tag.map(Tag::as_str),
            digest: Some(digest),
            platform: found.platform(),
            kind: if matches!(found, Evidence::Index { .. }) {
                SubjectKind::Index
            } else {
                SubjectKind::Image
            },
        };
        let feeds = found.feeds();
        decide(
            &policies,
            &subject,
            &found.set(&feeds),
            app.clock.now(),
            Door::Pull,
        )
    };
    let own = one(digest, found);
    let Evidence::Index { children } = found else {
        let refuses_pull = !own.verdict.lets_through();
        return Ok(Judged {
            verdict: own,
            refuses_pull,
        });
    };

    let wanted: Vec<&str> = policies
        .iter()
        .flat_map(|p| p.platforms())
        .map(String::as_str)
        .collect();
    let own_refuses = !own.verdict.lets_through();
    let mut verdicts = Vec::new();
    for child in children.iter().take(MAX_CHILDREN) {
        let platform = child.platform.as_deref().unwrap_or("unknown platform");
        if !wanted.is_empty() && !wanted.contains(&platform) {
            continue;
        }
        let judged = if child.present {
            let found = evidence_of(app, repository.id, &child.digest).await?;
            Some(one(&child.digest, &found))
        } else {
            None
        };
        verdicts.push((platform, judged));
    }
    let some_usable = verdicts
        .iter()
        .any(|(_, v)| v.as_ref().is_some_and(|v| v.verdict.lets_through()));
    let children: Vec<IndexChild<'_>> = verdicts
        .iter()
        .map(|(platform, verdict)| IndexChild {
            platform,
            verdict: verdict.as_ref(),
        })
        .collect();
    let combined = combine_index(own, &children);
    let refuses_pull = !combined.verdict.lets_through() && (own_refuses || !some_usable);
    Ok(Judged {
        verdict: combined,
        refuses_pull,
    })
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
