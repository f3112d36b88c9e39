//! A repository's settings, for whoever administers it.

use axum::extract::State;
use axum::response::Response;
use catalog::{Principal, Repository, RepositoryState, Role, Sparse};
use oci::RepositoryName;
use web::routes::Route;
use web::{Draft, ErrorKind, RoleRow, SettingsPage};

use super::people::kind;
use super::refusal::{Refused, refusable};
use super::rules::{self, Outcome, Place, Tried};
use super::{Form, PageError, Visit, html, readable, redirect};
use crate::api::people::SubjectName;
use crate::api::permissions::{self, NewPermission, NewVisibility};
use crate::api::repository::{self, RepositoryChange};
use crate::api::sparse::{self, SparseSetting};
use crate::api::{Body, Parameters, Segments};

pub(super) async fn page(
    visit: &Visit,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<Response, PageError> {
    let repository = administered(visit, principal, name).await?;
    show(visit, repository, None, Draft::default()).await
}

/// Returns the repository for its administrators. Who may only read it is told why not.
async fn administered(
    visit: &Visit,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<Repository, PageError> {
    let (repository, role) = readable(visit, principal, name).await?;
    if role == Role::Admin {
        return Ok(repository);
    }
    Err(PageError::Refused(
        ErrorKind::Forbidden,
        "Only an administrator of the repository sees and changes its settings. What they are is on the page about it."
            .to_owned(),
    ))
}

async fn show(
    visit: &Visit,
    repository: Repository,
    tried: Option<Tried>,
    draft: Draft,
) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let given = catalog.list_permissions(repository.id).await?;
    let patterns = catalog.pattern_permissions(&repository.namespace).await?;
    let rules = rules::read(visit, Place::Repository(&repository), tried).await?;
    let page = SettingsPage {
        frame: visit.frame(),
        visibility: repository.visibility.as_str(),
        state: match repository.state {
            RepositoryState::Normal | RepositoryState::ReadOnly => Some(repository.state.as_str()),
            RepositoryState::Mirror | RepositoryState::Proxy | RepositoryState::Deleting => None,
        },
        sparse: repository.sparse.map_or("", Sparse::as_str),
        permissions: given
            .into_iter()
            .map(|given| RoleRow {
                kind: kind(given.subject.id),
                subject: given.subject.name,
                role: given.role.as_str(),
                pattern: None,
            })
            .collect(),
        patterns: patterns
            .into_iter()
            .filter(|given| given.pattern.covers(&repository.name))
            .map(|given| RoleRow {
                kind: kind(given.subject.id),
                subject: given.subject.name,
                role: given.role.as_str(),
                pattern: Some(given.pattern.to_string()),
            })
            .collect(),
        rules,
        description: repository.description,
        repository: repository.name,
        draft,
    };
    html(web::render_settings(&page))
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    name: &RepositoryName,
    form: &Form,
) -> Result<Response, PageError> {
    let repository = administered(visit, principal, name).await?;
    let done = match form.field("do") {
        "describe" | "state" => change(visit, principal, &repository, form).await?,
        "delete" => match delete(visit, principal, &repository, form).await? {
            Ok(()) => return Ok(redirect(&Route::Images.to_string())),
            Err(refused) => Err(refused),
        },
        "give" | "revoke" | "visibility" | "sparse" => {
            rights(visit, principal, &repository, form).await?
        }
        _ => {
            let place = Place::Repository(&repository);
            return match rules::submit(visit, principal, place, form).await? {
                Outcome::Done => Ok(redirect(&Route::Settings(repository.name).to_string())),
                Outcome::Dry(tried) => show(visit, repository, Some(tried), Draft::default()).await,
                Outcome::Refused(tried, refused) => {
                    let page = show(visit, repository, tried, refused.draft(form)).await?;
                    Ok(refused.on(page))
                }
            };
        }
    };
    match done {
        Ok(()) => Ok(redirect(&Route::Settings(repository.name).to_string())),
        Err(refused) => {
            let page = show(visit, repository, None, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

/// Gives and takes rights, and changes who sees what.
async fn rights(
    visit: &Visit,
    principal: &Principal,
    repository: &Repository,
    form: &Form,
) -> Result<Result<(), Refused>, PageError> {
    let app = State(visit.app.clone());
    let caller = visit.credentialed(principal);
    let name = Segments(repository.name.to_string());
    let answer = match form.field("do") {
        "give" => {
            let new = NewPermission {
                subject: SubjectName::guess(form.field("who").trim()),
                role: form.field("role").to_owned(),
            };
            permissions::put(app, caller, name, Body(new)).await
        }
        "revoke" => {
            let SubjectName { kind, name: who } = SubjectName::guess(form.field("who"));
            let which = permissions::Which { kind, name: who };
            permissions::delete(app, caller, name, Parameters(which)).await
        }
        "visibility" => {
            let visibility = form.field("visibility").to_owned();
            permissions::set_visibility(app, caller, name, Body(NewVisibility { visibility })).await
        }
        "sparse" => {
            let sparse = Some(form.field("sparse").to_owned()).filter(|word| !word.is_empty());
            let name = Segments(repository.name.clone());
            sparse::put(app, caller, name, Body(SparseSetting { sparse })).await
        }
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    };
    Ok(refusable(answer)?.map(|_| ()))
}

/// Changes what the repository says about itself, or what it takes.
async fn change(
    visit: &Visit,
    principal: &Principal,
    repository: &Repository,
    form: &Form,
) -> Result<Result<(), Refused>, PageError> {
    let given = |word, field| (form.field("do") == word).then(|| form.field(field).to_owned());
    let change = RepositoryChange {
        description: given("describe", "description").map(|text| text.trim().to_owned()),
        state: given("state", "state"),
    };
    let (app, caller) = (State(visit.app.clone()), visit.credentialed(principal));
    let name = Segments(repository.name.clone());
    let answer = repository::change(app, caller, name, Body(change)).await;
    Ok(refusable(answer)?.map(|_| ()))
}

/// Deletes the repository, if its name was typed.
async fn delete(
    visit: &Visit,
    principal: &Principal,
    repository: &Repository,
    form: &Form,
) -> Result<Result<(), Refused>, PageError> {
    if form.field("confirm").trim() != repository.name.as_str() {
        return Ok(Err(Refused::invalid(&format!(
            "Type `{}` to delete it: what was typed is another name.",
            repository.name
        ))));
    }
    let (app, caller) = (State(visit.app.clone()), visit.credentialed(principal));
    let answer = repository::delete(app, caller, Segments(repository.name.clone())).await;
    Ok(refusable(answer)?.map(|_| ()))
}
