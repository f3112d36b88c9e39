//! Sign-ins of the pages. Only a hash of the cookie's token is stored.

use jiff::Timestamp;

use crate::accounts::read_account;
use crate::dialect::statements;
use crate::rows::micros;
use crate::{Account, AccountId, Catalog, CatalogError};

statements! {
    INSERT = "INSERT INTO session (token_sha256, account_id, auth_epoch, created_at, expires_at)
        SELECT $1, a.id, a.auth_epoch, $3, $4 FROM account a WHERE a.id = $2 AND a.disabled_at IS NULL";
    ACCOUNT_OF = "SELECT a.* FROM session s JOIN account a ON a.id = s.account_id
        WHERE s.token_sha256 = $1 AND s.expires_at > $2 AND s.auth_epoch = a.auth_epoch AND a.disabled_at IS NULL";
    DELETE = "DELETE FROM session WHERE token_sha256 = $1";
    DELETE_EXPIRED = "DELETE FROM session WHERE expires_at <= $1";
}

impl Catalog {
    /// Opens a session under the account's current epoch. Returns whether the account exists and is enabled.
    pub async fn create_session(
        &self,
        token_sha256: &[u8; 32],
        account: AccountId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let inserted = self
            .dialect
            .query(INSERT)
            .bind(token_sha256.to_vec())
            .bind(account.0)
            .bind(micros(now))
            .bind(micros(expires_at))
            .execute(&self.writer)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("token"))?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Returns the account behind a token, if the session has not expired and nothing has ended it since.
    pub async fn session(
        &self,
        token_sha256: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Account>, CatalogError> {
        let row = self
            .dialect
            .query(ACCOUNT_OF)
            .bind(token_sha256.to_vec())
            .bind(micros(now))
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_account).transpose()
    }

    /// Ends a session. Returns whether it was there.
    pub async fn delete_session(&self, token_sha256: &[u8; 32]) -> Result<bool, CatalogError> {
        let deleted = self
            .dialect
            .query(DELETE)
            .bind(token_sha256.to_vec())
            .execute(&self.writer)
            .await?;
        Ok(deleted.rows_affected() == 1)
    }

    /// Deletes the rows of sessions that have expired and returns how many.
    pub async fn delete_expired_sessions(&self, now: Timestamp) -> Result<u64, CatalogError> {
        let deleted = self
            .dialect
            .query(DELETE_EXPIRED)
            .bind(micros(now))
            .execute(&self.writer)
            .await?;
        Ok(deleted.rows_affected())
    }
}
