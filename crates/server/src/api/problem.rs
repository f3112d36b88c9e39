//! Errors of the API as problem documents (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::error::ApiError;
use crate::written::Unacceptable;

/// What the body of every refusal looks like.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// Always `about:blank`: `code` tells problems apart.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// A word for programs, such as `not-found`.
    code: &'static str,
    /// What happened and what to do, for people.
    detail: String,
}

/// The refusals that every route shares; named last in each `responses(…)`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "the variants are read by the macro only")]
pub(crate) enum Refusals {
    /// The request does not say who calls, or the credential is wrong.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemDocument),
    /// The caller is known and may not do this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDocument),
    /// There is no such thing, or the caller may not know of it.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
    /// It contradicts what is there.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemDocument),
    /// A value is not acceptable; `detail` names it.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemDocument),
    /// Too many refused credentials or too many requests; `Retry-After` says how long to wait.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemDocument),
    /// Our fault. `detail` holds the incident's id in the log.
    #[response(status = 500, content_type = "application/problem+json")]
    Fault(ProblemDocument),
}

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<HeaderValue>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened and what to do, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

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

impl From<Unacceptable> for Problem {
    fn from(error: Unacceptable) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<catalog::CatalogError> for Problem {
    fn from(error: catalog::CatalogError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(ProblemDocument {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
        });
        let mut response = (self.status, body).into_response();
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
