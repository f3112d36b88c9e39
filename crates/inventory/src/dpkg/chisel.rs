//! Chisel: Ubuntu packages of which an image has only slices.
//!
//! `**/chisel/manifest.wall` is a zstd stream of JSON lines. A package is listed whole, whatever part of it is there: the
//! distribution's statements are about packages. Its paths name their slices, `package_slice`, and so their owner.
//!
//! # Source
//! The manifests that chisel 1.0 writes: `jsonwall` 1.0, kinds `package`, `slice`, `path` and `content`.

use evidence::{Evidence, PackageType};
use serde::Deserialize;

use crate::compressed;
use crate::digest::FileDigest;
use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted, has_room};
use crate::path;
use crate::report::{PackageRow, Rows};

pub(crate) const CHISEL: Extractor = Extractor {
    name: "chisel",
    version: 1,
    literals: &["chisel/manifest.wall"],
    accepts: |path| path::ends_with(path, b"chisel/manifest.wall"),
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

/// One line; each kind has some of the fields.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    kind: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    version: Text<'a>,
    #[serde(borrow, default)]
    arch: Text<'a>,
    #[serde(borrow, default)]
    path: Text<'a>,
    #[serde(borrow, default)]
    slices: Vec<Text<'a>>,
    #[serde(borrow, default)]
    sha256: Text<'a>,
    /// Of the file as it is, where chisel changed it.
    #[serde(borrow, default)]
    final_sha256: Text<'a>,
}

type Text<'a> = std::borrow::Cow<'a, str>;

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let text = compressed::zstd(file.content, "chisel.truncated", notes);
    let mut owned = OwnedPaths::default();
    let mut rows: Vec<PackageRow> = Vec::new();
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
            notes.error("chisel.bad_line", "a line of the manifest is not JSON");
            continue;
        };
        match line.kind.as_ref() {
            "package" if line.name.is_empty() || line.version.is_empty() => {
                notes.error("chisel.bad_line", "a package lacks its name or version");
            }
            "package" => {
                if !has_room(rows.len(), notes) {
                    break;
                }
                rows.push(PackageRow {
                    name: line.name.into_owned(),
                    version: line.version.into_owned(),
                    arch: Some(line.arch.into_owned()).filter(|arch| !arch.is_empty()),
                    ..PackageRow::default()
                });
            }
            // Lines are sorted by kind, so the packages have come before.
            "path" => {
                let owner = line.slices.first().and_then(|slice| slice.rsplit_once('_'));
                let row = owner.and_then(|(owner, _)| {
                    let at = rows
                        .binary_search_by(|row| row.name.as_str().cmp(owner))
                        .ok()?;
                    rows.get_mut(at)
                });
                if let Some(row) = row {
                    let digest = Some(line.final_sha256)
                        .filter(|digest| !digest.is_empty())
                        .unwrap_or(line.sha256);
                    let digest = FileDigest::from_hex(digest.as_bytes());
                    owned.add(&mut row.owned, line.path.as_bytes(), digest, notes);
                }
            }
            _ => {}
        }
    }
    Rows::Packages {
        kind: PackageType::Deb,
        evidence: Evidence::OsDatabase,
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> (Vec<PackageRow>, Vec<String>) {
        let file = File {
            path: b"var/lib/chisel/manifest.wall",
            content,
        };
        let mut notes = Notes::new(file.path);
        let Rows::Packages { rows, .. } = parse(&file, &mut notes) else {
            panic!("a manifest gives packages")
        };
        let codes = notes.into_list().into_iter();
        (rows, codes.map(|d| d.code.into_owned()).collect())
    }

    const MANIFEST: &str = r#"{"jsonwall":"1.0","schema":"1.0","count":7}
{"kind":"content","slice":"python3-six_lib","path":"/usr/lib/six.dist-info/METADATA"}
{"kind":"package","name":"openssl","version":"3.0.13-0ubuntu3.5","sha256":"00f9","arch":"amd64"}
{"kind":"package","name":"python3-six","version":"1.16.0-4","sha256":"00fa","arch":"all"}
{"kind":"path","path":"/usr/lib/six.dist-info/METADATA","mode":"0644","slices":["python3-six_lib"],"sha256":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","final_sha256":"0891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","size":5}
{"kind":"path","path":"/usr/bin/","mode":"0755","slices":["gone_bins"]}
{"kind":"slice","name":"openssl_bins"}
"#;

    #[test]
    fn a_manifest_lists_packages_and_what_their_slices_own() {
        let (rows, codes) = read(&image::testkit::zstd(MANIFEST.as_bytes()));
        assert!(codes.is_empty(), "{codes:?}");
        let summary: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_str(), row.version.as_str(), row.arch.as_deref()))
            .collect();
        assert_eq!(
            summary,
            [
                ("openssl", "3.0.13-0ubuntu3.5", Some("amd64")),
                ("python3-six", "1.16.0-4", Some("all")),
            ]
        );
        let [file] = rows[1].owned.as_slice() else {
            panic!("{:?}", rows[1].owned)
        };
        // Chisel changed the file: what counts is what it wrote.
        let digits = b"0891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert_eq!(file.digest, FileDigest::from_hex(digits));
    }

    #[test]
    fn damage_is_named_and_what_stood_before_is_read() {
        let text = MANIFEST.replace(r#","version":"1.16.0-4""#, "") + "no line\n";
        let (rows, codes) = read(&image::testkit::zstd(text.as_bytes()));
        assert_eq!(
            (rows.len(), codes),
            (1, vec!["chisel.bad_line".to_owned(); 2])
        );
        assert_eq!(read(b"invalid").1, ["chisel.truncated"]);
        assert_eq!(read(b"").1, ["chisel.truncated"]);
    }
}
