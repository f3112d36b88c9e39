//! The rules of the system.

use axum::extract::State;
use axum::response::Response;
use catalog::Principal;
use web::routes::Route;
use web::{Draft, SystemRulesPage};

use super::done;
use crate::api::{Segments, rules as api};
use crate::pages::people::quota_card;
use crate::pages::rules::{self, Outcome, Place, Tried};
use crate::pages::{Form, PageError, Visit, html, redirect};

pub(super) async fn page(visit: &Visit, principal: &Principal) -> Result<Response, PageError> {
    show(visit, principal, None, Draft::default()).await
}

async fn show(
    visit: &Visit,
    principal: &Principal,
    tried: Option<Tried>,
    draft: Draft,
) -> Result<Response, PageError> {
    let (app, caller) = (State(visit.app.clone()), visit.caller(principal));
    let quota = api::quota(app, caller, Segments(Place::System.address())).await?;
    let page = SystemRulesPage {
        frame: visit.frame(),
        done: done(visit),
        rules: rules::read(visit, Place::System, tried).await?,
        quota: quota_card(&quota.0),
        draft,
    };
    html(web::render_system_rules(&page))
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    form: &Form,
) -> Result<Response, PageError> {
    match rules::submit(visit, principal, Place::System, form).await? {
        Outcome::Done => Ok(redirect(&Route::SystemRules.to_string())),
        Outcome::Dry(tried) => show(visit, principal, Some(tried), Draft::default()).await,
        Outcome::Refused(tried, refused) => {
            let page = show(visit, principal, tried, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}
