//! What must hold for whatever somebody shows as a token, or asks to be put into one.

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use oci::{Action, RepositoryName};

use super::scopes::TokenScopes;
use super::token::{LIFETIME_SECS, Tokens, generate_key};

/// When it is.
const NOW: i64 = 1_795_000_000;

/// A signer of tokens, and one token of it.
pub struct TokenProbe {
    tokens: Tokens,
    pair: Ed25519KeyPair,
    key: String,
    genuine: String,
}

impl Default for TokenProbe {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenProbe {
    /// Draws a key.
    ///
    /// # Panics
    /// If a drawn key is none.
    pub fn new() -> Self {
        let key = generate_key();
        let tokens = Tokens::new(std::slice::from_ref(&key)).expect("a drawn key");
        let scopes = ["repository:team/app:pull".parse().expect("a scope")];
        let genuine = tokens.issue("a:1", 1, None, &scopes, now());
        Self {
            tokens,
            pair: Ed25519KeyPair::from_pkcs8(&key.pkcs8).expect("a drawn key"),
            key: key.id,
            genuine,
        }
    }

    /// Shows a token that nobody signed: any text, and the genuine one with a change.
    ///
    /// # Panics
    /// If it opens anything.
    pub fn check_foreign(&self, text: &str) {
        self.refuse(text);
        let [header, claims, signature] = self.parts();
        let encoded = URL_SAFE_NO_PAD.encode(text);
        self.refuse(&format!("{encoded}.{claims}.{signature}"));
        self.refuse(&format!("{header}.{encoded}.{signature}"));
        self.refuse(&format!("{header}.{claims}.{encoded}"));
        self.refuse(&format!("{text}{}", self.genuine));
        self.refuse(&format!("{}{text}", self.genuine));
    }

    /// Shows claims of any form under a right signature, and any header that names our key.
    ///
    /// # Panics
    /// If claims count that are not ours, or not of now.
    pub fn check_signed(&self, header: &str, claims: &str) {
        let own = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}"}}"#, self.key);
        for header in [own.as_str(), header] {
            let header = header.replace("$KID", &self.key);
            let message = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(&header),
                URL_SAFE_NO_PAD.encode(claims)
            );
            let signature = self.pair.sign(message.as_bytes());
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
            let Ok(accepted) = self.tokens.verify(&token, now()) else {
                continue;
            };
            let accepted = serde_json::to_value(&accepted).expect("claims");
            let number = |name: &str| accepted[name].as_i64().expect("a second");
            assert_eq!(accepted["iss"], "tidegate", "{claims}");
            assert_eq!(accepted["aud"], "tidegate-registry", "{claims}");
            assert!(number("nbf") <= NOW, "{claims}");
            assert!(number("exp") > NOW - LIFETIME_SECS, "{claims}");
        }
    }

    fn refuse(&self, token: &str) {
        let is_genuine = token == self.genuine;
        let opens = self.tokens.verify(token, now()).is_ok();
        assert_eq!(opens, is_genuine, "{token:?}");
    }

    fn parts(&self) -> [&str; 3] {
        let mut parts = self.genuine.split('.');
        std::array::from_fn(|_| parts.next().expect("three parts"))
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("an instant")
}

/// Reads scopes, one a line, and asks what they cover.
///
/// # Panics
/// If they cover what none of them names.
pub fn check_scopes(text: &str, name: &str) {
    let texts: Vec<String> = text.lines().map(str::to_owned).collect();
    let Ok(scopes) = TokenScopes::parse(&texts) else {
        return;
    };
    let Ok(name) = name.parse::<RepositoryName>() else {
        return;
    };
    let each: Vec<TokenScopes> = texts
        .iter()
        .filter_map(|text| TokenScopes::parse(std::slice::from_ref(text)).ok())
        .collect();
    assert_eq!(each.len(), texts.len(), "each is a scope: {text:?}");
    for action in [Action::Pull, Action::Push, Action::Delete] {
        let one_does = each.iter().any(|scope| scope.covers(&name, action));
        assert_eq!(scopes.covers(&name, action), one_does, "{text:?}");
    }
    let catalog = texts.iter().any(|text| text.starts_with("registry"));
    assert_eq!(scopes.covers_catalog(), catalog, "{text:?}");
}
