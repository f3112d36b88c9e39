//! Spack: the specification beside every installation, `.spack/spec.json`.
//!
//! The first node is what lies in the directory; the others are its dependencies, which have directories of their own.
//! What spack took from the system (`external`) has none and belongs to the system's package manager.
//!
//! # Source
//! The specification files of spack, `_meta.version` 1 to 5; until version 1 a node was `{"name": {"version": …}}`.

use evidence::{Evidence, Level, PackageType};

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "spack",
    version: 1,
    literals: &[".spack/spec.json"],
    accepts: |path| path::ends_with(path, b".spack/spec.json"),
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut listing = Listing::default();
    match document::json(file.content) {
        Ok(document) => {
            let spec = &document["spec"];
            let first = spec["nodes"].get(0).or_else(|| spec.get(0));
            if let Some(node) = first {
                let named = node.as_object().and_then(|node| node.iter().next());
                let (name, node) = match (node["name"].as_str(), named) {
                    (Some(name), _) => (name, node),
                    (None, Some((name, node))) => (name.as_str(), node),
                    (None, None) => ("", node),
                };
                let row = PackageRow {
                    name: name.to_owned(),
                    version: node["version"].as_str().unwrap_or_default().to_owned(),
                    arch: node["arch"]["target"]
                        .as_str()
                        .or_else(|| node["arch"]["target"]["name"].as_str())
                        .map(str::to_owned),
                    ..PackageRow::default()
                };
                listing.push(row, notes);
            }
        }
        Err(error) => error.note("spack.bad_json", Level::Warning, notes),
    }
    listing.rows(PackageType::Spack, Evidence::InstalledMetadata)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        r#"{"spec":{"_meta":{"version":5},"nodes":[
            {"name":"libelf","version":"0.8.13","arch":{"target":{"name":"skylake"}}},
            {"name":"gcc","version":"13.3.0"}]}}"#,
        Some("libelf 0.8.13 skylake")
    )]
    #[case(
        r#"{"spec":[{"zlib":{"version":"1.2.11","arch":{"target":"x86_64"}}}]}"#,
        Some("zlib 1.2.11 x86_64")
    )]
    #[case(r#"{"spec":{"nodes":[]}}"#, None)]
    #[case(r#"{"spec":{"nodes":[{"name":"a"}]}}"#, None)]
    #[case("[", None)]
    fn the_first_node_is_what_is_installed(#[case] content: &str, #[case] expected: Option<&str>) {
        let file = File {
            path: b"opt/spack/a/.spack/spec.json",
            content: content.as_bytes(),
        };
        let Rows::Packages { rows, .. } = parse(&file, &mut Notes::new(file.path)) else {
            panic!("a document gives packages")
        };
        let found = rows.first().map(|row| {
            let arch = row.arch.as_deref().unwrap_or_default();
            format!("{} {} {arch}", row.name, row.version)
        });
        assert_eq!(found.as_deref(), expected);
    }
}
