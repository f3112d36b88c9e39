//! Who may pull through a cache, and the first pull of a name.

use catalog::{Principal, Repository, RepositoryState};
use oci::{Action, Reference, RepositoryName};

use super::{Cached, find, manifest};
use crate::app::{App, Shared};
use crate::auth::{self, Access};
use crate::error::ApiError;
use crate::registry::Call;

/// Whether everybody who is signed in may pull a name, because its upstream is open to them.
pub(crate) async fn is_open_to_all(app: &App, name: &RepositoryName) -> Result<bool, ApiError> {
    let upstream = super::super::cached_from(app, name)
        .await
        .map_err(ApiError::fault)?;
    Ok(upstream.is_some_and(|upstream| upstream.settings.signed_in_read))
}

/// Opens a repository that does not exist yet, by fetching what is asked for. `None` if the name is not cached from
/// anywhere, or not for this caller: then nothing was asked upstream either.
pub(crate) async fn open(
    call: &Call,
    name: &RepositoryName,
    reference: &Reference,
    ns: Option<&str>,
) -> Result<Option<(Access, Cached)>, ApiError> {
    let app = call.shared();
    let caller = auth::identify(app, call.headers(), call.origin()).await?;
    let Some(principal) = caller.principal.clone() else {
        return Ok(None);
    };
    if !caller.token_covers(name, Action::Pull) || !may_open(app, &principal, name).await? {
        return Ok(None);
    }
    let Some(cached) = find(app, name, ns).await? else {
        return Ok(None);
    };
    let repository = manifest::first(app, &cached, name, reference).await?;
    let (generation, _) = app.catalog.repository_now(name).await?;
    let access = Access {
        caller,
        principal,
        repository,
        generation,
    };
    Ok(Some((access, cached)))
}

/// Who could create the repository may, and whoever is signed in where the upstream is open to them.
async fn may_open(
    app: &App,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<bool, ApiError> {
    Ok(app.catalog.may_create_repository(name, principal).await?
        || is_open_to_all(app, name).await?)
}

/// Returns the repository of a cached name, which exists now.
pub(super) async fn ensure(
    app: &Shared,
    cached: &Cached,
    name: &RepositoryName,
) -> Result<Repository, super::FetchError> {
    let actor = catalog::Actor::named(&format!("cache of {}", cached.upstream.name));
    Ok(app
        .catalog
        .ensure_copy(name, RepositoryState::Proxy, &actor, app.clock.now())
        .await?)
}
