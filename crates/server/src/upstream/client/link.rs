//! `Link: <…>; rel="next"`: the next page, if it is one of the same list.
//!
//! # Source
//! RFC 8288; the distribution specification, "Listing Tags" and "Listing Referrers".

use reqwest::header::{HeaderMap, LINK};
use url::Url;

use crate::outbound::is_same_origin;

/// Returns the address of the next page. A link to another host or another list is none: it would send our credential
/// or our time elsewhere.
pub(super) fn next(headers: &HeaderMap, page: &Url) -> Option<Url> {
    let values = headers.get_all(LINK).iter();
    let links = values.filter_map(|value| value.to_str().ok());
    let target = links.flat_map(|link| link.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim();
            matches!(parameter, r#"rel="next""# | "rel=next")
        });
        is_next.then_some(target)
    })?;
    let next = page.join(target).ok()?;
    let is_same_list = is_same_origin(page, &next) && page.path() == next.path();
    is_same_list.then_some(next)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        r#"</v2/a/tags/list?last=b>; rel="next""#,
        Some("https://r.example/v2/a/tags/list?last=b")
    )]
    #[case("<?last=b>; rel=next", Some("https://r.example/v2/a/tags/list?last=b"))]
    #[case(
        r#"<https://r.example/v2/a/tags/list?last=b>;rel="next""#,
        Some("https://r.example/v2/a/tags/list?last=b")
    )]
    #[case(
        r#"</x>; rel="prev", </v2/a/tags/list?n=1>; rel="next""#,
        Some("https://r.example/v2/a/tags/list?n=1")
    )]
    #[case(r#"<https://evil.example/v2/a/tags/list?last=b>; rel="next""#, None)]
    #[case(r#"<http://r.example/v2/a/tags/list?last=b>; rel="next""#, None)]
    #[case(r#"</v2/secret/tags/list>; rel="next""#, None)]
    #[case(r#"</v2/a/tags/list>; rel="first""#, None)]
    #[case("nonsense", None)]
    fn only_a_page_of_the_same_list_follows(
        #[case] header: &'static str,
        #[case] next: Option<&str>,
    ) {
        let page: Url = "https://r.example/v2/a/tags/list"
            .parse()
            .expect("an address");
        let mut headers = HeaderMap::new();
        headers.insert(LINK, HeaderValue::from_static(header));
        assert_eq!(super::next(&headers, &page).as_ref().map(Url::as_str), next);
    }
}
