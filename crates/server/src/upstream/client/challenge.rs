//! `WWW-Authenticate`: what a registry wants to see.
//!
//! # Source
//! RFC 9110, section 11.6.1; distribution's token specification.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// Longest challenge read, in bytes.
const MAX_LENGTH: usize = 4_096;

/// One challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password.
    Basic,
    /// A token from this address.
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// Picks the challenge to answer: a token where one is offered, since it narrows what is given away.
pub(super) fn pick(headers: &HeaderMap) -> Option<Challenge> {
    let mut challenges = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        if let Some(text) = value.to_str().ok().filter(|text| text.len() <= MAX_LENGTH) {
            parse(text, &mut challenges);
        }
    }
    let is_bearer = |challenge: &&Challenge| matches!(challenge, Challenge::Bearer { .. });
    let bearer = challenges.iter().find(is_bearer);
    bearer.or(challenges.first()).cloned()
}

/// Reads one header, which may hold several challenges.
fn parse(text: &str, challenges: &mut Vec<Challenge>) {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find([' ', ',']).unwrap_or(rest.len());
        let scheme = &rest[..end];
        rest = rest[end..].trim_start();
        let mut parameters = Vec::new();
        while let Some((name, value, after)) = parameter(rest) {
            parameters.push((name.to_ascii_lowercase(), value));
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        let find = |wanted: &str| {
            parameters
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        };
        if scheme.eq_ignore_ascii_case("basic") {
            challenges.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = find("realm")
        {
            challenges.push(Challenge::Bearer {
                realm,
                service: find("service"),
            });
        }
        // Whatever is no parameter and no scheme is skipped, or a broken header would be read for ever.
        if end == 0 {
            rest = rest.get(1..).unwrap_or_default().trim_start();
        }
    }
}

/// Reads `name=value` or `name="value"`; returns what follows.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, after) = text.split_once('=')?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return None;
    }
    let Some(quoted) = after.strip_prefix('"') else {
        let end = after.find([',', ' ']).unwrap_or(after.len());
        return Some((name, after[..end].to_owned(), &after[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((name, value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what the parser is compared with")]
    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        })
    }

    #[rstest]
    #[case(&[r#"Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push""#],
        bearer("https://a/t", Some("s")))]
    #[case(&[r#"bearer service=s , realm="https://a/t""#], bearer("https://a/t", Some("s")))]
    #[case(&[r#"Basic realm="x", Bearer realm="https://a/t""#], bearer("https://a/t", None))]
    #[case(&[r#"Basic realm="x""#, r#"Bearer realm="https://a/t""#], bearer("https://a/t", None))]
    #[case(&[r#"Bearer realm="a \"quoted\" one""#], bearer("a \"quoted\" one", None))]
    #[case(&["Basic"], Some(Challenge::Basic))]
    #[case(&["BASIC realm=x"], Some(Challenge::Basic))]
    #[case(&["Bearer"], None)]
    #[case(&[r#"Bearer service="s""#], None)]
    #[case(&["Negotiate abc=="], None)]
    #[case(&[r#"Bearer realm="unended"#], None)]
    #[case(&[",,,==\"", "="], None)]
    #[case(&[], None)]
    fn a_challenge_is_read(#[case] headers: &[&'static str], #[case] expected: Option<Challenge>) {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        assert_eq!(pick(&map), expected);
    }
}
