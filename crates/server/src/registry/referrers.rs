//! `GET /v2/{name}/referrers/{digest}`: what refers to a manifest, as an index. Never 404 for a repository that the
//! caller may read or create.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use catalog::Referrer;
use oci::{Descriptor, Digest, ErrorCode, RepositoryName, media_type};

use super::listing::Page;
use super::{Call, cache, header_value};
use crate::error::ApiError;

/// The largest page; a larger wish is clipped.
const MAX_PAGE: u32 = 100;
/// Annotations come from clients and may be as large as a manifest; a page of them must not be larger.
const PAGE_BYTES: usize = 4 << 20;
/// What surrounds the descriptors of a page, rounded up.
const ENVELOPE_BYTES: usize = 128;
/// Artifact types one request may ask for.
const MAX_TYPES: usize = 32;
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

pub(super) async fn get(
    call: &Call,
    name: &RepositoryName,
    subject: &Digest,
) -> Result<Response, ApiError> {
    let found = call.pull_or_create(name).await?;
    if let Some(access) = &found {
        cache::companions(call, access, subject).await?;
    }
    let types = wanted_types(call)?;
    let page = Page::of(call, MAX_PAGE)?;
    let after = page.after.as_deref().map(super::parse_digest).transpose()?;
    let mut rows = Vec::new();
    if let (Some(access), 1..) = (found, page.limit) {
        let (repository, limit) = (access.repository.id, page.limit + 1);
        rows = call
            .app
            .catalog
            .referrers(repository, subject, &types, after.as_ref(), limit)
            .await?;
    }
    let mut next = page.cut(&mut rows, |row| row.digest.as_str());
    let mut manifests: Vec<Descriptor> = rows.into_iter().map(descriptor).collect();
    let fitting = how_many_fit(&manifests);
    if fitting < manifests.len() {
        manifests.truncate(fitting);
        next = manifests.last().map(|last| last.digest.to_string());
    }
    let index = serde_json::json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
    let mut response = axum::Json(index).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type::OCI_INDEX),
    );
    if !types.is_empty() {
        headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    if let Some(last) = next {
        let mut link = format!(
            "</v2/{name}/referrers/{subject}?n={}&last={last}",
            page.limit
        );
        for wanted in &types {
            link.push_str("&artifactType=");
            link.extend(percent_encoding::utf8_percent_encode(
                wanted,
                percent_encoding::NON_ALPHANUMERIC,
            ));
        }
        link.push_str(">; rel=\"next\"");
        headers.insert(header::LINK, header_value(link));
    }
    Ok(response)
}

fn wanted_types(call: &Call) -> Result<Vec<String>, ApiError> {
    let types: Vec<String> = call.query("artifactType").take(MAX_TYPES + 1).collect();
    if types.len() > MAX_TYPES {
        let message = format!("more than {MAX_TYPES} artifact types in one request");
        return Err(ApiError::new(
            StatusCode::URI_TOO_LONG,
            ErrorCode::Unsupported,
            message,
        ));
    }
    Ok(types)
}

fn descriptor(row: Referrer) -> Descriptor {
    Descriptor {
        media_type: row.media_type,
        digest: row.digest,
        size: row.size_bytes,
        urls: Vec::new(),
        annotations: row.annotations,
        data: None,
        platform: None,
        artifact_type: row.artifact_type,
    }
}

/// Returns how many descriptors one page carries. One is always sent, or there would be no way past it.
fn how_many_fit(manifests: &[Descriptor]) -> usize {
    let mut bytes = ENVELOPE_BYTES;
    let fitting = manifests.iter().take_while(|descriptor| {
        let written = serde_json::to_string(descriptor);
        bytes += written.map_or(0, |json| json.len() + 1);
        bytes <= PAGE_BYTES
    });
    fitting.count().max(1)
}
