//! The pages: stored evidence becomes view models, and `web` makes HTML of them.
//!
//! One dispatcher reads the address with [`web::routes::Route`]. Without a session every address leads to the sign-in
//! form and back; without a right a repository's pages answer like those of a repository that does not exist.
//!
//! A form is a POST to the address of its page. It carries the session's token, a browser must say that it comes from
//! here, and it does what the API does with the same method of the catalog, which leaves the same entry in the audit
//! trail. Then the browser is sent on, so that a reload repeats nothing.
//!
//! Adding a page: its address and view model in `web`, a module here that fills it, its line in `view`; for forms a line
//! in `submit`.

mod about;
mod assets;
mod audit;
mod decision;
mod feeds;
mod history;
mod image;
mod images;
mod people;
mod provider;
mod refusal;
mod rules;
mod settings;
mod sign_in;
mod system;
mod tags;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use catalog::{Actor, Principal, Repository, Role};
use http_body_util::{BodyExt as _, Limited};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use oci::RepositoryName;
use web::routes::Route;
use web::{Account, ErrorKind, ErrorPage, FeedsNote, Frame, Theme};

use crate::app::{App, Shared};
use crate::auth::session::{self, Session};
use crate::auth::{challenge, token_endpoint};
use crate::doors::JudgeError;
use crate::error::ApiError;
use crate::request::Origin;

/// The largest form.
const MAX_FORM: usize = 64 << 10;
/// Advisories older than this are called stale.
const STALE_HOURS: i64 = 24 * 7;

/// What a page is made for.
struct Visit {
    app: Shared,
    origin: Origin,
    headers: HeaderMap,
    address: String,
    query: Vec<(String, String)>,
    session: Option<Session>,
}

/// Why a page is not shown.
enum PageError {
    /// As an error page.
    Shown(ErrorKind),
    /// As an error page that says why.
    Refused(ErrorKind, String),
    /// A fault of ours.
    Fault(ApiError),
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self::Fault(error)
    }
}

impl From<catalog::CatalogError> for PageError {
    fn from(error: catalog::CatalogError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<JudgeError> for PageError {
    fn from(error: JudgeError) -> Self {
        Self::Fault(ApiError::fault(error))
    }
}

/// Turns a rendered page into an answer.
fn html<E: Into<crate::error::Cause>>(rendered: Result<String, E>) -> Result<Response, PageError> {
    let text = rendered.map_err(ApiError::fault)?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}

/// Every address that is not the registry's, the API's or an operation's.
pub(crate) async fn dispatch(
    State(app): State<Shared>,
    origin: Origin,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let route = Route::parse(parts.uri.path());
    if let Some(Route::Asset(name)) = &route {
        return assets::get(name, &parts.headers);
    }
    let address = parts
        .uri
        .path_and_query()
        .map_or("/", |address| address.as_str())
        .to_owned();
    let query = token_endpoint::form_pairs(parts.uri.query().unwrap_or_default()).collect();
    let session = match session::of_request(&app, &parts.headers).await {
        Ok(session) => session,
        Err(error) => return error.into_response(),
    };
    let visit = Visit {
        app,
        origin,
        headers: parts.headers,
        address,
        query,
        session,
    };
    let answer = match route {
        Some(route) => page(&visit, &parts.method, route, body).await,
        None => Err(PageError::Shown(ErrorKind::NotFound)),
    };
    answer.unwrap_or_else(|error| error_page(&visit, error))
}

async fn page(
    visit: &Visit,
    method: &Method,
    route: Route,
    body: Body,
) -> Result<Response, PageError> {
    match (&route, method) {
        (Route::SignIn, &Method::GET | &Method::HEAD) => return sign_in::form(visit),
        (Route::SignIn, &Method::POST) => {
            return sign_in::submit(visit, &read_form(body).await?).await;
        }
        (Route::SignInWith(id), &Method::GET) => return provider::begin(visit, id).await,
        (Route::SignInReturn(id), &Method::GET) => return provider::finish(visit, id).await,
        (Route::SignInWith(_) | Route::SignInReturn(_), _) => {
            return Err(PageError::Shown(ErrorKind::NotFound));
        }
        (Route::SignOut, &Method::POST) => {
            return sign_in::sign_out(visit, &read_form(body).await?).await;
        }
        (Route::SignOut, _) => return Err(PageError::Shown(ErrorKind::NotFound)),
        (_, &Method::GET | &Method::HEAD) => {}
        (_, &Method::POST) => {
            return match &visit.session {
                Some(session) => submit(visit, session, route, &read_form(body).await?).await,
                None => Ok(redirect(&Route::SignIn.to_string())),
            };
        }
        // Every other method is somebody else's invention.
        _ => return Err(PageError::Shown(ErrorKind::NotFound)),
    }
    let Some(session) = &visit.session else {
        let target = Route::SignIn.with("return", &visit.address).to_string();
        return Ok(redirect(&target));
    };
    view(visit, &session.account.principal(), route).await
}

/// Shows a page to somebody who has signed in.
async fn view(visit: &Visit, principal: &Principal, route: Route) -> Result<Response, PageError> {
    match route {
        Route::Overview | Route::Images => images::page(visit, principal).await,
        Route::Tags(name) => tags::page(visit, readable(visit, principal, &name).await?.0).await,
        Route::History(name) => {
            let (repository, role) = readable(visit, principal, &name).await?;
            history::page(visit, repository, role).await
        }
        Route::Restore(name) => {
            let (repository, role) = readable(visit, principal, &name).await?;
            history::question(visit, repository, role).await
        }
        Route::About(name) => {
            let (repository, role) = readable(visit, principal, &name).await?;
            about::page(visit, repository, role).await
        }
        Route::ImageByTag(name, tag) => {
            image::page(
                visit,
                readable(visit, principal, &name).await?.0,
                image::Asked::Tag(tag),
            )
            .await
        }
        Route::ImageByDigest(name, digest) => {
            image::page(
                visit,
                readable(visit, principal, &name).await?.0,
                image::Asked::Digest(digest),
            )
            .await
        }
        Route::Decision(id) => decision::page(visit, principal, &id).await,
        Route::Feeds => feeds::page(visit),
        Route::Audit => audit::page(visit, principal).await,
        Route::System
        | Route::Jobs
        | Route::SystemRules
        | Route::Webhooks
        | Route::Webhook(_)
        | Route::Upstreams => system::view(visit, principal, &route).await,
        Route::Settings(name) => settings::page(visit, principal, &name).await,
        Route::Organisations => people::organisations(visit, principal).await,
        Route::Usage => people::usage_of_all(visit, principal).await,
        Route::Home(home, of) => people::view(visit, principal, home, of).await,
        Route::SignIn
        | Route::SignInWith(_)
        | Route::SignInReturn(_)
        | Route::SignOut
        | Route::Asset(_) => Err(PageError::Shown(ErrorKind::NotFound)),
    }
}

/// Does what a form of a page asks for, if the page was ours and the visitor's own.
async fn submit(
    visit: &Visit,
    session: &Session,
    route: Route,
    form: &Form,
) -> Result<Response, PageError> {
    if !session.accepts(&visit.headers, form.field("csrf")) {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let principal = &session.account.principal();
    match route {
        Route::Restore(name) => {
            let (repository, role) = readable(visit, principal, &name).await?;
            history::restore(visit, repository, role, principal, form).await
        }
        Route::Audit => audit::export(visit, principal, form).await,
        Route::System | Route::Jobs | Route::SystemRules | Route::Webhook(_) | Route::Upstreams => {
            system::submit(visit, principal, &route, form).await
        }
        Route::Settings(name) => settings::submit(visit, principal, &name, form).await,
        Route::Organisations => people::create_organisation(visit, principal, form).await,
        Route::Usage => people::set_quota_of_all(visit, principal, form).await,
        Route::Home(home, of) => people::submit(visit, session, home, of, form).await,
        _ => Err(PageError::Shown(ErrorKind::NotFound)),
    }
}

/// Returns the repository and the visitor's role, if they may read it; otherwise it does not exist.
async fn readable(
    visit: &Visit,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<(Repository, Role), PageError> {
    let missing = || PageError::Shown(ErrorKind::NotFound);
    let repository = visit
        .app
        .catalog
        .repository(name)
        .await?
        .ok_or_else(missing)?;
    let role = visit
        .app
        .catalog
        .role_of(repository.id, principal)
        .await?
        .ok_or_else(missing)?;
    Ok((repository, role))
}

/// Reads an instant: RFC 3339, or a day, of which it is the last moment, in UTC.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let day: Date = text.parse().ok()?;
    let next = day.tomorrow().ok()?.at(0, 0, 0, 0);
    let next = TimeZone::UTC.to_timestamp(next).ok()?;
    next.checked_sub(1.microsecond()).ok()
}

/// The fields of a form that was sent.
struct Form(Vec<(String, String)>);

impl Form {
    /// Returns the first value of a field, or the empty text. No field holds a NUL: PostgreSQL's texts cannot.
    fn field(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.contains('\0'))
            .unwrap_or_default()
    }

    /// Returns what was typed, but for these fields.
    fn typed(&self, but: &[&str]) -> Vec<(String, String)> {
        let typed = self
            .0
            .iter()
            .filter(|(name, _)| !but.contains(&name.as_str()));
        typed.cloned().collect()
    }
}

async fn read_form(body: Body) -> Result<Form, PageError> {
    let bytes = Limited::new(body, MAX_FORM)
        .collect()
        .await
        .map_err(|_| PageError::Shown(ErrorKind::BadRequest))?
        .to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    Ok(Form(token_endpoint::form_pairs(&text).collect()))
}

fn redirect(target: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let location = HeaderValue::try_from(target).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn error_page(visit: &Visit, error: PageError) -> Response {
    let (kind, reason) = match error {
        PageError::Shown(kind) => (kind, None),
        PageError::Refused(kind, reason) => (kind, Some(reason)),
        PageError::Fault(error) => {
            let message = error.report();
            tracing::debug!(%message, "page failed");
            (ErrorKind::Internal, None)
        }
    };
    let page = ErrorPage {
        frame: visit.frame(),
        kind,
        reason,
        request_id: visit.origin.request_id.clone().unwrap_or_default(),
    };
    let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match web::render_error(&page) {
        Ok(text) => (
            status,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            text,
        )
            .into_response(),
        Err(_) => status.into_response(),
    }
}

impl Visit {
    /// Returns the first value of a query parameter, or the empty text.
    fn parameter(&self, name: &str) -> &str {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// Returns the visitor as the audit trail names them.
    fn actor(&self, principal: &Principal) -> Actor {
        self.origin.actor(&principal.name)
    }

    fn page_number(&self) -> usize {
        self.parameter("page").parse().unwrap_or(1)
    }

    fn frame(&self) -> Frame {
        Frame {
            now: self.app.clock.now(),
            theme: Theme::from_cookie(
                session::cookie(&self.headers, Theme::COOKIE).unwrap_or_default(),
            ),
            account: self.session.as_ref().map(|session| Account {
                name: session.account.name.clone(),
                superuser: session.account.superuser,
                csrf: session.csrf.clone(),
            }),
            feeds: feeds_note(&self.app),
            address: self.address.clone(),
        }
    }

    /// Returns the registry's host and port as clients write it.
    fn registry_host(&self) -> String {
        let base = challenge::base_url(&self.app, &self.headers);
        base.split_once("://")
            .map_or(base.clone(), |(_, host)| host.to_owned())
    }
}

fn feeds_note(app: &App) -> FeedsNote {
    let snapshot = app.snapshot.load();
    let Some(info) = snapshot.as_ref().map(|snapshot| snapshot.info()) else {
        return FeedsNote::default();
    };
    let age = app.clock.now().duration_since(info.built_at);
    FeedsNote {
        snapshot: Some(evidence::SnapshotRef {
            id: info.id.clone(),
            built_at: info.built_at,
        }),
        stale: age.as_hours() >= STALE_HOURS,
    }
}
