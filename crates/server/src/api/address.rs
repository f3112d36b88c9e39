//! The two spellings of a repository's name in an address.
//!
//! `/api/v1/repositories/team%2Fapp/tags` is what a program builds from the description: the name is one parameter.
//! `/api/v1/repositories/team/app/-/tags` is what a person types, and what passes a proxy that decodes `%2F`. A dash
//! alone is no component of a name, so it ends the name without doubt. Routes know only the first.

use axum::http::Uri;
use axum::http::uri::{Parts, PathAndQuery};

/// What is followed by a repository's name.
const NAMED: [&str; 2] = ["/api/v1/repositories/", "/api/v1/mirrors/"];

/// Writes an address's repository name as one segment.
pub(crate) fn write_name_as_one_segment(uri: &mut Uri) {
    let Some(path_and_query) = rewritten(uri) else {
        return;
    };
    let mut parts = Parts::from(uri.clone());
    parts.path_and_query = Some(path_and_query);
    if let Ok(new) = Uri::from_parts(parts) {
        *uri = new;
    }
}

fn rewritten(uri: &Uri) -> Option<PathAndQuery> {
    let (prefix, below) = NAMED
        .iter()
        .find_map(|prefix| Some((prefix, uri.path().strip_prefix(prefix)?)))?;
    let (name, rest) = match below.split_once("/-/") {
        Some((name, rest)) => (name, rest),
        None => (below.strip_suffix("/-")?, ""),
    };
    let mut path = format!("{prefix}{}", name.replace('/', "%2F"));
    if !rest.is_empty() {
        path.push('/');
        path.push_str(rest);
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    path.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sent: &str, routed: &str) {
        let mut uri: Uri = sent.parse().unwrap();
        write_name_as_one_segment(&mut uri);
        assert_eq!(uri.to_string(), routed, "{sent}");
    }

    #[test]
    fn a_dash_ends_a_name() {
        check(
            "/api/v1/repositories/a/-/tags",
            "/api/v1/repositories/a/tags",
        );
        check(
            "/api/v1/repositories/a/b/c/-/tags/1?x=%2F",
            "/api/v1/repositories/a%2Fb%2Fc/tags/1?x=%2F",
        );
        check("/api/v1/mirrors/a/b/-/run", "/api/v1/mirrors/a%2Fb/run");
        check(
            "http://host:5000/api/v1/repositories/a/b/-/tags",
            "http://host:5000/api/v1/repositories/a%2Fb/tags",
        );
    }

    #[test]
    fn a_name_may_stand_alone() {
        check("/api/v1/repositories/a/b/-", "/api/v1/repositories/a%2Fb");
        check("/api/v1/repositories/a/b/-/", "/api/v1/repositories/a%2Fb");
    }

    #[test]
    fn everything_else_stays_as_it_was_sent() {
        for same in [
            "/api/v1/repositories/a%2Fb/tags",
            "/api/v1/repositories/a/b/tags",
            "/api/v1/repositories?q=/-/",
            "/api/v1/policies/a/-/b",
            "/v2/a/-/b/manifests/1",
            "/r/a/b/-/tags",
        ] {
            check(same, same);
        }
    }
}
