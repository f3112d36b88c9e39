//! Names and secrets: whose they are, and what they are narrowed to.
//!
//! A secret that this server drew is found by its hash, in one indexed lookup. Everything else is a password, which
//! costs tens of milliseconds once and is then remembered for a minute; see [`super::account`].

use base64::Engine as _;
use catalog::{CredentialKind, Presented, Principal};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::scopes::TokenScopes;
use super::secret::{self, SecretKind};
use super::{account, throttle};
use crate::app::App;
use crate::error::ApiError;
use crate::request::Origin;

/// Somebody whose secret was right.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    /// Who.
    pub(crate) principal: Principal,
    /// The epoch their tokens carry.
    pub(crate) epoch: i64,
    /// The stored credential; `None` is the account's password.
    pub(crate) credential: Option<Uuid>,
    /// What it is narrowed to.
    pub(crate) scopes: Option<TokenScopes>,
}

impl Verified {
    /// Returns whether this was the account's own password.
    pub(crate) fn is_password(&self) -> bool {
        self.credential.is_none()
    }

    /// Reads a live credential; `None` if whoever it stands for may not sign in.
    pub(crate) fn of(presented: Presented) -> Result<Option<Self>, ApiError> {
        if presented.state.disabled {
            return Ok(None);
        }
        let scopes = presented
            .scopes
            .as_deref()
            .map(TokenScopes::parse)
            .transpose()
            .map_err(ApiError::fault)?;
        Ok(Some(Self {
            principal: presented.state.principal,
            epoch: presented.state.auth_epoch,
            credential: Some(presented.id),
            scopes,
        }))
    }
}

/// Checks a name and its password, token or robot's secret.
///
/// # Errors
/// 429 while earlier refusals make the next attempt wait; see [`throttle`].
pub(crate) async fn verify_secret(
    app: &App,
    name: &str,
    secret: &SecretString,
    origin: &Origin,
) -> Result<Option<Verified>, ApiError> {
    if name.contains('+') {
        return stored_secret(app, name, secret, CredentialKind::Robot, Some(origin)).await;
    }
    if secret
        .expose_secret()
        .starts_with(SecretKind::Token.prefix())
        && let Some(found) = stored_secret(app, name, secret, CredentialKind::App, None).await?
    {
        return Ok(Some(found));
    }
    let verified = account::verify(app, name, secret, origin).await?.ok();
    Ok(verified.map(|(principal, epoch)| Verified {
        principal,
        epoch,
        credential: None,
        scopes: None,
    }))
}

/// Looks a drawn secret up. Found by its hash, so how long the search takes tells nothing about the secret.
async fn stored_secret(
    app: &App,
    name: &str,
    secret: &SecretString,
    kind: CredentialKind,
    throttled: Option<&Origin>,
) -> Result<Option<Verified>, ApiError> {
    let fingerprint = secret::fingerprint(secret.expose_secret());
    let presented = app
        .catalog
        .credential_by_secret(&fingerprint, app.clock.now())
        .await?
        .filter(|presented| presented.kind == kind)
        .filter(|presented| presented.state.principal.name == name);
    let verified = presented.map(Verified::of).transpose()?.flatten();
    match (&verified, throttled) {
        (Some(verified), _) => {
            if let Some(credential) = verified.credential {
                app.uses.note(credential);
            }
        }
        (None, Some(origin)) => {
            let attempt = throttle::begin(app, name, origin).await?;
            attempt.refused(app, origin).await?;
        }
        (None, None) => {}
    }
    Ok(verified)
}

/// Reads the credential of HTTP's Basic scheme.
pub(super) fn decode_basic(credential: &str) -> Option<(String, SecretString)> {
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(credential)
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, secret) = text.split_once(':')?;
    // No name has one, and PostgreSQL's texts cannot hold it.
    if name.contains('\0') {
        return None;
    }
    Some((name.to_owned(), SecretString::from(secret.to_owned())))
}
