//! The addresses below `/v2/`.
//!
//! Repository names contain slashes and may contain the words `blobs`, `manifests`, … as components, so an address is
//! split at its *last* such word. Only the final segment is percent-decoded (clients write `sha256%3A…`); a name with
//! a percent sign is simply not a name.

use percent_encoding::percent_decode_str;

/// What an address below `/v2/` names. The parts are still unchecked text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address<'a> {
    /// `{name}/blobs/{digest}`
    Blob { name: &'a str, digest: String },
    /// `{name}/blobs/uploads/`
    Uploads { name: &'a str },
    /// `{name}/blobs/uploads/{id}`
    Upload { name: &'a str, id: String },
    /// `{name}/manifests/{reference}`
    Manifest { name: &'a str, reference: String },
    /// `{name}/tags/list`
    Tags { name: &'a str },
    /// `{name}/referrers/{digest}`
    Referrers { name: &'a str, digest: String },
    /// `_catalog`
    Catalog,
    /// `_oci/ext/discover`
    Discover,
}

/// Reads the part of the path after `/v2/`.
pub(crate) fn parse(rest: &str) -> Option<Address<'_>> {
    if rest == "_catalog" {
        return Some(Address::Catalog);
    }
    if rest == "_oci/ext/discover" {
        return Some(Address::Discover);
    }
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Some(Address::Tags { name });
    }
    if let Some(name) = rest
        .strip_suffix("/blobs/uploads/")
        .or_else(|| rest.strip_suffix("/blobs/uploads"))
    {
        return Some(Address::Uploads { name });
    }
    let (head, last) = rest.rsplit_once('/')?;
    let last = percent_decode_str(last).decode_utf8().ok()?.into_owned();
    if let Some(name) = head.strip_suffix("/blobs/uploads") {
        return Some(Address::Upload { name, id: last });
    }
    if let Some(name) = head.strip_suffix("/blobs") {
        return Some(Address::Blob { name, digest: last });
    }
    if let Some(name) = head.strip_suffix("/manifests") {
        return Some(Address::Manifest {
            name,
            reference: last,
        });
    }
    let name = head.strip_suffix("/referrers")?;
    Some(Address::Referrers { name, digest: last })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("_catalog", Address::Catalog)]
    #[case("_oci/ext/discover", Address::Discover)]
    #[case("a/b/tags/list", Address::Tags { name: "a/b" })]
    #[case("a/blobs/uploads/", Address::Uploads { name: "a" })]
    #[case("a/blobs/uploads", Address::Uploads { name: "a" })]
    #[case("a/blobs/uploads/1-2", Address::Upload { name: "a", id: "1-2".into() })]
    #[case("a/blobs/sha256:0", Address::Blob { name: "a", digest: "sha256:0".into() })]
    #[case("a/blobs/sha256%3A0", Address::Blob { name: "a", digest: "sha256:0".into() })]
    #[case("a/manifests/v1", Address::Manifest { name: "a", reference: "v1".into() })]
    #[case("blobs/manifests/manifests/v1", Address::Manifest { name: "blobs/manifests", reference: "v1".into() })]
    #[case("tags/list/tags/list", Address::Tags { name: "tags/list" })]
    #[case("a/referrers/sha256:0", Address::Referrers { name: "a", digest: "sha256:0".into() })]
    fn an_address_is_split_at_its_last_word(#[case] rest: &str, #[case] expected: Address<'_>) {
        assert_eq!(parse(rest), Some(expected));
    }

    #[rstest]
    #[case("")]
    #[case("a")]
    #[case("a/b")]
    #[case("a/manifests/%ff")]
    #[case("tags/list")]
    fn anything_else_is_no_address(#[case] rest: &str) {
        assert_eq!(parse(rest), None);
    }

    #[rstest]
    #[case("..%2f..%2fetc/manifests/v1", "..%2f..%2fetc")]
    #[case("../../etc/manifests/v1", "../../etc")]
    #[case("/_catalog/manifests/v1", "/_catalog")]
    #[case("a;b/manifests/v1", "a;b")]
    #[case("a%00/manifests/v1", "a%00")]
    fn a_confusing_name_is_passed_on_whole_and_refused_by_the_grammar(
        #[case] rest: &str,
        #[case] expected: &str,
    ) {
        let Some(Address::Manifest { name, .. }) = parse(rest) else {
            panic!("{rest} is a manifest address")
        };
        assert_eq!(name, expected);
        assert!(name.parse::<oci::RepositoryName>().is_err());
    }
}
