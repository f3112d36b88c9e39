//! Refused sign-ins, so that guessing becomes slow on every replica at once.
//!
//! A refusal is counted three times: for the account from this address, for the account from anywhere, and for the
//! address whatever the account. Names are counted as they were typed, whether such an account exists or not. What the
//! counts mean is decided by the server; here they are only kept, each until it expires.

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, micros};
use crate::{Actor, AuditAction, AuditEntry, Catalog, CatalogError};

const PAIR: &str = "pair";
const ACCOUNT: &str = "account";
const ADDRESS: &str = "address";

/// One count of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub failures: u32,
    /// The latest.
    pub last_at: Timestamp,
    /// When the count is forgotten.
    pub expires_at: Timestamp,
}

/// What is remembered about an account and an address; a count that expired is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginFailures {
    /// This account from this address.
    pub pair: Option<Tally>,
    /// This account from anywhere.
    pub account: Option<Tally>,
    /// Any account from this address.
    pub address: Option<Tally>,
}

/// How long each count is kept.
#[derive(Clone, Copy, Debug)]
pub struct LoginMemory {
    /// After the latest refusal of the account from the address.
    pub pair: SignedDuration,
    /// After the first refusal of the account.
    pub account: SignedDuration,
    /// After the first refusal of the address.
    pub address: SignedDuration,
}

statements! {
    OF = "SELECT kind, failures, last_at, expires_at FROM login_failure
        WHERE expires_at > $3 AND ((kind = 'pair' AND account = $1 AND address = $2)
            OR (kind = 'account' AND account = $1 AND address = '')
            OR (kind = 'address' AND account = '' AND address = $2))";
    COUNT = "INSERT INTO login_failure (kind, account, address, failures, last_at, expires_at)
        VALUES ($1, $2, $3, 1, $4, $5)
        ON CONFLICT (kind, account, address) DO UPDATE SET
            failures = CASE WHEN login_failure.expires_at <= $4 THEN 1 ELSE login_failure.failures + 1 END,
            expires_at = CASE WHEN login_failure.kind = 'pair' OR login_failure.expires_at <= $4
                THEN $5 ELSE login_failure.expires_at END,
            last_at = $4
        RETURNING kind, failures, last_at, expires_at";
    FORGET = "DELETE FROM login_failure WHERE kind = 'pair' AND account = $1 AND address = $2";
    FORGET_ACCOUNT = "DELETE FROM login_failure WHERE account = $1";
    DELETE_EXPIRED = "DELETE FROM login_failure WHERE expires_at <= $1";
}

impl Catalog {
    /// Returns what is remembered about an account and an address.
    pub async fn login_failures(
        &self,
        account: &str,
        address: &str,
        now: Timestamp,
    ) -> Result<LoginFailures, CatalogError> {
        let rows = self
            .dialect
            .query(OF)
            .bind(account.to_owned())
            .bind(address.to_owned())
            .bind(micros(now))
            .fetch_all(&self.reader)
            .await?;
        let mut known = LoginFailures::default();
        for row in rows {
            put(&mut known, &row)?;
        }
        Ok(known)
    }

    /// Counts a refusal and writes its audit entry, whose detail follows from the counts.
    pub async fn count_login_failure(
        &self,
        account: &str,
        address: &str,
        memory: &LoginMemory,
        detail: impl Fn(&LoginFailures) -> Option<String> + Send,
        by: &Actor,
        now: Timestamp,
    ) -> Result<LoginFailures, CatalogError> {
        let mut tx = self.begin().await?;
        let mut counted = LoginFailures::default();
        // Always in this order, so that two refusals wait for each other and never in a circle.
        for (kind, account, address, kept) in [
            (PAIR, account, address, memory.pair),
            (ACCOUNT, account, "", memory.account),
            (ADDRESS, "", address, memory.address),
        ] {
            let row = self
                .dialect
                .query(COUNT)
                .bind(kind)
                .bind(account.to_owned())
                .bind(address.to_owned())
                .bind(micros(now))
                .bind(micros(now.saturating_add(kept).unwrap_or(now)))
                .fetch_one(&mut *tx)
                .await?;
            put(&mut counted, &row)?;
        }
        let detail = detail(&counted);
        let entry = AuditEntry {
            action: AuditAction::LoginFailure,
            repository: None,
            target: Some(account),
            detail: detail.as_deref(),
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(counted)
    }

    /// Forgets the refusals of an account from an address: it has just signed in from there.
    pub async fn forget_login_failures(
        &self,
        account: &str,
        address: &str,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(FORGET)
            .bind(account.to_owned())
            .bind(address.to_owned())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Forgets the refusals of an account from everywhere: it has a new password.
    pub(crate) async fn forget_login_failures_in(
        &self,
        tx: &mut Tx,
        account: &str,
    ) -> Result<(), CatalogError> {
        self.dialect
            .query(FORGET_ACCOUNT)
            .bind(account.to_owned())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Deletes the counts that have expired and returns how many.
    pub async fn delete_expired_login_failures(&self, now: Timestamp) -> Result<u64, CatalogError> {
        let deleted = self
            .dialect
            .query(DELETE_EXPIRED)
            .bind(micros(now))
            .execute(&self.writer)
            .await?;
        Ok(deleted.rows_affected())
    }
}

fn put(counts: &mut LoginFailures, row: &AnyRow) -> Result<(), CatalogError> {
    let tally = Tally {
        failures: row.count("failures")?,
        last_at: row.time("last_at")?,
        expires_at: row.time("expires_at")?,
    };
    let place = match row.text("kind")?.as_str() {
        PAIR => &mut counts.pair,
        ACCOUNT => &mut counts.account,
        ADDRESS => &mut counts.address,
        _ => return Err(CatalogError::Corrupt("kind of count")),
    };
    *place = Some(tally);
    Ok(())
}
