//! What a distribution brought along: the metadata of others that its `RECORD` lists.
//!
//! A wheel that vendors a distribution may keep that one's `.dist-info`, and one that carries a runtime may bring a
//! whole `node_modules`. Such a file came with the wheel, goes with it, and is not updated by itself. The directory
//! name (`_vendor`) only hints at it; the record says it.
//!
//! # Source
//! "Recording installed projects", "The RECORD file": CSV of path, hash, size; paths are relative to the directory
//! above the `.dist-info`.

use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted};
use crate::path;
use crate::report::Rows;

pub(crate) const RECORD: Extractor = Extractor {
    name: "python-record",
    version: 1,
    literals: &[".dist-info/record"],
    accepts,
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

fn accepts(path: &[u8]) -> bool {
    path::basename(path) == b"RECORD" && path::parent(path).ends_with(b".dist-info")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let own = path::parent(file.path);
    let base = path::parent(own);
    let mut owned = OwnedPaths::default();
    let mut files = Vec::new();
    for line in file.content.split(|byte| *byte == b'\n') {
        // A path that leaves the directory is a script or a manual page, never metadata of another package.
        let listed = first_field(line);
        let leaves = listed.starts_with(b"/")
            || listed.split(|byte| *byte == b'/').any(|part| part == b"..");
        let path = path::join(base, &listed);
        if !leaves && path::parent(&path) != own {
            owned.add(&mut files, &path, None, notes);
        }
    }
    Rows::Bundled(files.into_iter().map(|file| file.path).collect())
}

/// The first field of a line of CSV: plain, or in quotes that are doubled inside.
fn first_field(line: &[u8]) -> Vec<u8> {
    let Some(quoted) = line.strip_prefix(b"\"") else {
        let end = line.iter().position(|byte| *byte == b',');
        return line[..end.unwrap_or(line.len())].trim_ascii().to_vec();
    };
    let mut field = Vec::new();
    let mut bytes = quoted.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte == b'"' && bytes.next_if(|next| **next == b'"').is_none() {
            break;
        }
        field.push(*byte);
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::ImagePath;

    fn bundled(content: &str) -> Vec<String> {
        let file = File {
            path: b"lib/python3/site-packages/a-1.dist-info/RECORD",
            content: content.as_bytes(),
        };
        match parse(&file, &mut Notes::default()) {
            Rows::Bundled(paths) => paths.iter().map(ImagePath::display).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn metadata_of_others_is_bundled() {
        let record = "a/__init__.py,sha256=x,1\n\
            a-1.dist-info/METADATA,sha256=x,1\n\
            a/_vendor/b-2.dist-info/METADATA,sha256=x,1\r\n\
            \"a/with, comma/node_modules/c/package.json\",,\n\
            ../../../bin/a,sha256=x,1\n\
            ../other-3.dist-info/METADATA,,\n\
            /usr/lib/d-4.dist-info/METADATA,,\n\
            \"open";
        assert_eq!(
            bundled(record),
            [
                "lib/python3/site-packages/a/_vendor/b-2.dist-info/METADATA",
                "lib/python3/site-packages/a/with, comma/node_modules/c/package.json",
            ]
        );
    }
}
