//! The distribution protocol: every address below `/v2/`, one file per concern.
//!
//! Adding an endpoint: a variant in [`path::Address`], an arm in [`dispatch`], a handler in its file. A handler first
//! turns the caller into an [`crate::auth::Access`]; without one it cannot reach the catalog's rows.
//!
//! # Source
//! OCI distribution specification (main).

mod accept;
mod blob;
mod cache;
pub(crate) mod extensions;
mod listing;
mod manifest_get;
mod manifest_put;
pub(crate) mod overload;
mod path;
#[cfg(feature = "testkit")]
pub(crate) mod properties;
mod range;
mod referrers;
pub(crate) mod rules;
pub(crate) mod transfer;
mod upload;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use catalog::Referenced;
use oci::{Action, Digest, RepositoryName};

use crate::app::{App, Shared};
use crate::auth;
use crate::error::ApiError;
use crate::request::Origin;
use crate::upstream;
use path::Address;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
/// Tells clients of the containers/image family that [`extensions`] keeps their signatures.
const SUPPORTS_SIGNATURES: HeaderName = HeaderName::from_static("x-registry-supports-signatures");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The longest `host/name` in bytes; many clients hold no longer one.
const MAX_HOST_AND_NAME: usize = 255;

/// One request on its way to a handler, without its body: only the handlers that take one get it.
pub(crate) struct Call {
    app: Shared,
    origin: Origin,
    parts: Parts,
}

impl Call {
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.app
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// Returns the values of a query parameter.
    fn query<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        auth::token_endpoint::form_pairs(self.parts.uri.query().unwrap_or_default())
            .filter_map(move |(key, value)| (key == name).then_some(value))
    }

    /// Reads a repository's name. With the host it must still be a name that every client can write.
    fn name(&self, name: &str) -> Result<RepositoryName, ApiError> {
        let name: RepositoryName = name.parse().map_err(ApiError::name_invalid)?;
        let host = auth::challenge::host(&self.app, self.headers());
        if host.len() + 1 + name.as_str().len() > MAX_HOST_AND_NAME {
            return Err(ApiError::name_invalid(oci::NameError::Length));
        }
        Ok(name)
    }

    /// Returns the repository, or `None` for one that the caller may create and nobody has yet.
    async fn pull_or_create(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<auth::Access>, ApiError> {
        auth::pull_or_create(&self.app, self.headers(), &self.origin, name).await
    }

    async fn pull(&self, name: &RepositoryName) -> Result<auth::Access, ApiError> {
        self.require(name, Action::Pull).await
    }

    async fn push(&self, name: &RepositoryName) -> Result<auth::Access, ApiError> {
        let access = auth::push(&self.app, self.headers(), &self.origin, name).await?;
        self.refuse_copy(name).await?;
        Ok(access)
    }

    async fn push_existing(&self, name: &RepositoryName) -> Result<auth::Access, ApiError> {
        let access = self.require(name, Action::Push).await?;
        self.refuse_copy(name).await?;
        Ok(access)
    }

    async fn delete(&self, name: &RepositoryName) -> Result<auth::Access, ApiError> {
        let access = self.require(name, Action::Delete).await?;
        if !self.app.settings.registry.deletion {
            return Err(ApiError::unsupported(
                "this registry does not delete what was pushed",
            ));
        }
        Ok(access)
    }

    fn referenced(&self) -> Referenced {
        if self.app.settings.registry.delete_referenced {
            Referenced::Allow
        } else {
            Referenced::Refuse
        }
    }

    /// Nobody pushes where content comes from an upstream. Said only to those who might push otherwise.
    async fn refuse_copy(&self, name: &RepositoryName) -> Result<(), ApiError> {
        let why = upstream::why_no_push(&self.app, name).await;
        match why.map_err(ApiError::fault)? {
            Some(sentence) => Err(ApiError::denied(sentence)),
            None => Ok(()),
        }
    }

    async fn require(
        &self,
        name: &RepositoryName,
        action: Action,
    ) -> Result<auth::Access, ApiError> {
        auth::require(&self.app, self.headers(), &self.origin, name, action).await
    }
}

/// `GET /v2/`: asks who the caller is. Without a credential the answer is always a challenge, because docker sends
/// credentials only after one.
pub(crate) async fn ping(
    State(app): State<Shared>,
    origin: Origin,
    headers: HeaderMap,
) -> Response {
    let answer = match auth::identify(&app, &headers, &origin).await {
        Ok(caller) if caller.principal.is_some() => {
            axum::Json(serde_json::json!({})).into_response()
        }
        Ok(_) => auth::challenge::unauthorized(&app, &headers, None, None).into_response(),
        Err(error) => error.into_response(),
    };
    with_api_version(answer)
}

/// Every address below `/v2/`.
pub(crate) async fn dispatch(
    State(app): State<Shared>,
    origin: Origin,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts
        .uri
        .path()
        .strip_prefix("/v2/")
        .unwrap_or_default()
        .to_owned();
    let method = parts.method.clone();
    let call = Call { app, origin, parts };
    let answer = match path::parse(&path) {
        Some(address) => route(&call, body, &method, address).await,
        None => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            oci::ErrorCode::Unsupported,
            "no such address in the registry",
        )),
    };
    with_api_version(answer.unwrap_or_else(axum::response::IntoResponse::into_response))
}

async fn route(
    call: &Call,
    body: Body,
    method: &Method,
    address: Address<'_>,
) -> Result<Response, ApiError> {
    match (address, method.as_str()) {
        (Address::Catalog, "GET") => listing::catalog(call).await,
        (Address::Discover, "GET") => extensions::discover(call).await,
        (Address::Tags { name }, "GET") => listing::tags(call, &call.name(name)?).await,
        (Address::Blob { name, digest }, "GET" | "HEAD") => {
            blob::get(
                call,
                &call.name(name)?,
                &parse_digest(&digest)?,
                *method == Method::HEAD,
            )
            .await
        }
        (Address::Blob { name, digest }, "DELETE") => {
            blob::delete(call, &call.name(name)?, &parse_digest(&digest)?).await
        }
        (Address::Uploads { name }, "POST") => upload::start(call, body, &call.name(name)?).await,
        (Address::Upload { name, id }, "PATCH") => {
            upload::append(call, body, &call.name(name)?, &id).await
        }
        (Address::Upload { name, id }, "PUT") => {
            upload::finish(call, body, &call.name(name)?, &id).await
        }
        (Address::Upload { name, id }, "GET" | "HEAD") => {
            upload::status(call, &call.name(name)?, &id).await
        }
        (Address::Upload { name, id }, "DELETE") => {
            upload::cancel(call, &call.name(name)?, &id).await
        }
        (Address::Manifest { name, reference }, "GET" | "HEAD") => {
            manifest_get::get(call, &call.name(name)?, &reference, *method == Method::HEAD).await
        }
        (Address::Manifest { name, reference }, "PUT") => {
            manifest_put::put(call, body, &call.name(name)?, &reference).await
        }
        (Address::Manifest { name, reference }, "DELETE") => {
            manifest_put::delete(call, &call.name(name)?, &reference).await
        }
        (Address::Referrers { name, digest }, "GET") => {
            referrers::get(call, &call.name(name)?, &parse_digest(&digest)?).await
        }
        _ => Err(ApiError::unsupported(format!(
            "{method} is not supported at this address"
        ))),
    }
}

fn with_api_version(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    headers.insert(SUPPORTS_SIGNATURES, HeaderValue::from_static("1"));
    response
}

fn parse_digest(digest: &str) -> Result<Digest, ApiError> {
    digest.parse().map_err(ApiError::digest_invalid)
}

/// Makes a header value of text that the registry's grammars already bound to visible ASCII.
fn header_value(text: impl Into<String>) -> HeaderValue {
    HeaderValue::try_from(text.into()).unwrap_or(HeaderValue::from_static(""))
}

/// Builds the `Warning` header that carries a verdict's sentence to clients that show it.
fn warning(text: &str) -> HeaderValue {
    let text: String = text
        .chars()
        .filter(|c| c.is_ascii_graphic() || *c == ' ')
        .filter(|c| *c != '"' && *c != '\\')
        .take(1_000)
        .collect();
    header_value(format!("299 - \"{text}\""))
}
