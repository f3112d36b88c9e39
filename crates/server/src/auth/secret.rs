//! Random secrets: passwords, robot tokens, session tokens.
//!
//! A secret is a prefix that names its kind, 160 random bits and a short checksum, so that secret scanners find it and
//! a mistyped one is told apart from a revoked one. The database holds only its SHA-256.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catalog::NewSecret;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

/// The kinds of secret this server issues.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SecretKind {
    /// A robot's token.
    Robot,
    /// A browser session.
    Session,
    /// A generated password.
    Password,
    /// A person's token.
    Token,
    /// A token that is exchanged for registry tokens.
    Refresh,
}

impl SecretKind {
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Robot => "tgr_",
            Self::Session => "tgs_",
            Self::Password => "tgp_",
            Self::Token => "tga_",
            Self::Refresh => "tgf_",
        }
    }
}

/// Draws a new secret from the operating system's generator.
pub(crate) fn generate(kind: SecretKind) -> SecretString {
    let mut random = [0_u8; 20];
    rand::fill(&mut random).expect("the operating system's random generator answers");
    let body = URL_SAFE_NO_PAD.encode(random);
    let checksum = digest(&SHA256, body.as_bytes());
    let checksum = URL_SAFE_NO_PAD.encode(&checksum.as_ref()[..3]);
    SecretString::from(format!("{}{body}{checksum}", kind.prefix()))
}

/// Returns what the catalog stores of a new secret, under a new id.
pub(crate) fn stored(secret: &SecretString) -> NewSecret {
    NewSecret {
        id: Uuid::new_v4(),
        sha256: fingerprint(secret.expose_secret()),
    }
}

/// Returns what the database stores of a secret: its SHA-256.
///
/// The secrets are random and long, so a fast hash is enough: there is nothing to guess.
pub(crate) fn fingerprint(secret: &str) -> [u8; 32] {
    digest(&SHA256, secret.as_bytes())
        .as_ref()
        .try_into()
        .expect("SHA-256 is 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_name_their_kind_and_never_repeat() {
        let (a, b) = (generate(SecretKind::Robot), generate(SecretKind::Robot));
        assert!(a.expose_secret().starts_with("tgr_"));
        assert_eq!(a.expose_secret().len(), "tgr_".len() + 27 + 4);
        assert_ne!(a.expose_secret(), b.expose_secret());
        assert_eq!(format!("{a:?}"), "SecretBox<str>([REDACTED])");
    }
}
