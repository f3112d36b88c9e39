//! The pages: stored evidence becomes view models, and `web` makes HTML of them.
//!
//! One dispatcher reads the address with [`web::routes::Route`]. Without a session every address leads to the sign-in
//! form and back; without a right a repository's pages answer like those of a repository that does not exist.

mod assets;
mod decision;
mod feeds;
mod image;
mod images;
mod provider;
mod sign_in;
mod tags;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use catalog::{Principal, Repository};
use http_body_util::{BodyExt as _, Limited};
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
        // Every other form is somebody else's invention.
        _ => return Err(PageError::Shown(ErrorKind::NotFound)),
    }
    let Some(session) = &visit.session else {
        let target = Route::SignIn.with("return", &visit.address).to_string();
        return Ok(redirect(&target));
    };
    let principal = session.account.principal();
    match route {
        Route::Overview | Route::Images => images::page(visit, &principal).await,
        Route::Tags(name) => tags::page(visit, readable(visit, &principal, &name).await?).await,
        Route::ImageByTag(name, tag) => {
            image::page(
                visit,
                readable(visit, &principal, &name).await?,
                image::Asked::Tag(tag),
            )
            .await
        }
        Route::ImageByDigest(name, digest) => {
            image::page(
                visit,
                readable(visit, &principal, &name).await?,
                image::Asked::Digest(digest),
            )
            .await
        }
        Route::Decision(id) => decision::page(visit, &principal, &id).await,
        Route::Feeds => feeds::page(visit),
        Route::SignIn
        | Route::SignInWith(_)
        | Route::SignInReturn(_)
        | Route::SignOut
        | Route::Asset(_) => Err(PageError::Shown(ErrorKind::NotFound)),
    }
}

/// Returns the repository if the visitor may read it; otherwise it does not exist.
async fn readable(
    visit: &Visit,
    principal: &Principal,
    name: &RepositoryName,
) -> Result<Repository, PageError> {
    let missing = || PageError::Shown(ErrorKind::NotFound);
    let repository = visit
        .app
        .catalog
        .repository(name)
        .await?
        .ok_or_else(missing)?;
    visit
        .app
        .catalog
        .role_of(repository.id, principal)
        .await?
        .ok_or_else(missing)?;
    Ok(repository)
}

async fn read_form(body: Body) -> Result<Vec<(String, String)>, PageError> {
    let bytes = Limited::new(body, MAX_FORM)
        .collect()
        .await
        .map_err(|_| PageError::Shown(ErrorKind::BadRequest))?
        .to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    Ok(token_endpoint::form_pairs(&text).collect())
}

fn redirect(target: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let location = HeaderValue::try_from(target).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn error_page(visit: &Visit, error: PageError) -> Response {
    let kind = match error {
        PageError::Shown(kind) => kind,
        PageError::Fault(error) => {
            let message = error.report();
            tracing::debug!(%message, "page failed");
            ErrorKind::Internal
        }
    };
    let page = ErrorPage {
        frame: visit.frame(),
        kind,
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
