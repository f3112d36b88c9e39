//! Finding the build information of a Go program while its bytes pass.
//!
//! It begins, at a multiple of sixteen bytes, with a magic number, the size of a pointer and flags. Since Go 1.18 two
//! texts follow, each after its length: the toolchain's version and the modules. Before, two addresses of string headers
//! follow, which are in the data behind; the texts themselves are in the read-only data before, so that part has passed
//! when their addresses are known. What may be such a text is therefore written down as it passes: where it begins and
//! its first bytes. A text counts only if a string header points exactly at it.
//!
//! # Source
//! The comments in Go's `debug/buildinfo/buildinfo.go` and `cmd/link/internal/ld/data.go` (format), `cmd/go/internal/modload`
//! (the sixteen bytes around the modules).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::packed::Searcher;

use crate::executable::{Capture, Head, Numbers, Probe, Window};
use crate::extractor::Notes;
use crate::report::Group;

const MAGIC: &[u8] = b"\xff Go buildinf:";
const MODULES_BEGIN: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const MODULES_END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
/// How versions of toolchains begin.
const VERSIONS: [&[u8]; 2] = [b"go1.", b"devel "];
/// What a program of Go has in its first bytes: the note with the id of its build, or the id itself.
const BUILD_ID: [&[u8]; 2] = [b"\x04\0\0\0Go\0\0", b"\xff Go build ID: \""];

const ALIGNMENT: u64 = 16;
const HEADER_BYTES: usize = 32;
/// Bytes of the text of modules. Kubernetes has some 20 KiB.
const MODULES_LIMIT: usize = 4 << 20;
const VERSION_LIMIT: usize = 128;
/// Build information in one file: its own, and that of programs it carries along.
const FOUND_LIMIT: usize = 16;
/// Places that may be the version of an old toolchain.
const CANDIDATES_LIMIT: usize = 4_096;
/// Bytes of the first window in which a build id is looked for.
const BUILD_ID_BYTES: usize = 16 << 10;

static SEARCHER: LazyLock<Searcher> = LazyLock::new(|| {
    Searcher::new([MAGIC, MODULES_BEGIN, VERSIONS[0], VERSIONS[1]])
        .expect("a few short patterns are what it is made for")
});

/// What a program says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuildInfo {
    /// The toolchain's version, as it calls itself.
    pub(super) version: String,
    /// The text of the modules.
    pub(super) modules: String,
}

/// The probe.
#[derive(Default)]
pub(super) struct Finder {
    head: Head,
    is_go: bool,
    found: Vec<BuildInfo>,
    /// Texts behind their lengths, not yet passed whole.
    inline: Vec<Capture>,
    /// Texts of modules of old programs, by where they begin.
    modules: BTreeMap<u64, ModulesText>,
    /// First bytes of what may be the version of an old toolchain.
    versions: BTreeMap<u64, [u8; VERSION_LIMIT]>,
    pointers: Vec<Pointers>,
    /// Whether build information was there that could not be read.
    is_broken: bool,
}

/// What may be the modules of an old program.
#[derive(Debug)]
struct ModulesText {
    capture: Capture,
    /// Whether its end was seen, or given up.
    is_whole: bool,
}

/// The two addresses of an old program, and the strings they lead to.
#[derive(Debug)]
struct Pointers {
    size: usize,
    is_big_endian: bool,
    version: Pointer,
    modules: Pointer,
}

#[derive(Debug)]
struct Pointer {
    /// Where in the file the string header is.
    header: Option<u64>,
    /// What it says: where the text is, and its length.
    text: Option<(u64, u64)>,
}

impl Probe for Finder {
    fn look(&mut self, window: &Window<'_>) {
        if window.offset == 0 {
            self.head = Head::parse(window.bytes);
            let start = &window.bytes[..window.bytes.len().min(BUILD_ID_BYTES)];
            self.is_go = BUILD_ID
                .iter()
                .any(|id| memchr::memmem::find(start, id).is_some());
        }
        for found in SEARCHER.find_iter(window.bytes) {
            let at = found.start();
            if at >= window.ready {
                break;
            }
            let offset = window.offset + at as u64;
            match found.pattern().as_usize() {
                0 if offset.is_multiple_of(ALIGNMENT) => {
                    self.build_info(offset, &window.bytes[at..]);
                }
                0 => {}
                1 => {
                    if self.modules.len() < FOUND_LIMIT {
                        let modules = ModulesText {
                            capture: Capture::new(offset, MODULES_LIMIT),
                            is_whole: false,
                        };
                        self.modules.insert(offset, modules);
                    }
                }
                _ => {
                    if self.versions.len() < CANDIDATES_LIMIT {
                        let mut text = [0; VERSION_LIMIT];
                        let there = &window.bytes[at..];
                        let there = &there[..there.len().min(VERSION_LIMIT)];
                        text[..there.len()].copy_from_slice(there);
                        self.versions.insert(offset, text);
                    }
                }
            }
        }
        self.feed(window);
        self.follow(window);
    }

    fn finish(mut self: Box<Self>, notes: &mut Notes) -> Vec<Group> {
        self.is_broken |= !self.inline.is_empty();
        for pointers in std::mem::take(&mut self.pointers) {
            match self.pointed_at(&pointers) {
                Some(info) => self.found.push(info),
                None => self.is_broken = true,
            }
        }
        if self.found.is_empty() && self.is_broken {
            notes.warning(
                "go.bad_build_info",
                "the program's build information is cut or damaged; its modules are not known",
            );
        } else if self.found.is_empty() && self.is_go {
            notes.warning(
                "go.no_build_info",
                "a Go program without build information; its modules are not known",
            );
        }
        self.found.dedup();
        self.found
            .iter()
            .map(|info| super::group(info, notes))
            .collect()
    }
}

impl Finder {
    /// Looks at a magic number that begins at `offset`.
    fn build_info(&mut self, offset: u64, bytes: &[u8]) {
        let [size, flags] = match bytes.get(14..16) {
            Some([size, flags]) => [*size, *flags],
            _ => return,
        };
        if self.found.len() + self.inline.len() + self.pointers.len() >= FOUND_LIMIT {
            return;
        }
        if flags & 2 != 0 {
            let limit = HEADER_BYTES + 20 + VERSION_LIMIT + MODULES_LIMIT;
            return self.inline.push(Capture::new(offset, limit));
        }
        let size = usize::from(size);
        if size != 4 && size != 8 {
            return;
        }
        let is_big_endian = flags & 1 != 0;
        let numbers = Numbers {
            bytes,
            is_big_endian,
        };
        let pointer = |at: usize| Pointer {
            header: numbers
                .at(at as u64, size)
                .and_then(|address| self.head.offset(address)),
            text: None,
        };
        let (version, modules) = (pointer(16), pointer(16 + size));
        self.pointers.push(Pointers {
            size,
            is_big_endian,
            version,
            modules,
        });
    }

    /// Takes along what the open captures still need.
    fn feed(&mut self, window: &Window<'_>) {
        for modules in self
            .modules
            .values_mut()
            .filter(|modules| !modules.is_whole)
        {
            let capture = &mut modules.capture;
            let seen = capture.bytes.len().saturating_sub(MODULES_END.len() - 1);
            capture.feed(window);
            if let Some(end) = memchr::memmem::find(&capture.bytes[seen..], MODULES_END) {
                capture.bytes.truncate(seen + end + MODULES_END.len());
                modules.is_whole = true;
            } else if capture.is_full() {
                capture.bytes = Vec::new();
                modules.is_whole = true;
            }
        }
        for mut capture in std::mem::take(&mut self.inline) {
            capture.feed(window);
            match inline(&capture.bytes) {
                Inline::Whole(info) => self.found.push(info),
                Inline::Cut if !capture.is_full() => self.inline.push(capture),
                Inline::Cut => self.is_broken = true,
                // The magic number alone: a program that looks for it, as this one.
                Inline::None => {}
            }
        }
    }

    /// Reads the string headers that this window shows.
    fn follow(&mut self, window: &Window<'_>) {
        for pointers in &mut self.pointers {
            let numbers = Numbers {
                bytes: window.bytes,
                is_big_endian: pointers.is_big_endian,
            };
            for pointer in [&mut pointers.version, &mut pointers.modules] {
                let at = pointer
                    .header
                    .filter(|_| pointer.text.is_none())
                    .and_then(|header| header.checked_sub(window.offset));
                let Some(at) = at.filter(|at| *at < window.bytes.len() as u64) else {
                    continue;
                };
                let address = numbers.at(at, pointers.size);
                let length = numbers.at(at + pointers.size as u64, pointers.size);
                if let (Some(address), Some(length)) = (address, length) {
                    let offset = self.head.offset(address).unwrap_or_default();
                    pointer.text = Some((offset, length));
                }
            }
        }
    }

    /// Returns the texts that the pointers of an old program lead to.
    fn pointed_at(&self, pointers: &Pointers) -> Option<BuildInfo> {
        let (offset, length) = pointers.version.text?;
        let version = self
            .versions
            .get(&offset)?
            .get(..usize::try_from(length).ok()?)?;
        let modules = match pointers.modules.text {
            Some((offset, length)) if length > 0 => {
                let bytes = &self.modules.get(&offset)?.capture.bytes;
                bytes.get(..usize::try_from(length).ok()?)?
            }
            _ => &[],
        };
        build_info(version, modules)
    }
}

enum Inline {
    Whole(BuildInfo),
    /// More bytes are needed.
    Cut,
    /// It is none.
    None,
}

/// Reads the two texts behind a header.
fn inline(bytes: &[u8]) -> Inline {
    let Some(rest) = bytes.get(HEADER_BYTES..) else {
        return Inline::Cut;
    };
    // A version is shorter than 128 bytes, so its length is one byte.
    let begin = rest.get(1..).unwrap_or_default();
    let is_version = |version: &&[u8]| begin.starts_with(version) || version.starts_with(begin);
    if !VERSIONS.iter().any(is_version) {
        return Inline::None;
    }
    let (version, rest) = match text(rest, VERSION_LIMIT) {
        Text::Whole(version, rest) => (version, rest),
        Text::Cut => return Inline::Cut,
        Text::TooLong => return Inline::None,
    };
    match text(rest, MODULES_LIMIT) {
        Text::Whole(modules, _) => build_info(version, modules).map_or(Inline::None, Inline::Whole),
        Text::Cut => Inline::Cut,
        Text::TooLong => Inline::None,
    }
}

enum Text<'b> {
    /// The text, and the bytes behind it.
    Whole(&'b [u8], &'b [u8]),
    Cut,
    TooLong,
}

/// Splits a text from the bytes behind it. Its length is in front, seven bits a byte, the lowest first.
fn text(bytes: &[u8], limit: usize) -> Text<'_> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            if length > limit {
                return Text::TooLong;
            }
            return match bytes[index + 1..].split_at_checked(length) {
                Some((text, rest)) => Text::Whole(text, rest),
                None => Text::Cut,
            };
        }
    }
    if bytes.len() < 5 {
        Text::Cut
    } else {
        Text::TooLong
    }
}

/// Takes the sixteen bytes away that surround the modules.
fn build_info(version: &[u8], modules: &[u8]) -> Option<BuildInfo> {
    let version = std::str::from_utf8(version).ok()?.to_owned();
    let modules = modules
        .strip_prefix(MODULES_BEGIN)
        .and_then(|rest| rest.strip_suffix(MODULES_END))
        .unwrap_or_default();
    Some(BuildInfo {
        version,
        modules: String::from_utf8_lossy(modules).into_owned(),
    })
}
