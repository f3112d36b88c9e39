//! Whether a client's `Accept` names a type, for the engines that rely on 404 where it does not.
//!
//! What it is not for: choosing among representations. A manifest has one, whatever is accepted.
//!
//! # Source
//! RFC 9110, section 12.5.1.

use axum::http::{HeaderMap, header};

/// Returns whether the client takes the type. Who says nothing takes everything.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let mut said_something = false;
    for value in headers.get_all(header::ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            if name.is_empty() {
                continue;
            }
            said_something = true;
            let is_refused = parts.any(|parameter| {
                let weight = parameter.strip_prefix("q=");
                weight.is_some_and(|weight| weight.parse().is_ok_and(|weight: f32| weight <= 0.0))
            });
            if !is_refused && covers(name, media_type) {
                return true;
            }
        }
    }
    !said_something
}

fn covers(range: &str, media_type: &str) -> bool {
    if range == "*/*" || range.eq_ignore_ascii_case(media_type) {
        return true;
    }
    let kind = media_type.split('/').next().unwrap_or_default();
    range
        .strip_suffix("/*")
        .is_some_and(|range| range.eq_ignore_ascii_case(kind))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(
            accepts(&headers, "application/x+json"),
            expected,
            "{values:?}"
        );
    }

    #[test]
    fn a_type_is_taken_if_one_of_the_ranges_covers_it() {
        check(&[], true);
        check(&[""], true);
        check(&["application/x+json"], true);
        check(&["Application/X+JSON;q=0.1"], true);
        check(&["text/html, application/*;q=0.5"], true);
        check(&["text/html", "*/*"], true);
        check(&["text/html"], false);
        check(&["application/x"], false);
        check(&["application/x+json; q=0"], false);
        check(&["application/x+json;q=0.000, text/*"], false);
        check(&[",,"], true);
    }
}
