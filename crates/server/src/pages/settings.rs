//! A repository's settings, for whoever administers it.

use axum::extract::State;
use axum::response::Response;
use catalog::{Principal, Repository, RepositoryState, Role, Scope, Sparse};
use oci::RepositoryName;
use web::routes::Route;
use web::{
    Draft, DryLine, DryRun, ErrorKind, RetentionForm, RetentionRule, RoleRow, RuleRow, SettingsPage,
};

use super::people::kind;
use super::refusal::{Refused, refusable};
use super::{Form, PageError, Visit, html, readable, redirect};
use crate::api::people::SubjectName;
use crate::api::permissions::{self, NewPermission, NewVisibility};
use crate::api::repository::{self, RepositoryChange};
use crate::api::rules::{self, RetentionBody, RuleBody};
use crate::api::sparse::{self, SparseSetting};
use crate::api::{Body, Parameters, Segments};
use crate::error::ApiError;
use crate::retention::prune::{self, PruneReport, Pruning};
use crate::retention::{Policy, RetentionDocument, RuleDocument};

/// Lines of a dry run on the page.
const LINES: usize = 100;
/// Rules that a form may send; a policy has no more.
const MAX_RULES: usize = 51;

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
    tried: Option<(RetentionForm, Option<DryRun>)>,
    draft: Draft,
) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let given = catalog.list_permissions(repository.id).await?;
    let patterns = catalog.pattern_permissions(&repository.namespace).await?;
    let scope = Scope::Repository(repository.id);
    let immutability = catalog.immutability_rules(&scope).await?;
    let stored = stored_retention(visit, &repository).await?;
    let (mut retention, dry_run) = match tried {
        Some((tried, dry_run)) => (
            RetentionForm {
                in_force: stored.in_force,
                is_own: stored.is_own,
                ..tried
            },
            dry_run,
        ),
        None => (stored, None),
    };
    // One more than there are, for the next.
    if retention
        .rules
        .last()
        .is_none_or(|rule| !rule.name.is_empty())
    {
        retention.rules.push(RetentionRule::default());
    }
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
        immutability: immutability
            .into_iter()
            .map(|rule| {
                let row = RuleRow {
                    matches: rule.rule.describe(),
                    scope: "this repository",
                    author: rule.created_by,
                    since: rule.created_at,
                };
                (rule.id, row)
            })
            .collect(),
        retention,
        dry_run,
        description: repository.description,
        repository: repository.name,
        draft,
    };
    html(web::render_settings(&page))
}

/// Returns the repository's own policy as a form, and where the one in force is set.
async fn stored_retention(
    visit: &Visit,
    repository: &Repository,
) -> Result<RetentionForm, PageError> {
    let catalog = &visit.app.catalog;
    let nearest = catalog
        .retention_for(repository.id, &repository.name)
        .await?;
    let in_force = nearest.map(|policy| match policy.scope {
        Scope::System => "everything",
        Scope::Namespace(_) => "its namespace",
        Scope::Repository(_) => "this repository",
    });
    let own = catalog.retention(&Scope::Repository(repository.id)).await?;
    let Some(own) = own else {
        return Ok(RetentionForm {
            in_force,
            ..RetentionForm::default()
        });
    };
    let document: RetentionDocument = serde_json::from_str(&own.body).map_err(ApiError::fault)?;
    Ok(RetentionForm {
        in_force,
        is_own: true,
        enabled: own.enabled,
        rules: document.rules.into_iter().map(rule_fields).collect(),
        untagged_after: document.untagged_after.unwrap_or_default(),
    })
}

fn rule_fields(rule: RuleDocument) -> RetentionRule {
    let count = |count: Option<u32>| count.map(|count| count.to_string()).unwrap_or_default();
    RetentionRule {
        name: rule.name,
        include: rule.include.join(" "),
        exclude: rule.exclude.join(" "),
        last_pushed: count(rule.keep_last_pushed),
        last_pulled: count(rule.keep_last_pulled),
        pushed_within: rule.keep_pushed_within.unwrap_or_default(),
        pulled_within: rule.keep_pulled_within.unwrap_or_default(),
    }
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    name: &RepositoryName,
    form: &Form,
) -> Result<Response, PageError> {
    let repository = administered(visit, principal, name).await?;
    let done = match form.field("do") {
        "dry-run" | "retention" => return retention(visit, principal, repository, form).await,
        "delete" => match delete(visit, principal, &repository, form).await? {
            Ok(()) => return Ok(redirect(&Route::Images.to_string())),
            Err(refused) => Err(refused),
        },
        "give" | "revoke" | "visibility" | "sparse" => {
            rights(visit, principal, &repository, form).await?
        }
        _ => rule(visit, principal, &repository, form).await?,
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

/// Does what the other forms ask.
async fn rule(
    visit: &Visit,
    principal: &Principal,
    repository: &Repository,
    form: &Form,
) -> Result<Result<(), Refused>, PageError> {
    let (app, caller) = (State(visit.app.clone()), visit.credentialed(principal));
    let name = Segments(repository.name.clone());
    let scope = format!("repository:{}", repository.name);
    let given = |field| {
        let text = form.field(field).trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let answer = match form.field("do") {
        "describe" => {
            let change = RepositoryChange {
                description: Some(form.field("description").trim().to_owned()),
                state: None,
            };
            repository::change(app, caller, name, Body(change)).await
        }
        "state" => {
            let change = RepositoryChange {
                description: None,
                state: Some(form.field("state").to_owned()),
            };
            repository::change(app, caller, name, Body(change)).await
        }
        "immutable" => {
            let rule = RuleBody {
                repository: None,
                tag: given("tag"),
                label: given("label"),
                label_value: given("label-value"),
            };
            let added = rules::add_immutability(app, caller, Segments(scope), Body(rule)).await;
            added.map(|(status, _)| status)
        }
        "lift" => {
            let id = form.field("id").parse();
            let id = id.map_err(|_| PageError::Shown(ErrorKind::BadRequest))?;
            rules::delete_immutability(app, caller, Segments((scope, id))).await
        }
        "no-retention" => rules::delete_retention(app, caller, Segments(scope)).await,
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    };
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

/// Shows what a policy would end now, or saves it.
async fn retention(
    visit: &Visit,
    principal: &Principal,
    repository: Repository,
    form: &Form,
) -> Result<Response, PageError> {
    let typed = typed_policy(form);
    let checked = document(&typed).and_then(|document| {
        let policy = Policy::check(&document);
        let policy = policy.map_err(|error| Refused::invalid(&format!("{error}.")))?;
        Ok((document, policy))
    });
    let (document, policy) = match checked {
        Ok(checked) => checked,
        Err(refused) => {
            let page = show(visit, repository, Some((typed, None)), refused.draft(form)).await?;
            return Ok(refused.on(page));
        }
    };
    if form.field("do") == "dry-run" {
        let pruning = Pruning {
            catalog: &visit.app.catalog,
            clock: &visit.app.clock,
            repository: repository.id,
            name: &repository.name,
            by: &visit.actor(principal),
            is_dry: true,
        };
        let run = dry_run(prune::apply(&pruning, &policy).await?);
        return show(
            visit,
            repository,
            Some((typed, Some(run))),
            Draft::default(),
        )
        .await;
    }
    let body = RetentionBody {
        policy: document,
        enabled: typed.enabled,
    };
    let scope = Segments(format!("repository:{}", repository.name));
    let (app, caller) = (State(visit.app.clone()), visit.credentialed(principal));
    match refusable(rules::set_retention(app, caller, scope, Body(body)).await)? {
        Ok(_) => Ok(redirect(&Route::Settings(repository.name).to_string())),
        Err(refused) => {
            let page = show(visit, repository, Some((typed, None)), refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

/// Reads the policy's fields as they were typed. A rule whose name was taken away is no rule.
fn typed_policy(form: &Form) -> RetentionForm {
    let sent: usize = form.field("rules").parse().unwrap_or(0);
    let rule = |i: usize| {
        let field = |name: &str| form.field(&format!("{name}-{i}")).trim().to_owned();
        RetentionRule {
            name: field("name"),
            include: field("include"),
            exclude: field("exclude"),
            last_pushed: field("last-pushed"),
            last_pulled: field("last-pulled"),
            pushed_within: field("pushed-within"),
            pulled_within: field("pulled-within"),
        }
    };
    RetentionForm {
        in_force: None,
        is_own: false,
        enabled: form.field("enabled") == "yes",
        rules: (0..sent.min(MAX_RULES))
            .map(rule)
            .filter(|rule| !rule.name.is_empty())
            .collect(),
        untagged_after: form.field("untagged").trim().to_owned(),
    }
}

fn document(typed: &RetentionForm) -> Result<RetentionDocument, Refused> {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let count = |text: &String| {
        given(text)
            .map(|text| text.parse::<u32>())
            .transpose()
            .map_err(|_| Refused::invalid(&format!("`{text}` is no number of tags to keep.")))
    };
    let words = |text: &String| text.split_whitespace().map(str::to_owned).collect();
    let mut rules = Vec::with_capacity(typed.rules.len());
    for rule in &typed.rules {
        rules.push(RuleDocument {
            name: rule.name.clone(),
            include: words(&rule.include),
            exclude: words(&rule.exclude),
            keep_last_pushed: count(&rule.last_pushed)?,
            keep_last_pulled: count(&rule.last_pulled)?,
            keep_pushed_within: given(&rule.pushed_within),
            keep_pulled_within: given(&rule.pulled_within),
        });
    }
    Ok(RetentionDocument {
        rules,
        untagged_after: given(&typed.untagged_after),
    })
}

fn dry_run(report: PruneReport) -> DryRun {
    let lines = report.items.into_iter().take(LINES);
    DryRun {
        total: report.total,
        immutable: report.immutable,
        lines: lines
            .map(|line| DryLine {
                tag: line.tag,
                digest: line.digest,
                rule: line.rule,
                size_bytes: line.size_bytes,
                immutable: line.immutable,
            })
            .collect(),
    }
}
