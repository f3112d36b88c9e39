//! The sentence of a verdict: one line of ASCII that fits into every client's error text.
//!
//! One template for all doors: who decides what about which image, the worst three rules with observed and required,
//! and the address where everything else stands. All foreign text passes through here, so what is not printable ASCII
//! ends here.

use crate::{Decision, Mode, RuleOutcome, Verdict};

/// The longest sentence, in characters.
pub const MAX_EXPLAIN_CHARS: usize = 300;

/// How many rules the sentence names.
const NAMED: usize = 3;
/// A longer subject is shortened, so that rules keep their place.
const MAX_SUBJECT: usize = 80;
/// Below this room for the sentence, the address is left out.
const MIN_SENTENCE: usize = 120;

/// Returns the sentence of `verdict`: at most [`MAX_EXPLAIN_CHARS`] characters of printable ASCII on one line.
pub fn explain(verdict: &Verdict) -> String {
    let url = verdict
        .url
        .as_deref()
        .map(ascii)
        .filter(|url| !url.is_empty() && url.len() + 1 + MIN_SENTENCE <= MAX_EXPLAIN_CHARS);
    let room = MAX_EXPLAIN_CHARS - url.as_ref().map_or(0, |url| url.len() + 1);
    let mut text = shorten(&sentence(verdict, room), room);
    if let Some(url) = url {
        text.push(' ');
        text.push_str(&url);
    }
    text
}

fn sentence(verdict: &Verdict, room: usize) -> String {
    let faults = faults(verdict);
    let names = policy_names(verdict, &faults);
    let subject = shorten(&ascii(&verdict.subject.name()), MAX_SUBJECT);
    let total = verdict.rules.len();
    let rules = if total == 1 { "rule" } else { "rules" };
    let Some(strictest) = faults.iter().map(|rule| rule.effect).max() else {
        return match verdict.policy.is_empty() {
            true => format!("no policy applies to {subject}."),
            false => format!("{names} allows {subject} ({total} {rules})."),
        };
    };
    let count = format!("{} of {total} {rules}", faults.len());
    let head = match (verdict.verdict, verdict.mode) {
        (Decision::Deny, _) => format!("{names} blocks {subject} ({count}): "),
        (Decision::Pending, _) => format!("pending: {names} waits for {subject} ({count}): "),
        (_, mode) if strictest > Decision::Warn => {
            let why = match (enforced_from(verdict), mode) {
                (Some(day), _) => format!("enforced from {day}, "),
                (None, Mode::Audit | Mode::Warn) => format!("{} mode, ", mode.as_str()),
                // The strictest policy that spoke enforces, but its words are only a warning.
                (None, Mode::Enforce) => String::new(),
            };
            format!("{names} would block {subject} ({why}{count}): ")
        }
        _ => format!("{names} warns about {subject} ({count}): "),
    };
    let several_policies = verdict.policy.len() > 1;
    let named: Vec<_> = faults.iter().take(NAMED).collect();
    let mut text = head;
    for (position, rule) in named.iter().enumerate() {
        // The room that is left is shared evenly; what a short rule does not use goes to the next.
        let left = named.len() - position;
        let share = room.saturating_sub(text.len() + 1) / left;
        text.push_str(&shorten(
            &fault(rule, several_policies),
            share.saturating_sub(2),
        ));
        text.push_str(if left > 1 { "; " } else { "." });
    }
    text
}

/// Returns the rules that made the decision what it is, worst first.
fn faults(verdict: &Verdict) -> Vec<&RuleOutcome> {
    let mut faults: Vec<_> = verdict
        .rules
        .iter()
        .filter(|rule| match verdict.verdict {
            Decision::Deny | Decision::Pending => rule.effect >= Decision::Pending,
            Decision::Warn | Decision::Allow => rule.effect != Decision::Allow,
        })
        .collect();
    faults.sort_by_key(|rule| std::cmp::Reverse(rule.effect));
    faults
}

fn fault(rule: &RuleOutcome, with_policy: bool) -> String {
    let id = match rule.id.split_once('/') {
        Some((_, id)) if !with_policy => id,
        _ => &rule.id,
    };
    let platform = match &rule.platform {
        Some(platform) => format!(" ({platform})"),
        None => String::new(),
    };
    let grace = match &rule.grace {
        Some(grace) => format!(" (tolerated until {})", grace.until.strftime("%Y-%m-%d")),
        None => String::new(),
    };
    ascii(&format!("{id}{platform}: {}{grace}", rule.summary))
}

/// Names the policies whose rules speak, or all if none does.
fn policy_names(verdict: &Verdict, faults: &[&RuleOutcome]) -> String {
    let all = verdict.policy.iter().map(|policy| policy.name.as_str());
    let speaks = |name: &&str| {
        faults.is_empty()
            || faults.iter().any(|rule| {
                rule.id
                    .split_once('/')
                    .is_some_and(|(policy, _)| policy == *name)
            })
    };
    let names: Vec<_> = all.clone().filter(speaks).collect();
    let names = if names.is_empty() {
        all.collect()
    } else {
        names
    };
    match names.as_slice() {
        [] => "policy".to_owned(),
        [one] => (*one).to_owned(),
        [first, second] => format!("{first}, {second}"),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn enforced_from(verdict: &Verdict) -> Option<jiff::civil::Date> {
    verdict
        .policy
        .iter()
        .filter_map(|policy| policy.enforced_from)
        .min()
}

/// Replaces what is not printable ASCII: runs of white space and controls by one space, the rest by `?`.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '!'..='~' => out.push(c),
            c if c.is_whitespace() || c.is_control() => {
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
            _ => out.push('?'),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Shortens ASCII text to `room` characters, marking what was cut.
fn shorten(text: &str, room: usize) -> String {
    const MARK: &str = "...";
    if text.len() <= room {
        return text.to_owned();
    }
    let kept = &text[..room.saturating_sub(MARK.len())];
    format!("{}{MARK}", kept.trim_end())
}
