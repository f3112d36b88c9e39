//! Roles on patterns of repositories, `acme/web-*`: they hold for every repository whose name matches, also for those
//! that do not exist yet.
//!
//! A pattern belongs to a namespace, its first component; one that begins with a wildcard belongs to nobody but
//! superusers. The grammar is [`RepositoryPattern`]'s; the row holds it as a `LIKE` and a number of slashes.

use jiff::Timestamp;
use oci::RepositoryPattern;
use sqlx::any::AnyRow;

use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError, Role, Subject, SubjectId};

/// The namespace of patterns that begin with a wildcard. No account has this name.
pub const ANY_NAMESPACE: &str = "*";

/// One subject's role on a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternPermission {
    /// The pattern.
    pub pattern: RepositoryPattern,
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub role: Role,
    /// Who gave it, by name.
    pub granted_by: String,
    /// When.
    pub granted_at: Timestamp,
}

statements! {
    GRANT = "INSERT INTO pattern_permission
            (namespace, pattern, name_like, slashes, subject_kind, subject_id, role, granted_by, granted_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (pattern, subject_kind, subject_id)
        DO UPDATE SET role = excluded.role, granted_by = excluded.granted_by, granted_at = excluded.granted_at";
    REVOKE = "DELETE FROM pattern_permission WHERE pattern = $1 AND subject_kind = $2 AND subject_id = $3";
    LIST = "SELECT g.*, COALESCE(a.name, r.name, o.name || '/' || t.name) AS name FROM pattern_permission g
        LEFT JOIN account a ON g.subject_kind = 'account' AND a.id = g.subject_id
        LEFT JOIN robot r ON g.subject_kind = 'robot' AND r.id = g.subject_id
        LEFT JOIN team t ON g.subject_kind = 'team' AND t.id = g.subject_id
        LEFT JOIN account o ON o.id = t.org_id
        WHERE g.namespace = $1 AND COALESCE(a.name, r.name, t.name) IS NOT NULL
        ORDER BY g.pattern, name";
}

impl Catalog {
    /// Gives a role on a pattern, replacing an earlier one.
    pub async fn grant_pattern(
        &self,
        pattern: &RepositoryPattern,
        subject: impl TryInto<Subject, Error = CatalogError>,
        role: Role,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let subject = subject.try_into()?;
        let slashes = pattern.slashes().map(|n| i64::try_from(n).unwrap_or(0));
        let mut tx = self.begin().await?;
        self.dialect
            .query(GRANT)
            .bind(pattern.namespace().unwrap_or(ANY_NAMESPACE).to_owned())
            .bind(pattern.to_string())
            .bind(pattern.like())
            .bind(slashes)
            .bind(subject.id.kind())
            .bind(subject.id.number())
            .bind(role.as_str())
            .bind(by.name.clone())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        let entry = AuditEntry {
            detail: Some(role.as_str()),
            ..AuditEntry::on(
                AuditAction::Grant,
                Some(pattern.as_str()),
                Some(&subject.name),
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a role on a pattern away and ends the subject's tokens. Returns whether there was one.
    pub async fn revoke_pattern(
        &self,
        pattern: &RepositoryPattern,
        subject: impl TryInto<Subject, Error = CatalogError>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let subject = subject.try_into()?;
        let mut tx = self.begin().await?;
        let removed = self
            .dialect
            .query(REVOKE)
            .bind(pattern.to_string())
            .bind(subject.id.kind())
            .bind(subject.id.number())
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        self.end_subjects_tokens_in(&mut tx, subject.id).await?;
        let entry = AuditEntry::on(
            AuditAction::Revoke,
            Some(pattern.as_str()),
            Some(&subject.name),
        );
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lists the roles on a namespace's patterns, by pattern and name; [`ANY_NAMESPACE`] lists those of no namespace.
    pub async fn pattern_permissions(
        &self,
        namespace: &str,
    ) -> Result<Vec<PatternPermission>, CatalogError> {
        let query = self.dialect.query(LIST).bind(namespace.to_owned());
        all(query.fetch_all(&self.reader).await?, |row| {
            read_pattern(&row)
        })
    }
}

fn read_pattern(row: &AnyRow) -> Result<PatternPermission, CatalogError> {
    Ok(PatternPermission {
        pattern: row
            .text("pattern")?
            .parse()
            .map_err(|_| CatalogError::Corrupt("pattern"))?,
        subject: Subject {
            id: SubjectId::read(row, "subject_kind", "subject_id")?,
            name: row.text("name")?,
        },
        role: crate::permissions::read_role(row)?,
        granted_by: row.text("granted_by")?,
        granted_at: row.time("granted_at")?,
    })
}
