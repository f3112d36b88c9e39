//! Who a person is elsewhere, from the console: an issuer and its subject lead to an account.

use catalog::{AccountKind, CatalogError, NewIdentity};
use jiff::Timestamp;

use super::{Admin, AdminError};
pub use crate::api::identities::IdentityItem;

/// Longest issuer or subject, in bytes; OpenID Connect allows a subject 255.
const MAX_TEXT: usize = 2_000;

impl Admin {
    /// Lists the identities of a person.
    pub async fn identities(&self, user: &str) -> Result<Vec<IdentityItem>, AdminError> {
        let account = self.account(AccountKind::User, user).await?;
        let identities = self.catalog.identities(account.id).await?;
        Ok(identities.into_iter().map(IdentityItem::from).collect())
    }

    /// Links an identity to a person.
    ///
    /// # Errors
    /// [`AdminError::IdentityTaken`] if it is linked already.
    pub async fn link_identity(
        &self,
        user: &str,
        issuer: &str,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let account = self.account(AccountKind::User, user).await?;
        for (field, text) in [("the issuer", issuer), ("the subject", subject)] {
            if text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                return Err(AdminError::Unacceptable(format!(
                    "{field} has 1 to {MAX_TEXT} bytes, none of them a control character"
                )));
            }
        }
        let identity = NewIdentity {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            email: None,
        };
        let linked = self
            .catalog
            .link_identity(account.id, &identity, &self.actor, now)
            .await;
        match linked {
            Ok(true) => Ok(()),
            Ok(false) => Err(AdminError::NoAccount(user.to_owned())),
            Err(CatalogError::Conflict(_)) => {
                let holder = self.catalog.account_by_identity(issuer, subject).await?;
                let holder = holder.map_or_else(|| user.to_owned(), |holder| holder.name);
                Err(AdminError::IdentityTaken(holder))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes an identity from a person and ends their tokens and sessions.
    pub async fn unlink_identity(
        &self,
        user: &str,
        issuer: &str,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let account = self.account(AccountKind::User, user).await?;
        let unlinked = self
            .catalog
            .unlink_identity(account.id, issuer, subject, &self.actor, now)
            .await?;
        unlinked
            .then_some(())
            .ok_or_else(|| AdminError::NoIdentity(user.to_owned()))
    }
}
