//! Lists: tags of a repository, repositories of the registry. Keyset pages, always an array.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use oci::{ErrorCode, RepositoryName};

use super::{Call, cache, header_value};
use crate::auth;
use crate::error::ApiError;

/// The largest page; a larger wish is clipped.
const MAX_PAGE: u32 = 1_000;

/// `GET /v2/{name}/tags/list`
pub(super) async fn tags(call: &Call, name: &RepositoryName) -> Result<Response, ApiError> {
    let access = call.pull(name).await?;
    let page = Page::of(call, MAX_PAGE)?;
    let mut tags = Vec::new();
    if let Some(all) = cache::tags(call, &access).await? {
        let after = page.after.as_deref().unwrap_or_default();
        let later = all.into_iter().filter(|tag| tag.as_str() > after);
        tags = later.take(page.limit as usize + 1).collect();
        if page.limit == 0 {
            tags.clear();
        }
    } else if page.limit > 0 {
        let now = call.app.clock.now();
        tags = call
            .app
            .catalog
            .list_tags(
                access.repository.id,
                page.after.as_deref(),
                page.limit + 1,
                now,
            )
            .await?;
    }
    let next = page.cut(&mut tags, |tag| tag.as_str());
    let mut response =
        axum::Json(serde_json::json!({ "name": name, "tags": tags })).into_response();
    link(
        &mut response,
        &format!("/v2/{name}/tags/list"),
        page.limit,
        next.as_deref(),
    );
    Ok(response)
}

/// `GET /v2/_catalog`: the repositories that the caller may pull.
pub(super) async fn catalog(call: &Call) -> Result<Response, ApiError> {
    let caller = auth::identify(&call.app, call.headers(), &call.origin).await?;
    let is_covered = caller.covers_catalog();
    let Some(principal) = caller.principal else {
        return Err(auth::challenge::for_scope(
            &call.app,
            call.headers(),
            Some("registry:catalog:*"),
            None,
        ));
    };
    if !is_covered {
        return Err(auth::challenge::for_scope(
            &call.app,
            call.headers(),
            Some("registry:catalog:*"),
            Some("insufficient_scope"),
        ));
    }
    let page = Page::of(call, MAX_PAGE)?;
    let after = page
        .after
        .as_deref()
        .map(str::parse::<RepositoryName>)
        .transpose()
        .map_err(ApiError::name_invalid)?;
    let mut names = Vec::new();
    if page.limit > 0 {
        names = call
            .app
            .catalog
            .list_repository_names(&principal, after.as_ref(), page.limit + 1)
            .await?;
    }
    let next = page.cut(&mut names, RepositoryName::as_str);
    let mut response = axum::Json(serde_json::json!({ "repositories": names })).into_response();
    link(&mut response, "/v2/_catalog", page.limit, next.as_deref());
    Ok(response)
}

/// What a request says about its page: `n` and `last`.
pub(super) struct Page {
    /// How many rows at most; 0 asks for none.
    pub(super) limit: u32,
    /// The last row of the page before.
    pub(super) after: Option<String>,
}

impl Page {
    pub(super) fn of(call: &Call, largest: u32) -> Result<Self, ApiError> {
        let limit = match call.query("n").next() {
            None => largest,
            Some(n) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => {
                // A number too large for u32 is only a large wish.
                n.parse().unwrap_or(largest).min(largest)
            }
            Some(_) => {
                return Err(ApiError::bad_request(
                    ErrorCode::Unsupported,
                    "`n` must be a number, 0 or more",
                ));
            }
        };
        Ok(Self {
            limit,
            after: call.query("last").next().filter(|last| !last.is_empty()),
        })
    }

    /// Cuts the row that was read beyond the page and returns the last key kept, if there is more.
    pub(super) fn cut<T>(&self, rows: &mut Vec<T>, key: impl Fn(&T) -> &str) -> Option<String> {
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        rows.last()
            .filter(|_| has_more)
            .map(|row| key(row).to_owned())
    }
}

fn link(response: &mut Response, path: &str, limit: u32, next: Option<&str>) {
    if let Some(last) = next {
        let last = percent_encoding::utf8_percent_encode(last, percent_encoding::NON_ALPHANUMERIC);
        let value: HeaderValue =
            header_value(format!("<{path}?n={limit}&last={last}>; rel=\"next\""));
        response.headers_mut().insert(header::LINK, value);
    }
}
