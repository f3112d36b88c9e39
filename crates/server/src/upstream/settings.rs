//! What administrators write about upstreams and mirrors, checked before it is kept.

use std::time::Duration;

use catalog::{MirrorFilter, UpstreamSettings};
use oci::RepositoryName;
use secrecy::{ExposeSecret as _, SecretString};

use super::{address, patterns};
use crate::outbound::Outbound;
use crate::workers::schedules::next_after;
use crate::written::Unacceptable;

/// How long a tag is served without asking, unless somebody says otherwise.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_mins(10);
const MAX_TTL: Duration = Duration::from_hours(24 * 365);
const MIN_KEEP: Duration = Duration::from_hours(1);
const MAX_KEEP: Duration = Duration::from_hours(24 * 365 * 10);
const MAX_REALMS: usize = 10;
const MAX_SECRET: usize = 16 << 10;

fn no(words: impl Into<String>) -> Unacceptable {
    Unacceptable::new(words)
}

/// An upstream as somebody wrote it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) url: String,
    pub(crate) credential: Option<(String, SecretString)>,
    pub(crate) realms: Vec<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) prefix: String,
    pub(crate) allow: Vec<String>,
    pub(crate) deny: Vec<String>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) keep: Option<Duration>,
    pub(crate) signed_in_read: bool,
}

/// Checks an upstream's name.
pub(crate) fn name(text: &str) -> Result<&str, Unacceptable> {
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_name = starts
        && text.len() <= 64
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.'));
    is_name.then_some(text).ok_or_else(|| {
        no("`name` is 1 to 64 of a-z, 0-9, `-`, `_`, `.`, and starts with a letter or digit")
    })
}

/// Checks what was written about an upstream.
pub(crate) fn upstream(
    written: Written,
    outbound: &Outbound,
) -> Result<UpstreamSettings, Unacceptable> {
    let base = origin("url", &written.url, outbound)?;
    if written.realms.len() > MAX_REALMS {
        return Err(no(format!("`realms` holds at most {MAX_REALMS} addresses")));
    }
    let mut realms = Vec::new();
    for realm in &written.realms {
        realms.push(address::written(&origin("realms", realm, outbound)?));
    }
    realms.extend(address::known_realms(&base));
    realms.sort_unstable();
    realms.dedup();
    if let Some(namespace) = &written.namespace {
        let is_one = namespace.parse::<RepositoryName>().is_ok() && !namespace.contains('/');
        if !is_one {
            return Err(no(
                "`namespace` is one component of a repository name: a-z, 0-9, and single `-`, `_`, `.` between them",
            ));
        }
    }
    if !written.prefix.is_empty() && written.prefix.parse::<RepositoryName>().is_err() {
        return Err(no(
            "`prefix` is the beginning of a repository name, without a slash at its end",
        ));
    }
    pattern_list("allow", &written.allow)?;
    pattern_list("deny", &written.deny)?;
    let ttl = written.ttl.unwrap_or(DEFAULT_TTL);
    if ttl > MAX_TTL {
        return Err(no("`ttlSeconds` is at most a year"));
    }
    if written
        .keep
        .is_some_and(|keep| !(MIN_KEEP..=MAX_KEEP).contains(&keep))
    {
        return Err(no("`keepSeconds` is between an hour and ten years"));
    }
    if let Some((username, secret)) = &written.credential {
        credential(username, secret)?;
    }
    let (username, secret) = written.credential.unzip();
    Ok(UpstreamSettings {
        url: address::written(&base),
        username,
        secret,
        realms,
        namespace: written.namespace,
        prefix: written.prefix,
        allow: written.allow,
        deny: written.deny,
        ttl,
        keep: written.keep,
        signed_in_read: written.signed_in_read,
    })
}

/// An address that may be connected to; plain http only where the operator listed the host.
fn origin(field: &str, text: &str, outbound: &Outbound) -> Result<url::Url, Unacceptable> {
    let base = address::base(text).map_err(|error| no(format!("`{field}`: {error}")))?;
    outbound
        .check(&base)
        .map_err(|error| no(format!("`{field}`: {error}")))?;
    if base.scheme() == "http" && !outbound.is_listed(&base) {
        return Err(no(format!(
            "`{field}`: plain http is for hosts that the setting `outbound_allow` lists, write https"
        )));
    }
    Ok(base)
}

fn credential(username: &str, secret: &SecretString) -> Result<(), Unacceptable> {
    let is_user = (1..=256).contains(&username.len())
        && !username.contains(':')
        && !username.chars().any(char::is_control);
    let secret = secret.expose_secret();
    let is_secret =
        (1..=MAX_SECRET).contains(&secret.len()) && !secret.chars().any(char::is_control);
    if is_user && is_secret {
        Ok(())
    } else {
        Err(no(
            "`credential` has a `username` without colon and a `secret`, both without control characters",
        ))
    }
}

fn pattern_list(field: &str, list: &[String]) -> Result<(), Unacceptable> {
    if list.len() > patterns::MAX_PATTERNS {
        return Err(no(format!(
            "`{field}` holds at most {} patterns",
            patterns::MAX_PATTERNS
        )));
    }
    match list.iter().find(|text| !patterns::is_pattern(text)) {
        None => Ok(()),
        Some(_) => Err(no(format!(
            "`{field}` holds patterns of 1 to 256 characters: `*` is anything but `/`, `**` anything"
        ))),
    }
}

/// Checks what a mirror copies and when.
pub(crate) fn mirror(
    source: &str,
    filter: &MirrorFilter,
    cron: Option<&str>,
    now: jiff::Timestamp,
) -> Result<(), Unacceptable> {
    if source.parse::<RepositoryName>().is_err() {
        return Err(no("`source` is the name of a repository on the upstream"));
    }
    pattern_list("filter.tags", &filter.tags)?;
    pattern_list("filter.exclude", &filter.exclude)?;
    if let Some(cron) = cron {
        next_after(cron, now).map_err(|error| no(format!("`cron`: {error}")))?;
    }
    Ok(())
}
