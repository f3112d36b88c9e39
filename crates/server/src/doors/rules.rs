//! What a verdict is made under, and how it is stored: the policies that apply, and the decision there is already.
//!
//! What it does not do: it does not decide. That is the gate's, on the evidence that [`super::evidence_of`] reads.

use std::sync::Arc;
use std::time::Duration;

use catalog::{NewDecision, Repository, VerdictGrounds};
use gate::{Door, Policy, Verdict};
use jiff::Timestamp;
use oci::{Digest, Tag};
use uuid::Uuid;

use super::{JudgeError, Judged};
use crate::app::App;

/// Manifests looked at on the way from one to the tags above it.
const MAX_HOLDERS: usize = 100;

/// What a verdict on a manifest is made under.
pub(super) struct Rules {
    /// All tags that lead to it, directly or through indexes: a policy bound to one of them holds however the manifest
    /// is asked for.
    pub(super) tags: Vec<Tag>,
    pub(super) policies: Vec<Arc<Policy>>,
    /// The policies as one hash: the same set in the same versions gives the same.
    key: Digest,
    /// How long a pull waits while the verdict is pending.
    hold: Duration,
    /// The decision that lists show now, whatever policies made it: what the door says and what the page shows is one.
    latest: Option<catalog::Decision>,
}

/// A verdict with its address, and the id in it.
pub(super) struct Addressed(pub(super) Judged, Uuid);

impl Rules {
    pub(super) async fn of(
        app: &App,
        repository: &Repository,
        digest: &Digest,
        asked: Option<&Tag>,
    ) -> Result<Self, JudgeError> {
        let now = app.clock.now();
        let grounds = app
            .catalog
            .verdict_grounds(repository.id, digest, now)
            .await?;
        Self::from_grounds(app, repository, digest, asked, grounds).await
    }

    /// Makes the rules from grounds that were read before. What has changed since is seen by the next who asks: the
    /// decision is stored with what it was made under.
    pub(super) async fn from_grounds(
        app: &App,
        repository: &Repository,
        digest: &Digest,
        asked: Option<&Tag>,
        grounds: VerdictGrounds,
    ) -> Result<Self, JudgeError> {
        let now = app.clock.now();
        let mut tags = grounds.tags;
        tags.extend(asked.cloned());
        let mut seen = grounds.parents;
        seen.truncate(MAX_HOLDERS);
        let mut next = 0;
        while let Some(holder) = seen.get(next).cloned() {
            next += 1;
            tags.extend(app.catalog.tags_of(repository.id, &holder, now).await?);
            for parent in app.catalog.parents(repository.id, &holder).await? {
                let is_new = parent != *digest && !seen.contains(&parent);
                if is_new && seen.len() < MAX_HOLDERS {
                    seen.push(parent);
                }
            }
        }
        tags.sort_unstable();
        tags.dedup();
        let policies = app
            .policies
            .applicable(&grounds.policies, repository, &tags)?;
        let hold_secs = policies.iter().map(|policy| policy.pending_hold_secs());
        Ok(Self {
            hold: Duration::from_secs(hold_secs.max().unwrap_or_default().into()),
            key: hash_of(&policies),
            tags,
            policies,
            latest: grounds.decision,
        })
    }

    /// Returns the stored verdict, if it was made under these policies from this evidence and its time has not come.
    pub(super) fn current(&self, evidence_key: &Digest, now: Timestamp) -> Option<Judged> {
        let decision = self.latest.as_ref()?;
        let is_over = decision.valid_until.is_some_and(|until| until <= now);
        if is_over || decision.policy_sha256 != self.key {
            return None;
        }
        // A document of another version is not an error, only of no use.
        let document = serde_json::from_str::<Document>(&decision.document).ok()?;
        (document.evidence_key == *evidence_key).then_some(Judged {
            verdict: document.verdict,
            refuses_pull: document.refuses_pull,
            is_artifact: false,
            hold: self.hold,
        })
    }

    pub(super) fn addressed(&self, app: &App, judged: Judged) -> Addressed {
        let id = Uuid::now_v7();
        let url = app.decision_url(id);
        let judged = Judged {
            is_artifact: false,
            hold: self.hold,
            verdict: judged.verdict.with_address(id.to_string(), url),
            ..judged
        };
        Addressed(judged, id)
    }

    /// Returns the row that stores a verdict.
    pub(super) fn decision(
        &self,
        repository: &Repository,
        digest: &Digest,
        tag: Option<&Tag>,
        evidence_key: Digest,
        Addressed(judged, id): &Addressed,
    ) -> Result<NewDecision, JudgeError> {
        let document = Document {
            evidence_key,
            refuses_pull: judged.refuses_pull,
            verdict: judged.verdict.clone(),
        };
        Ok(NewDecision {
            id: *id,
            repository: repository.id,
            digest: digest.clone(),
            tag: tag.cloned(),
            door: Door::Pull.as_str().to_owned(),
            policy_sha256: self.key.clone(),
            verdict: judged.verdict.verdict.as_str().to_owned(),
            loud_rules: u32::try_from(judged.verdict.rules_behind().len()).unwrap_or(u32::MAX),
            document: serde_json::to_string(&document)?,
            valid_until: judged.verdict.valid_until,
        })
    }
}

fn hash_of(policies: &[Arc<Policy>]) -> Digest {
    let mut text = String::from("pull");
    for policy in policies {
        text.push('\n');
        text.push_str(policy.name());
        text.push(' ');
        text.push_str(policy.sha256().as_str());
    }
    Digest::sha256(text.as_bytes())
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
