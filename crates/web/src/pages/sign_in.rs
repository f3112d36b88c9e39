//! Signing in. The form posts to `/sign-in` with `username`, `password`, `csrf` and `return`.
//!
//! The session cookie is `Secure; HttpOnly; SameSite=Lax`: the form's own POST carries it, a foreign site's does not.
//! The token guards against a planted session; the password is never rendered back.

use askama::Template;

use crate::frame::{Frame, Section};

/// The sign-in form.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html", whitespace = "minimize")]
pub struct SignInPage {
    /// The surroundings.
    pub frame: Frame,
    /// The name typed before, after an error.
    pub username: String,
    /// Where to go afterwards: the result of [`crate::routes::local_return`].
    pub return_to: String,
    /// The token of the form.
    pub csrf: String,
    /// What went wrong before.
    pub error: Option<SignInError>,
}

/// Why the last attempt did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInError {
    /// Name or password is wrong; which one is not said.
    Credentials,
    /// Too many attempts.
    TooMany,
    /// The form was too old, or came from elsewhere.
    Expired,
}

impl SignInError {
    fn message(self) -> &'static str {
        match self {
            Self::Credentials => "Name and password do not match. Check both and try again.",
            Self::TooMany => "Too many attempts. Wait a minute, then try again.",
            Self::Expired => "The form is out of date. Sign in again.",
        }
    }
}

impl SignInPage {
    const SECTION: Section = Section::Elsewhere;
}

/// Renders the page.
pub fn render_sign_in(page: &SignInPage) -> Result<String, askama::Error> {
    page.render()
}
