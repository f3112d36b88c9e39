//! `mix.lock` and `rebar.lock`.
//!
//! Of each package only the tuple matters that says where it comes from: `{:hex, :jason, "1.4.1", …}` of Mix, and
//! `{pkg, <<"cowboy">>, <<"2.9.0">>}` of Rebar. Packages from a repository have a commit and no version.

use evidence::{Evidence, PackageType};

use super::terms::{self, Token};
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "beam-lock",
    version: 1,
    literals: &["mix.lock", "rebar.lock"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

/// A dependency may carry the lock file of its own development.
fn accepts(path: &[u8]) -> bool {
    matches!(path::basename(path), b"mix.lock" | b"rebar.lock")
        && path::ancestors(path).all(|directory| path::basename(directory) != b"deps")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    for window in terms::tokens(file.content).windows(6) {
        if let [
            Token::OpenTuple,
            Token::Atom(source),
            Token::Comma,
            name,
            Token::Comma,
            Token::Text(version),
        ] = window
            && let Token::Atom(name) | Token::Text(name) = name
            && (source == "hex" || source == "pkg")
        {
            listing.add(name, version, notes);
        }
    }
    listing.rows(PackageType::Hex, Evidence::Declared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::reading;

    #[test]
    fn mix_locks_packages_of_hex() {
        let content = "%{\n  \"jason\": {:hex, :jason, \"1.4.1\", \"af1504e\", [:mix], [{:decimal, \"~> 2.0\", [hex: :decimal, optional: true]}], \"hexpm\", \"fbb0\"},\n  \
            \"git\": {:git, \"https://example.com/x.git\", \"1a2b\", []},\n  \"odd\": {:hex, :\"odd-name\", \"2.0.0\", \"x\"},\n}\n";
        let found = reading::read(&LOCK, "srv/mix.lock", content);
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(found.rows, ["jason 1.4.1", "odd-name 2.0.0"]);
    }

    #[test]
    fn rebar_locks_packages_of_hex() {
        let content = "{\"1.2.0\",\n[{<<\"cowboy\">>,{pkg,<<\"cowboy\">>,<<\"2.9.0\">>},0},\n {<<\"x\">>,{git,\"https://example.com/x\",{ref,\"1\"}},1},\n \
            {<<\"alias\">>,{pkg,<<\"ranch\">>,<<\"1.8.0\">>,<<\"AB\">>},1}]}.\n[{pkg_hash,[{<<\"cowboy\">>, <<\"865DD8\">>}]}].\n";
        let found = reading::read(&LOCK, "srv/rebar.lock", content);
        assert_eq!(found.rows, ["cowboy 2.9.0", "ranch 1.8.0"]);
    }
}
