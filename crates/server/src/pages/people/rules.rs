//! The rules of a namespace: what the pages of rules share, and how long what is deleted can be brought back.

use axum::response::Response;
use catalog::Principal;
use web::{Draft, HomeHead, HomeView, NamespaceRulesPage};

use super::usage;
use crate::api::tag_life::{self, WindowSetting};
use crate::api::{Body, Segments, governed, rules as api};
use crate::pages::refusal::refusable;
use crate::pages::rules::{self, Outcome, Place, Tried};
use crate::pages::{Form, PageError, Visit, html, redirect};

pub(super) async fn page(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
) -> Result<Response, PageError> {
    show(visit, principal, head, None, Draft::default()).await
}

async fn show(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    tried: Option<Tried>,
    draft: Draft,
) -> Result<Response, PageError> {
    let place = Place::Namespace(&head.name);
    let scope = place.address();
    // Whether these rules are the visitor's to see is what the API says of them.
    governed::governed(&visit.app, &visit.caller(principal), &scope).await?;
    let quota = api::quota(visit.app(), visit.caller(principal), Segments(scope)).await?;
    let window = visit.app.catalog.restore_window(&head.name).await?;
    let page = NamespaceRulesPage {
        frame: visit.frame(),
        rules: rules::read(visit, place, tried).await?,
        window: window.as_str(),
        quota: usage::card(&quota.0),
        head,
        draft,
    };
    html(web::render_namespace_rules(&page))
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    form: &Form,
) -> Result<Response, PageError> {
    let here = head.home.at(HomeView::Rules).to_string();
    let place = Place::Namespace(&head.name);
    governed::governed(&visit.app, &visit.caller(principal), &place.address()).await?;
    let outcome = match form.field("do") {
        "window" => {
            let setting = WindowSetting {
                restore_window: form.field("window").to_owned(),
            };
            let namespace = head.name.parse().map(Segments);
            let namespace = namespace.map_err(|_| PageError::Shown(web::ErrorKind::NotFound))?;
            let caller = visit.credentialed(principal);
            let set = tag_life::set_window(visit.app(), caller, namespace, Body(setting)).await;
            match refusable(set)? {
                Ok(_) => Outcome::Done,
                Err(refused) => Outcome::Refused(None, refused),
            }
        }
        _ => rules::submit(visit, principal, place, form).await?,
    };
    match outcome {
        Outcome::Done => Ok(redirect(&here)),
        Outcome::Dry(tried) => show(visit, principal, head, Some(tried), Draft::default()).await,
        Outcome::Refused(tried, refused) => {
            let page = show(visit, principal, head, tried, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}
