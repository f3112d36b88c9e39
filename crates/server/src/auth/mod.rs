//! Who is asking, and what they may do.
//!
//! [`identify`] turns a request's credential into a [`Caller`]; [`require`] and [`push`] turn a caller and a repository
//! into a right, or into the answer that gives nothing away: an anonymous caller gets the same 401 for a private and a
//! missing repository, a known one without rights the same 404.

pub(crate) mod account;
pub(crate) mod challenge;
mod credentials;
pub(crate) mod password;
#[cfg(feature = "testkit")]
pub(crate) mod properties;
pub(crate) mod scopes;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod throttle;
pub(crate) mod token;
pub(crate) mod token_endpoint;
pub(crate) mod uses;

use axum::http::{HeaderMap, header};
use catalog::{Generation, Principal, PrincipalId, PrincipalState, Repository, Role};
use oci::{Action, RepositoryName};

use crate::app::App;
use crate::error::ApiError;
use crate::request::Origin;
use crate::upstream::proxy;
pub(crate) use credentials::{Verified, verify_secret};

/// Longest credential looked at, in bytes.
const MAX_CREDENTIAL: usize = 8 << 10;

/// Whoever sent a request.
#[derive(Debug)]
pub(crate) struct Caller {
    /// `None` is the anonymous caller.
    pub(crate) principal: Option<Principal>,
    presented: Option<PresentedCredential>,
}

/// What a caller has shown.
#[derive(Debug)]
enum PresentedCredential {
    /// A password, a token or a robot's secret.
    Secret(Verified),
    /// A registry token, good for the scopes it names.
    Token(token::Claims),
}

impl Caller {
    fn nobody() -> Self {
        Self {
            principal: None,
            presented: None,
        }
    }

    fn with_secret(verified: Verified) -> Self {
        Self {
            principal: Some(verified.principal.clone()),
            presented: Some(PresentedCredential::Secret(verified)),
        }
    }

    fn with_token(principal: Option<Principal>, claims: token::Claims) -> Self {
        Self {
            principal,
            presented: Some(PresentedCredential::Token(claims)),
        }
    }

    /// Returns the caller as the audit trail names it.
    pub(crate) fn actor(&self, origin: &Origin) -> catalog::Actor {
        let name = self.principal.as_ref().map_or(ANONYMOUS, |p| &p.name);
        origin.actor(name)
    }

    /// Returns the principal, which for a caller without a credential is the anonymous one.
    fn principal(&self) -> Principal {
        self.principal.clone().unwrap_or_else(Principal::anonymous)
    }

    /// Returns whether the credential is a secret itself, and not a registry token made from one.
    pub(crate) fn is_whole(&self) -> bool {
        !matches!(self.presented, Some(PresentedCredential::Token(_)))
    }

    /// Returns whether the credential is narrowed to scopes, by whatever kind of token.
    pub(crate) fn is_narrowed(&self) -> bool {
        match &self.presented {
            None => false,
            Some(PresentedCredential::Secret(verified)) => verified.scopes.is_some(),
            Some(PresentedCredential::Token(_)) => true,
        }
    }

    /// Returns the secret the caller has shown.
    pub(crate) fn secret(&self) -> Option<&Verified> {
        match &self.presented {
            Some(PresentedCredential::Secret(verified)) => Some(verified),
            _ => None,
        }
    }

    /// Returns whether the credential covers the list of repositories.
    pub(crate) fn covers_catalog(&self) -> bool {
        match &self.presented {
            None => true,
            Some(PresentedCredential::Secret(verified)) => verified
                .scopes
                .as_ref()
                .is_none_or(scopes::TokenScopes::covers_catalog),
            Some(PresentedCredential::Token(claims)) => claims.covers_catalog(),
        }
    }

    /// Returns whether the credential covers an action in a repository; the right itself is another question.
    pub(crate) fn token_covers(&self, name: &RepositoryName, action: Action) -> bool {
        match &self.presented {
            None => true,
            Some(PresentedCredential::Secret(verified)) => verified
                .scopes
                .as_ref()
                .is_none_or(|scopes| scopes.covers(name, action)),
            Some(PresentedCredential::Token(claims)) => claims.covers(name.as_str(), action),
        }
    }
}

/// A repository together with the caller's proven right to it.
#[derive(Debug)]
pub(crate) struct Access {
    /// Who.
    pub(crate) caller: Caller,
    /// Their principal; the anonymous one has what a public repository gives.
    pub(crate) principal: Principal,
    /// Where.
    pub(crate) repository: Repository,
    /// The counters read with the repository: what is remembered under them still holds.
    pub(crate) generation: Generation,
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
    identify_at(app, headers, origin, None).await
}

/// Does the same in a request that has read the counters.
async fn identify_at(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
    generation: Option<Generation>,
) -> Result<Caller, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(Caller::nobody());
    };
    let value = value
        .to_str()
        .ok()
        .filter(|v| v.len() <= MAX_CREDENTIAL)
        .unwrap_or_default();
    let (scheme, credential) = value.split_once(' ').unwrap_or((value, ""));
    let refused = || challenge::unauthorized(app, headers, None, Some("invalid_token"));
    if scheme.eq_ignore_ascii_case("basic") {
        let (name, secret) = credentials::decode_basic(credential).ok_or_else(refused)?;
        let verified = verify_secret(app, &name, &secret, origin).await?;
        return verified.map(Caller::with_secret).ok_or_else(refused);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    let claims = app
        .tokens
        .verify(credential, app.clock.now())
        .map_err(|_| refused())?;
    if claims.sub == ANONYMOUS {
        return Ok(Caller::with_token(None, claims));
    }
    let state = state_behind(app, &claims, generation)
        .await?
        .ok_or_else(refused)?;
    if state.disabled || state.auth_epoch != claims.epoch {
        return Err(refused());
    }
    Ok(Caller::with_token(Some(state.principal), claims))
}

/// Returns whom a token speaks for now: of the credential it was made from, if that is still good, else of the account.
async fn state_behind(
    app: &App,
    claims: &token::Claims,
    generation: Option<Generation>,
) -> Result<Option<PrincipalState>, ApiError> {
    let Some(id) = parse_subject(&claims.sub) else {
        return Ok(None);
    };
    let now = app.clock.now();
    let key = (id, claims.cred);
    // A principal depends on no repository.
    let generation = generation.map(|generation| Generation {
        repository: 0,
        ..generation
    });
    let remembered = generation.and_then(|seen| app.recent.states.get(&key, seen, now));
    let state = match (remembered, claims.cred) {
        (Some(state), _) => Some(state),
        (None, None) => app.catalog.principal_state(id, now).await?,
        (None, Some(credential)) => app
            .catalog
            .credential_state(credential, now)
            .await?
            .map(|presented| presented.state)
            .filter(|state| state.principal.id == id),
    };
    if let (Some(state), Some(seen)) = (&state, generation) {
        app.recent.states.keep(key, seen, now, state.clone());
    }
    if let (Some(_), Some(credential)) = (&state, claims.cred) {
        app.uses.note(credential);
    }
    Ok(state)
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

/// Returns the actions a principal has on a repository that may not exist yet.
pub(crate) async fn allowed_actions(
    app: &App,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<Vec<Action>, ApiError> {
    let role = match app.catalog.repository(name).await? {
        Some(repository) => app.catalog.role_of(repository.id, principal).await?,
        None if app.catalog.may_create_repository(name, principal).await? => {
            Some(Role::of_creator(principal))
        }
        None => None,
    };
    let role = match role {
        None if is_open(app, principal, name).await? => Some(Role::Read),
        role => role,
    };
    Ok(match role {
        None => vec![],
        Some(Role::Read) => vec![Action::Pull],
        Some(Role::Write) => vec![Action::Pull, Action::Push],
        Some(Role::Admin) => vec![Action::Pull, Action::Push, Action::Delete],
    })
}

/// Requires the right to do `action` in a repository that exists.
pub(crate) async fn require(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
    name: &RepositoryName,
    action: Action,
) -> Result<Access, ApiError> {
    let seen = app.catalog.repository_now(name).await?;
    let caller = identify_at(app, headers, origin, Some(seen.0)).await?;
    existing(app, headers, caller, seen, name, action).await
}

/// Requires the right to pull, or to create what is not there yet: then there is nothing to pull, and no error either.
pub(crate) async fn pull_or_create(
    app: &App,
    headers: &HeaderMap,
    origin: &Origin,
    name: &RepositoryName,
) -> Result<Option<Access>, ApiError> {
    let seen = app.catalog.repository_now(name).await?;
    let caller = identify_at(app, headers, origin, Some(seen.0)).await?;
    let is_new = seen.1.is_none();
    if let (true, Some(principal)) = (is_new, &caller.principal)
        && caller.token_covers(name, Action::Pull)
        && app.catalog.may_create_repository(name, principal).await?
    {
        return Ok(None);
    }
    existing(app, headers, caller, seen, name, Action::Pull)
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
    let seen = app.catalog.repository_now(name).await?;
    let caller = identify_at(app, headers, origin, Some(seen.0)).await?;
    let is_new = seen.1.is_none();
    if let (true, Some(principal)) = (is_new, caller.principal.clone())
        && caller.token_covers(name, Action::Push)
        && app.catalog.may_create_repository(name, &principal).await?
    {
        let actor = caller.actor(origin);
        let repository = app
            .catalog
            .ensure_repository(name, &principal, &actor, app.clock.now())
            .await?;
        // The counters of before: what is kept under them holds for nobody who reads the new ones.
        return Ok(Access {
            caller,
            principal,
            repository,
            generation: seen.0,
        });
    }
    existing(app, headers, caller, seen, name, Action::Push).await
}

/// Whether a name is cached from an upstream that is open to everybody who is signed in.
async fn is_open(
    app: &App,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<bool, ApiError> {
    Ok(principal.id != PrincipalId::Anonymous && proxy::is_open_to_all(app, name).await?)
}

async fn existing(
    app: &App,
    headers: &HeaderMap,
    caller: Caller,
    (generation, found): (Generation, Option<Repository>),
    name: &RepositoryName,
    action: Action,
) -> Result<Access, ApiError> {
    if !caller.token_covers(name, action) {
        return Err(challenge::unauthorized(
            app,
            headers,
            Some((name, action)),
            // Nobody's token is narrow because nobody asked: what helps is to sign in.
            caller.principal.is_some().then_some("insufficient_scope"),
        ));
    }
    let principal = caller.principal();
    let role = match &found {
        Some(repository) => role_of(app, repository, &principal, generation).await?,
        None => None,
    };
    let role = match role {
        None if is_open(app, &principal, name).await? => Some(Role::Read),
        role => role,
    };
    // Who is nobody gets the same challenge for what is missing, private, or public and not theirs to change.
    if caller.principal.is_none() && !(role.is_some() && action == Action::Pull) {
        return Err(challenge::unauthorized(
            app,
            headers,
            Some((name, action)),
            None,
        ));
    }
    let (Some(repository), Some(role)) = (found, role) else {
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
        generation,
    })
}

async fn role_of(
    app: &App,
    repository: &Repository,
    principal: &Principal,
    generation: Generation,
) -> Result<Option<Role>, ApiError> {
    let key = (principal.id, repository.id);
    let now = app.clock.now();
    if let Some(role) = app.recent.roles.get(&key, generation, now) {
        return Ok(role);
    }
    let role = app.catalog.role_of(repository.id, principal).await?;
    app.recent.roles.keep(key, generation, now, role);
    Ok(role)
}
