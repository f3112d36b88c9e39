//! What a visitor sees when there is no page. It says what to do next and carries the request's id, never internals.

use askama::Template;

use crate::frame::{Frame, Section};

/// The error page.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html", whitespace = "minimize")]
pub struct ErrorPage {
    /// The surroundings.
    pub frame: Frame,
    /// The kind of error.
    pub kind: ErrorKind,
    /// Why, in a sentence, where the visitor may know more than the kind says.
    pub reason: Option<String>,
    /// The request's id, as in the log.
    pub request_id: String,
}

/// The kinds of error a visitor can meet. What is hidden and what is absent are both `NotFound`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request does not make sense.
    BadRequest,
    /// Known to the visitor, and not permitted.
    Forbidden,
    /// Absent, or hidden from the visitor.
    NotFound,
    /// The method does not fit the address.
    MethodNotAllowed,
    /// Too many requests.
    TooManyRequests,
    /// A defect of the server.
    Internal,
    /// The server cannot answer now.
    Unavailable,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::BadRequest,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
    ];

    /// Returns the HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Request not understood",
            Self::Forbidden => "Not permitted",
            Self::NotFound => "Page not found",
            Self::MethodNotAllowed => "Not possible at this address",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "Something broke on our side",
            Self::Unavailable => "Not available right now",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::BadRequest => {
                "The address or the form has a value that cannot be read. Go back and try again."
            }
            Self::Forbidden => {
                "Your account may not do this, or the form was out of date. Go back and reload the page; if that does not help, ask the owner of the repository for access."
            }
            Self::NotFound => {
                "It was deleted, it never existed, or your account may not see it. Check the address, or look for the image in the list."
            }
            Self::MethodNotAllowed => {
                "This address takes another kind of request. Go back and use the page's own buttons."
            }
            Self::TooManyRequests => "Wait a minute, then reload the page.",
            Self::Internal => {
                "The request was not completed. Nothing you did is lost unless it says so here. Try again; if it stays, give your administrator the request id."
            }
            Self::Unavailable => {
                "The server is starting, stopping or overloaded. Reload the page in a moment."
            }
        }
    }
}

impl ErrorPage {
    const SECTION: Section = Section::Elsewhere;
}

/// Renders the page.
pub fn render_error(page: &ErrorPage) -> Result<String, askama::Error> {
    page.render()
}
