//! Sign-ins that the directory confirmed less than a minute ago, so that a client which sends the same credential with
//! every request does not make the directory answer each.
//!
//! The key is an HMAC of name and password; what is remembered is the account and its epoch, so whatever ends the
//! account's tokens ends this too.

use std::time::Duration;

use aws_lc_rs::hmac;
use catalog::AccountId;
use moka::sync::Cache;
use secrecy::{ExposeSecret as _, SecretString};

const REMEMBERED: Duration = Duration::from_mins(1);

/// The confirmed sign-ins of one process.
#[derive(Debug)]
pub(crate) struct Remembered {
    key: hmac::Key,
    confirmed: Cache<[u8; 32], (AccountId, i64)>,
}

impl Remembered {
    pub(super) fn new() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new())
            .expect("the operating system's random generator answers");
        let confirmed = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(REMEMBERED)
            .build();
        Self { key, confirmed }
    }

    /// Returns the account and the epoch it had, if this name and password were confirmed.
    pub(crate) fn get(&self, name: &str, password: &SecretString) -> Option<(AccountId, i64)> {
        self.confirmed.get(&self.key_of(name, password))
    }

    pub(crate) fn put(&self, name: &str, password: &SecretString, account: (AccountId, i64)) {
        self.confirmed.insert(self.key_of(name, password), account);
    }

    fn key_of(&self, name: &str, password: &SecretString) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(name.len() as u64).to_le_bytes());
        context.update(name.as_bytes());
        context.update(password.expose_secret().as_bytes());
        context
            .sign()
            .as_ref()
            .try_into()
            .expect("HMAC-SHA-256 is 32 bytes")
    }
}
