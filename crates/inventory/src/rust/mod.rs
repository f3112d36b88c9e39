//! Rust programs built with `cargo auditable`: the list of their crates that the linker put into them.
//!
//! The list is JSON, compressed with zlib, in a section called `.dep-v0`. It is found by its content: what begins as a
//! zlib stream and gives `{"packages":` can be nothing else, and the table of sections, which stands behind everything,
//! need not be there. Crates that only took part in the build are not in the program: they are listed as declared.
//!
//! Beside it: [`lock`], the lock file of a project. Not read: names of crates in the messages of panics.
//!
//! # Source
//! rust-secure-code/cargo-auditable, `PARSING.md` and `cargo-auditable.schema.json`; RFC 1950, section 2.2.

mod lock;

pub(crate) use lock::LOCK;

use std::borrow::Cow;

use evidence::{Evidence, PackageType};
use flate2::{Decompress, FlushDecompress, Status};
use serde::Deserialize;

use crate::executable::{self, Capture, Probe, Window};
use crate::extractor::{Extractor, Notes, Wanted, has_room};
use crate::report::{Group, PackageRow};

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "rust",
    version: 1,
    literals: &[],
    accepts: |_| false,
    wanted: Wanted::Executable(probe),
    ownable: false,
    parse: |file, notes| executable::read(probe(file.path), file, notes),
};

/// Bytes of a list, compressed and not. That of a browser has some 100 KiB.
const LIST_LIMIT: usize = 8 << 20;
/// Lists of one file: its own, and those of programs it carries along.
const LISTS_LIMIT: usize = 16;
/// Places looked into: by chance one in a hundred thousand begins as a zlib stream of the kinds that compressors write.
const TRIES_LIMIT: u32 = 200_000;
/// Bytes inflated to see whether a stream is a list.
const TASTE_BYTES: usize = 64;

fn probe(_path: &[u8]) -> Box<dyn Probe> {
    Box::new(Finder::default())
}

/// The probe.
#[derive(Default)]
struct Finder {
    tries: u32,
    taster: Option<Decompress>,
    open: Vec<List>,
    lists: Vec<Vec<u8>>,
    /// Whether a list was there that could not be read.
    is_broken: bool,
}

/// A list that passes.
struct List {
    compressed: Capture,
    used: usize,
    inflater: Decompress,
    json: Vec<u8>,
}

impl Probe for Finder {
    fn look(&mut self, window: &Window<'_>) {
        for at in memchr::memchr_iter(b'x', &window.bytes[..window.ready]) {
            let rest = &window.bytes[at..];
            if !is_zlib(rest) || self.tries >= TRIES_LIMIT {
                continue;
            }
            self.tries += 1;
            let room = self.lists.len() + self.open.len() < LISTS_LIMIT;
            if room && is_list(&self.taste(rest)) {
                self.open.push(List {
                    compressed: Capture::new(window.offset + at as u64, LIST_LIMIT),
                    used: 0,
                    inflater: Decompress::new(true),
                    json: Vec::new(),
                });
            }
        }
        for mut list in std::mem::take(&mut self.open) {
            match list.feed(window) {
                Progress::Whole => self.lists.push(list.json),
                Progress::Open => self.open.push(list),
                Progress::Broken => self.is_broken = true,
            }
        }
    }

    fn finish(self: Box<Self>, notes: &mut Notes) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut is_broken = self.is_broken || !self.open.is_empty();
        for list in &self.lists {
            match groups_of(list, notes) {
                Some(of_list) => groups.extend(of_list),
                None => is_broken = true,
            }
        }
        if is_broken {
            notes.warning(
                "rust.bad_crate_list",
                "the program's list of crates is cut, damaged or too long; it is not read",
            );
        }
        groups
    }
}

impl Finder {
    /// Inflates the first bytes of a stream.
    fn taste(&mut self, compressed: &[u8]) -> Vec<u8> {
        let mut start = Vec::with_capacity(TASTE_BYTES);
        let compressed = &compressed[..compressed.len().min(executable::LOOKAHEAD)];
        let taster = self.taster.get_or_insert_with(|| Decompress::new(true));
        taster.reset(true);
        // An error after the first bytes is found again when the whole is read.
        let _ = taster.decompress_vec(compressed, &mut start, FlushDecompress::None);
        start
    }
}

enum Progress {
    Open,
    Whole,
    Broken,
}

impl List {
    /// Inflates what the window shows.
    fn feed(&mut self, window: &Window<'_>) -> Progress {
        self.compressed.feed(window);
        loop {
            if self.json.len() > LIST_LIMIT {
                return Progress::Broken;
            }
            self.json.reserve(64 << 10);
            let before = (self.inflater.total_in(), self.json.len());
            let there = &self.compressed.bytes[self.used..];
            let status = self
                .inflater
                .decompress_vec(there, &mut self.json, FlushDecompress::None);
            let read = (self.inflater.total_in() - before.0) as usize;
            self.used += read;
            match status {
                Ok(Status::StreamEnd) => return Progress::Whole,
                Ok(_) if read == 0 && self.json.len() == before.1 => break,
                Ok(_) => {}
                Err(_) => return Progress::Broken,
            }
        }
        if self.compressed.is_full() {
            Progress::Broken
        } else {
            Progress::Open
        }
    }
}

/// Returns whether bytes begin as compressors write a zlib stream: 32 KiB of window, no dictionary, a right check, and a
/// block of a kind that there is.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, 0x01 | 0x5e | 0x9c | 0xda, block, ..] if block & 0b110 != 0b110)
}

fn is_list(json: &[u8]) -> bool {
    let rest = json.trim_ascii_start().strip_prefix(b"{");
    rest.is_some_and(|rest| {
        let rest = rest.trim_ascii_start();
        rest.starts_with(b"\"packages\"") || rest.starts_with(b"\"format\"")
    })
}

#[derive(Deserialize)]
struct CrateList<'a> {
    #[serde(borrow)]
    packages: Vec<Crate<'a>>,
}

#[derive(Deserialize)]
struct Crate<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
}

/// Returns the crates of the program and those of its build; `None` when the list is none.
fn groups_of(json: &[u8], notes: &mut Notes) -> Option<[Group; 2]> {
    let list: CrateList<'_> = serde_json::from_slice(json).ok()?;
    let group = |evidence| Group {
        kind: PackageType::Cargo,
        evidence,
        inside: String::new(),
        rows: Vec::new(),
    };
    let (mut program, mut build) = (group(Evidence::Embedded), group(Evidence::Declared));
    for package in list.packages {
        if !has_room(program.rows.len() + build.rows.len(), notes) {
            break;
        }
        if package.name.is_empty() {
            continue;
        }
        let group = if package.kind == "build" {
            &mut build
        } else {
            &mut program
        };
        group.rows.push(PackageRow {
            name: package.name.into_owned(),
            version: package.version.into_owned(),
            ..PackageRow::default()
        });
    }
    Some([program, build])
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use rstest::rstest;

    use super::*;
    use crate::executable::Scanner;

    fn zlib(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(text).expect("written to memory");
        encoder.finish().expect("written to memory")
    }

    fn program(gap: usize, list: &[u8]) -> Vec<u8> {
        let text: Vec<u8> = b"\x7fELF"
            .iter()
            .copied()
            .chain(b"xX\x01x\x9cx".repeat(gap / 6))
            .collect();
        [&text, list, &[0; 40]].concat()
    }

    /// `name version` of each crate, those of the build with an asterisk, and the names of what was noted.
    fn read(file: &[u8]) -> (Vec<String>, Vec<String>) {
        let mut read = Vec::new();
        for size in [file.len(), 97, 70_000] {
            let mut scanner = Scanner::new(vec![probe(b"app")]);
            for piece in file.chunks(size) {
                scanner.piece(piece);
            }
            let mut notes = Notes::default();
            let mut rows = Vec::new();
            for group in scanner.finish(&mut notes) {
                let mark = if group.evidence == Evidence::Declared {
                    "*"
                } else {
                    ""
                };
                rows.extend(
                    group
                        .rows
                        .iter()
                        .map(|row| format!("{mark}{} {}", row.name, row.version)),
                );
            }
            let codes = notes
                .into_list()
                .into_iter()
                .map(|note| note.code.into_owned());
            read.push((rows, codes.collect()));
        }
        read.dedup();
        assert_eq!(read.len(), 1, "{read:?}");
        read.remove(0)
    }

    const LIST: &str = r#"{"packages":[{"name":"app","version":"0.1.0","source":"local","dependencies":[1,2],"root":true},
        {"name":"cc","version":"1.0.83","source":"crates.io","kind":"build"},{"name":"time","version":"0.3.1","source":"crates.io"}]}"#;

    #[rstest]
    #[case(0, 1)]
    #[case(900, 6)]
    #[case(65_530, 7)]
    #[case(300_000, 9)]
    fn the_list_is_found_wherever_it_is(#[case] gap: usize, #[case] level: u32) {
        let (rows, codes) = read(&program(gap, &zlib(LIST.as_bytes(), level)));
        assert_eq!(rows, ["app 0.1.0", "time 0.3.1", "*cc 1.0.83"]);
        assert!(codes.is_empty(), "{codes:?}");
    }

    #[test]
    fn a_long_list_is_read_to_its_end() {
        let crates: Vec<String> = (0..20_000)
            .map(|number| format!(r#"{{"name":"c{number}","version":"1.0.{number}"}}"#))
            .collect();
        let list = format!(r#"{{ "packages": [{}], "format": 1 }}"#, crates.join(","));
        let (rows, codes) = read(&program(600, &zlib(list.as_bytes(), 1)));
        assert_eq!((rows.len(), codes.len()), (20_000, 0));
        assert_eq!(rows[19_999], "c19999 1.0.19999");
    }

    #[rstest]
    #[case::cut(&zlib(LIST.as_bytes(), 7)[..100])]
    #[case::damaged(&[&zlib(LIST.as_bytes(), 7)[..100], &[0xff; 60]].concat())]
    #[case::no_json(&zlib(b"{\"packages\":[{\"name\":", 7))]
    #[case::no_list(&zlib(b"{\"packages\":{}}", 7))]
    #[case::a_bomb(&zlib(&[b"{\"packages\":[".to_vec(), vec![b' '; 9 << 20]].concat(), 9))]
    fn a_list_that_cannot_be_read_is_noted(#[case] list: &[u8]) {
        let file = [b"\x7fELF".as_slice(), list].concat();
        assert_eq!(
            read(&file),
            (vec![], vec!["rust.bad_crate_list".to_owned()])
        );
    }

    #[test]
    fn other_compressed_data_means_nothing() {
        let file = program(0, &zlib(b"{\"version\": 1, \"packages\": []}", 7));
        assert_eq!(read(&file), (vec![], vec![]));
    }
}
