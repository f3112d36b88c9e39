//! The decision: every rule of every policy that applies, judged, sorted and combined.

use evidence::Severity;
use jiff::Timestamp;
use oci::Digest;

use crate::condition::{Case, Findings, Judgement, Place};
use crate::policy::{OnMissing, Policy, Rule};
use crate::{
    Decision, Door, EvidenceSet, Grace, Inputs, Level, Mode, Outcome, OutcomeCounts, RuleOutcome,
    Subject, SubjectKind, Verdict, VerdictSubject,
};

/// The longest text about one rule; a page or a database row has room for it, and no honest one comes near.
const MAX_OBSERVED_CHARS: usize = 1_000;

/// Judges `subject` by `policies` at the instant `now`.
///
/// `policies` are those that apply ([`Policy::applies_to`]); all of them count and the strictest wins. With none, the
/// verdict is `allow` and names no policy: choosing a default is the caller's, see [`crate::starter_policy`].
///
/// Any instant before the verdict's `valid_until` gives the same document but for `inputs.at`.
pub fn decide(
    policies: &[&Policy],
    subject: &Subject<'_>,
    evidence: &EvidenceSet<'_>,
    now: Timestamp,
    door: Door,
) -> Verdict {
    let mut policies = policies.to_vec();
    policies.sort_by_key(|policy| policy.name());
    let findings = evidence.matches.map(Findings::new);
    let mut clock = Clock { now, next: None };
    let mut judged = Vec::new();
    let mut answers = Vec::new();
    let mut references = Vec::new();
    for policy in policies {
        let case = Case {
            subject,
            evidence,
            findings: findings.as_ref(),
            grace: policy.grace(),
            now,
        };
        let mut reference = policy.reference();
        let mode = mode_now(policy, door, &mut clock);
        reference.mode = mode;
        if mode < policy.mode_at(door) {
            reference.enforced_from = policy.effective_on();
        }
        references.push(reference);
        let mut strictest = Decision::Allow;
        for rule in &policy.rules {
            let (severity, outcome) = judge(policy, rule, &case, &mut clock);
            strictest = strictest.max(outcome.effect);
            judged.push((severity, outcome));
        }
        answers.push((soften(strictest, mode), mode));
    }
    judged.sort_by_key(|(severity, rule)| (rank(rule), std::cmp::Reverse(*severity)));
    let rules: Vec<_> = judged.into_iter().map(|(_, rule)| rule).collect();
    let (verdict, mode) = combine(&answers);
    Verdict {
        schema_version: 1,
        id: None,
        verdict,
        door,
        mode,
        subject: VerdictSubject {
            repository: subject.repository.to_owned(),
            tag: subject.tag.map(str::to_owned),
            digest: subject.digest.cloned(),
            platform: subject.platform.map(str::to_owned),
        },
        policy: references,
        inputs: Inputs {
            evidence: [evidence.inventory_id, evidence.matches_id]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            advisories: evidence.matches.map(|matches| matches.snapshot.id.clone()),
            at: now,
        },
        counts: OutcomeCounts::of(&rules),
        rules,
        valid_until: clock.next,
        url: None,
    }
}

/// The instant of the decision, and the earliest later one at which something changes.
struct Clock {
    now: Timestamp,
    next: Option<Timestamp>,
}

impl Clock {
    fn changes_at(&mut self, instant: Timestamp) {
        if instant > self.now {
            self.next = Some(self.next.map_or(instant, |known| known.min(instant)));
        }
    }
}

/// Returns the mode in force: before its day a policy warns at most.
fn mode_now(policy: &Policy, door: Door, clock: &mut Clock) -> Mode {
    let mode = policy.mode_at(door);
    match policy.effective_from() {
        Some(from) if mode == Mode::Enforce && clock.now < from => {
            clock.changes_at(from);
            Mode::Warn
        }
        _ => mode,
    }
}

/// Judges one rule.
fn judge(
    policy: &Policy,
    rule: &Rule,
    case: &Case<'_>,
    clock: &mut Clock,
) -> (Severity, RuleOutcome) {
    let judgement = match not_applicable(rule, case.subject) {
        Some(why) => Judgement::new(Outcome::NotApplicable, why),
        None => rule
            .condition
            .judge(case)
            .unwrap_or_else(|missing| case.missing(missing)),
    };
    if let Some(instant) = judgement.changes_at {
        clock.changes_at(instant);
    }
    let mut observed = bounded(judgement.observed);
    let required = rule.condition.required();
    let is_fault = matches!(
        judgement.outcome,
        Outcome::Fail | Outcome::Unknown | Outcome::Grace
    );
    let mut summary = match judgement.summary {
        Some(summary) if is_fault => bounded(summary),
        None if is_fault => format!("{observed}, needs {required}"),
        _ => observed.clone(),
    };
    let mut effect = effect(rule, judgement.outcome, case.evidence);
    if effect == Decision::Pending
        && let (Some(max_age), Some(since)) =
            (policy.pending_max_age(), case.evidence.pending_since)
    {
        let end = max_age.after(since);
        clock.changes_at(end);
        if end <= clock.now {
            effect = Decision::Deny;
            let timeout = format!("; evidence.timeout: not there after {}", max_age.as_str());
            observed.push_str(&timeout);
            summary.push_str(&timeout);
        }
    }
    let remediation = match &rule.remediation {
        Some(own_words) if is_fault => Some(own_words.clone()),
        _ => judgement.remediation,
    };
    let outcome = RuleOutcome {
        id: format!("{}/{}", policy.name(), rule.id),
        condition: rule.info.name.to_owned(),
        title: rule
            .title
            .clone()
            .unwrap_or_else(|| rule.info.summary.trim_end_matches('.').to_owned()),
        outcome: judgement.outcome,
        level: rule.level,
        effect,
        observed,
        required,
        summary,
        since: judgement
            .since
            .map(|instant| instant.to_zoned_datetime(jiff::tz::TimeZone::UTC).date()),
        evidence: judgement
            .place
            .and_then(|place| address(place, case.evidence)),
        remediation,
        link: rule.link.clone(),
        platform: None,
        waivable: rule.info.waivable,
        waiver: None,
        grace: judgement.grace_until.map(|until| Grace {
            kind: "newFinding".to_owned(),
            until,
        }),
    };
    (judgement.severity, outcome)
}

/// Bounds what a condition quotes: names in an image are foreign text of any length.
fn bounded(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_OBSERVED_CHARS) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// Says why a rule has nothing to judge here, if it has not.
fn not_applicable(rule: &Rule, subject: &Subject<'_>) -> Option<String> {
    if subject.kind == SubjectKind::Index && !rule.info.judged_on_index {
        return Some("judged on each platform's image".to_owned());
    }
    match subject.platform {
        Some(platform) if !rule.platforms.is_empty() => {
            let is_named = rule.platforms.iter().any(|named| named == platform);
            (!is_named).then(|| format!("not for {platform}"))
        }
        _ => None,
    }
}

/// Returns what a rule contributes, before its policy's mode.
fn effect(rule: &Rule, outcome: Outcome, evidence: &EvidenceSet<'_>) -> Decision {
    match outcome {
        Outcome::Pass | Outcome::NotApplicable | Outcome::Waived => Decision::Allow,
        Outcome::Grace => Decision::Warn,
        Outcome::Fail => match rule.level {
            Level::Deny => Decision::Deny,
            Level::Warn => Decision::Warn,
        },
        Outcome::Unknown => match rule.on_missing {
            Some(OnMissing::Pending) => Decision::Pending,
            Some(OnMissing::Warn) => Decision::Warn,
            Some(OnMissing::Skip) => Decision::Allow,
            // What a warning demands never refuses, not even by being unknown.
            None if rule.level == Level::Warn => Decision::Warn,
            None if evidence.pending && evidence.unsupported.is_none() => Decision::Pending,
            Some(OnMissing::Deny) | None => Decision::Deny,
        },
    }
}

/// Applies the mode: only an enforcing policy refuses or delays.
pub(crate) fn soften(decision: Decision, mode: Mode) -> Decision {
    match mode {
        Mode::Enforce => decision,
        Mode::Audit | Mode::Warn => decision.min(Decision::Warn),
    }
}

/// Returns the strictest decision and the strictest mode among those who made it.
pub(crate) fn combine(answers: &[(Decision, Mode)]) -> (Decision, Mode) {
    answers
        .iter()
        .copied()
        .max()
        .unwrap_or((Decision::Allow, Mode::Audit))
}

/// Returns the order of rules in a verdict: fail, unknown, warn, grace, waived, pass, not applicable.
pub(crate) fn rank(rule: &RuleOutcome) -> u8 {
    match (rule.outcome, rule.level) {
        (Outcome::Fail, Level::Deny) => 0,
        (Outcome::Unknown, _) => 1,
        (Outcome::Fail, Level::Warn) => 2,
        (Outcome::Grace, _) => 3,
        (Outcome::Waived, _) => 4,
        (Outcome::Pass, _) => 5,
        (Outcome::NotApplicable, _) => 6,
    }
}

/// Returns the address of a fact, if the evidence it stands in is stored.
fn address(place: Place, evidence: &EvidenceSet<'_>) -> Option<String> {
    let link = |id: Option<&Digest>| id.map(|id| format!("/api/v1/evidence/{id}"));
    match place {
        Place::Inventory => link(evidence.inventory_id),
        Place::Matches => link(evidence.matches_id),
        Place::Finding(position) => {
            link(evidence.matches_id).map(|link| format!("{link}#finding-{position}"))
        }
    }
}
