//! The pages of people, organisations and robots.
//!
//! What they show and what their forms do comes from the API's handlers, called with the visitor in place of a request:
//! so rights, limits and entries of the audit trail are those of the API. Where a handler refuses, its sentence is
//! shown above the form.
//!
//! Adding a form: a word for its button, its arm in the page's `submit`.

mod account;
mod grants;
mod name_lists;
mod organisations;
mod robots;
mod rules;
mod teams;
mod usage;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catalog::Principal;
use jiff::{SignedDuration, Timestamp};
use web::{Draft, Home, HomeHead, HomeView, SecretRow, ShownSecret};

pub(super) use organisations::{create as create_organisation, kind, list as organisations};
pub(super) use usage::{card as quota_card, submit_of_all as set_quota_of_all};

use super::refusal::Refused;
use super::{Form, PageError, Visit};
use crate::api::organizations;
use crate::api::tokens::{SecretItem, SecretList};
use crate::app::Shared;
use crate::auth::session::Session;

/// Shows a page of a home.
pub(super) async fn view(
    visit: &Visit,
    principal: &Principal,
    home: Home,
    view: HomeView,
) -> Result<Response, PageError> {
    let head = head(visit, principal, home).await?;
    let none = Draft::default();
    match view {
        HomeView::Front => match head.home {
            Home::Account => account::page(visit, principal, head).await,
            Home::Organisation(_) => organisations::page(visit, principal, head, none).await,
        },
        HomeView::Grants => grants::page(visit, principal, head, none).await,
        HomeView::Rules => rules::page(visit, principal, head).await,
        HomeView::Usage => usage::page(visit, principal, head, none).await,
        HomeView::Members => organisations::members(visit, principal, head, none).await,
        HomeView::Teams => teams::page(visit, principal, head, none).await,
        HomeView::Team(name) => teams::one(visit, principal, head, &name, none).await,
        HomeView::Robots => robots::page(visit, principal, head).await,
        HomeView::Robot(name) => robots::one(visit, principal, head, &name).await,
    }
}

/// Does what a form of a home's page asks for.
pub(super) async fn submit(
    visit: &Visit,
    session: &Session,
    home: Home,
    view: HomeView,
    form: &Form,
) -> Result<Response, PageError> {
    let principal = &session.account.principal();
    let head = head(visit, principal, home).await?;
    match view {
        HomeView::Front => match head.home {
            Home::Account => account::submit(visit, session, head, form).await,
            Home::Organisation(_) => organisations::submit(visit, principal, head, form).await,
        },
        HomeView::Grants => grants::submit(visit, principal, head, form).await,
        HomeView::Rules => rules::submit(visit, principal, head, form).await,
        HomeView::Usage => usage::submit(visit, principal, head, form).await,
        HomeView::Members => organisations::add_member(visit, principal, head, form).await,
        HomeView::Teams => teams::create(visit, principal, head, form).await,
        HomeView::Team(name) => teams::submit(visit, principal, head, &name, form).await,
        HomeView::Robots => robots::create(visit, principal, head, form).await,
        HomeView::Robot(name) => robots::submit(visit, principal, head, &name, form).await,
    }
}

/// Returns the head of a home's pages. To whom an organisation is unknown, it and everything below it is not there.
async fn head(visit: &Visit, principal: &Principal, home: Home) -> Result<HomeHead, PageError> {
    let Home::Organisation(name) = &home else {
        return Ok(HomeHead {
            name: principal.name.clone(),
            owns: !principal.reader_superuser,
            sees_inside: true,
            home,
        });
    };
    let known = organizations::known(&visit.app, &visit.caller(principal), name).await?;
    let owns = visit
        .app
        .catalog
        .owns_namespace(&known.name, principal)
        .await?;
    Ok(HomeHead {
        name: known.name,
        owns,
        sees_inside: owns || principal.reader_superuser,
        home,
    })
}

/// Shows what everybody uses.
pub(super) async fn usage_of_all(
    visit: &Visit,
    principal: &Principal,
) -> Result<Response, PageError> {
    usage::of_all(visit, principal, Draft::default()).await
}

impl Visit {
    /// The application, as a handler's first argument.
    fn app(&self) -> State<Shared> {
        State(self.app.clone())
    }
}

fn secret_rows(list: SecretList) -> Vec<SecretRow> {
    let row = |item: SecretItem| SecretRow {
        id: item.id,
        label: item.label,
        scopes: item.scopes.unwrap_or_default(),
        created: item.created_at,
        used: item.last_used_at,
        ends: item.expires_at,
    };
    list.items.into_iter().map(row).collect()
}

/// Puts a new secret into the forms that clients take.
fn shown(
    visit: &Visit,
    label: String,
    user: &str,
    secret: String,
    ends: Option<Timestamp>,
) -> ShownSecret {
    ShownSecret {
        label,
        host: visit.registry_host(),
        user: user.to_owned(),
        auth: STANDARD.encode(format!("{user}:{secret}")),
        secret,
        ends,
    }
}

/// Reads when something ends: in so many days, or never.
fn ends(days: &str, now: Timestamp) -> Result<Option<Timestamp>, Refused> {
    if days.is_empty() {
        return Ok(None);
    }
    let days: Option<i64> = days.parse().ok().filter(|days| (1..=366).contains(days));
    let days = days.ok_or_else(|| Refused::invalid("It ends after 1 to 366 days, or never."))?;
    let ends = now.checked_add(SignedDuration::from_hours(24 * days));
    Ok(ends.ok())
}

/// Keeps a page with a secret out of every cache.
fn not_kept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
