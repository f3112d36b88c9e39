//! `GET /v2/{name}/referrers/{digest}`: what refers to a manifest, as an index. Never 404 for a readable repository.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use oci::{Digest, ErrorCode, RepositoryName, media_type};

use super::{Call, header_value};
use crate::error::ApiError;

const PAGE: u32 = 100;
/// Annotations come from clients and may be as large as a manifest; a page of them must not be.
const PAGE_BYTES: usize = 4 << 20;
/// Artifact types one request may ask for.
const MAX_TYPES: usize = 32;
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

pub(super) async fn get(
    call: &Call,
    name: &RepositoryName,
    subject: &Digest,
) -> Result<Response, ApiError> {
    let access = call.pull(name).await?;
    let types: Vec<String> = call.query("artifactType").take(MAX_TYPES + 1).collect();
    if types.len() > MAX_TYPES {
        let message = format!("more than {MAX_TYPES} artifact types in one request");
        return Err(ApiError::new(
            StatusCode::URI_TOO_LONG,
            ErrorCode::Unsupported,
            message,
        ));
    }
    let after = call
        .query("last")
        .next()
        .map(|last| super::parse_digest(&last))
        .transpose()?;
    let mut rows = call
        .app
        .catalog
        .referrers(
            access.repository.id,
            subject,
            &types,
            after.as_ref(),
            PAGE + 1,
        )
        .await?;
    let mut has_more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let mut bytes = 0;
    let fitting = rows.iter().take_while(|row| {
        bytes += annotation_bytes(row);
        bytes <= PAGE_BYTES
    });
    // One is always sent, or there would be no way past it.
    let fitting = fitting.count().max(1);
    if fitting < rows.len() {
        has_more = true;
        rows.truncate(fitting);
    }
    let manifests: Vec<_> = rows
        .iter()
        .map(|row| oci::Descriptor {
            media_type: row.media_type.clone(),
            digest: row.digest.clone(),
            size: row.size_bytes,
            urls: Vec::new(),
            annotations: row.annotations.clone(),
            data: None,
            platform: None,
            artifact_type: row.artifact_type.clone(),
        })
        .collect();
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
    if let (true, Some(last)) = (has_more, rows.last()) {
        let mut filter = String::new();
        for wanted in &types {
            let encoded =
                percent_encoding::utf8_percent_encode(wanted, percent_encoding::NON_ALPHANUMERIC);
            filter.push_str("&artifactType=");
            filter.extend(encoded);
        }
        let link = format!(
            "</v2/{name}/referrers/{subject}?last={}{filter}>; rel=\"next\"",
            last.digest
        );
        headers.insert(header::LINK, header_value(link));
    }
    Ok(response)
}

fn annotation_bytes(row: &catalog::Referrer) -> usize {
    let annotations = row.annotations.iter();
    annotations
        .map(|(key, value)| key.len() + value.len())
        .sum()
}
