//! The sentence of a verdict: one line of ASCII that fits into every client's error text.
//!
//! One template for all doors: who decides what about which image, the worst three rules with observed and required,
//! and the address where everything else stands. All foreign text passes through here, so what is not printable ASCII
//! ends here.

use crate::{Decision, PolicyRef, RuleOutcome, Verdict};

/// The longest sentence, in characters.
pub const MAX_EXPLAIN_CHARS: usize = 300;

/// How many rules the sentence names.
const NAMED: usize = 3;
/// What stands between them.
const SEPARATOR: &str = "; ";
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
    let faults = verdict.rules_behind();
    let policies = speaking_policies(verdict, &faults);
    let names = names(&policies);
    let verb = |one: &'static str, many| if policies.len() == 1 { one } else { many };
    let subject = shorten(&ascii(&verdict.subject.name()), MAX_SUBJECT);
    let total = verdict.rules.len();
    let rules = if total == 1 { "rule" } else { "rules" };
    let Some(strictest) = faults.iter().map(|rule| rule.effect).max() else {
        return if verdict.policy.is_empty() {
            format!("no policy applies to {subject}.")
        } else {
            let allows = verb("allows", "allow");
            format!("{names} {allows} {subject} ({total} {rules}).")
        };
    };
    let count = format!("{} of {total} {rules}", faults.len());
    let head = match verdict.verdict {
        Decision::Deny => {
            let blocks = verb("blocks", "block");
            format!("{names} {blocks} {subject} ({count}): ")
        }
        Decision::Pending => {
            let waits = verb("waits", "wait");
            format!("pending: {names} {waits} for {subject} ({count}): ")
        }
        _ if strictest > Decision::Warn => {
            let why = softened_by(verdict, &policies);
            format!("{names} would block {subject} ({why}, {count}): ")
        }
        _ => {
            let warns = verb("warns", "warn");
            format!("{names} {warns} about {subject} ({count}): ")
        }
    };
    let causes = causes(&faults, verdict.policy.len() > 1);
    let separators = causes.len() * SEPARATOR.len();
    let causes = fit(&causes, room.saturating_sub(head.len() + separators));
    format!("{head}{}.", causes.join(SEPARATOR))
}

/// Returns the words for the worst rules. Those that say the same are named together.
fn causes(faults: &[&RuleOutcome], with_policy: bool) -> Vec<String> {
    let mut causes: Vec<(String, String)> = Vec::new();
    for rule in faults.iter().take(NAMED) {
        let id = match rule.id.split_once('/') {
            Some((_, id)) if !with_policy => id,
            _ => &rule.id,
        };
        let name = match &rule.platform {
            Some(platform) => format!("{id} ({platform})"),
            None => id.to_owned(),
        };
        let what = match &rule.grace {
            Some(grace) => {
                let day = grace.until.strftime("%Y-%m-%d");
                format!("{} (tolerated until {day})", rule.summary)
            }
            None => rule.summary.clone(),
        };
        match causes.iter_mut().find(|(_, known)| *known == what) {
            Some((names, _)) => {
                names.push_str(", ");
                names.push_str(&name);
            }
            None => causes.push((name, what)),
        }
    }
    causes
        .into_iter()
        .map(|(names, what)| ascii(&format!("{names}: {what}")))
        .collect()
}

/// Shortens the longest of `texts` until all fit into `room`: each may have an even share, and what a short one leaves
/// goes to the others.
fn fit(texts: &[String], room: usize) -> Vec<String> {
    let mut by_length: Vec<_> = texts.iter().map(String::len).collect();
    by_length.sort_unstable();
    let mut left = room;
    let mut limit = room;
    for (position, length) in by_length.iter().enumerate() {
        let share = left / (texts.len() - position);
        if *length > share {
            limit = share;
            break;
        }
        left -= length;
    }
    texts.iter().map(|text| shorten(text, limit)).collect()
}

/// Returns the policies whose rules speak, or all if none does.
fn speaking_policies<'a>(verdict: &'a Verdict, faults: &[&RuleOutcome]) -> Vec<&'a PolicyRef> {
    let speaks = |policy: &&PolicyRef| {
        faults.iter().any(|rule| {
            rule.id
                .split_once('/')
                .is_some_and(|(name, _)| name == policy.name)
        })
    };
    let speaking: Vec<_> = verdict.policy.iter().filter(speaks).collect();
    if speaking.is_empty() {
        // Nothing failed, or only the index's own demands, which belong to all.
        return verdict.policy.iter().collect();
    }
    speaking
}

fn names(policies: &[&PolicyRef]) -> String {
    match policies {
        [] => "policy".to_owned(),
        [one] => one.name.clone(),
        [first, second] => format!("{} and {}", first.name, second.name),
        [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
    }
}

/// Says why a refusal is only words: the day or the mode of the policy that speaks.
fn softened_by(verdict: &Verdict, policies: &[&PolicyRef]) -> String {
    match policies
        .first()
        .map(|policy| (policy.enforced_from, policy.mode))
    {
        Some((Some(day), _)) => format!("enforced from {day}"),
        Some((None, mode)) => format!("{} mode", mode.as_str()),
        None => format!("{} mode", verdict.mode.as_str()),
    }
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
