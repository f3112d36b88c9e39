//! The audit trail, from the console.

use catalog::{AuditAction, AuditEntry, AuditFilter};
use futures::{Stream, TryStreamExt as _};
use jiff::Timestamp;

use super::{Admin, AdminError};
pub use crate::audit::AuditItem;
use crate::audit::{AuditFormat, is_answerable, lines};

impl Admin {
    /// Returns the latest entries that a filter lets through, latest first.
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<AuditItem>, AdminError> {
        check(filter)?;
        let rows = self.catalog.audit_page(filter, None, limit).await?;
        Ok(rows.into_iter().map(AuditItem::from).collect())
    }

    /// Streams the entries that a filter lets through as lines, latest first; the export is itself an entry.
    pub async fn export_audit(
        &self,
        filter: AuditFilter,
        format: AuditFormat,
        now: Timestamp,
    ) -> Result<impl Stream<Item = Result<String, AdminError>>, AdminError> {
        check(&filter)?;
        let exported = AuditEntry::on(AuditAction::AuditExport, filter.repository.as_deref(), None);
        self.catalog.audit(&exported, &self.actor, now).await?;
        let lines = lines(self.catalog.clone(), filter, format);
        Ok(lines.map_err(AdminError::from))
    }
}

fn check(filter: &AuditFilter) -> Result<(), AdminError> {
    if is_answerable(filter) {
        Ok(())
    } else {
        Err(AdminError::BroadTarget)
    }
}
