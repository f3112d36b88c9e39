//! The keys that registry tokens are signed with: every replica signs and verifies with the same ones.

use jiff::Timestamp;

use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError};

/// A private key. It has no `Debug`, so that it reaches no log.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The id that tokens name (`kid`).
    pub id: String,
    /// The key as a PKCS#8 document.
    pub pkcs8: Vec<u8>,
}

statements! {
    ALL = "SELECT id, pkcs8 FROM signing_key ORDER BY created_at DESC, id";
    ADD = "INSERT INTO signing_key (id, pkcs8, created_at) VALUES ($1, $2, $3)";
}

impl Catalog {
    /// Returns the keys, latest first: the first one signs, all verify.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, CatalogError> {
        let rows = self.dialect.query(ALL).fetch_all(&self.reader).await?;
        all(rows, |row| {
            Ok(SigningKey {
                id: row.text("id")?,
                pkcs8: row.bytes("pkcs8")?,
            })
        })
    }

    /// Adds a key; it signs from now on.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the id is taken.
    pub async fn add_signing_key(
        &self,
        key: &SigningKey,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        self.dialect
            .query(ADD)
            .bind(key.id.clone())
            .bind(key.pkcs8.clone())
            .bind(micros(now))
            .execute(&mut *tx)
            .await
            .map_err(|error| CatalogError::from(error).conflict_on("signing key"))?;
        tx.commit().await?;
        Ok(())
    }
}
