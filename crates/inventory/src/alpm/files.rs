//! Which files an Arch Linux package owns, and what they were.

use super::in_package;
use crate::compressed;
use crate::digest::FileDigest;
use crate::extractor::{Extractor, File, Notes, OwnedPaths, Wanted};
use crate::path;
use crate::report::Rows;

pub(crate) const FILES: Extractor = Extractor {
    name: "alpm-files",
    version: 1,
    literals: &["lib/pacman/local/"],
    accepts: |path| in_package(path) && matches!(path::basename(path), b"files" | b"mtree"),
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut owned = OwnedPaths::default();
    let mut files = Vec::new();
    if path::basename(file.path) == b"mtree" {
        let text = compressed::gzip(file.content, "alpm.truncated", notes);
        for line in lines(&text) {
            if let Some((path, digest)) = entry(line) {
                owned.add(&mut files, &path, digest, notes);
            }
        }
    } else {
        let listed = lines(file.content)
            .skip_while(|line| *line != b"%FILES%")
            .skip(1)
            .take_while(|line| !line.is_empty());
        for path in listed {
            owned.add(&mut files, path, None, notes);
        }
    }
    Rows::Owned {
        owner: owner(file.path),
        files,
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
}

/// The directory `gmp-6.2.1-2` belongs to `gmp`.
fn owner(path: &[u8]) -> String {
    let directory = path::display(path::basename(path::parent(path)));
    let name = directory.rsplitn(3, '-').nth(2);
    name.unwrap_or(&directory).to_owned()
}

/// Reads `./path keyword=value …`; what begins otherwise is no file.
fn entry(line: &[u8]) -> Option<(Vec<u8>, Option<FileDigest>)> {
    let mut words = line.split(|byte| *byte == b' ');
    let path = words.next().filter(|path| path.starts_with(b"./"))?;
    let digest = words
        .find_map(|word| word.strip_prefix(b"sha256digest="))
        .and_then(FileDigest::from_hex);
    Some((unescape(path), digest))
}

/// Resolves `\ooo`, the three octal digits of a byte.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let octal = after
            .first_chunk::<3>()
            .filter(|digits| *first == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        let Some(digits) = octal else {
            plain.push(*first);
            continue;
        };
        plain.push(
            digits
                .iter()
                .fold(0, |sum, digit| sum << 3 | (digit - b'0')),
        );
        rest = &after[3..];
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &[u8]) -> (String, Vec<(String, bool)>) {
        let path = format!("var/lib/pacman/local/python-six-1.16.0-9/{name}");
        let file = File {
            path: path.as_bytes(),
            content,
        };
        let Rows::Owned { owner, files } = parse(&file, &mut Notes::new(file.path)) else {
            panic!("a list gives owned files")
        };
        let files = files.iter();
        let files = files.map(|file| (file.path.display(), file.digest.is_some()));
        (owner, files.collect())
    }

    const SIX: &str = "usr/lib/python3.12/site-packages/six-1.16.0.dist-info/METADATA";

    #[test]
    fn a_list_names_files_and_an_mtree_their_digests() {
        let list = format!("%FILES%\nusr/\n{SIX}\n\n%BACKUP%\netc/x.dist-info/METADATA\tmd5\n");
        let owner = "python-six".to_owned();
        assert_eq!(
            read("files", list.as_bytes()),
            (owner.clone(), vec![(SIX.to_owned(), false)])
        );
        let mtree = format!(
            "#mtree\n/set type=file uid=0\n./.PKGINFO size=3\n./usr type=dir\n./{SIX} time=1.0 size=5 sha256digest={}\n",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
        );
        assert_eq!(
            read("mtree", &image::testkit::gzip(mtree.as_bytes())),
            (owner, vec![(SIX.to_owned(), true)])
        );
    }

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unescape(b"./a\\040b\\134"), b"./a b\\");
        assert_eq!(unescape(b"./a\\04"), b"./a\\04");
    }
}
