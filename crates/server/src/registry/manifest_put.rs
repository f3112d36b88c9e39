//! `PUT` and `DELETE` of a manifest.
//!
//! A manifest is checked as bytes, then against the repository's blobs, then stored with its tags and its analysis job
//! in one transaction. The analysis itself runs after that and never fails a push.

use axum::body::Body;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::Response;
use catalog::{DeleteOutcome, PutError, PutManifest};
use http_body_util::{BodyExt as _, Limited};
use oci::{Digest, ErrorCode, Manifest, Reference, RepositoryName, Tag};

use super::{CONTENT_DIGEST, Call, header_value, warning};
use crate::analysis;
use crate::error::ApiError;

/// The largest manifest accepted; the specification asks for at least 4,000,000 bytes.
const MAX_MANIFEST: usize = 4 << 20;
/// Tags one request may set.
const MAX_TAGS: usize = 64;

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");

pub(super) async fn put(
    call: &Call,
    body: Body,
    name: &RepositoryName,
    reference: &str,
) -> Result<Response, ApiError> {
    let access = call.push(name).await?;
    let reference: Reference = reference.parse().map_err(|error| match error {
        oci::ReferenceError::Digest(error) => ApiError::digest_invalid(error),
        other => ApiError::bad_request(ErrorCode::ManifestInvalid, other.to_string()),
    })?;
    let tags = tags_of(call, &reference)?;
    let content_type = call
        .header(header::CONTENT_TYPE)
        .unwrap_or_default()
        .to_owned();
    let app = &call.app;
    let bytes = read_body(body).await?;

    let digest = match &reference {
        Reference::Digest(claimed) => {
            let actual = Digest::compute(claimed.algorithm(), &bytes);
            if actual != *claimed {
                let message = format!("the body's digest is {actual}, the address says {claimed}");
                return Err(ApiError::bad_request(ErrorCode::DigestInvalid, message));
            }
            actual
        }
        Reference::Tag(_) => Digest::sha256(&bytes),
    };
    let manifest = Manifest::parse(&bytes, &content_type).map_err(|error| {
        ApiError::bad_request(
            ErrorCode::ManifestInvalid,
            format!("manifest refused: {error}"),
        )
    })?;

    if has_nul(&manifest) {
        return Err(ApiError::bad_request(
            ErrorCode::ManifestInvalid,
            "manifest refused: a media type or platform holds a NUL character",
        ));
    }

    let sparse = access
        .repository
        .sparse
        .unwrap_or(app.settings.registry.sparse);
    let labels = analysis::image::labels_of(app, access.repository.id, sparse, &manifest)
        .await
        .map_err(ApiError::fault)?;
    let job = analysis::job_for(access.repository.id, &digest, &manifest);
    let put = PutManifest {
        repository: access.repository.id,
        digest: &digest,
        bytes: &bytes,
        manifest: &manifest,
        tags: &tags,
        sparse,
        jobs: job.as_slice(),
        labels: &labels,
        writer: catalog::Writer::Person,
    };
    let actor = access.caller.actor(&call.origin);
    let stored = app
        .catalog
        .put_manifest(put, &actor, app.clock.now())
        .await
        .map_err(refused)?;
    tracing::info!(repo = %name, %digest, tags = tags.len(), "manifest accepted");

    let words =
        analysis::after_push(app, &access.repository, &digest, &manifest, tags.first()).await;

    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    headers.insert(
        header::LOCATION,
        header_value(format!("/v2/{name}/manifests/{digest}")),
    );
    headers.insert(CONTENT_DIGEST, header_value(digest.as_str()));
    if let Some(subject) = &manifest.subject {
        headers.insert(OCI_SUBJECT, header_value(subject.digest.as_str()));
    }
    if matches!(reference, Reference::Digest(_)) && !tags.is_empty() {
        let list: Vec<&str> = tags.iter().map(Tag::as_str).collect();
        headers.insert(OCI_TAG, header_value(list.join(", ")));
    }
    if let Some(words) = words {
        headers.append(header::WARNING, warning(&words));
    }
    if let Some(quota) = &stored.near_quota {
        headers.append(header::WARNING, warning(&quota.to_string()));
    }
    Ok(response)
}

/// Types and platforms become columns of their own, and PostgreSQL's texts hold every character but this one.
fn has_nul(manifest: &Manifest) -> bool {
    let types = manifest.descriptors().map(|d| d.media_type.as_str());
    let own = manifest.artifact_type.as_deref();
    let platforms = manifest
        .children
        .iter()
        .filter_map(|child| child.platform.as_ref());
    types.chain(own).any(|text| text.contains('\0'))
        || platforms
            .into_iter()
            .any(|platform| platform.label().contains('\0'))
}

/// The tag of the address, or the `tag` parameters of a push by digest.
fn tags_of(call: &Call, reference: &Reference) -> Result<Vec<Tag>, ApiError> {
    if let Reference::Tag(tag) = reference {
        return Ok(vec![tag.clone()]);
    }
    let mut tags = Vec::new();
    for text in call.query("tag") {
        let tag: Tag = text.parse().map_err(|error: oci::ReferenceError| {
            ApiError::bad_request(ErrorCode::ManifestInvalid, error.to_string())
        })?;
        if tags.len() == MAX_TAGS {
            let message = format!("more than {MAX_TAGS} tags in one request");
            return Err(ApiError::new(
                StatusCode::URI_TOO_LONG,
                ErrorCode::Unsupported,
                message,
            ));
        }
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

async fn read_body(body: Body) -> Result<Vec<u8>, ApiError> {
    match Limited::new(body, MAX_MANIFEST).collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::ManifestInvalid,
            format!("a manifest may have at most {MAX_MANIFEST} bytes"),
        )),
        Err(_) => Err(ApiError::bad_request(
            ErrorCode::SizeInvalid,
            "the manifest broke off before its end",
        )),
    }
}

fn refused(error: PutError) -> ApiError {
    match error {
        PutError::Missing(digests) => {
            let shown: Vec<_> = digests.iter().take(100).collect();
            let first = digests.first().map(ToString::to_string).unwrap_or_default();
            let message = format!(
                "{} of the blobs or manifests it names {} not in this repository, push them first: {first}",
                digests.len(),
                if digests.len() == 1 { "is" } else { "are" }
            );
            ApiError::bad_request(ErrorCode::ManifestBlobUnknown, message)
                .with_detail(serde_json::json!({ "missing": shown }))
        }
        PutError::Size { .. } => ApiError::bad_request(ErrorCode::SizeInvalid, error.to_string()),
        PutError::Immutable(_) | PutError::ReadOnly(_) | PutError::OverQuota(_) => {
            ApiError::denied(error.to_string())
        }
        PutError::Catalog(error) => error.into(),
    }
}

pub(super) async fn delete(
    call: &Call,
    name: &RepositoryName,
    reference: &str,
) -> Result<Response, ApiError> {
    let access = call.delete(name).await?;
    let (app, actor) = (&call.app, access.caller.actor(&call.origin));
    let repository = access.repository.id;
    let parsed: Reference = reference.parse().map_err(|error| match error {
        oci::ReferenceError::Digest(error) => ApiError::digest_invalid(error),
        _ => ApiError::manifest_unknown(reference),
    })?;
    let now = app.clock.now();
    match parsed {
        Reference::Tag(tag) => {
            let ended = app
                .catalog
                .delete_tag(repository, &tag, &actor, now)
                .await?;
            ended.ok_or_else(|| ApiError::manifest_unknown(reference))?;
        }
        Reference::Digest(digest) => match app
            .catalog
            .delete_manifest(repository, &digest, call.referenced(), &actor, now)
            .await?
        {
            DeleteOutcome::Deleted { .. } => {}
            DeleteOutcome::NotFound => return Err(ApiError::manifest_unknown(reference)),
            DeleteOutcome::Referenced { by } => {
                let message = format!("the index {by} holds this manifest, delete the index first");
                return Err(ApiError::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    ErrorCode::Denied,
                    message,
                ));
            }
        },
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}
