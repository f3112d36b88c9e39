//! Signing in. The form posts to `/sign-in` with `username`, `password`, `csrf` and `return`; the links lead to the
//! configured providers of identities.
//!
//! The session cookie is `Secure; HttpOnly; SameSite=Lax`: the form's own POST carries it, a foreign site's does not.
//! The token guards against a planted session; the password is never rendered back.

use askama::Template;

use crate::frame::{Frame, Section};
use crate::routes::{Query, Route};

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
    /// The providers of identities, in the order they are shown.
    pub providers: Vec<ProviderLink>,
    /// The directory whose names and passwords count too.
    pub directory: Option<String>,
}

/// A provider of identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderLink {
    /// What people call it.
    pub name: String,
    /// Its id in addresses.
    pub id: String,
}

/// Why the last attempt did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInError {
    /// Name or password is wrong; which one is not said.
    Credentials,
    /// Too many attempts.
    TooMany,
    /// The form was too old, or came from elsewhere.
    Expired,
    /// The browser came back from a provider without having been sent there, or too late.
    NotBegun,
    /// The provider or directory of this name cannot be reached.
    Away(String),
    /// The provider of this name did not vouch for the visitor.
    NotVouched(String),
    /// What the provider of this name sent could not be verified.
    NotVerified(String),
    /// None of the visitor's groups may sign in.
    NotAllowed,
    /// The visitor has no account, and none is made.
    NoAccount,
    /// The name is somebody else's here.
    NameTaken(String),
    /// The name cannot be an account's.
    NameUnusable,
    /// The account is disabled.
    Disabled,
}

impl SignInError {
    fn message(&self) -> String {
        match self {
            Self::Credentials => "Name and password do not match. Check both and try again.".to_owned(),
            Self::TooMany => "Too many attempts. Wait a minute, then try again.".to_owned(),
            Self::Expired => "The form is out of date. Sign in again.".to_owned(),
            Self::NotBegun => "Signing in was not begun in this browser, or took too long. Begin again.".to_owned(),
            Self::Away(name) => {
                format!("{name} cannot be reached. Try again later, or sign in another way.")
            }
            Self::NotVouched(name) => format!("{name} did not sign you in. Try again, or ask who manages it."),
            Self::NotVerified(name) => {
                format!("What {name} sent could not be verified. Try again; if it stays so, tell an administrator.")
            }
            Self::NotAllowed => {
                "None of your groups may sign in here. Ask an administrator to add you to one.".to_owned()
            }
            Self::NoAccount => "You have no account here. Ask an administrator to make one.".to_owned(),
            Self::NameTaken(name) => {
                format!("The name {name} belongs to another account here. An administrator can link yours to it.")
            }
            Self::NameUnusable => {
                "Your name there cannot be an account's name here. Ask an administrator to make you an account.".to_owned()
            }
            Self::Disabled => "This account is disabled. Ask an administrator.".to_owned(),
        }
    }
}

impl SignInPage {
    const SECTION: Section = Section::Elsewhere;

    /// The address that begins signing in at a provider, and leads back to where the visitor wanted to go.
    fn begin(&self, provider: &ProviderLink) -> Query {
        Route::SignInWith(provider.id.clone()).with("return", &self.return_to)
    }
}

/// Renders the page.
pub fn render_sign_in(page: &SignInPage) -> Result<String, askama::Error> {
    page.render()
}
