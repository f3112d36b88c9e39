//! Organisations: accounts that nobody signs in to, and that begin with one team of owners.

use jiff::Timestamp;

use crate::accounts::insert_account;
use crate::dialect::statements;
use crate::people::teams::{OWNERS, TeamRole};
use crate::rows::micros;
use crate::{
    Account, AccountKind, Actor, AuditAction, AuditEntry, Catalog, CatalogError, NewAccount,
    Principal,
};

statements! {
    ADD_OWNER = "INSERT INTO team_member (team_id, member_kind, member_id, added_at) VALUES ($1, $2, $3, $4)";
}

impl Catalog {
    /// Creates an organisation whose team `owners` has one member, or none: then superusers act for it.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the name is taken, or could be a robot's.
    pub async fn create_organization(
        &self,
        name: &str,
        email: Option<&str>,
        owner: Option<&Principal>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Account, CatalogError> {
        let mut tx = self.begin().await?;
        let new = NewAccount {
            name,
            kind: AccountKind::Organization,
            email,
            ..NewAccount::default()
        };
        let organization = insert_account(self, &mut tx, &new, now).await?;
        let team = self
            .insert_team_in(
                &mut tx,
                organization.id,
                OWNERS,
                TeamRole::Admin,
                "They own the organisation",
                now,
            )
            .await?;
        if let Some(owner) = owner {
            self.dialect
                .query(ADD_OWNER)
                .bind(team.id.0)
                .bind(owner.id.kind())
                .bind(owner.id.number())
                .bind(micros(now))
                .execute(&mut *tx)
                .await?;
        }
        let entry = AuditEntry {
            detail: owner.map(|owner| owner.name.as_str()),
            ..AuditEntry::on(AuditAction::OrganizationCreate, None, Some(name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(organization)
    }
}
