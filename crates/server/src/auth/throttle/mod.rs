//! Guessing is slow: refused sign-ins make the next attempt wait, on every replica.
//!
//! Basic credentials, `/token` and the sign-in page all come through [`begin`]. The counts lie in the catalog, so
//! replicas share them; what they mean is decided by [`budget`]. A refusal counts whether or not the account exists.
//!
//! Attempts of one account from one address take turns, so a burst of parallel guesses is counted like a sequence. A
//! replica holds at most one attempt of a pair and [`AT_ONCE`] of an address beyond what the counts allow.
//!
//! What does not wait: a credential that was right less than a minute ago, and a robot's token, which is random and too
//! long to guess. Wrong tokens count like wrong passwords.

mod budget;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use catalog::LoginFailures;
use moka::sync::Cache;
use oci::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ANONYMOUS;
use crate::app::App;
use crate::error::ApiError;
use crate::request::Origin;

/// Attempts of one address that are verified at the same time.
const AT_ONCE: usize = 4;
/// Longer names are nobody's; what is stored of them ends here.
const MAX_NAME: usize = 64;
/// Turns that are kept in memory. One that is dropped early only lets its next attempt run beside the last.
const MAX_TURNS: u64 = 20_000;

/// The turns of one process.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    pairs: Cache<(String, String), Arc<Semaphore>>,
    addresses: Cache<String, Arc<Semaphore>>,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            pairs: turns(),
            addresses: turns(),
        }
    }
}

fn turns<K: std::hash::Hash + Eq + Send + Sync + 'static>() -> Cache<K, Arc<Semaphore>> {
    Cache::builder()
        .max_capacity(MAX_TURNS)
        .time_to_idle(Duration::from_mins(1))
        .build()
}

/// An attempt that may be verified. Dropping it gives the turn to the next one.
#[derive(Debug)]
pub(crate) struct Attempt {
    account: String,
    address: String,
    known: LoginFailures,
    _turns: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

/// Waits for the attempt's turn.
///
/// # Errors
/// 429 with `Retry-After` while earlier refusals make it wait. Whether the credential is right is not looked at.
pub(crate) async fn begin(app: &App, name: &str, origin: &Origin) -> Result<Attempt, ApiError> {
    let account: String = shown(name);
    let address = budget::address_key(origin.ip.as_deref());
    let turn = |semaphore: Arc<Semaphore>| async {
        semaphore.acquire_owned().await.map_err(ApiError::fault)
    };
    let throttle = &app.throttle;
    // The pair first: who waits for it must not hold one of the address's places.
    let pair = (account.clone(), address.clone());
    let pair = turn(
        throttle
            .pairs
            .get_with(pair, || Arc::new(Semaphore::new(1))),
    )
    .await?;
    let place = throttle
        .addresses
        .get_with(address.clone(), || Arc::new(Semaphore::new(AT_ONCE)));
    let place = turn(place).await?;
    let now = app.clock.now();
    let known = app.catalog.login_failures(&account, &address, now).await?;
    if let Some(wait) = budget::wait(&known, now) {
        app.metrics.logins_throttled.inc();
        tracing::info!(name = %account, ip = origin.ip.as_deref(), "sign-in has to wait");
        return Err(too_many(wait));
    }
    Ok(Attempt {
        account,
        address,
        known,
        _turns: (pair, place),
    })
}

impl Attempt {
    /// Counts the attempt as refused, in the audit trail too.
    pub(crate) async fn refused(self, app: &App, origin: &Origin) -> Result<(), ApiError> {
        app.metrics.login_failures.inc();
        tracing::info!(name = %self.account, ip = origin.ip.as_deref(), "credential refused");
        let now = app.clock.now();
        let detail = |counts: &LoginFailures| {
            budget::wait(counts, now)
                .map(|wait| format!("the next attempt has to wait {} s", wait.as_secs()))
        };
        app.catalog
            .count_login_failure(
                &self.account,
                &self.address,
                &budget::MEMORY,
                detail,
                &origin.actor(ANONYMOUS),
                now,
            )
            .await?;
        Ok(())
    }

    /// Forgets earlier refusals of the account from this address.
    pub(crate) async fn accepted(self, app: &App) -> Result<(), ApiError> {
        if self.known.pair.is_some() {
            app.catalog
                .forget_login_failures(&self.account, &self.address)
                .await?;
        }
        Ok(())
    }
}

/// A name as logs, counts and the audit trail hold it: printable and short.
fn shown(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .take(MAX_NAME)
        .collect()
}

fn too_many(wait: Duration) -> ApiError {
    let seconds = wait.as_secs().max(1);
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TooManyRequests,
        format!("too many failed sign-ins, try again in {seconds} s"),
    )
    .with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
}
