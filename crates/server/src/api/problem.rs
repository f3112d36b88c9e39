//! Errors of the API as problem documents (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<HeaderValue>,
}

impl Problem {
    pub(super) fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not-found",
            detail: "no such thing, or not for this caller".into(),
            retry_after: None,
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: "unauthorized",
            detail: "sign in first, with Basic credentials".into(),
            retry_after: None,
        }
    }

    pub(super) fn forbidden(detail: &str) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "forbidden",
            detail: detail.to_owned(),
            retry_after: None,
        }
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            code: "invalid",
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::CONFLICT,
            code: "conflict",
            detail: detail.into(),
            retry_after: None,
        }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        let code = if error.status().is_server_error() {
            "internal"
        } else if error.status() == StatusCode::TOO_MANY_REQUESTS {
            "too-many-requests"
        } else {
            "refused"
        };
        Self {
            status: error.status(),
            code,
            retry_after: error.header(&header::RETRY_AFTER).cloned(),
            detail: error.report(),
        }
    }
}

impl From<catalog::CatalogError> for Problem {
    fn from(error: catalog::CatalogError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"tidegate\""),
            );
        }
        response
    }
}
