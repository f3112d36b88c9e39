//! Sign-ins of the pages. Only a hash of the cookie's token is stored.

use jiff::Timestamp;

use crate::{Account, AccountId, Catalog, CatalogError};

impl Catalog {
    /// Opens a session under the account's current epoch.
    pub async fn create_session(
        &self,
        token_sha256: &[u8; 32],
        account: AccountId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// Returns the account behind a token, if the session has not expired and nothing has ended it since.
    pub async fn session(
        &self,
        token_sha256: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Account>, CatalogError> {
        todo!()
    }

    /// Ends a session. Returns whether it was there.
    pub async fn delete_session(&self, token_sha256: &[u8; 32]) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Deletes the rows of sessions that have expired and returns how many.
    pub async fn delete_expired_sessions(&self, now: Timestamp) -> Result<u64, CatalogError> {
        todo!()
    }
}
