//! What ties a browser's way to a provider to its way back.
//!
//! The browser carries one random secret in a cookie, with the provider, the address to return to and an end. State,
//! nonce and the verifier of PKCE are derived from all of it, so nothing is stored here and nothing can be exchanged: a
//! callback counts only in the browser that began it, for the provider and the address it began with, once (the cookie
//! goes with the first callback) and for ten minutes.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::auth::secret::{SecretKind, generate};

/// How long signing in at the provider may take.
pub(crate) const LIFETIME_SECS: i64 = 600;
/// Longer addresses are not remembered: cookies have limits.
const MAX_RETURN: usize = 1_024;

/// One sign-in at a provider that has begun in a browser.
#[derive(Debug)]
pub(crate) struct Ticket {
    secret: SecretString,
    provider: String,
    expires_at: i64,
    return_to: String,
}

impl Ticket {
    /// Begins a sign-in. `return_to` is an address of this site.
    pub(crate) fn new(provider: &str, return_to: &str, now: Timestamp) -> Self {
        let lifetime = SignedDuration::from_secs(LIFETIME_SECS);
        let return_to = if return_to.len() <= MAX_RETURN {
            return_to
        } else {
            "/"
        };
        Self {
            secret: generate(SecretKind::Session),
            provider: provider.to_owned(),
            expires_at: now.saturating_add(lifetime).unwrap_or(now).as_second(),
            return_to: return_to.to_owned(),
        }
    }

    /// Writes the cookie's value.
    pub(crate) fn to_cookie(&self) -> String {
        format!(
            "{}.{}.{}",
            self.secret.expose_secret(),
            self.expires_at,
            URL_SAFE_NO_PAD.encode(&self.return_to)
        )
    }

    /// Reads the cookie that came back with a callback of this provider. `None` if it is none, or has ended.
    pub(crate) fn from_cookie(cookie: &str, provider: &str, now: Timestamp) -> Option<Self> {
        let mut parts = cookie.split('.');
        let (secret, expires_at, return_to) = (parts.next()?, parts.next()?, parts.next()?);
        let expires_at: i64 = expires_at.parse().ok()?;
        let return_to = URL_SAFE_NO_PAD.decode(return_to).ok()?;
        let ticket = Self {
            secret: SecretString::from(secret.to_owned()),
            provider: provider.to_owned(),
            expires_at,
            return_to: String::from_utf8(return_to).ok()?,
        };
        let is_whole = parts.next().is_none() && secret.len() >= 20;
        (is_whole && expires_at > now.as_second()).then_some(ticket)
    }

    /// Returns whether a callback's `state` is the one that this browser was sent away with.
    pub(crate) fn accepts(&self, state: &str) -> bool {
        self.state().as_bytes().ct_eq(state.as_bytes()).into()
    }

    pub(crate) fn state(&self) -> String {
        self.derive("state")
    }

    pub(super) fn nonce(&self) -> String {
        self.derive("nonce")
    }

    /// 43 characters of the alphabet that RFC 7636 asks for.
    pub(super) fn pkce_verifier(&self) -> String {
        self.derive("pkce")
    }

    /// Returns the address to go to afterwards. It came with a cookie, so it is checked where it is used.
    pub(crate) fn return_to(&self) -> &str {
        &self.return_to
    }

    fn derive(&self, purpose: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose_secret().as_bytes());
        let bound = format!(
            "{purpose} {} {} {}",
            self.provider, self.expires_at, self.return_to
        );
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, bound.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + secs).unwrap()
    }

    #[test]
    fn a_cookie_accepts_the_state_it_was_made_with_and_no_other() {
        let ticket = Ticket::new("sso", "/r/a/-/tags?q=ü", at(0));
        let cookie = ticket.to_cookie();
        let read = Ticket::from_cookie(&cookie, "sso", at(599)).unwrap();
        assert!(read.accepts(&ticket.state()));
        assert_eq!(read.nonce(), ticket.nonce());
        assert_eq!(read.pkce_verifier().len(), 43);
        assert_eq!(read.return_to(), "/r/a/-/tags?q=ü");
        assert!(!read.accepts(&ticket.nonce()));
        assert!(!read.accepts(""));
        let distinct = [ticket.state(), ticket.nonce(), ticket.pkce_verifier()];
        assert!(distinct[0] != distinct[1] && distinct[1] != distinct[2]);

        // Another provider, another browser, another address, another end.
        let other = Ticket::from_cookie(&cookie, "other", at(0)).unwrap();
        assert!(!other.accepts(&ticket.state()));
        assert!(!Ticket::new("sso", "/", at(0)).accepts(&ticket.state()));
        let evil = URL_SAFE_NO_PAD.encode("//evil.example");
        let (start, _) = cookie.rsplit_once('.').unwrap();
        let changed = Ticket::from_cookie(&format!("{start}.{evil}"), "sso", at(0)).unwrap();
        assert!(!changed.accepts(&ticket.state()));
        assert!(Ticket::from_cookie(&cookie, "sso", at(600)).is_none());
    }

    #[test]
    fn odd_cookies_are_none() {
        for cookie in [
            "",
            "a.b.c",
            "..",
            "tgs_x.9999999999.",
            "x.1.e30.e30",
            "\u{fc}",
        ] {
            assert!(
                Ticket::from_cookie(cookie, "sso", at(0)).is_none(),
                "{cookie}"
            );
        }
    }

    #[test]
    fn a_long_address_is_not_remembered() {
        let ticket = Ticket::new("sso", &format!("/{}", "x".repeat(2_000)), at(0));
        assert_eq!(ticket.return_to(), "/");
    }
}
