//! Conan: `conan.lock`, as a graph (Conan 1) or as lists of references (Conan 2).
//!
//! A reference is `name/version@user/channel#revision%time`; all behind the version may be missing. The user is part of
//! what the package is, and stands before its name.

use evidence::{Evidence, Level, PackageType};
use serde_json::Value;

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const LOCK: Extractor = Extractor {
    name: "conan-lock",
    version: 1,
    literals: &["conan.lock"],
    accepts: |path| path::basename(path) == b"conan.lock",
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::json(file.content) {
        Ok(lock) => {
            let lists = ["requires", "build_requires", "python_requires"]
                .iter()
                .filter_map(|list| lock[list].as_array());
            let graph = lock["graph_lock"]["nodes"].as_object();
            let nodes = graph.into_iter().flatten().map(|(_, node)| &node["ref"]);
            for reference in lists.flatten().chain(nodes).filter_map(Value::as_str) {
                let (name, version) = split(reference);
                listing.add(&name, version, notes);
            }
        }
        Err(error) => error.note("conan.bad_json", Level::Warning, notes),
    }
    listing.rows(PackageType::Conan, Evidence::Declared)
}

fn split(reference: &str) -> (String, &str) {
    let reference = reference.split(['#', '%']).next().unwrap_or_default();
    let (package, origin) = reference.split_once('@').unwrap_or((reference, ""));
    let (name, version) = package.split_once('/').unwrap_or((package, ""));
    match origin
        .split('/')
        .next()
        .filter(|user| !user.is_empty() && *user != "_")
    {
        Some(user) => (format!("{user}/{name}"), version),
        None => (name.to_owned(), version),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::listing::reading;

    #[rstest]
    #[case(r#"{"version":"0.5","requires":["zlib/1.2.13#97d5730b529b4224045fe7090592d4c1%1692672717.049"],"build_requires":["cmake/3.27@acme/stable"],"python_requires":[]}"#)]
    #[case(r#"{"graph_lock":{"nodes":{"0":{"options":""},"1":{"ref":"zlib/1.2.13"},"2":{"ref":"cmake/3.27@acme/stable#1"}}},"version":"0.4"}"#)]
    fn both_formats_are_read(#[case] content: &str) {
        let found = reading::read(&LOCK, "src/conan.lock", content);
        assert_eq!(found.evidence, Evidence::Declared);
        assert_eq!(found.rows, ["acme/cmake 3.27", "zlib 1.2.13"]);
    }

    #[test]
    fn damage_is_noted() {
        assert_eq!(
            reading::read(&LOCK, "conan.lock", "[").codes,
            ["conan.bad_json"]
        );
    }
}
