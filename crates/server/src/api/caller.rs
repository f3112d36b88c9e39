//! Who calls the API, as the first argument of a handler.
//!
//! A registry token is refused everywhere here, and so is a person's token with scopes: they were made for the scopes
//! they name, and none of them is here.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use catalog::{Actor, Principal};

use super::problem::Problem;
use crate::app::{App, Shared};
use crate::auth::{Verified, identify, session};
use crate::request::Origin;

/// Somebody known, by a credential or by a page's session.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) origin: Origin,
}

/// Somebody known by a credential: whoever changes something. A session alone does not count: a foreign page could make
/// a browser send it. With the token of a form it does, and that is how the pages come to the same doors.
#[derive(Debug)]
pub(crate) struct Credentialed {
    caller: Caller,
    is_password: bool,
}

/// A superuser, by a credential. A session does not count: a foreign page could make a browser send it.
#[derive(Debug)]
pub(crate) struct Administrator(Caller);

impl Caller {
    /// Returns the caller as the audit trail names it.
    pub(crate) fn actor(&self) -> Actor {
        self.origin.actor(&self.principal.name)
    }

    /// Returns whether every fact is open to the caller.
    pub(crate) fn reads_everything(&self) -> bool {
        self.principal.superuser || self.principal.reader_superuser
    }
}

impl Credentialed {
    /// Whoever sent a form of their own session's page. No token signs in there: it was the account's own password, or
    /// whoever vouches for the account.
    pub(crate) const fn by_form(caller: Caller) -> Self {
        Self {
            caller,
            is_password: true,
        }
    }

    /// Requires that the credential is the account's password: a token that leaks must not make others.
    pub(crate) fn by_password(&self) -> Result<(), Problem> {
        if self.is_password {
            return Ok(());
        }
        Err(Problem::forbidden(
            "only the account's password may do this, not a token",
        ))
    }
}

impl Deref for Credentialed {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequestParts<Shared> for Credentialed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let origin = origin_of(parts);
        let known = credential(app, &parts.headers, &origin).await?;
        let (principal, is_password) = known.ok_or_else(Problem::unauthorized)?;
        Ok(Self {
            caller: Caller { principal, origin },
            is_password,
        })
    }
}

impl Deref for Administrator {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Administrator {
    /// Requires that whoever sent a form of their own session's page is a superuser.
    pub(crate) fn by_form(caller: Caller) -> Result<Self, Problem> {
        if caller.principal.superuser {
            Ok(Self(caller))
        } else {
            Err(administrators_only())
        }
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let origin = origin_of(parts);
        Ok(Self {
            principal: caller(app, &parts.headers, &origin).await?,
            origin,
        })
    }
}

impl FromRequestParts<Shared> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let origin = origin_of(parts);
        let principal = administrator(app, &parts.headers, &origin).await?;
        Ok(Self(Caller { principal, origin }))
    }
}

fn origin_of(parts: &Parts) -> Origin {
    parts
        .extensions
        .get::<Origin>()
        .cloned()
        .unwrap_or_default()
}

/// Returns who calls: the credential's principal, else the session's.
async fn caller(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<Principal, Problem> {
    if let Some((principal, _)) = credential(app, headers, origin).await? {
        return Ok(principal);
    }
    let session = session::of_request(app, headers).await?;
    session
        .map(|session| session.account.principal())
        .ok_or_else(Problem::unauthorized)
}

/// Requires a superuser's credential.
async fn administrator(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Principal, Problem> {
    let (principal, _) = credential(app, headers, origin)
        .await?
        .ok_or_else(Problem::unauthorized)?;
    if principal.superuser {
        Ok(principal)
    } else {
        Err(administrators_only())
    }
}

fn administrators_only() -> Problem {
    Problem::forbidden("only an administrator may do this")
}

/// Returns who shows a credential, and whether it is the account's password.
async fn credential(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Option<(Principal, bool)>, Problem> {
    let caller = identify(app, headers, origin).await?;
    if !caller.is_whole() {
        return Err(Problem::unauthorized());
    }
    if caller.is_narrowed() {
        return Err(Problem::forbidden(
            "this token is for the scopes it names, and none of them is in the API",
        ));
    }
    let is_password = caller.secret().is_some_and(Verified::is_password);
    Ok(caller.principal.map(|principal| (principal, is_password)))
}
