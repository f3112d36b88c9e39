//! Passwords: hashed with Argon2id, off the request path and at most two at a time.
//!
//! One verification costs some 20 MiB and tens of milliseconds on purpose. So a client that sends the same credential
//! with every request pays once: the answer is remembered for a minute under an HMAC of the credential. Unknown users
//! cost one verification too, so that time does not tell who exists.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use aws_lc_rs::hmac;
use moka::sync::Cache;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use crate::metrics::PasswordMetrics;

/// How long a verified credential is remembered.
const REMEMBERED: Duration = Duration::from_mins(1);

/// A hash of no password, verified when the user does not exist.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    hash_now(&crate::auth::secret::generate(
        crate::auth::secret::SecretKind::Password,
    ))
    .expect("the default parameters are valid")
});

/// The password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash the password")]
pub struct HashError(#[source] argon2::password_hash::Error);

/// Hashes a password; blocks for tens of milliseconds.
pub(crate) fn hash_now(password: &SecretString) -> Result<String, HashError> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.expose_secret().as_bytes())
        .map_err(HashError)?;
    Ok(hash.to_string())
}

/// Verifies passwords for all requests of one process.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    key: Arc<hmac::Key>,
    verified: Cache<[u8; 32], ()>,
    slots: Arc<Semaphore>,
    counted: PasswordMetrics,
}

impl Passwords {
    pub(crate) fn new(counted: PasswordMetrics) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new())
            .expect("the operating system's random generator answers");
        Self {
            key: Arc::new(key),
            verified: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(REMEMBERED)
                .build(),
            slots: Arc::new(Semaphore::new(2)),
            counted,
        }
    }

    /// Hashes a password in its turn, off the request path.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        let permit = Arc::clone(&self.slots).acquire_owned().await;
        let hashed = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hash_now(&password)
        });
        hashed.await.expect("hashing does not panic")
    }

    /// Returns whether `password` was verified as the one behind `hash` less than a minute ago.
    pub(crate) fn remembers(&self, hash: &str, password: &SecretString) -> bool {
        let is_remembered = self
            .verified
            .contains_key(&self.remembered_key(hash, password));
        if is_remembered {
            self.counted.remembered.inc();
        }
        is_remembered
    }

    /// Returns whether `password` is the one behind `hash`; without a hash (no such user) it takes as long and is no.
    pub(crate) async fn verify(&self, hash: Option<&str>, password: &SecretString) -> bool {
        let known = hash.map(|hash| self.remembered_key(hash, password));
        if known.is_some_and(|key| self.verified.contains_key(&key)) {
            self.counted.remembered.inc();
            return true;
        }
        self.counted.hashed.inc();
        let Ok(permit) = Arc::clone(&self.slots).acquire_owned().await else {
            return false;
        };
        let (stored, password) = (hash.map(str::to_owned), password.clone());
        let verified = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let matches = verify_now(stored.as_deref().unwrap_or(NOBODY.as_str()), &password);
            matches && stored.is_some()
        })
        .await
        .unwrap_or(false);
        if let (true, Some(key)) = (verified, known) {
            self.verified.insert(key, ());
        }
        verified
    }

    /// The key holds the stored hash too: a changed password is a different key at once.
    fn remembered_key(&self, hash: &str, password: &SecretString) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(hash.len() as u64).to_le_bytes());
        context.update(hash.as_bytes());
        context.update(password.expose_secret().as_bytes());
        context
            .sign()
            .as_ref()
            .try_into()
            .expect("HMAC-SHA-256 is 32 bytes")
    }
}

fn verify_now(hash: &str, password: &SecretString) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.expose_secret().as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(crate::metrics::Metrics::new().passwords)
    }

    #[tokio::test]
    async fn only_the_right_password_of_an_existing_user_passes() {
        let passwords = passwords();
        let right = SecretString::from("correct horse".to_owned());
        let hash = hash_now(&right).unwrap();
        assert!(passwords.verify(Some(&hash), &right).await);
        assert!(
            passwords.verify(Some(&hash), &right).await,
            "also from memory"
        );
        assert!(
            !passwords
                .verify(Some(&hash), &SecretString::from("wrong".to_owned()))
                .await
        );
        assert!(!passwords.verify(None, &right).await);
        assert!(!passwords.verify(Some("not a hash"), &right).await);
    }

    #[tokio::test]
    async fn a_long_password_is_compared_whole() {
        let passwords = passwords();
        let long = "x".repeat(200);
        let hash = hash_now(&SecretString::from(long.clone() + "a")).unwrap();
        assert!(
            !passwords
                .verify(Some(&hash), &SecretString::from(long + "b"))
                .await
        );
    }
}
