//! Flatpaks: the metadata that an installed application exports to the desktop.
//!
//! Of the document two things are of interest, the identity and the newest release, which stands first. They are found
//! by a scan for their tags: no entity, namespace or nesting can change what they say.
//!
//! # Source
//! The AppStream specification, "Upstream metadata": `<id>` and `<releases><release version="…">`.

use evidence::{Evidence, PackageType};

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::listing::Listing;
use crate::path;
use crate::report::Rows;

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "flatpak",
    version: 1,
    literals: &["export/share/metainfo/", "export/share/appdata/"],
    accepts,
    wanted: Wanted::Document,
    ownable: true,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    let directory = path::parent(path);
    let is_exported = path::ends_with(directory, b"export/share/metainfo")
        || path::ends_with(directory, b"export/share/appdata");
    let is_flatpak = path
        .split(|byte| *byte == b'/')
        .any(|component| component == b"flatpak");
    is_exported && is_flatpak && path.ends_with(b".xml")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let text = String::from_utf8_lossy(file.content);
    let mut listing = Listing::default();
    if let (Some(id), Some(version)) = (id(&text), version(&text)) {
        listing.add(id, version, notes);
    }
    listing.rows(PackageType::Flatpak, Evidence::InstalledMetadata)
}

fn id(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<id>")?;
    let (id, _) = rest.split_once("</id>")?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
    let id = id.trim();
    let id = id.strip_suffix(".desktop").unwrap_or(id);
    id.chars().all(is_plain).then_some(id)
}

fn version(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<release ")?;
    let (tag, _) = rest.split_once('>')?;
    let (_, value) = tag.split_once("version=")?;
    let quote = value
        .chars()
        .next()
        .filter(|letter| "\"'".contains(*letter))?;
    value[1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const GIMP: &str = "<component type=\"desktop\">\n  <id>org.gimp.GIMP</id>\n  <name>Editor</name>\n  <releases>\n    \
        <release date='2024-05-02' version=\"2.10.38\">\n    <release version=\"2.10.36\">";

    #[rstest]
    #[case(GIMP, Some(("org.gimp.GIMP", "2.10.38")))]
    #[case("<id>org.gimp.GIMP.desktop</id><release version='3'/>", Some(("org.gimp.GIMP", "3")))]
    #[case("<id>org.gimp.GIMP</id><release date='2024-05-02'/>", None)]
    #[case("<release version='3'/>", None)]
    #[case("<id>&entity;</id><release version='3'/>", None)]
    #[case("hello world", None)]
    fn an_application_has_an_id_and_a_newest_release(
        #[case] content: &str,
        #[case] expected: Option<(&str, &str)>,
    ) {
        let file = File {
            path: b"var/lib/flatpak/app/x/current/active/export/share/metainfo/x.metainfo.xml",
            content: content.as_bytes(),
        };
        assert!(accepts(file.path));
        let Rows::Packages { rows, .. } = parse(&file, &mut Notes::new(file.path)) else {
            panic!("a document gives packages")
        };
        let found = rows
            .first()
            .map(|row| (row.name.as_str(), row.version.as_str()));
        assert_eq!(found, expected);
    }
}
