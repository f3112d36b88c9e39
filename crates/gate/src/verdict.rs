//! The answer: one decision, and for each rule what was observed, what is required and what to do.
//!
//! The document is the same at every door. Its hash covers everything but `id`, `door` and `url`, so equal inputs give
//! equal hashes and a verdict can be replayed.

use jiff::Timestamp;
use jiff::civil::Date;
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::canonical::canonical_json;
use crate::{Door, Mode};

/// The decision, ordered from lenient to strict: the strictest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// All rules passed, were waived or do not apply.
    Allow,
    /// Through, with words.
    Warn,
    /// Not yet: evidence is missing but on its way, or infrastructure failed.
    Pending,
    /// Refused.
    Deny,
}

impl Decision {
    /// Returns the word used in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Pending => "pending",
            Self::Deny => "deny",
        }
    }

    /// Returns whether a door lets the subject through.
    pub const fn lets_through(self) -> bool {
        matches!(self, Self::Allow | Self::Warn)
    }
}

/// What a failed rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Words.
    Warn,
    /// Refusal.
    Deny,
}

/// What became of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Observed differs from required.
    Fail,
    /// It cannot be said: evidence is missing, stale, failed or unsupported.
    Unknown,
    /// It fails, but only for findings young enough to be tolerated.
    Grace,
    /// It fails, and somebody took responsibility.
    Waived,
    /// Observed is as required.
    Pass,
    /// The rule has nothing to judge here.
    NotApplicable,
}

/// A tolerated failure's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grace {
    /// The part of the policy that tolerates it: `newFinding`.
    pub kind: String,
    /// The first instant at which the rule fails, if nothing else changes.
    pub until: Timestamp,
}

/// One rule's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleOutcome {
    /// The global name, `policy/rule`.
    pub id: String,
    /// The condition's stable name.
    pub condition: String,
    /// The rule's title: the policy's own words or the catalogue's.
    pub title: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What the rule asks for when it fails.
    pub level: Level,
    /// What the rule contributes to the decision before the policy's mode softens it.
    pub effect: Decision,
    /// What was seen, for people.
    pub observed: String,
    /// What the policy wants, for people.
    pub required: String,
    /// `observed` and `required` in the few words of the explain text.
    pub summary: String,
    /// The day (UTC) since which the cause exists.
    #[serde(default)]
    pub since: Option<Date>,
    /// Where the fact is stored, with the position inside: `/api/v1/evidence/sha256:…#finding-12`.
    #[serde(default)]
    pub evidence: Option<String>,
    /// What to do now.
    #[serde(default)]
    pub remediation: Option<String>,
    /// The policy's own link for this rule.
    #[serde(default)]
    pub link: Option<String>,
    /// The platform whose image this is about, in the verdict of an index.
    #[serde(default)]
    pub platform: Option<String>,
    /// Whether a waiver may ever cover it.
    pub waivable: bool,
    /// The waiver that changed the outcome to `waived`.
    #[serde(default)]
    pub waiver: Option<String>,
    /// The tolerance that changed the outcome to `grace`.
    #[serde(default)]
    pub grace: Option<Grace>,
}

/// How many rules had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeCounts {
    /// Passed.
    pub pass: u32,
    /// Failed at level deny.
    pub fail: u32,
    /// Failed at level warn.
    pub warn: u32,
    /// Could not be said.
    pub unknown: u32,
    /// Tolerated for a time.
    pub grace: u32,
    /// Waived.
    pub waived: u32,
    /// Did not apply.
    pub not_applicable: u32,
}

impl OutcomeCounts {
    /// Counts `rules`.
    pub fn of(rules: &[RuleOutcome]) -> Self {
        let mut counts = Self::default();
        for rule in rules {
            let slot = match (rule.outcome, rule.level) {
                (Outcome::Fail, Level::Deny) => &mut counts.fail,
                (Outcome::Fail, Level::Warn) => &mut counts.warn,
                (Outcome::Unknown, _) => &mut counts.unknown,
                (Outcome::Grace, _) => &mut counts.grace,
                (Outcome::Waived, _) => &mut counts.waived,
                (Outcome::Pass, _) => &mut counts.pass,
                (Outcome::NotApplicable, _) => &mut counts.not_applicable,
            };
            *slot += 1;
        }
        counts
    }
}

/// What the verdict is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictSubject {
    /// The repository.
    pub repository: String,
    /// The tag asked for.
    #[serde(default)]
    pub tag: Option<String>,
    /// The manifest's digest.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// The platform.
    #[serde(default)]
    pub platform: Option<String>,
}

impl VerdictSubject {
    /// Returns the name people use: `payments/api:2.3.7`, else with the short digest, else the repository.
    pub fn name(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => format!("{}:{tag}", self.repository),
            (None, Some(digest)) => format!("{}@{}", self.repository, digest.short()),
            (None, None) => self.repository.clone(),
        }
    }
}

/// A policy that took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRef {
    /// Its name.
    pub name: String,
    /// Its published version; a file has none.
    #[serde(default)]
    pub version: Option<u32>,
    /// The hash of its canonical form.
    pub sha256: String,
    /// The mode in force at this door and instant.
    pub mode: Mode,
    /// The day (UTC) from which it refuses, while it only warns because that day has not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforced_from: Option<Date>,
}

/// What the decision was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The ids of the stored evidence.
    pub evidence: Vec<Digest>,
    /// The advisory snapshot's id.
    #[serde(default)]
    pub advisories: Option<Digest>,
    /// The instant of the decision.
    pub at: Timestamp,
}

/// One verdict: the document that is stored, shown and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The shape's version: 1.
    pub schema_version: u32,
    /// The decision's id; the server gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The decision.
    pub verdict: Decision,
    /// The door that asked.
    pub door: Door,
    /// The strictest mode among the policies that made the decision.
    pub mode: Mode,
    /// What it is about.
    pub subject: VerdictSubject,
    /// The policies that took part, by name.
    pub policy: Vec<PolicyRef>,
    /// What it was made from.
    pub inputs: Inputs,
    /// How many rules had which outcome.
    pub counts: OutcomeCounts,
    /// The rules, worst first.
    pub rules: Vec<RuleOutcome>,
    /// Until when, exclusive, the same inputs give the same document; `None`: time alone changes nothing.
    #[serde(default)]
    pub valid_until: Option<Timestamp>,
    /// Where the decision can be read; the server gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Verdict {
    /// Gives the verdict its permanent address.
    #[must_use]
    pub fn with_address(mut self, id: impl Into<String>, url: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self.url = Some(url.into());
        self
    }

    /// Returns the rules behind the decision, strictest first: those that refuse or hold, where any does, else those
    /// that warn. The sentence, the pages and the lists count the same ones.
    pub fn rules_behind(&self) -> Vec<&RuleOutcome> {
        let effects = self.rules.iter().map(|rule| rule.effect);
        let threshold = match effects.max() {
            Some(Decision::Deny | Decision::Pending) => Decision::Pending,
            _ => Decision::Warn,
        };
        let rules = self.rules.iter();
        let mut behind: Vec<_> = rules.filter(|rule| rule.effect >= threshold).collect();
        behind.sort_by_key(|rule| std::cmp::Reverse(rule.effect));
        behind
    }

    /// Returns whether a client should hear about it: not for `allow`, and not in audit mode.
    pub fn speaks(&self) -> bool {
        self.verdict != Decision::Allow && self.mode != Mode::Audit
    }

    /// Returns the whole document as canonical JSON (RFC 8785).
    pub fn to_canonical_json(&self) -> String {
        canonical_json(&self.to_value())
    }

    /// Returns the hash of the canonical document without `id`, `door` and `url`.
    pub fn sha256(&self) -> Digest {
        let mut value = self.to_value();
        if let Some(document) = value.as_object_mut() {
            for outside in ["id", "door", "url"] {
                document.remove(outside);
            }
        }
        Digest::sha256(canonical_json(&value).as_bytes())
    }

    fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("the document has text keys and no failing serializer")
    }
}
