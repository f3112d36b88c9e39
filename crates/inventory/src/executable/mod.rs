//! Executables, whatever they are called: ELF, PE and Mach-O are known by their first bytes.
//!
//! An executable may have hundreds of megabytes and holds a few kilobytes that matter, so it is never held: it passes, a
//! window at a time, by the probes of those who look into executables. A probe finds what it is for by its content, and
//! takes along the few bytes it needs. Sections are not needed for that, so a stripped table of sections hides nothing.
//!
//! Not looked at: what a packer has compressed, which is noted, and scripts.
//!
//! Adding a probe: an extractor whose `wanted` is `Wanted::Executable`.

mod capture;
mod head;

pub(crate) use capture::Capture;
pub(crate) use head::{Head, Numbers};

use crate::classifier;
use crate::extractor::{File, Notes};
use crate::path;
use crate::report::{Group, Rows};

/// No executable is smaller: the header of a 64-bit ELF file alone has so many bytes.
pub(crate) const LEAST_BYTES: u64 = 64;

/// Bytes after the beginning of a pattern that a window shows at least, unless the file ends before.
pub(crate) const LOOKAHEAD: usize = 1024;

/// Bytes gathered before they are looked at: calls cost more than bytes.
const BATCH: usize = 64 << 10;

/// Returns whether a file that begins so is an executable.
///
/// # Source
/// `elf(5)`; Microsoft's "PE Format" (the stub of MS-DOS); Apple's `mach-o/loader.h` and `fat.h`. The magic of a fat
/// file is that of Java classes too, which have the version of their format where a fat file has a number of parts.
pub(crate) fn is_executable(head: &[u8]) -> bool {
    match head {
        [0x7f, b'E', b'L', b'F', ..]
        | [b'M', b'Z', ..]
        | [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..]
        | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => true,
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, parts, ..] => (1..=20).contains(parts),
        _ => false,
    }
}

/// Returns whether a path may be that of an executable which holds something: where programs and libraries lie.
///
/// Asked for the files of operating system packages, of which a report keeps only those that may matter.
pub(crate) fn may_be(path: &[u8]) -> bool {
    let (name, directory) = (path::basename(path), path::parent(path));
    let has = |text: &[u8], part: &[u8]| memchr::memmem::find(text, part).is_some();
    matches!(path::basename(directory), b"bin" | b"sbin")
        || has(directory, b"libexec")
        || name.ends_with(b".so")
        || has(name, b".so.")
        || classifier::is_known(path)
}

/// A part of an executable, in one piece.
pub(crate) struct Window<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where the first of them is in the file.
    pub(crate) offset: u64,
    /// What begins in the first `ready` bytes is to be found now, and is shown once. [`LOOKAHEAD`] more bytes follow
    /// unless the file ends.
    pub(crate) ready: usize,
}

/// Someone who looks for something in an executable.
pub(crate) trait Probe {
    /// Looks at the next window.
    fn look(&mut self, window: &Window<'_>);

    /// Says what was found.
    fn finish(self: Box<Self>, notes: &mut Notes) -> Vec<Group>;
}

/// An executable that passes.
pub(crate) struct Scanner {
    probes: Vec<Box<dyn Probe>>,
    buffer: Vec<u8>,
    offset: u64,
    is_packed: bool,
}

impl Scanner {
    pub(crate) fn new(probes: Vec<Box<dyn Probe>>) -> Self {
        Self {
            probes,
            buffer: Vec::new(),
            offset: 0,
            is_packed: false,
        }
    }

    /// Takes in the next bytes.
    pub(crate) fn piece(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
        if self.buffer.len() >= BATCH + LOOKAHEAD {
            self.look(self.buffer.len() - LOOKAHEAD);
        }
    }

    /// Ends the file and says what it holds.
    pub(crate) fn finish(mut self, notes: &mut Notes) -> Vec<Group> {
        self.look(self.buffer.len());
        if self.is_packed {
            notes.warning(
                "executable.packed",
                "the program is packed with UPX; what it is made of cannot be seen",
            );
        }
        self.probes
            .into_iter()
            .flat_map(|probe| probe.finish(notes))
            .filter(|group| !group.rows.is_empty())
            .collect()
    }

    fn look(&mut self, ready: usize) {
        let window = Window {
            bytes: &self.buffer,
            offset: self.offset,
            ready,
        };
        if self.offset == 0 {
            self.is_packed = head::is_packed(&self.buffer);
        }
        for probe in &mut self.probes {
            probe.look(&window);
        }
        self.buffer.drain(..ready);
        self.offset += ready as u64;
    }
}

/// Reads an executable that is held: the `parse` of an extractor for executables.
pub(crate) fn read(probe: Box<dyn Probe>, file: &File<'_>, notes: &mut Notes) -> Rows {
    let mut scanner = Scanner::new(vec![probe]);
    for piece in file.content.chunks(BATCH) {
        scanner.piece(piece);
    }
    Rows::Groups(scanner.finish(notes))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn programs_and_libraries_lie_where_they_always_do() {
        for path in [
            "usr/bin/app",
            "sbin/init",
            "usr/libexec/git-core/git",
            "usr/lib/x86_64-linux-gnu/libcrypto.so.3",
            "usr/lib/python3/_rust.abi3.so",
            "usr/lib/postgresql/15/lib/postgres",
        ] {
            assert!(may_be(path.as_bytes()), "{path}");
        }
        for path in [
            "usr/share/doc/app/copyright",
            "etc/app.conf",
            "usr/lib/os-release",
        ] {
            assert!(!may_be(path.as_bytes()), "{path}");
        }
    }

    #[rstest]
    #[case::elf(b"\x7fELF\x02\x01\x01", true)]
    #[case::pe(b"MZ\x90\0", true)]
    #[case::mach_o(b"\xcf\xfa\xed\xfe", true)]
    #[case::mach_o_of_another_byte_order(b"\xfe\xed\xfa\xce", true)]
    #[case::fat(b"\xca\xfe\xba\xbe\0\0\0\x02", true)]
    #[case::a_java_class(b"\xca\xfe\xba\xbe\0\0\0\x34", false)]
    #[case::a_script(b"#!/bin/sh\n", false)]
    #[case::too_short(b"\x7fEL", false)]
    #[case::empty(b"", false)]
    fn executables_are_known_by_their_first_bytes(#[case] head: &[u8], #[case] expected: bool) {
        assert_eq!(is_executable(head), expected);
    }

    /// Writes down every offset at which it may find something.
    #[derive(Default)]
    struct Offsets {
        next: u64,
        bytes: Vec<u8>,
    }

    impl Probe for Offsets {
        fn look(&mut self, window: &Window<'_>) {
            assert_eq!(
                window.offset, self.next,
                "nothing is left out or shown twice"
            );
            self.next += window.ready as u64;
            self.bytes.extend_from_slice(&window.bytes[..window.ready]);
            let ahead = window.bytes.len() - window.ready;
            assert!(ahead == LOOKAHEAD || ahead == 0, "{ahead}");
        }

        fn finish(self: Box<Self>, notes: &mut Notes) -> Vec<Group> {
            notes.info("seen", String::from_utf8(self.bytes).expect("letters"));
            Vec::new()
        }
    }

    #[rstest]
    #[case(1)]
    #[case(1_000)]
    #[case(66_560)]
    #[case(262_144)]
    fn every_byte_is_shown_once_however_the_file_is_cut(#[case] size: usize) {
        let file: Vec<u8> = (0..300_000).map(|at| b'a' + (at % 23) as u8).collect();
        let mut scanner = Scanner::new(vec![Box::new(Offsets::default())]);
        for piece in file.chunks(size) {
            scanner.piece(piece);
        }
        let mut notes = Notes::default();
        scanner.finish(&mut notes);
        assert_eq!(notes.into_list()[0].message.as_bytes(), file);
    }
}
