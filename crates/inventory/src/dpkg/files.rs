//! Which files a Debian package owns.
//!
//! The database keeps one `.list` per package; slim images drop it and leave the checksums. Both are read, and either
//! makes the package an owner.

use crate::digest::FileDigest;
use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted};
use crate::path;
use crate::report::Rows;

pub(crate) const FILE_LIST: Extractor = Extractor {
    name: "dpkg-files",
    version: 2,
    literals: &["lib/dpkg/info/", "lib/dpkg/status.d/", "lib/opkg/info/"],
    accepts,
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

const MD5: &[u8] = b".md5sums";
const LIST: &[u8] = b".list";

fn accepts(path: &[u8]) -> bool {
    let directory = path::parent(path);
    let is_info = path::ends_with(directory, b"lib/dpkg/info")
        || path::ends_with(directory, b"lib/opkg/info");
    let is_status = path::ends_with(directory, b"lib/dpkg/status.d");
    (is_info && path.ends_with(LIST)) || ((is_info || is_status) && path.ends_with(MD5))
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut owned = OwnedPaths::default();
    let mut files = Vec::new();
    let checksums = file.path.ends_with(MD5);
    for line in file.content.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        let (digest, path) = if checksums {
            checksum(line)
        } else {
            (None, line)
        };
        owned.add(&mut files, path, digest, notes);
    }
    Rows::Owned {
        owner: owner(file.path),
        files,
    }
}

/// `<md5>  <path>`.
fn checksum(line: &[u8]) -> (Option<FileDigest>, &[u8]) {
    let Some(space) = line.iter().position(|byte| *byte == b' ') else {
        return (None, &[]);
    };
    let (digits, path) = line.split_at(space);
    (FileDigest::from_hex(digits), path.trim_ascii_start())
}

/// `info/libc6:amd64.list` belongs to `libc6`.
fn owner(path: &[u8]) -> String {
    let name = path::basename(path);
    let name = name
        .strip_suffix(LIST)
        .or_else(|| name.strip_suffix(MD5))
        .unwrap_or(name);
    let name = name.split(|byte| *byte == b':').next().unwrap_or(name);
    path::display(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, content: &str, owner: &str, expected: &[&str]) {
        let mut notes = Notes::new(path.as_bytes());
        let file = File {
            path: path.as_bytes(),
            content: content.as_bytes(),
        };
        let Rows::Owned { owner: by, files } = parse(&file, &mut notes) else {
            panic!("a file list gives owned paths")
        };
        let paths: Vec<_> = files.iter().map(|file| file.path.display()).collect();
        assert_eq!(
            (by.as_str(), paths),
            (owner, expected.iter().map(ToString::to_string).collect())
        );
    }

    #[test]
    fn a_list_keeps_the_files_a_language_extractor_would_read() {
        check(
            "var/lib/dpkg/info/python3-six:all.list",
            "/.\n/usr\n/usr/lib/python3/dist-packages/six.py\n/usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO\n",
            "python3-six",
            &["usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO"],
        );
    }

    #[test]
    fn checksums_name_files_too() {
        check(
            "var/lib/dpkg/status.d/nodejs.md5sums",
            "e11d70c96979a1328ae4e7e50542782b  usr/lib/node_modules/npm/package.json\nbroken\n",
            "nodejs",
            &["usr/lib/node_modules/npm/package.json"],
        );
    }
}
