//! `GET /v2/{name}/referrers/{digest}`: what refers to a manifest, as an index. Never 404 for a readable repository.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use oci::{Digest, RepositoryName, media_type};

use super::{Call, header_value};
use crate::error::ApiError;

const PAGE: u32 = 100;
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

pub(super) async fn get(
    call: &Call,
    name: &RepositoryName,
    subject: &Digest,
) -> Result<Response, ApiError> {
    let access = call.pull(name).await?;
    let types: Vec<String> = call.query("artifactType").collect();
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
    let has_more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
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
        let types: String = types
            .iter()
            .map(|t| {
                format!(
                    "&artifactType={}",
                    percent_encoding::utf8_percent_encode(t, percent_encoding::NON_ALPHANUMERIC)
                )
            })
            .collect();
        let link = format!(
            "</v2/{name}/referrers/{subject}?last={}{types}>; rel=\"next\"",
            last.digest
        );
        headers.insert(header::LINK, header_value(link));
    }
    Ok(response)
}
