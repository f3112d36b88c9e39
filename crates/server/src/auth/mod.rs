//! Who is asking, and what they may do.
//!
//! [`identify`] turns a request's credential into a [`Caller`]; [`require`] and [`push`] turn a caller and a repository
//! into a right, or into the answer that gives nothing away: an anonymous caller gets the same 401 for a private and a
//! missing repository, a known one without rights the same 404.

pub(crate) mod account;
pub(crate) mod challenge;
pub(crate) mod password;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod throttle;
pub(crate) mod token;
pub(crate) mod token_endpoint;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use catalog::{CredentialKind, Principal, PrincipalId, Repository, Role};
use oci::{Action, RepositoryName};
use secrecy::SecretString;

use crate::app::App;
use crate::error::ApiError;
use crate::request::Origin;

/// Longest credential looked at, in bytes.
const MAX_CREDENTIAL: usize = 8 << 10;

/// Whoever sent a request.
#[derive(Debug)]
pub(crate) struct Caller {
    /// `None` is the anonymous caller.
    pub(crate) principal: Option<Principal>,
    /// What the token narrows to; `None` for a password, which narrows nothing.
    claims: Option<token::Claims>,
}

impl Caller {
    /// Returns the caller as the audit trail names it.
    pub(crate) fn actor(&self, origin: &Origin) -> catalog::Actor {
        let name = self.principal.as_ref().map_or("anonymous", |p| &p.name);
        origin.actor(name)
    }

    /// Returns whether the credential is a password or robot token itself, and not something narrower made from it.
    pub(crate) fn is_whole(&self) -> bool {
        self.claims.is_none()
    }

    /// Returns whether the credential covers the list of repositories.
    pub(crate) fn covers_catalog(&self) -> bool {
        self.claims
            .as_ref()
            .is_none_or(token::Claims::covers_catalog)
    }

    /// Returns whether the credential covers an action in a repository; the right itself is another question.
    pub(crate) fn token_covers(&self, name: &RepositoryName, action: Action) -> bool {
        self.claims
            .as_ref()
            .is_none_or(|claims| claims.covers(name.as_str(), action))
    }
}

/// A repository together with the caller's proven right to it.
#[derive(Debug)]
pub(crate) struct Access {
    /// Who.
    pub(crate) caller: Caller,
    /// Their principal; a right is never anonymous yet.
    pub(crate) principal: Principal,
    /// Where.
    pub(crate) repository: Repository,
}

/// Returns the account, robot or nobody behind the request's `Authorization` header.
///
/// # Errors
/// 401 for a credential that is wrong, expired or of somebody disabled; a request without one is anonymous.
pub(crate) async fn identify(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
) -> Result<Caller, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(Caller {
            principal: None,
            claims: None,
        });
    };
    let value = value
        .to_str()
        .ok()
        .filter(|v| v.len() <= MAX_CREDENTIAL)
        .unwrap_or_default();
    let (scheme, credential) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        let Some((name, secret)) = decode_basic(credential) else {
            return Err(challenge::unauthorized(
                app,
                headers,
                None,
                Some("invalid_token"),
            ));
        };
        return match verify_secret(app, &name, &secret, origin).await? {
            Some((principal, _)) => Ok(Caller {
                principal: Some(principal),
                claims: None,
            }),
            None => Err(challenge::unauthorized(
                app,
                headers,
                None,
                Some("invalid_token"),
            )),
        };
    }
    let refused = || challenge::unauthorized(app, headers, None, Some("invalid_token"));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    let claims = app
        .tokens
        .verify(credential, app.clock.now())
        .map_err(|_| refused())?;
    if claims.sub == ANONYMOUS {
        return Ok(Caller {
            principal: None,
            claims: Some(claims),
        });
    }
    let id = parse_subject(&claims.sub).ok_or_else(refused)?;
    let state = app
        .catalog
        .principal_state(id, app.clock.now())
        .await?
        .ok_or_else(refused)?;
    if state.disabled || state.auth_epoch != claims.epoch {
        return Err(refused());
    }
    Ok(Caller {
        principal: Some(state.principal),
        claims: Some(claims),
    })
}

/// The subject of tokens for callers without a credential.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// Writes a principal's id as a token's subject.
pub(crate) fn subject(id: PrincipalId) -> String {
    match id {
        PrincipalId::Account(id) => format!("account:{}", id.0),
        PrincipalId::Robot(id) => format!("robot:{}", id.0),
        PrincipalId::Anonymous => ANONYMOUS.to_owned(),
    }
}

fn parse_subject(subject: &str) -> Option<PrincipalId> {
    let (kind, id) = subject.split_once(':')?;
    let id = id.parse().ok()?;
    match kind {
        "account" => Some(PrincipalId::Account(catalog::AccountId(id))),
        "robot" => Some(PrincipalId::Robot(catalog::RobotId(id))),
        _ => None,
    }
}

/// Checks a name and its password or token. Returns the principal and its epoch.
///
/// # Errors
/// 429 while earlier refusals make the next attempt wait; see [`throttle`].
pub(crate) async fn verify_secret(
    app: &App,
    name: &str,
    secret: &SecretString,
    origin: &Origin,
) -> Result<Option<(Principal, i64)>, ApiError> {
    if name.contains('+') {
        verify_robot(app, name, secret, origin).await
    } else {
        Ok(account::verify(app, name, secret, origin).await?.ok())
    }
}

async fn verify_robot(
    app: &App,
    name: &str,
    token: &SecretString,
    origin: &Origin,
) -> Result<Option<(Principal, i64)>, ApiError> {
    use secrecy::ExposeSecret as _;
    // Found by its hash: how long the search takes tells nothing about the secret.
    let fingerprint = secret::fingerprint(token.expose_secret());
    let presented = app
        .catalog
        .credential_by_secret(&fingerprint, app.clock.now())
        .await?
        .filter(|presented| presented.kind == CredentialKind::Robot)
        .filter(|presented| presented.state.principal.name == name && !presented.state.disabled);
    if presented.is_none() {
        let attempt = throttle::begin(app, name, origin).await?;
        attempt.refused(app, origin).await?;
    }
    Ok(presented.map(|presented| (presented.state.principal, presented.state.auth_epoch)))
}

fn decode_basic(credential: &str) -> Option<(String, SecretString)> {
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

/// Returns the actions a principal has on a repository that may not exist yet.
pub(crate) async fn allowed_actions(
    app: &App,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<Vec<Action>, ApiError> {
    let role = match app.catalog.repository(name).await? {
        Some(repository) => app.catalog.role_of(repository.id, principal).await?,
        None => may_create(principal, name).then_some(Role::Admin),
    };
    Ok(match role {
        None => vec![],
        Some(Role::Read) => vec![Action::Pull],
        Some(Role::Write) => vec![Action::Pull, Action::Push],
        Some(Role::Admin) => vec![Action::Pull, Action::Push, Action::Delete],
    })
}

/// The first push creates a repository: a superuser's anywhere, an account's in the namespace of its own name.
fn may_create(principal: &Principal, name: &RepositoryName) -> bool {
    let own = matches!(principal.id, PrincipalId::Account(_))
        && name
            .as_str()
            .strip_prefix(principal.name.as_str())
            .is_some_and(|rest| rest.starts_with('/'));
    principal.superuser || own
}

/// Requires the right to do `action` in a repository that exists.
pub(crate) async fn require(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
    name: &RepositoryName,
    action: Action,
) -> Result<Access, ApiError> {
    let caller = identify(app, headers, origin).await?;
    existing(app, headers, caller, name, action).await
}

/// Requires the right to pull, or to create what is not there yet: then there is nothing to pull, and no error either.
pub(crate) async fn pull_or_create(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
    name: &RepositoryName,
) -> Result<Option<Access>, ApiError> {
    let caller = identify(app, headers, origin).await?;
    let is_new = app.catalog.repository(name).await?.is_none();
    if let (true, Some(principal)) = (is_new, &caller.principal)
        && caller.token_covers(name, Action::Pull)
        && may_create(principal, name)
    {
        return Ok(None);
    }
    existing(app, headers, caller, name, Action::Pull)
        .await
        .map(Some)
}

/// Requires the right to push; the first authorised push creates the repository.
pub(crate) async fn push(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
    name: &RepositoryName,
) -> Result<Access, ApiError> {
    let caller = identify(app, headers, origin).await?;
    let is_new = app.catalog.repository(name).await?.is_none();
    if let (true, Some(principal)) = (is_new, caller.principal.clone())
        && caller.token_covers(name, Action::Push)
        && may_create(&principal, name)
    {
        let actor = caller.actor(origin);
        let repository = app
            .catalog
            .ensure_repository(name, &principal, &actor, app.clock.now())
            .await?;
        return Ok(Access {
            caller,
            principal,
            repository,
        });
    }
    existing(app, headers, caller, name, Action::Push).await
}

async fn existing(
    app: &App,
    headers: &HeaderMap,
    caller: Caller,
    name: &RepositoryName,
    action: Action,
) -> Result<Access, ApiError> {
    let Some(principal) = caller.principal.clone() else {
        return Err(challenge::unauthorized(
            app,
            headers,
            Some((name, action)),
            None,
        ));
    };
    if !caller.token_covers(name, action) {
        return Err(challenge::unauthorized(
            app,
            headers,
            Some((name, action)),
            Some("insufficient_scope"),
        ));
    }
    let Some(repository) = app.catalog.repository(name).await? else {
        return Err(ApiError::name_unknown());
    };
    let Some(role) = app.catalog.role_of(repository.id, &principal).await? else {
        return Err(ApiError::name_unknown());
    };
    let needed = match action {
        Action::Pull => Role::Read,
        Action::Push => Role::Write,
        Action::Delete => Role::Admin,
    };
    if role < needed {
        return Err(ApiError::denied(format!(
            "{} may not {} here: its role in {name} is {role}, needed is {needed}",
            principal.name,
            action.as_str()
        )));
    }
    Ok(Access {
        caller,
        principal,
        repository,
    })
}
