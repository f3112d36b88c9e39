//! What a new repository gives to whom: rows of the namespace's account, applied in the transaction that creates one.

use jiff::Timestamp;
use oci::RepositoryName;
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::repositories::namespace_of;
use crate::rows::{Columns as _, all, micros};
use crate::{
    Account, AccountId, Actor, AuditAction, AuditEntry, Catalog, CatalogError, PrincipalId,
    RepositoryId, Role, Subject, SubjectId,
};

/// The id of a default permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefaultPermissionId(pub i64);

/// One rule about new repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultPermission {
    /// The id.
    pub id: DefaultPermissionId,
    /// It holds for repositories that this one creates; `None` holds for everybody's.
    pub creator: Option<Subject>,
    /// Who is given the role.
    pub delegate: Subject,
    /// The role.
    pub role: Role,
}

statements! {
    SET = "INSERT INTO default_permission
            (account_id, creator_kind, creator_id, delegate_kind, delegate_id, role, granted_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (account_id, creator_kind, creator_id, delegate_kind, delegate_id)
        DO UPDATE SET role = excluded.role, granted_at = excluded.granted_at RETURNING id";
    REMOVE = "DELETE FROM default_permission WHERE account_id = $1 AND id = $2";
    LIST = "SELECT d.id, d.creator_kind, d.creator_id, d.delegate_kind, d.delegate_id, d.role,
            COALESCE(ca.name, cr.name) AS creator_name,
            COALESCE(a.name, r.name, o.name || '/' || t.name) AS delegate_name
        FROM default_permission d
        LEFT JOIN account ca ON d.creator_kind = 'account' AND ca.id = d.creator_id
        LEFT JOIN robot cr ON d.creator_kind = 'robot' AND cr.id = d.creator_id
        LEFT JOIN account a ON d.delegate_kind = 'account' AND a.id = d.delegate_id
        LEFT JOIN robot r ON d.delegate_kind = 'robot' AND r.id = d.delegate_id
        LEFT JOIN team t ON d.delegate_kind = 'team' AND t.id = d.delegate_id
        LEFT JOIN account o ON o.id = t.org_id
        WHERE d.account_id = $1 AND COALESCE(a.name, r.name, t.name) IS NOT NULL
          AND (d.creator_kind = '' OR COALESCE(ca.name, cr.name) IS NOT NULL)
        ORDER BY d.id";
    APPLY = "INSERT INTO permission (repository_id, subject_kind, subject_id, role, granted_at)
        SELECT $1, d.delegate_kind, d.delegate_id,
            CASE MAX(CASE d.role WHEN 'admin' THEN 3 WHEN 'write' THEN 2 ELSE 1 END)
                WHEN 3 THEN 'admin' WHEN 2 THEN 'write' ELSE 'read' END, $5
        FROM default_permission d JOIN account a ON a.id = d.account_id
        WHERE a.name = $2 AND (d.creator_kind = '' OR (d.creator_kind = $3 AND d.creator_id = $4))
        GROUP BY d.delegate_kind, d.delegate_id
        ON CONFLICT (repository_id, subject_kind, subject_id) DO NOTHING";
}

impl Catalog {
    /// Sets what new repositories of an account give, replacing an earlier role.
    pub async fn set_default_permission(
        &self,
        account: &Account,
        creator: Option<&Subject>,
        delegate: &Subject,
        role: Role,
        by: &Actor,
        now: Timestamp,
    ) -> Result<DefaultPermissionId, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(SET)
            .bind(account.id.0)
            .bind(creator.map_or("", |creator| creator.id.kind()))
            .bind(creator.map_or(0, |creator| creator.id.number()))
            .bind(delegate.id.kind())
            .bind(delegate.id.number())
            .bind(role.as_str())
            .bind(micros(now))
            .fetch_one(&mut *tx)
            .await?;
        let detail = format!("{role} for {}", delegate.name);
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::DefaultPermissionSet, None, Some(&account.name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(DefaultPermissionId(row.int("id")?))
    }

    /// Removes a rule of an account; repositories that exist keep what it gave. Returns whether it was there.
    pub async fn remove_default_permission(
        &self,
        account: &Account,
        id: DefaultPermissionId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(REMOVE).bind(account.id.0).bind(id.0);
        if query.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let entry = AuditEntry::on(
            AuditAction::DefaultPermissionRemove,
            None,
            Some(&account.name),
        );
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lists an account's rules in the order they were made.
    pub async fn default_permissions(
        &self,
        account: AccountId,
    ) -> Result<Vec<DefaultPermission>, CatalogError> {
        let query = self.dialect.query(LIST).bind(account.0);
        all(query.fetch_all(&self.reader).await?, |row| {
            read_default(&row)
        })
    }

    /// Gives a new repository what its namespace's rules say.
    pub(crate) async fn apply_defaults_in(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        name: &RepositoryName,
        creator: PrincipalId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(APPLY)
            .bind(repository.0)
            .bind(namespace_of(name).to_owned())
            .bind(creator.kind())
            .bind(creator.number())
            .bind(micros(now))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

fn read_default(row: &AnyRow) -> Result<DefaultPermission, CatalogError> {
    let creator = match row.text("creator_kind")?.as_str() {
        "" => None,
        _ => Some(Subject {
            id: SubjectId::read(row, "creator_kind", "creator_id")?,
            name: row.text("creator_name")?,
        }),
    };
    Ok(DefaultPermission {
        id: DefaultPermissionId(row.int("id")?),
        creator,
        delegate: Subject {
            id: SubjectId::read(row, "delegate_kind", "delegate_id")?,
            name: row.text("delegate_name")?,
        },
        role: crate::permissions::read_role(row)?,
    })
}
