//! The one outward error of the registry's protocol side.
//!
//! An error has two halves that never mix: what the client sees (status, OCI code, one sentence) and what only the log
//! sees (the cause). Both carry the same incident id where the cause is ours. Before an answer leaves, existence was
//! already hidden (callers choose `*_unknown` for what the caller may not know) and internals are dropped here.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::CatalogError;
use oci::{ErrorBody, ErrorCode};
use uuid::Uuid;

use crate::panics::Panicked;

/// A cause for the log.
pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// When a client may come back after it was too much, in seconds.
const OVERLOAD_RETRY_SECS: u64 = 2;
/// When a client may come back after an outage, in seconds.
const OUTAGE_RETRY_SECS: u64 = 5;

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    detail: Option<serde_json::Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Cause>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            detail: None,
            headers: Vec::new(),
            cause: None,
        }
    }

    /// A fault of ours: the client gets an incident id, the log gets the cause. Whatever wraps it, a database that is full,
    /// busy or away is told as that, because the same request succeeds later.
    pub(crate) fn fault(cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        match database_fault(cause.as_ref()) {
            Some(CatalogError::Full(_)) => Self::storage_full(cause),
            Some(busy) if busy.is_overload() => {
                tracing::warn!(cause = %chain(cause.as_ref()), "turned away, the database is busy");
                Self::overloaded(
                    "the registry's database is busy or does not answer, try again in a moment",
                )
            }
            Some(passing) if passing.is_transient() => Self::unavailable(cause),
            _ => {
                let mut error = Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorCode::Unknown,
                    String::new(),
                );
                error.cause = Some(cause);
                error
            }
        }
    }

    /// A fault of ours that was logged when it happened.
    pub(crate) fn panicked(panicked: &Panicked) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Unknown,
            internal_error(panicked.incident),
        )
    }

    /// The disk is full, under the blobs or under the database: 507, and the same request succeeds once there is room.
    pub(crate) fn storage_full(cause: impl Into<Cause>) -> Self {
        let mut error = Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            ErrorCode::Unknown,
            "the registry's storage is full, nothing was lost, push again when there is room",
        );
        error.cause = Some(cause.into());
        error
    }

    pub(crate) fn bad_request(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message)
    }

    pub(crate) fn name_invalid(error: oci::NameError) -> Self {
        Self::bad_request(ErrorCode::NameInvalid, error.to_string())
    }

    pub(crate) fn digest_invalid(error: oci::DigestError) -> Self {
        Self::bad_request(ErrorCode::DigestInvalid, error.to_string())
    }

    pub(crate) fn name_unknown() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::NameUnknown,
            "repository not known to this registry",
        )
    }

    pub(crate) fn blob_unknown() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::BlobUnknown,
            "blob not known in this repository",
        )
    }

    pub(crate) fn upload_unknown() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::BlobUploadUnknown,
            "upload not known, it ended or belongs to somebody else; start the blob again",
        )
    }

    pub(crate) fn manifest_unknown(reference: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::ManifestUnknown,
            format!("manifest `{reference}` not known"),
        )
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::Unsupported,
            message,
        )
    }

    pub(crate) fn range(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            ErrorCode::BlobUploadInvalid,
            message,
        )
    }

    /// Too much at once: the client is told when to come back.
    pub(crate) fn overloaded(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::TooManyRequests,
            message,
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from(OVERLOAD_RETRY_SECS))
    }

    /// The database does not answer: a fault of ours that will pass.
    fn unavailable(cause: impl Into<Cause>) -> Self {
        let mut error = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::Unknown,
            "the registry's database does not answer, try again in a moment",
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from(OUTAGE_RETRY_SECS));
        error.cause = Some(cause.into());
        error
    }

    pub(crate) fn unauthorized(message: impl Into<String>, challenge: HeaderValue) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message)
            .with_header(header::WWW_AUTHENTICATE, challenge)
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    #[must_use]
    pub(crate) fn with_detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = Some(detail);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value)
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Logs the cause under a fresh incident id and returns the sentence that names the id.
    pub(crate) fn report(&self) -> String {
        let Some(cause) = &self.cause else {
            return self.message.clone();
        };
        let incident = Uuid::new_v4();
        tracing::error!(%incident, status = self.status.as_u16(), cause = %chain(cause.as_ref()), "request failed");
        if self.message.is_empty() {
            internal_error(incident)
        } else {
            format!("{} (incident {incident})", self.message)
        }
    }
}

/// What a client learns about a fault of ours.
fn internal_error(incident: Uuid) -> String {
    format!("internal error, incident {incident}")
}

/// Writes an error and its sources on one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let _ = write!(text, ": {inner}");
        source = inner.source();
    }
    text
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let message = self.report();
        let body = serde_json::to_vec(&ErrorBody::new(self.code, &message, self.detail))
            .expect("an error body holds strings and JSON values only");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

/// Returns the fault of the database that a cause is, or comes from.
fn database_fault<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a CatalogError> {
    let mut next = Some(cause);
    while let Some(error) = next {
        let shared = error.downcast_ref::<Arc<CatalogError>>();
        if let Some(found) = error.downcast_ref().or(shared.map(Arc::as_ref)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Immutable(_)
            | CatalogError::Expiring(_)
            | CatalogError::OverQuota(_)
            | CatalogError::ReadOnly(_) => Self::denied(error.to_string()),
            CatalogError::RepositoryGone => Self::name_unknown(),
            other => Self::fault(other),
        }
    }
}
