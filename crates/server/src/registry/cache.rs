//! Pulls below a cached namespace: what the cache does not have is fetched before the usual answer is made.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use catalog::{Blob as StoredBlob, RepositoryId, StoredManifest};
use futures::TryStreamExt as _;
use oci::{Digest, Reference, RepositoryName, Tag, media_type};

use super::{CONTENT_DIGEST, Call, header_value};
use crate::app::App;
use crate::auth::Access;
use crate::doors::evidence_of::is_for_running;
use crate::error::ApiError;
use crate::upstream::proxy::{self, BlobAnswer, Cached, Head, Wish};

const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");

/// A caller who may pull, and what is known about the name.
pub(super) struct Puller {
    pub(super) access: Access,
    /// Where the name is cached from.
    pub(super) cached: Option<Cached>,
    /// Whether what was asked for has just been fetched.
    pub(super) is_fetched: bool,
}

/// Requires the right to pull; in a cached namespace the first pull of a name makes its repository.
pub(super) async fn pull(
    call: &Call,
    name: &RepositoryName,
    reference: Option<&Reference>,
) -> Result<Puller, ApiError> {
    let ns = call.query("ns").next();
    match call.pull(name).await {
        Ok(access) => {
            let cached = proxy::find(&call.app, name, ns.as_deref()).await?;
            Ok(Puller {
                access,
                cached,
                is_fetched: false,
            })
        }
        Err(error) if error.status() == 404 => {
            let Some(reference) = reference else {
                return Err(error);
            };
            let opened = proxy::open(call, name, reference, ns.as_deref()).await?;
            let (access, cached) = opened.ok_or(error)?;
            Ok(Puller {
                access,
                cached: Some(cached),
                is_fetched: true,
            })
        }
        Err(error) => Err(error),
    }
}

/// Whether an index names images that are not here yet. It is open: whoever takes it learns names, and each image is
/// judged when it is pulled.
pub(super) async fn has_absent_children(
    app: &App,
    repository: RepositoryId,
    manifest: &StoredManifest,
) -> Result<bool, ApiError> {
    if !media_type::is_index(&manifest.media_type) {
        return Ok(false);
    }
    let children = app.catalog.children(repository, &manifest.digest).await?;
    Ok(children
        .iter()
        .any(|child| !child.present && is_for_running(child)))
}

/// The answer to `HEAD` of a manifest that only the upstream has.
pub(super) fn head(call: &Call, head: &Head) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_DIGEST, header_value(head.digest.as_str()));
    headers.insert(header::ETAG, header_value(format!("\"{}\"", head.digest)));
    headers.insert(header::CONTENT_TYPE, header_value(head.media_type.as_str()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(head.size_bytes));
    echo_namespace(call, true, &mut response);
    response
}

/// Repeats a client's `ns` where it chose something.
pub(super) fn echo_namespace(call: &Call, is_cached: bool, response: &mut Response) {
    if let (true, Some(ns)) = (is_cached, call.query("ns").next()) {
        response
            .headers_mut()
            .insert(OCI_NAMESPACE, header_value(ns));
    }
}

/// A blob that was not in the repository a moment ago.
pub(super) enum Blob {
    /// The whole answer.
    Answer(Response),
    /// It is there now.
    Landed(StoredBlob),
}

/// Gets a blob from the upstream.
pub(super) async fn blob(
    call: &Call,
    access: &Access,
    digest: &Digest,
    is_head: bool,
) -> Result<Blob, ApiError> {
    let app = &call.app;
    let name = &access.repository.name;
    let ns = call.query("ns").next();
    let cached = proxy::find(app, name, ns.as_deref()).await?;
    let cached = cached.ok_or_else(ApiError::blob_unknown)?;
    let wish = match call.header(header::RANGE) {
        _ if is_head => Wish::Head,
        Some(_) => Wish::Part,
        None => Wish::Whole,
    };
    let (body, size_bytes) =
        match proxy::blob(app, &cached, &access.repository, digest, wish).await? {
            BlobAnswer::Head(size_bytes) => (Body::empty(), size_bytes),
            BlobAnswer::Streaming { size_bytes, body } => {
                let sent = app.metrics.bytes_sent.clone();
                let body = body.inspect_ok(move |chunk| {
                    sent.inc_by(chunk.len() as u64);
                });
                (Body::from_stream(body), size_bytes)
            }
            BlobAnswer::Landed => {
                let landed = app
                    .catalog
                    .blob_in_repo(access.repository.id, digest)
                    .await?;
                return Ok(Blob::Landed(landed.ok_or_else(ApiError::blob_unknown)?));
            }
        };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, header_value(format!("\"{digest}\"")));
    headers.insert(CONTENT_DIGEST, header_value(digest.as_str()));
    echo_namespace(call, true, &mut response);
    Ok(Blob::Answer(response))
}

/// Fetches what refers to a manifest, where it is cached from an upstream. An upstream in trouble hides nothing that
/// is here already.
pub(super) async fn companions(
    call: &Call,
    access: &Access,
    subject: &Digest,
) -> Result<(), ApiError> {
    let app = &call.app;
    let Some(cached) = proxy::find(app, &access.repository.name, None).await? else {
        return Ok(());
    };
    let fetched = proxy::companions(app, &cached, &access.repository, subject).await;
    if let Err(error) = fetched {
        tracing::warn!(%subject, cause = %crate::error::chain(&error), "referrers not fetched");
    }
    Ok(())
}

/// Returns the tags of the upstream for a cached name, where it answers.
pub(super) async fn tags(call: &Call, access: &Access) -> Result<Option<Vec<Tag>>, ApiError> {
    let app = &call.app;
    let Some(cached) = proxy::find(app, &access.repository.name, None).await? else {
        return Ok(None);
    };
    let tags = proxy::tags(app, &cached).await;
    Ok(tags.map(|tags| tags.to_vec()))
}
