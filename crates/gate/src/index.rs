//! The verdict of an image index: the worst of its own rules and its platforms' images.

use std::cmp::Reverse;

use crate::decide::{combine, rank, soften};
use crate::{Decision, Level, Outcome, OutcomeCounts, RuleOutcome, Verdict};

/// One runnable platform of an index.
#[derive(Clone, Copy, Debug)]
pub struct IndexChild<'a> {
    /// The platform: `linux/amd64`.
    pub platform: &'a str,
    /// The verdict of its image; `None` when the index lists it but the image is not there.
    pub verdict: Option<&'a Verdict>,
}

/// Combines the verdict on the index itself with those of its children.
///
/// `own` comes from [`crate::decide()`] with [`crate::SubjectKind::Index`]. `children` are the runnable ones, narrowed to
/// [`crate::Policy::platforms`] where that is not empty; attestation children (`unknown/unknown`) are never runnable.
/// Children that are listed but absent are unknown and refuse where the policy enforces. Without any child there is
/// nothing to run, which is unknown too, unless no policy applies.
///
/// Of a child's rules, those that do not pass are carried over with their platform.
pub fn combine_index(own: Verdict, children: &[IndexChild<'_>]) -> Verdict {
    let mut combined = own;
    let mut answers = vec![(combined.verdict, combined.mode)];
    let is_judged = !combined.policy.is_empty();
    // What is absent concerns every policy that applies, so the strictest of their modes, not the one that spoke.
    let modes = combined.policy.iter().map(|policy| policy.mode);
    let mode = modes.max().unwrap_or(combined.mode);
    for child in children {
        match child.verdict {
            Some(verdict) => {
                answers.push((verdict.verdict, verdict.mode));
                combined.rules.extend(carried(verdict, child.platform));
                combined.valid_until = earliest(combined.valid_until, verdict.valid_until);
                for id in &verdict.inputs.evidence {
                    if !combined.inputs.evidence.contains(id) {
                        combined.inputs.evidence.push(id.clone());
                    }
                }
                let advisories = &verdict.inputs.advisories;
                combined.inputs.advisories =
                    combined.inputs.advisories.or_else(|| advisories.clone());
            }
            None if is_judged => {
                answers.push((soften(Decision::Deny, mode), mode));
                combined.rules.push(absent(
                    child.platform,
                    "the image of this platform is not in the registry",
                ));
            }
            None => {}
        }
    }
    if children.is_empty() && is_judged {
        answers.push((soften(Decision::Deny, mode), mode));
        combined
            .rules
            .push(absent("any", "the index has no image that could run"));
    }
    (combined.verdict, combined.mode) = combine(&answers);
    combined
        .rules
        .sort_by_key(|rule| (rank(rule), Reverse(rule.effect)));
    combined.counts = OutcomeCounts::of(&combined.rules);
    combined
}

fn carried<'a>(verdict: &'a Verdict, platform: &'a str) -> impl Iterator<Item = RuleOutcome> + 'a {
    verdict
        .rules
        .iter()
        .filter(|rule| !matches!(rule.outcome, Outcome::Pass | Outcome::NotApplicable))
        .map(move |rule| RuleOutcome {
            platform: Some(platform.to_owned()),
            ..rule.clone()
        })
}

fn absent(platform: &str, observed: &str) -> RuleOutcome {
    RuleOutcome {
        id: "index/children".to_owned(),
        condition: "index.children".to_owned(),
        title: "Every platform of the index is judged".to_owned(),
        outcome: Outcome::Unknown,
        level: Level::Deny,
        effect: Decision::Deny,
        observed: observed.to_owned(),
        required: "an image for each platform".to_owned(),
        summary: observed.to_owned(),
        since: None,
        evidence: None,
        remediation: Some("push the missing image, or name fewer `platforms`".to_owned()),
        link: None,
        platform: Some(platform.to_owned()),
        waivable: false,
        waiver: None,
        grace: None,
    }
}

fn earliest<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
