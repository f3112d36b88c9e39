//! Rights below a namespace: roles on patterns, and what new repositories give.

use axum::response::Response;
use catalog::Principal;
use web::{DefaultRow, Draft, ErrorKind, GrantRow, GrantsPage, HomeHead, HomeView};

use crate::api::namespaces::{self, DefaultItem, GrantItem, NewDefault, NewGrant};
use crate::api::people::SubjectName;
use crate::api::{Body, Parameters, Segments};
use crate::pages::refusal::{Refused, refusable};
use crate::pages::{Form, PageError, Visit, html, redirect};

pub(super) async fn page(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    draft: Draft,
) -> Result<Response, PageError> {
    let caller = || visit.caller(principal);
    let namespace = || Segments(head.name.clone());
    let patterns = namespaces::list(visit.app(), caller(), namespace()).await?;
    let defaults = namespaces::list_defaults(visit.app(), caller(), namespace()).await?;
    let page = GrantsPage {
        frame: visit.frame(),
        patterns: patterns.0.items.into_iter().map(grant_row).collect(),
        defaults: defaults.0.items.into_iter().map(default_row).collect(),
        head,
        draft,
    };
    html(web::render_grants(&page))
}

fn grant_row(grant: GrantItem) -> GrantRow {
    GrantRow {
        pattern: grant.pattern.to_string(),
        kind: grant.subject.word(),
        subject: grant.subject.name,
        role: grant.role,
        by: grant.granted_by,
        since: grant.granted_at,
    }
}

fn default_row(rule: DefaultItem) -> DefaultRow {
    DefaultRow {
        id: rule.id,
        creator: rule.creator.map(|creator| creator.name),
        kind: rule.delegate.word(),
        delegate: rule.delegate.name,
        role: rule.role,
    }
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    form: &Form,
) -> Result<Response, PageError> {
    let (app, caller) = (visit.app(), visit.credentialed(principal));
    let namespace = Segments(head.name.clone());
    let done = match form.field("do") {
        "give" => match pattern(form) {
            Ok(pattern) => {
                let new = NewGrant {
                    pattern,
                    subject: SubjectName::guess(form.field("who").trim()),
                    role: form.field("role").to_owned(),
                };
                refusable(namespaces::put(app, caller, namespace, Body(new)).await)?.map(|_| ())
            }
            Err(refused) => Err(refused),
        },
        "revoke" => match pattern(form) {
            Ok(pattern) => {
                let SubjectName { kind, name } = SubjectName::guess(form.field("who"));
                let which = namespaces::Which {
                    pattern,
                    kind,
                    name,
                };
                let taken = namespaces::delete(app, caller, namespace, Parameters(which)).await;
                refusable(taken)?.map(|_| ())
            }
            Err(refused) => Err(refused),
        },
        "rule" => {
            let creator = form.field("creator").trim();
            let new = NewDefault {
                creator: (!creator.is_empty()).then(|| SubjectName::guess(creator)),
                delegate: SubjectName::guess(form.field("delegate").trim()),
                role: form.field("role").to_owned(),
            };
            refusable(namespaces::add_default(app, caller, namespace, Body(new)).await)?.map(|_| ())
        }
        "end" => {
            let rule = form
                .field("id")
                .parse()
                .map_err(|_| PageError::Shown(ErrorKind::BadRequest))?;
            let rule = Segments((head.name.clone(), rule));
            refusable(namespaces::remove_default(app, caller, rule).await)?.map(|_| ())
        }
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    };
    match done {
        Ok(()) => Ok(redirect(&head.home.at(HomeView::Grants).to_string())),
        Err(refused) => {
            let page = page(visit, principal, head, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

fn pattern(form: &Form) -> Result<oci::RepositoryPattern, Refused> {
    let pattern = form.field("pattern").trim().parse();
    pattern.map_err(|error: oci::PatternError| {
        Refused::invalid(&format!("That is no pattern: {error}."))
    })
}
