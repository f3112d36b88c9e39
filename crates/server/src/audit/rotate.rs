//! Old entries leave the table that pages are read from, and stay in exports.
//!
//! An entry moves when it is older than the setting says, or when there are more than it says. It moves into a segment:
//! gzipped lines of JSON in the shape of [`AuditItem`], which is read for ever.

use std::io::{Read as _, Write as _};

use catalog::{AuditFilter, AuditRow, CatalogError, JobResults, Lane};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::SignedDuration;

use super::{AuditItem, json_line};
use crate::app::Shared;
use crate::panics::Lost;
use crate::workers::{ATTEMPTS, JobError, Kind};

/// The kind of the job that moves old entries.
pub(crate) const ROTATE: &str = "audit-rotate";

/// Entries of one segment.
const SEGMENT: u32 = 5_000;
/// A segment is never larger than this; one that is was not written here.
const MAX_SEGMENT: u64 = 256 << 20;

/// Moves what is old.
pub(crate) const ROTATE_JOB: Kind = Kind {
    name: ROTATE,
    lane: Lane::Upkeep,
    max_attempts: ATTEMPTS,
    perform: |app, _| Box::pin(rotate(app)),
};

/// How much of the trail stays where pages are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRules {
    /// For so many days; 0 is for ever.
    pub keep_days: u32,
    /// So many entries, the latest; 0 is all.
    pub keep_entries: u64,
}

impl Default for AuditRules {
    fn default() -> Self {
        Self {
            keep_days: 365,
            keep_entries: 1_000_000,
        }
    }
}

async fn rotate(app: Shared) -> Result<JobResults, JobError> {
    let rules = app.settings.audit;
    let now = app.clock.now();
    let age = SignedDuration::from_hours(24 * i64::from(rules.keep_days));
    let by_age = (rules.keep_days > 0).then(|| now.saturating_sub(age).unwrap_or(now));
    let by_count = match rules.keep_entries {
        0 => None,
        count => app.catalog.audit_beyond(count).await?,
    };
    // The entry at the edge goes too: instants are compared, and several may have one.
    let edge = by_count.map(|at| {
        at.saturating_add(SignedDuration::from_micros(1))
            .unwrap_or(at)
    });
    let Some(before) = by_age.max(edge) else {
        return Ok(JobResults::default());
    };
    loop {
        let rows = app.catalog.audit_before(before, SEGMENT).await?;
        if rows.is_empty() {
            return Ok(JobResults::default());
        }
        let packed = rows.clone();
        let content = tokio::task::spawn_blocking(move || pack(packed)).await;
        let content = content.map_err(|error| JobError::later(Lost::from(error)))?;
        // Whoever was faster goes on with the rest.
        if !app.catalog.archive_audit(&rows, &content).await? {
            return Ok(JobResults::default());
        }
        tracing::info!(
            entries = rows.len(),
            "old entries of the audit trail were packed"
        );
        if app.stop.is_cancelled() {
            return Err(JobError::Stopping);
        }
    }
}

/// Writes entries as a segment.
fn pack(rows: Vec<AuditRow>) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    for row in rows {
        packed
            .write_all(json_line(&row.into()).as_bytes())
            .expect("writing to memory never fails");
    }
    packed.finish().expect("writing to memory never fails")
}

/// Reads a segment; its entries are in their order, oldest first.
///
/// # Errors
/// [`CatalogError::Corrupt`]
pub(super) fn unpack(content: &[u8]) -> Result<Vec<AuditRow>, CatalogError> {
    let damaged = || CatalogError::Corrupt("segment of the audit trail");
    let mut text = String::new();
    let mut lines = GzDecoder::new(content).take(MAX_SEGMENT);
    lines.read_to_string(&mut text).map_err(|_| damaged())?;
    text.lines()
        .map(|line| {
            let item: AuditItem = serde_json::from_str(line).map_err(|_| damaged())?;
            item.into_row().ok_or_else(damaged)
        })
        .collect()
}

/// Returns whether a filter lets an entry through, as the table's own conditions do.
pub(super) fn is_asked_for(filter: &AuditFilter, row: &AuditRow) -> bool {
    let is = |wanted: &Option<String>, found: Option<&str>| {
        let wanted = wanted.as_deref();
        wanted.is_none() || wanted == found
    };
    is(&filter.actor, Some(&row.actor.name))
        && is(&filter.action, Some(&row.action))
        && is(&filter.repository, row.repository.as_deref())
        && is(&filter.namespace, row.namespace.as_deref())
        && is(&filter.target, row.target.as_deref())
        && filter.outcome.is_none_or(|outcome| outcome == row.outcome)
        && filter.from.is_none_or(|from| row.at >= from)
        && filter.to.is_none_or(|to| row.at < to)
}

#[cfg(test)]
mod tests {
    use catalog::AuditOutcome;

    use super::*;

    /// As the first version wrote it.
    const FIRST: &str = r#"{"id":7,"at":"2026-11-24T06:00:00Z","actor":"dev","actingAs":null,"ip":"::1","userAgent":"x","requestId":"r","action":"tag.move","outcome":"success","namespace":"team","repository":"team/app","target":"1","detail":null,"occurrences":1}"#;

    fn first() -> AuditRow {
        let item: AuditItem = serde_json::from_str(FIRST).unwrap();
        item.into_row().unwrap()
    }

    #[test]
    fn what_the_first_version_wrote_is_read() {
        let row = first();
        assert_eq!((row.id, row.action.as_str()), (7, "tag.move"));
        assert_eq!(json_line(&row.into()).trim_end(), FIRST);
    }

    #[test]
    fn a_segment_gives_back_what_was_packed_and_damage_is_an_error() {
        let rows = vec![first(), AuditRow { id: 8, ..first() }];
        let content = pack(rows.clone());
        assert_eq!(unpack(&content).unwrap(), rows);
        assert!(unpack(&content[..content.len() / 2]).is_err());
        assert!(unpack(b"{}").is_err());
    }

    #[test]
    fn a_filter_means_the_same_for_old_entries() {
        let row = first();
        let filter = |field: fn(&mut AuditFilter)| {
            let mut filter = AuditFilter::default();
            field(&mut filter);
            filter
        };
        for (filter, expected) in [
            (AuditFilter::default(), true),
            (filter(|f| f.actor = Some("dev".into())), true),
            (filter(|f| f.actor = Some("de".into())), false),
            (filter(|f| f.action = Some("tag.delete".into())), false),
            (filter(|f| f.repository = Some("team/app".into())), true),
            (filter(|f| f.namespace = Some("tea".into())), false),
            (filter(|f| f.outcome = Some(AuditOutcome::Denied)), false),
            (
                filter(|f| f.from = Some("2026-11-24T06:00:00Z".parse().unwrap())),
                true,
            ),
            (
                filter(|f| f.to = Some("2026-11-24T06:00:00Z".parse().unwrap())),
                false,
            ),
        ] {
            assert_eq!(is_asked_for(&filter, &row), expected, "{filter:?}");
        }
    }
}
