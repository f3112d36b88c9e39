//! The audit trail as it leaves the house: one entry as JSON or as a line of CSV.
//!
//! Entries hold what clients sent: names, tags, user agents. In JSON they are escaped; in CSV a field that a
//! spreadsheet would take for a formula gets an apostrophe in front, and line breaks become spaces.

pub(crate) mod export;
pub(crate) mod rotate;
mod stream;

use catalog::{Actor, AuditFilter, AuditOutcome, AuditRow, Catalog, CatalogError, Principal, Role};
use jiff::Timestamp;
use oci::RepositoryName;
pub use rotate::AuditRules;
use serde::{Deserialize, Serialize};
pub use stream::AuditFormat;
pub(crate) use stream::lines;
use utoipa::ToSchema;

/// The first line of an export as CSV.
pub(crate) const CSV_HEAD: &str = "id,at,actor,actingAs,ip,userAgent,requestId,action,outcome,namespace,repository,target,detail,occurrences\r\n";

/// An entry as it is shown, and as packed segments hold it: a field may come, none may go or change.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditItem {
    id: i64,
    at: Timestamp,
    /// Who acted; `system` for the server itself.
    actor: String,
    /// On whose behalf, if not its own.
    acting_as: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    /// The request's id in the log.
    request_id: Option<String>,
    action: String,
    /// `success`, `failure` or `denied`.
    outcome: String,
    namespace: Option<String>,
    repository: Option<String>,
    /// On what: a tag, a digest, a name.
    target: Option<String>,
    /// More, in words or JSON.
    detail: Option<String>,
    /// How often: refusals of one kind are counted on one entry.
    occurrences: i64,
}

impl From<AuditRow> for AuditItem {
    fn from(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            actor: row.actor.name,
            acting_as: row.actor.acting_as,
            ip: row.actor.ip,
            user_agent: row.actor.user_agent,
            request_id: row.actor.request_id,
            action: row.action,
            outcome: row.outcome.as_str().to_owned(),
            namespace: row.namespace,
            repository: row.repository,
            target: row.target,
            detail: row.detail,
            occurrences: row.occurrences,
        }
    }
}

impl AuditItem {
    /// Returns the row that this shows; nothing if no version had such an outcome.
    fn into_row(self) -> Option<AuditRow> {
        Some(AuditRow {
            id: self.id,
            at: self.at,
            actor: Actor {
                name: self.actor,
                ip: self.ip,
                request_id: self.request_id,
                user_agent: self.user_agent,
                acting_as: self.acting_as,
            },
            outcome: AuditOutcome::parse(&self.outcome)?,
            action: self.action,
            namespace: self.namespace,
            repository: self.repository,
            target: self.target,
            detail: self.detail,
            occurrences: self.occurrences,
        })
    }
}

/// Returns whether an index answers: a target alone would read the whole trail.
pub(crate) fn is_answerable(filter: &AuditFilter) -> bool {
    filter.target.is_none()
        || filter.actor.is_some()
        || filter.action.is_some()
        || filter.repository.is_some()
        || filter.namespace.is_some()
}

/// Returns whether somebody may see what a filter lets through: superusers everything, owners of a namespace what
/// happened in it, administrators of a repository what happened there.
pub(crate) async fn may_see(
    catalog: &Catalog,
    principal: &Principal,
    filter: &AuditFilter,
) -> Result<bool, CatalogError> {
    if principal.superuser {
        return Ok(true);
    }
    if let Some(namespace) = &filter.namespace
        && catalog.owns_namespace(namespace, principal).await?
    {
        return Ok(true);
    }
    let name = filter
        .repository
        .as_deref()
        .map(str::parse::<RepositoryName>);
    let Some(Ok(name)) = name else {
        return Ok(false);
    };
    let Some(repository) = catalog.repository(&name).await? else {
        return Ok(false);
    };
    Ok(catalog.role_of(repository.id, principal).await? == Some(Role::Admin))
}

/// Writes an entry as one line of JSON.
pub(crate) fn json_line(item: &AuditItem) -> String {
    let mut line = serde_json::to_string(item).expect("texts and numbers");
    line.push('\n');
    line
}

/// Writes an entry as one line of CSV.
///
/// # Source
/// RFC 4180. OWASP, "CSV injection": what begins with `=`, `+`, `-`, `@`, tab or carriage return is a formula.
pub(crate) fn csv_line(item: &AuditItem) -> String {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let fields = [
        item.id.to_string(),
        item.at.to_string(),
        item.actor.clone(),
        optional(&item.acting_as),
        optional(&item.ip),
        optional(&item.user_agent),
        optional(&item.request_id),
        item.action.clone(),
        item.outcome.clone(),
        optional(&item.namespace),
        optional(&item.repository),
        optional(&item.target),
        optional(&item.detail),
        item.occurrences.to_string(),
    ];
    let fields: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
    format!("{}\r\n", fields.join(","))
}

fn csv_field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if is_formula { "'" } else { "" };
    let line = text.replace(char::is_control, " ");
    let needs_quotes = line.contains([',', '"']) || line.starts_with(' ') || line.ends_with(' ');
    if needs_quotes {
        format!("\"{guard}{}\"", line.replace('"', "\"\""))
    } else {
        format!("{guard}{line}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_no_formula_and_no_second_line() {
        for (text, field) in [
            ("plain", "plain"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1,2", "\"'+1,2\""),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"' =1\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\nb", "a  b"),
            ("", ""),
        ] {
            assert_eq!(csv_field(text), field, "{text:?}");
        }
    }
}
