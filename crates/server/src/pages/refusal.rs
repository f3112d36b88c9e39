//! From the API's answers to a page's: a form is handled by the API's own handler, and what that refuses becomes a
//! sentence on the page.

use axum::http::StatusCode;
use axum::response::Response;
use catalog::Principal;
use web::{Draft, ErrorKind};

use super::{Form, PageError, Visit};
use crate::api::problem::Problem;
use crate::api::{Caller, Credentialed};

/// Fields that are never written back into a page.
const SECRETS: [&str; 4] = ["csrf", "current", "password", "again"];

impl Visit {
    /// Returns the visitor as the API's handlers take them.
    pub(super) fn caller(&self, principal: &Principal) -> Caller {
        Caller {
            principal: principal.clone(),
            origin: self.origin.clone(),
        }
    }

    /// Returns the visitor who sent a form, whose token was checked before anything else is asked of it.
    pub(super) fn credentialed(&self, principal: &Principal) -> Credentialed {
        Credentialed::by_form(self.caller(principal))
    }
}

impl From<Problem> for PageError {
    fn from(problem: Problem) -> Self {
        let kind = match problem.status() {
            // What nobody may know of looks as if it were not there, and says no more.
            StatusCode::NOT_FOUND => return Self::Shown(ErrorKind::NotFound),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => ErrorKind::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::TooManyRequests,
            StatusCode::SERVICE_UNAVAILABLE => ErrorKind::Unavailable,
            status if status.is_server_error() => ErrorKind::Internal,
            _ => ErrorKind::BadRequest,
        };
        Self::Refused(kind, sentence(problem.detail()))
    }
}

/// Why a form was not done, in words for the page that it came from.
pub(super) struct Refused {
    status: StatusCode,
    problem: String,
}

impl Refused {
    /// A field that the page itself cannot read.
    pub(super) fn invalid(problem: &str) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            problem: problem.to_owned(),
        }
    }

    /// Returns what was typed, to be shown again.
    pub(super) fn draft(&self, form: &Form) -> Draft {
        Draft {
            form: form.field("do").to_owned(),
            fields: form.typed(&SECRETS),
            problem: Some(self.problem.clone()),
        }
    }

    /// Puts the refusal's status on the page that shows it.
    pub(super) fn on(&self, mut page: Response) -> Response {
        *page.status_mut() = self.status;
        page
    }
}

/// Tells refusals that belong on the form's page from those that end the visit.
pub(super) fn refusable<T>(answer: Result<T, Problem>) -> Result<Result<T, Refused>, PageError> {
    match answer {
        Ok(done) => Ok(Ok(done)),
        Err(problem) if is_about_the_form(problem.status()) => Ok(Err(Refused {
            status: problem.status(),
            problem: sentence(problem.detail()),
        })),
        Err(problem) => Err(problem.into()),
    }
}

fn is_about_the_form(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::FORBIDDEN | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// Makes a sentence of an error's fragment.
fn sentence(fragment: &str) -> String {
    let mut characters = fragment.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    let end = if fragment.ends_with(['.', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{}{end}", first.unwrap_or_default(), characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_becomes_a_sentence() {
        assert_eq!(
            sentence("a robot owns no robots"),
            "A robot owns no robots."
        );
        assert_eq!(sentence("`name` is taken"), "`name` is taken.");
        assert_eq!(sentence("Ask somebody."), "Ask somebody.");
        assert_eq!(sentence(""), ".");
    }
}
