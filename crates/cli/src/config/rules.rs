//! Settings that belong together, as the server takes them: what is not set is the server's own default.
//!
//! Adding some: a function here, and its call in [`super::ServeConfig`].

use std::time::Duration;

use server::{AuditRules, RegistryRules, VerifyRules};

use super::values::{Leave, Switch};
use super::{ConfigError, Settings};

pub(super) fn audit(settings: &Settings) -> Result<AuditRules, ConfigError> {
    let default = AuditRules::default();
    let days = settings.read("audit_keep_days")?;
    let entries = settings.read("audit_keep_entries")?;
    Ok(AuditRules {
        keep_days: days.unwrap_or(default.keep_days),
        keep_entries: entries.unwrap_or(default.keep_entries),
    })
}

pub(super) fn registry(settings: &Settings) -> Result<RegistryRules, ConfigError> {
    let default = RegistryRules::default();
    let deletion = settings.read("deletion")?;
    let referenced = settings.read("delete_referenced")?;
    let accept_404 = settings.read("accept_404")?;
    Ok(RegistryRules {
        deletion: deletion.map_or(default.deletion, |Switch(is_on)| is_on),
        delete_referenced: referenced.map_or(default.delete_referenced, |Leave(is_given)| is_given),
        accept_404: accept_404.map_or(default.accept_404, |Switch(is_on)| is_on),
        sparse: settings.read("sparse")?.unwrap_or(default.sparse),
        max_blob_bytes: settings
            .read("max_blob_bytes")?
            .unwrap_or(default.max_blob_bytes),
        chunk_min_bytes: settings
            .read("chunk_min_bytes")?
            .unwrap_or(default.chunk_min_bytes),
        max_requests: settings
            .read("max_requests")?
            .unwrap_or(default.max_requests),
    })
}

pub(super) fn verify(settings: &Settings) -> Result<VerifyRules, ConfigError> {
    let default = VerifyRules::default();
    let days = settings.read::<u16>("verify_days")?;
    Ok(VerifyRules {
        bytes_per_second: settings
            .read("verify_rate")?
            .unwrap_or(default.bytes_per_second),
        every: days.map_or(default.every, |days| {
            Duration::from_hours(24 * u64::from(days))
        }),
    })
}
