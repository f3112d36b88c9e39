//! Signing in with what others vouch for: identity providers (OpenID Connect) and a directory (LDAP).
//!
//! Both end in a [`Person`]: who it is in the words of the source, and in which groups. [`admit`](admission::admit)
//! turns a person into an account, and groups into teams and rights, the same way for both. Passwords kept here,
//! tokens and sessions are `auth`'s; how often somebody may try is `auth::throttle`'s.
//!
//! Adding a source: a folder that yields a [`Person`], its settings in `settings`, its call of `admit`.

pub(crate) mod admission;
pub(crate) mod directory;
pub(crate) mod oidc;
mod settings;

pub use self::settings::{
    Admission, LdapSettings, OidcSettings, SignInSettings, SignInSettingsError,
};

use self::directory::Directory;
use self::oidc::Provider;
use crate::outbound::Outbound;

/// Somebody, as a provider or a directory knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// Whose words these are, as identities name it.
    pub(crate) issuer: String,
    /// Who; never given to somebody else by the issuer.
    pub(crate) subject: String,
    /// The name as the source writes it.
    pub(crate) username: String,
    /// For people to read.
    pub(crate) email: Option<String>,
    /// Their groups at this moment.
    pub(crate) groups: Vec<String>,
}

/// The configured ways to sign in.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    pub(crate) providers: Vec<Provider>,
    pub(crate) directory: Option<Directory>,
}

impl Ways {
    /// Prepares the ways; nothing is connected to yet, and a source that is away keeps nobody else out.
    ///
    /// # Errors
    /// Certificates that cannot be used.
    pub(crate) fn new(
        settings: &SignInSettings,
        outbound: &Outbound,
    ) -> Result<Self, directory::TlsError> {
        let providers = settings
            .oidc
            .iter()
            .map(|oidc| Provider::new(oidc.clone(), outbound.clone()))
            .collect();
        let directory = settings.ldap.clone().map(Directory::new).transpose()?;
        Ok(Self {
            providers,
            directory,
        })
    }

    /// Returns the provider of this id.
    pub(crate) fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers
            .iter()
            .find(|provider| provider.settings.id == id)
    }
}
