//! Verifying an account's password: against the hash kept here, or by asking the directory.
//!
//! An account with a password of its own is never looked for in the directory, so nobody there can become it. Whatever
//! is refused takes the same steps: one verification here, and one question to the directory if there is one.

use axum::http::{HeaderValue, StatusCode, header};
use catalog::{AccountKind, Principal, PrincipalId};
use oci::ErrorCode;
use secrecy::SecretString;

use super::throttle;
use crate::app::App;
use crate::error::{ApiError, chain};
use crate::request::Origin;
use crate::sign_in::admission::{Refusal, admit};
use crate::sign_in::directory::{Directory, DirectoryError};

/// Why an account's password does not let anybody in.
#[derive(Debug)]
pub(crate) enum Denied {
    /// The name or the password is wrong.
    Wrong,
    /// Both are right, and its owner may not come in.
    NotLet(Refusal),
}

/// Who, and the epoch that tokens of this sign-in belong to.
pub(crate) type Verified = (Principal, i64);

/// Checks an account's name and password.
///
/// # Errors
/// 429 while earlier refusals make the attempt wait, 503 while the directory does not answer.
pub(crate) async fn verify(
    app: &App,
    name: &str,
    password: &SecretString,
    origin: &Origin,
) -> Result<Result<Verified, Denied>, ApiError> {
    let account = app
        .catalog
        .account_by_name(name)
        .await?
        .filter(|account| account.disabled_at.is_none() && account.kind == AccountKind::User);
    let hash = account
        .as_ref()
        .and_then(|account| account.password_hash.as_deref());
    if let (None, Some(directory)) = (hash, &app.ways.directory) {
        return by_directory(app, directory, name, password, origin).await;
    }
    if !hash.is_some_and(|hash| app.passwords.remembers(hash, password)) {
        let attempt = throttle::begin(app, name, origin).await?;
        if !app.passwords.verify(hash, password).await {
            if let Some(directory) = &app.ways.directory {
                directory.pretend().await;
            }
            attempt.refused(app, origin).await?;
            return Ok(Err(Denied::Wrong));
        }
        attempt.accepted(app).await?;
    }
    let verified = account.map(|account| (account.principal(), account.auth_epoch));
    Ok(verified.ok_or(Denied::Wrong))
}

async fn by_directory(
    app: &App,
    directory: &Directory,
    name: &str,
    password: &SecretString,
    origin: &Origin,
) -> Result<Result<Verified, Denied>, ApiError> {
    if let Some(verified) = remembered(app, directory, name, password).await? {
        return Ok(Ok(verified));
    }
    let attempt = throttle::begin(app, name, origin).await?;
    // Whoever waited for a turn may find that the one before has asked the same.
    if let Some(verified) = remembered(app, directory, name, password).await? {
        return Ok(Ok(verified));
    }
    let person = directory.authenticate(name, password).await;
    let Some(person) = person.map_err(|error| away(&error))? else {
        app.passwords.verify(None, password).await;
        attempt.refused(app, origin).await?;
        return Ok(Err(Denied::Wrong));
    };
    let settings = &directory.settings;
    let admitted = admit(app, &settings.id, &person, &settings.admission(), origin).await?;
    attempt.accepted(app).await?;
    let account = match admitted {
        Ok(account) => account,
        Err(refusal) => return Ok(Err(Denied::NotLet(refusal))),
    };
    let known = (account.id, account.auth_epoch);
    directory.remembered.put(name, password, known);
    Ok(Ok((account.principal(), account.auth_epoch)))
}

/// Returns who this credential was less than a minute ago, if nothing has ended that since.
async fn remembered(
    app: &App,
    directory: &Directory,
    name: &str,
    password: &SecretString,
) -> Result<Option<Verified>, ApiError> {
    let Some((account, epoch)) = directory.remembered.get(name, password) else {
        return Ok(None);
    };
    let state = app
        .catalog
        .principal_state(PrincipalId::Account(account), app.clock.now())
        .await?
        .filter(|state| !state.disabled && state.auth_epoch == epoch);
    Ok(state.map(|state| (state.principal, epoch)))
}

/// A directory that does not answer says nothing about the credential, so this is no 401.
fn away(error: &DirectoryError) -> ApiError {
    tracing::warn!(cause = %chain(error), "the directory gave no answer");
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unknown,
        "the directory that knows this name does not answer, try again later",
    )
    .with_header(header::RETRY_AFTER, HeaderValue::from_static("30"))
}
