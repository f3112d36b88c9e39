//! Who may see and set rules, and where: the scope in an address, and the caller's right to it.

use catalog::{Repository, Role, Scope};
use oci::RepositoryName;

use super::Caller;
use super::problem::Problem;
use crate::app::App;

/// Returns the repository and the caller's role; for those who may not read it there is none.
pub(super) async fn readable(
    app: &App,
    caller: &Caller,
    name: &RepositoryName,
) -> Result<(Repository, Role), Problem> {
    let found = app.catalog.repository(name).await?;
    let repository = found.ok_or_else(Problem::not_found)?;
    let role = app
        .catalog
        .role_of(repository.id, &caller.principal)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok((repository, role))
}

/// Returns the repository, if the caller has at least this role in it.
pub(super) async fn with_role(
    app: &App,
    caller: &Caller,
    name: &RepositoryName,
    needed: Role,
) -> Result<Repository, Problem> {
    let (repository, role) = readable(app, caller, name).await?;
    if role < needed {
        return Err(Problem::forbidden(&format!(
            "this needs the role {needed} in the repository"
        )));
    }
    Ok(repository)
}

/// Reads `system`, `namespace:NAME` or `repository:NAME`, if the caller governs it: an administrator everything, the
/// owner of a namespace that, an admin of a repository that. To others it does not exist.
pub(crate) async fn governed(app: &App, caller: &Caller, text: &str) -> Result<Scope, Problem> {
    if text == "system" {
        return if caller.principal.superuser {
            Ok(Scope::System)
        } else {
            Err(Problem::forbidden("only an administrator may do this"))
        };
    }
    let (kind, name) = text.split_once(':').ok_or_else(Problem::not_found)?;
    let name: RepositoryName = name.parse().map_err(|_| Problem::not_found())?;
    match kind {
        "namespace" if !name.as_str().contains('/') => {
            namespace(app, caller, &name).await?;
            Ok(Scope::Namespace(name.to_string()))
        }
        "repository" => {
            let repository = with_role(app, caller, &name, Role::Admin).await?;
            Ok(Scope::Repository(repository.id))
        }
        _ => Err(Problem::not_found()),
    }
}

/// Requires that the caller owns a namespace; to others it does not exist, but who reads everything may know why not.
pub(super) async fn namespace(
    app: &App,
    caller: &Caller,
    namespace: &RepositoryName,
) -> Result<(), Problem> {
    if caller.principal.reader_superuser {
        return Err(Problem::forbidden("only its owners may do this"));
    }
    let owns = !namespace.as_str().contains('/')
        && app
            .catalog
            .owns_namespace(namespace.as_str(), &caller.principal)
            .await?;
    if owns {
        Ok(())
    } else {
        Err(Problem::not_found())
    }
}
