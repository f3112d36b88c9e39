//! `GET` and `HEAD` of a manifest: resolve once, ask the gate, then send the stored bytes.
//!
//! The verdict comes before `If-None-Match`, so that a cached copy is no way around it. `HEAD` gives no content and
//! always answers; the refusal's words reach people through the `GET` that follows.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use catalog::StoredManifest;
use oci::{Reference, RepositoryName};

use super::{CONTENT_DIGEST, Call, accept, cache, header_value, warning};
use crate::app::App;
use crate::auth::Access;
use crate::doors::pull::{self, PullAnswer};
use crate::error::{ApiError, chain};
use crate::notify::pulls;
use crate::upstream::proxy::{self, Freshness};

pub(super) async fn get(
    call: &Call,
    name: &RepositoryName,
    reference: &str,
    is_head: bool,
) -> Result<Response, ApiError> {
    let app = &call.app;
    let parsed = reference.parse().map_err(|error| match error {
        oci::ReferenceError::Digest(error) => ApiError::digest_invalid(error),
        _ => ApiError::manifest_unknown(reference),
    });
    let puller = cache::pull(call, name, parsed.as_ref().ok()).await?;
    let (access, cached) = (puller.access, puller.cached);
    let parsed: Reference = parsed?;
    let freshness = match &cached {
        None => Freshness::Fresh,
        Some(_) if puller.is_fetched => Freshness::Fresh,
        Some(cached) => proxy::manifest(app, cached, &access.repository, &parsed, is_head).await?,
    };
    if let Freshness::Head(head) = &freshness {
        return Ok(cache::head(call, head));
    }
    let manifest = find(app, &access, &parsed, cached.is_none())
        .await?
        .ok_or_else(|| ApiError::manifest_unknown(reference))?;
    let manifest = if is_head {
        promise(app, &access, &parsed, manifest)
            .await?
            .ok_or_else(|| ApiError::manifest_unknown(reference))?
    } else {
        manifest
    };
    let tag = match &parsed {
        Reference::Tag(tag) => Some(tag),
        Reference::Digest(_) => None,
    };
    // A digest names one content whatever its type is; a tag may be asked for again in another form.
    if app.settings.registry.accept_404
        && tag.is_some()
        && !accept::accepts(call.headers(), &manifest.media_type)
    {
        return Err(ApiError::manifest_unknown(reference));
    }
    let is_decided_below = cached.is_some()
        && cache::has_absent_children(app, access.repository.id, &manifest).await?;
    let words = if is_head || is_decided_below {
        pull::words_about(call, &access, &manifest.digest, tag).await?
    } else {
        match pull::ask(call, &access, &manifest.digest, tag).await? {
            PullAnswer::Allow => None,
            PullAnswer::Warn(words) => Some(words),
            PullAnswer::Refuse(refusal) => return Err(refusal),
        }
    };
    if !is_head {
        let actor = access.principal.name.as_str();
        pulls::tell(app, &access.repository, tag, &manifest.digest, actor).await;
        let now = app.clock.now();
        app.pull_stats
            .count(access.repository.id, &manifest.digest, tag, now);
    }
    let mut response = stored(&manifest, call.header(header::IF_NONE_MATCH), is_head);
    let stale = match freshness {
        Freshness::Stale(words) => Some(words),
        _ => None,
    };
    for words in words.into_iter().chain(stale) {
        response
            .headers_mut()
            .append(header::WARNING, warning(&words));
    }
    cache::echo_namespace(call, cached.is_some(), &mut response);
    Ok(response)
}

/// Returns the manifest, from memory where it `may_be_remembered`: not where this very request may have brought another.
async fn find(
    app: &App,
    access: &Access,
    reference: &Reference,
    may_be_remembered: bool,
) -> Result<Option<Arc<StoredManifest>>, ApiError> {
    let repository = access.repository.id;
    let (generation, now) = (access.generation, app.clock.now());
    if may_be_remembered
        && let Some(manifest) = app.recent.manifest(repository, reference, generation, now)
    {
        return Ok(Some(manifest));
    }
    let found = app
        .catalog
        .manifest_by_reference(repository, reference, now)
        .await?;
    Ok(found.map(|manifest| {
        let manifest = Arc::new(manifest);
        app.recent
            .keep_manifest(repository, reference, generation, now, &manifest);
        manifest
    }))
}

/// Keeps a manifest for somebody who will not send it because it is here. Returns it, unless it went meanwhile.
async fn promise(
    app: &App,
    access: &Access,
    reference: &Reference,
    manifest: Arc<StoredManifest>,
) -> Result<Option<Arc<StoredManifest>>, ApiError> {
    let (repository, now) = (access.repository.id, app.clock.now());
    if catalog::is_assured(manifest.kept_until, now) {
        return Ok(Some(manifest));
    }
    let promised = app
        .catalog
        .promise_manifest(repository, &manifest.digest, now)
        .await;
    match promised {
        Ok(Some(kept_until)) => {
            let manifest = Arc::new(StoredManifest {
                kept_until,
                ..Arc::unwrap_or_clone(manifest)
            });
            app.recent
                .keep_manifest(repository, reference, access.generation, now, &manifest);
            Ok(Some(manifest))
        }
        Ok(None) => Ok(None),
        // Where nothing can be written, nothing is taken away either.
        Err(error) => {
            tracing::warn!(digest = %manifest.digest, cause = %chain(&error), "a manifest is shown without a promise to keep it");
            Ok(Some(manifest))
        }
    }
}

fn stored(manifest: &StoredManifest, if_none_match: Option<&str>, is_head: bool) -> Response {
    let is_current = if_none_match.is_some_and(|etags| {
        etags.split(',').any(|etag| {
            let etag = etag.trim();
            etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"') == manifest.digest.as_str()
        })
    });
    let body = if is_head || is_current {
        Body::empty()
    } else {
        Body::from(manifest.bytes.clone())
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_DIGEST, header_value(manifest.digest.as_str()));
    headers.insert(
        header::ETAG,
        header_value(format!("\"{}\"", manifest.digest)),
    );
    if is_current {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(
        header::CONTENT_TYPE,
        header_value(manifest.media_type.as_str()),
    );
    headers.insert(
        header::CONTENT_LENGTH,
        HeaderValue::from(manifest.bytes.len()),
    );
    response
}
