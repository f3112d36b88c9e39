//! What people may write into a webhook.

use catalog::{EndpointSecret, EventFormat, EventKind};
use url::Url;

use crate::notify::signature::{MAX_SECRET, MIN_SECRET};
use crate::outbound::Outbound;
use crate::written::Unacceptable;

const MAX_PATTERNS: usize = 50;
const MAX_PATTERN: usize = 255;
const MAX_NAME: usize = 100;
const MAX_URL: usize = 2_000;

pub(super) fn name(text: String) -> Result<String, Unacceptable> {
    let is_fine = !text.trim().is_empty()
        && text.chars().count() <= MAX_NAME
        && !text.chars().any(char::is_control);
    is_fine
        .then_some(text)
        .ok_or_else(|| Unacceptable::new("`name` is 1 to 100 characters on one line"))
}

pub(super) fn address(outbound: &Outbound, text: &str) -> Result<Url, Unacceptable> {
    if text.len() > MAX_URL {
        return Err(Unacceptable::new("`url` has at most 2000 characters"));
    }
    let url: Url = text
        .parse()
        .map_err(|_| Unacceptable::new("`url` is no address"))?;
    outbound
        .check(&url)
        .map_err(|error| Unacceptable::new(format!("`url`: {error}")))?;
    Ok(url)
}

pub(super) fn secret(text: String) -> Result<EndpointSecret, Unacceptable> {
    let is_fine = (MIN_SECRET..=MAX_SECRET).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    is_fine
        .then(|| EndpointSecret::new(text))
        .ok_or_else(|| Unacceptable::new("`secret` is 16 to 256 printable ASCII characters"))
}

pub(super) fn format(word: &str) -> Result<EventFormat, Unacceptable> {
    EventFormat::parse(word)
        .ok_or_else(|| Unacceptable::new("`format` is `cloudevents` or `slack`"))
}

pub(super) fn kinds(words: &[String]) -> Result<Vec<EventKind>, Unacceptable> {
    let mut kinds = Vec::new();
    for word in words {
        let Some(kind) = EventKind::parse(word) else {
            let known: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            return Err(Unacceptable::new(format!(
                "`events`: there is no kind of that name, there are {}",
                known.join(", ")
            )));
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

pub(super) fn patterns(field: &str, list: Vec<String>) -> Result<Vec<String>, Unacceptable> {
    let is_pattern = |pattern: &String| {
        (1..=MAX_PATTERN).contains(&pattern.len())
            && pattern
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "*./_-".contains(c))
    };
    if list.len() <= MAX_PATTERNS && list.iter().all(is_pattern) {
        Ok(list)
    } else {
        Err(Unacceptable::new(format!(
            "`{field}` are at most {MAX_PATTERNS} patterns of names' characters, `*` and `**`"
        )))
    }
}
