//! Who may do what in a repository.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use oci::RepositoryName;
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Principal, PrincipalId, RepositoryId,
    Subject, SubjectId,
};

/// A right on a repository; each contains the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Pull.
    Read,
    /// Pull and push.
    Write,
    /// Everything, including deletion and permissions.
    Admin,
}

impl Role {
    /// Returns what the creator of a repository has in it: a person everything, a robot what it needs to push.
    pub const fn of_creator(creator: &Principal) -> Self {
        match creator.id {
            PrincipalId::Account(_) => Self::Admin,
            PrincipalId::Robot(_) | PrincipalId::Anonymous => Self::Write,
        }
    }

    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The word is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of read, write, admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "admin" => Ok(Self::Admin),
            _ => Err(UnknownRole),
        }
    }
}

/// One subject's role in one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub role: Role,
}

statements! {
    GRANT = "INSERT INTO permission (repository_id, subject_kind, subject_id, role, granted_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (repository_id, subject_kind, subject_id) DO UPDATE SET role = excluded.role, granted_at = excluded.granted_at";
    GRANT_FIRST = "INSERT INTO permission (repository_id, subject_kind, subject_id, role, granted_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repository_id, subject_kind, subject_id) DO NOTHING";
    REVOKE = "DELETE FROM permission WHERE repository_id = $1 AND subject_kind = $2 AND subject_id = $3";
    NAME_OF = "SELECT name FROM repository WHERE id = $1";
    LIST = "SELECT p.subject_kind, p.subject_id, p.role, COALESCE(a.name, r.name, o.name || '/' || t.name) AS name
        FROM permission p
        LEFT JOIN account a ON p.subject_kind = 'account' AND a.id = p.subject_id
        LEFT JOIN robot r ON p.subject_kind = 'robot' AND r.id = p.subject_id
        LEFT JOIN team t ON p.subject_kind = 'team' AND t.id = p.subject_id
        LEFT JOIN account o ON o.id = t.org_id
        WHERE p.repository_id = $1 AND COALESCE(a.name, r.name, t.name) IS NOT NULL
        ORDER BY name";
}

impl Catalog {
    /// Gives a role, replacing an earlier one; a repository that does not exist yet is created empty.
    pub async fn grant(
        &self,
        repository: &RepositoryName,
        subject: impl TryInto<Subject, Error = CatalogError>,
        role: Role,
        by: &Actor,
        now: Timestamp,
    ) -> Result<RepositoryId, CatalogError> {
        let subject = subject.try_into()?;
        let mut tx = self.begin().await?;
        let (found, _) = self
            .ensure_repository_in(&mut tx, repository, by, now)
            .await?;
        self.dialect
            .query(GRANT)
            .bind(found.id.0)
            .bind(subject.id.kind())
            .bind(subject.id.number())
            .bind(role.as_str())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        let entry = AuditEntry {
            detail: Some(role.as_str()),
            ..AuditEntry::on(
                AuditAction::Grant,
                Some(repository.as_str()),
                Some(&subject.name),
            )
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(found.id)
    }

    /// Takes the role away and ends the subject's tokens. Returns whether there was one.
    pub async fn revoke(
        &self,
        repository: RepositoryId,
        subject: impl TryInto<Subject, Error = CatalogError>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let subject = subject.try_into()?;
        let mut tx = self.begin().await?;
        let removed = self
            .dialect
            .query(REVOKE)
            .bind(repository.0)
            .bind(subject.id.kind())
            .bind(subject.id.number())
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        self.end_subjects_tokens_in(&mut tx, subject.id).await?;
        let name = self.repository_name_in(&mut tx, repository).await?;
        let entry = AuditEntry::on(AuditAction::Revoke, name.as_deref(), Some(&subject.name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Returns the repository's permissions, by name of the subject.
    pub async fn list_permissions(
        &self,
        repository: RepositoryId,
    ) -> Result<Vec<Permission>, CatalogError> {
        let rows = self
            .dialect
            .query(LIST)
            .bind(repository.0)
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| {
            Ok(Permission {
                role: read_role(&row)?,
                subject: Subject {
                    id: SubjectId::read(&row, "subject_kind", "subject_id")?,
                    name: row.text("name")?,
                },
            })
        })
    }

    /// Gives the creator of a repository its first role, unless it has one.
    pub(crate) async fn grant_first_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        creator: &Principal,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(GRANT_FIRST)
            .bind(repository.0)
            .bind(creator.id.kind())
            .bind(creator.id.number())
            .bind(Role::of_creator(creator).as_str())
            .bind(micros(now))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Makes the tokens worthless that a subject holds, or a team's members.
    pub(crate) async fn end_subjects_tokens_in(
        &self,
        tx: &mut Tx,
        subject: SubjectId,
    ) -> Result<(), CatalogError> {
        match subject {
            SubjectId::Account(id) => self.end_tokens_in(tx, PrincipalId::Account(id)).await,
            SubjectId::Robot(id) => self.end_tokens_in(tx, PrincipalId::Robot(id)).await,
            SubjectId::Team(id) => self.end_members_tokens_in(tx, id).await,
        }
    }

    /// Returns a repository's name for the audit trail.
    pub(crate) async fn repository_name_in(
        &self,
        connection: &mut sqlx::AnyConnection,
        repository: RepositoryId,
    ) -> Result<Option<String>, CatalogError> {
        let row = self
            .dialect
            .query(NAME_OF)
            .bind(repository.0)
            .fetch_optional(&mut *connection)
            .await?;
        row.map(|row| row.text("name")).transpose()
    }
}

pub(crate) fn read_role(row: &AnyRow) -> Result<Role, CatalogError> {
    row.text("role")?
        .parse()
        .map_err(|_| CatalogError::Corrupt("role"))
}
