//! What a provider says about a person, claim by claim. Reading a token's claims proves nothing: its signature was
//! checked before.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::ProviderError;

/// Groups of one person; more is not looked at.
const MAX_GROUPS: usize = 1_000;
/// The longest text that is kept.
const MAX_TEXT: usize = 256;

/// A set of claims.
#[derive(Debug, Default)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Reads the middle part of a token.
    pub(super) fn of_token(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        Self::of_json(&URL_SAFE_NO_PAD.decode(payload).ok()?)
    }

    pub(super) fn of_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().map(Self)
    }

    /// Adds what others say; what is said already counts.
    pub(super) fn or(mut self, others: Self) -> Self {
        for (name, value) in others.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns a claim that is a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = self.get(name)?.as_str()?;
        (!text.is_empty() && text.len() <= MAX_TEXT).then(|| text.to_owned())
    }

    /// Returns a claim that is a list of texts, or one text.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let values = match self.get(name) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let mut texts: Vec<String> = values
            .iter()
            .filter_map(Value::as_str)
            .filter(|text| !text.is_empty() && text.len() <= MAX_TEXT)
            .take(MAX_GROUPS)
            .map(str::to_owned)
            .collect();
        texts.sort();
        texts.dedup();
        texts
    }

    /// RFC 7519, section 4.1.5.
    pub(super) fn check_not_before(&self, latest: Timestamp) -> Result<(), ProviderError> {
        let early = "it is not valid yet";
        match self.0.get("nbf") {
            None => Ok(()),
            Some(value) => match value.as_f64() {
                Some(seconds) if seconds <= latest.as_second() as f64 => Ok(()),
                _ => Err(ProviderError::TokenClaim(early)),
            },
        }
    }

    /// A name with dots that is no claim itself leads into objects: `realm_access.roles`.
    fn get(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        let (first, rest) = name.split_once('.')?;
        rest.split('.')
            .try_fold(self.0.get(first)?, |value, key| value.get(key))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Claims {
        Claims::of_json(value.to_string().as_bytes()).unwrap()
    }

    #[rstest]
    #[case(json!({ "groups": ["b", "a", "a", "", 7] }), "groups", &["a", "b"])]
    #[case(json!({ "groups": "one" }), "groups", &["one"])]
    #[case(json!({ "groups": { "a": 1 } }), "groups", &[])]
    #[case(json!({}), "groups", &[])]
    #[case(json!({ "realm_access": { "roles": ["x"] } }), "realm_access.roles", &["x"])]
    #[case(json!({ "a.b": ["whole"], "a": { "b": ["inner"] } }), "a.b", &["whole"])]
    #[case(json!({ "groups": ["x".repeat(257)] }), "groups", &[])]
    fn groups_are_texts(#[case] told: Value, #[case] name: &str, #[case] expected: &[&str]) {
        assert_eq!(claims(&told).list(name), expected);
    }

    #[test]
    fn what_the_token_says_counts_more() {
        let both =
            claims(&json!({ "a": "token" })).or(claims(&json!({ "a": "info", "b": "info" })));
        assert_eq!(both.text("a").as_deref(), Some("token"));
        assert_eq!(both.text("b").as_deref(), Some("info"));
    }

    #[rstest]
    #[case(json!({}), true)]
    #[case(json!({ "nbf": 100 }), true)]
    #[case(json!({ "nbf": 101 }), false)]
    #[case(json!({ "nbf": "soon" }), false)]
    fn a_token_may_begin_later(#[case] told: Value, #[case] is_valid: bool) {
        let latest = Timestamp::from_second(100).unwrap();
        assert_eq!(claims(&told).check_not_before(latest).is_ok(), is_valid);
    }
}
