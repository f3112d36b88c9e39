//! Registry tokens: short-lived, signed with Ed25519, scoped.
//!
//! A token proves an identity and *narrows* what it may do; the right itself is read from the catalog with every
//! request, so a revoked account ends at once. The algorithm, issuer and audience are pinned; a `kid` must be one of
//! our keys, and key material inside a header is never looked at.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use catalog::SigningKey;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use oci::{Action, Scope};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::secret;

const ISSUER: &str = "tidegate";
const AUDIENCE: &str = "tidegate-registry";
/// How long a token lives, in seconds. Clients of the containers/image family raise anything below 60.
pub(crate) const LIFETIME_SECS: i64 = 300;
/// How much a client's and our clock may differ, in seconds.
const LEEWAY_SECS: i64 = 30;
/// How many proven tokens are remembered.
const PROVEN: u64 = 10_000;

/// A signing key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("a stored token signing key is not usable")]
pub struct KeyError;

/// A token was refused. The reasons are not told apart to the client.
#[derive(Debug, thiserror::Error)]
#[error("the token is not valid here or has expired")]
pub(crate) struct TokenError;

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// The principal, as [`super::subject`] writes it.
    pub(crate) sub: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: Uuid,
    /// The account's epoch at issue; a password change or a disablement moves it on.
    pub(crate) epoch: i64,
    /// The stored credential it was made from, and ends with; none was a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cred: Option<Uuid>,
    /// The granted scopes.
    pub(crate) access: Vec<Access>,
}

/// One granted scope, in the shape of the distribution project's tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Access {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    actions: Vec<Action>,
}

impl Claims {
    /// Returns whether the token's scopes cover the action.
    pub(crate) fn covers(&self, repository: &str, action: Action) -> bool {
        self.access
            .iter()
            .any(|a| a.kind == "repository" && a.name == repository && a.actions.contains(&action))
    }

    /// Returns whether the token was asked for listing repositories, `registry:catalog:*`.
    pub(crate) fn covers_catalog(&self) -> bool {
        self.access
            .iter()
            .any(|a| a.kind == "registry" && a.name == "catalog")
    }
}

/// Draws a new signing key.
pub(crate) fn generate_key() -> SigningKey {
    let document = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new())
        .expect("the operating system's random generator answers");
    SigningKey {
        id: Uuid::new_v4().simple().to_string(),
        pkcs8: document.as_ref().to_vec(),
    }
}

/// Issues and verifies tokens.
pub(crate) struct Tokens {
    current: String,
    encoding: EncodingKey,
    decoding: HashMap<String, DecodingKey>,
    /// Tokens whose signature was found right, by their hash: the same one comes with every request of a pull.
    proven: Cache<[u8; 32], Arc<Claims>>,
}

impl Tokens {
    /// Builds the verifier over all keys; the first one signs.
    pub(crate) fn new(keys: &[SigningKey]) -> Result<Self, KeyError> {
        let current = keys.first().ok_or(KeyError)?;
        let mut decoding = HashMap::new();
        for key in keys {
            let pair = Ed25519KeyPair::from_pkcs8(&key.pkcs8).map_err(|_| KeyError)?;
            decoding.insert(
                key.id.clone(),
                DecodingKey::from_ed_der(pair.public_key().as_ref()),
            );
        }
        Ok(Self {
            current: current.id.clone(),
            encoding: EncodingKey::from_ed_der(&current.pkcs8),
            decoding,
            proven: Cache::new(PROVEN),
        })
    }

    /// Issues a token.
    pub(crate) fn issue(
        &self,
        subject: &str,
        epoch: i64,
        credential: Option<Uuid>,
        granted: &[Scope],
        now: Timestamp,
    ) -> String {
        let now = now.as_second();
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: subject.to_owned(),
            exp: now + LIFETIME_SECS,
            nbf: now - LEEWAY_SECS,
            iat: now,
            jti: Uuid::new_v4(),
            epoch,
            cred: credential,
            access: granted
                .iter()
                .map(|s| Access {
                    kind: s.kind.clone(),
                    name: s.name.clone(),
                    actions: s.actions.clone(),
                })
                .collect(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.current.clone());
        jsonwebtoken::encode(&header, &claims, &self.encoding)
            .expect("the key was read at start, the claims are plain")
    }

    /// Verifies a token: signature by one of our keys, issuer, audience, and time against `now`.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        let hash = secret::fingerprint(token);
        let claims = match self.proven.get(&hash) {
            Some(claims) => claims,
            None => Arc::new(self.verify_signature(token)?),
        };
        let second = now.as_second();
        if second >= claims.exp.saturating_add(LEEWAY_SECS)
            || second < claims.nbf
            || claims.exp.saturating_sub(claims.iat) > LIFETIME_SECS
        {
            return Err(TokenError);
        }
        self.proven.insert(hash, Arc::clone(&claims));
        Ok(Claims::clone(&claims))
    }

    fn verify_signature(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError)?;
        let key = header
            .kid
            .as_ref()
            .and_then(|kid| self.decoding.get(kid))
            .ok_or(TokenError)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library reads the machine's clock; ours is a parameter, so time is compared by the caller.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
        decoded.map(|data| data.claims).map_err(|_| TokenError)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::new(&[generate_key(), generate_key()]).unwrap()
    }

    fn issue(tokens: &Tokens) -> String {
        tokens.issue(
            "user:1",
            7,
            None,
            &["repository:a/b:pull,push".parse().unwrap()],
            at(1_000_000),
        )
    }

    #[test]
    fn a_fresh_token_is_accepted_and_covers_what_it_names() {
        let tokens = tokens();
        let claims = tokens.verify(&issue(&tokens), at(1_000_010)).unwrap();
        assert_eq!((claims.sub.as_str(), claims.epoch), ("user:1", 7));
        assert!(claims.covers("a/b", Action::Pull) && claims.covers("a/b", Action::Push));
        assert!(!claims.covers("a/b", Action::Delete) && !claims.covers("a", Action::Pull));
    }

    #[rstest]
    #[case(1_000_000 - 31, false)]
    #[case(1_000_000 - 30, true)]
    #[case(1_000_000 + 329, true)]
    #[case(1_000_000 + 330, false)]
    fn a_token_is_valid_only_in_its_time(#[case] second: i64, #[case] valid: bool) {
        let tokens = tokens();
        assert_eq!(tokens.verify(&issue(&tokens), at(second)).is_ok(), valid);
    }

    #[test]
    fn a_token_of_another_server_is_refused() {
        assert!(tokens().verify(&issue(&tokens()), at(1_000_000)).is_err());
    }

    /// Rewrites one part of a token and checks that nobody accepts the result.
    #[track_caller]
    fn check_forged(header: &str, keep_signature: bool) {
        let tokens = tokens();
        let token = issue(&tokens);
        let mut parts = token.split('.');
        let (_, claims, signature) = (
            parts.next().unwrap(),
            parts.next().unwrap(),
            parts.next().unwrap(),
        );
        let header = header.replace("KID", &tokens.current);
        let signature = if keep_signature { signature } else { "" };
        let forged = format!("{}.{claims}.{signature}", B64.encode(&header));
        assert!(
            tokens.verify(&forged, at(1_000_000)).is_err(),
            "accepted {header}"
        );
    }

    #[test]
    fn a_forged_header_is_refused() {
        check_forged(r#"{"alg":"none","kid":"KID"}"#, false);
        check_forged(r#"{"alg":"HS256","kid":"KID"}"#, true);
        check_forged(r#"{"alg":"EdDSA"}"#, true);
        check_forged(r#"{"alg":"EdDSA","kid":"../../etc/passwd"}"#, true);
        check_forged(
            r#"{"alg":"EdDSA","kid":"x","jwk":{"kty":"OKP","crv":"Ed25519","x":"AA"}}"#,
            true,
        );
        check_forged(
            r#"{"alg":"EdDSA","kid":"x","x5c":["AA"],"jku":"http://127.0.0.1/"}"#,
            true,
        );
    }

    #[test]
    fn changed_claims_are_refused() {
        let tokens = tokens();
        let token = issue(&tokens);
        let parts: Vec<_> = token.split('.').collect();
        let claims = String::from_utf8(B64.decode(parts[1]).unwrap())
            .unwrap()
            .replace("user:1", "user:2");
        let forged = format!("{}.{}.{}", parts[0], B64.encode(claims), parts[2]);
        assert!(tokens.verify(&forged, at(1_000_000)).is_err());
        assert!(tokens.verify("", at(1_000_000)).is_err());
        assert!(tokens.verify("a.b.c", at(1_000_000)).is_err());
    }
}
