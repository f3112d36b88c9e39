//! `pnpm-lock.yaml`, formats 5 to 9.
//!
//! The key of a package holds its name and version, and behind them the peers it was resolved with:
//! `/@s/b/2.0.0_a@1.0.0`, `/@s/b@2.0.0(a@1.0.0)`, `@s/b@2.0.0`. A package from elsewhere than the registry has an
//! address as key, and its name or version as fields.

use serde_json::Value;

use super::{is_elsewhere, split_at_version};
use crate::document::{self, Unreadable};
use crate::extractor::Notes;
use crate::listing::Listing;

pub(super) fn read(
    content: &[u8],
    listing: &mut Listing,
    notes: &mut Notes,
) -> Result<(), Unreadable> {
    for lock in document::yaml(content)? {
        let is_old = format_of(&lock).is_some_and(|format| format < 6);
        for (key, package) in lock["packages"].as_object().into_iter().flatten() {
            let field = |name: &str| package[name].as_str();
            let (name, version) = split_key(key, is_old);
            let is_local = ["file:", "link:"]
                .iter()
                .any(|local| key.starts_with(local) || version.starts_with(local));
            if is_local {
                continue;
            }
            let version =
                field("version").unwrap_or(if is_elsewhere(version) { "" } else { version });
            listing.add(field("name").unwrap_or(name), version, notes);
        }
    }
    Ok(())
}

/// `5.4`, `'6.0'`.
fn format_of(lock: &Value) -> Option<u32> {
    let format = match &lock["lockfileVersion"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format.split('.').next()?.parse().ok()
}

fn split_key(key: &str, is_old: bool) -> (&str, &str) {
    let key = key.split('(').next().unwrap_or_default();
    // Packages of another registry have its host in front, and may be named by all that follows.
    let key = match key.split_once('/') {
        Some((host, rest)) if host.contains('.') && !host.contains(['@', ':']) => rest,
        _ => key.strip_prefix('/').unwrap_or(key),
    };
    if !is_old {
        return split_at_version(key).unwrap_or((key, ""));
    }
    let scope = if key.starts_with('@') {
        key.find('/').map_or(0, |slash| slash + 1)
    } else {
        0
    };
    let Some(slash) = key[scope..].find('/') else {
        return (key, "");
    };
    let (name, version) = key.split_at(scope + slash);
    (
        name,
        version[1..].split(['_', '/']).next().unwrap_or_default(),
    )
}
