//! Programs are built here: a head, the texts, the magic number, as the linkers of different years write them.

use rstest::rstest;

use super::*;
use crate::executable::{LOOKAHEAD, Scanner};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const BEGIN: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
const END: &[u8] = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";

const MODULES: &str = "path\texample.com/app/cmd/server\nmod\texample.com/app\t(devel)\t\n\
    dep\tgithub.com/a/b\tv1.2.3\th1:aGFzaA==\ndep\tgolang.org/x/net\tv0.17.0\th1:aGFzaA==\n";

fn length(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn wrapped(modules: &str) -> Vec<u8> {
    [BEGIN, modules.as_bytes(), END].concat()
}

/// Since Go 1.18: both texts behind the header.
fn inline(version: &str, modules: &str) -> Vec<u8> {
    let modules = wrapped(modules);
    let mut info = [MAGIC, &[8, 2], &[0; 16]].concat();
    info.extend(length(version.len()));
    info.extend(version.as_bytes());
    info.extend(length(modules.len()));
    info.extend(modules);
    info
}

/// A file that begins with `head`, with `info` at a multiple of sixteen after `gap` bytes.
fn program(head: &[u8], gap: usize, info: &[u8]) -> Vec<u8> {
    let mut file = head.to_vec();
    file.resize((head.len() + gap).next_multiple_of(16), 0xcc);
    file.extend(info);
    file.extend([0; 40]);
    file
}

/// How an old program is written.
#[derive(Clone, Copy)]
struct Old {
    head: fn(texts: u64, data: u64) -> Vec<u8>,
    word: usize,
    is_big_endian: bool,
}

/// Before Go 1.18: the texts in read-only data, string headers in the data behind, addresses of these in the header.
fn pointers(old: Old, version: &str, modules: &str) -> Vec<u8> {
    const TEXTS: usize = 0x1000;
    const DATA: usize = 0x8000;
    /// Addresses of the two parts: those of the heads below.
    const BASE: u64 = 0x40_0000;
    let number = |number: u64| {
        let bytes = number.to_be_bytes()[8 - old.word..].to_vec();
        if old.is_big_endian {
            bytes
        } else {
            bytes.into_iter().rev().collect()
        }
    };
    let mut file = (old.head)(TEXTS as u64, DATA as u64);
    file.resize(TEXTS + 100, 0);
    // Neighbours as in a real table of strings, which has no ends.
    file.extend(b"go1.2go1.15.2");
    let at = file.len();
    file.extend(version.as_bytes());
    file.extend(b"3.14159go1.4");
    let modules = wrapped(modules);
    let modules_at = file.len();
    file.extend(&modules);
    file.resize(DATA, 0);
    let strings = (DATA + 3 * LOOKAHEAD) as u64;
    file.extend(MAGIC);
    file.extend([old.word as u8, u8::from(old.is_big_endian)]);
    file.extend(number(BASE + strings));
    file.extend(number(BASE + strings + 64));
    file.resize(strings as usize, 0);
    for (offset, length) in [(at, version.len()), (modules_at, modules.len())] {
        file.extend(number(BASE + offset as u64));
        file.extend(number(length as u64));
        file.resize(file.len().next_multiple_of(64), 0);
    }
    file
}

fn elf64(texts: u64, data: u64) -> Vec<u8> {
    let mut head = vec![0; 64];
    head[..6].copy_from_slice(b"\x7fELF\x02\x01");
    head[32] = 64;
    head[54] = 56;
    head[56] = 2;
    for offset in [texts, data] {
        let mut header = vec![0_u8; 56];
        header[0] = 1;
        header[8..16].copy_from_slice(&offset.to_le_bytes());
        header[16..24].copy_from_slice(&(0x40_0000 + offset).to_le_bytes());
        header[32..40].copy_from_slice(&0x7000_u64.to_le_bytes());
        head.extend(header);
    }
    head
}

fn elf32_big_endian(texts: u64, data: u64) -> Vec<u8> {
    let mut head = vec![0; 52];
    head[..6].copy_from_slice(b"\x7fELF\x01\x02");
    head[31] = 52;
    head[43] = 32;
    head[45] = 2;
    for offset in [texts, data] {
        let mut header = vec![0_u8; 32];
        header[3] = 1;
        header[4..8].copy_from_slice(&(offset as u32).to_be_bytes());
        header[8..12].copy_from_slice(&(0x40_0000 + offset as u32).to_be_bytes());
        header[16..20].copy_from_slice(&0x7000_u32.to_be_bytes());
        head.extend(header);
    }
    head
}

fn pe(texts: u64, data: u64) -> Vec<u8> {
    let mut head = vec![0; 0x80];
    head[..2].copy_from_slice(b"MZ");
    head[0x3c] = 0x80;
    head.extend(b"PE\0\0");
    let mut coff = vec![0_u8; 20];
    coff[2] = 2;
    coff[16] = 0xf0;
    head.extend(coff);
    let mut optional = vec![0_u8; 0xf0];
    optional[..2].copy_from_slice(&0x20b_u16.to_le_bytes());
    optional[24..32].copy_from_slice(&0x40_0000_u64.to_le_bytes());
    head.extend(optional);
    for offset in [texts, data] {
        let mut section = vec![0_u8; 40];
        section[12..16].copy_from_slice(&(offset as u32).to_le_bytes());
        section[16..20].copy_from_slice(&0x7000_u32.to_le_bytes());
        section[20..24].copy_from_slice(&(offset as u32).to_le_bytes());
        head.extend(section);
    }
    head
}

fn mach_o(texts: u64, data: u64) -> Vec<u8> {
    let mut head = vec![0; 32];
    head[..4].copy_from_slice(b"\xcf\xfa\xed\xfe");
    head[16] = 3;
    // Another load command between the segments.
    head.extend([2, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for offset in [texts, data] {
        let mut segment = vec![0_u8; 72];
        segment[0] = 0x19;
        segment[4] = 72;
        segment[24..32].copy_from_slice(&(0x40_0000 + offset).to_le_bytes());
        segment[40..48].copy_from_slice(&offset.to_le_bytes());
        segment[48..56].copy_from_slice(&0x7000_u64.to_le_bytes());
        head.extend(segment);
    }
    head
}

fn read(file: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut read = Vec::new();
    // However it is cut, the same is found.
    for size in [file.len().max(1), 97, 70_000] {
        let mut scanner = Scanner::new(vec![probe(b"app")]);
        for piece in file.chunks(size) {
            scanner.piece(piece);
        }
        let mut notes = Notes::default();
        let groups = scanner.finish(&mut notes);
        let rows = groups.iter().flat_map(|group| &group.rows);
        let rows = rows.map(|row| format!("{} {}", row.name, row.version));
        let codes = notes
            .into_list()
            .into_iter()
            .map(|note| note.code.into_owned());
        read.push((rows.collect(), codes.collect()));
    }
    read.dedup();
    assert_eq!(read.len(), 1, "{read:?}");
    read.remove(0)
}

#[track_caller]
fn check(file: &[u8], expected: &[&str], noted: &[&str]) {
    let (rows, codes) = read(file);
    assert_eq!((rows, codes), (strings(expected), strings(noted)));
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

const LISTED: [&str; 4] = [
    "stdlib 1.21.5",
    "example.com/app ",
    "github.com/a/b v1.2.3",
    "golang.org/x/net v0.17.0",
];

#[rstest]
#[case(b"\x7fELF\x02\x01", 200)]
#[case(b"MZ", 70_000)]
#[case(b"\xcf\xfa\xed\xfe", 65_530)]
#[case(b"\xca\xfe\xba\xbe\0\0\0\x02", 300_000)]
fn modules_stand_behind_the_magic_number(#[case] head: &[u8], #[case] gap: usize) {
    check(
        &program(head, gap, &inline("go1.21.5", MODULES)),
        &LISTED,
        &[],
    );
}

#[test]
fn a_text_longer_than_a_window_is_read_to_its_end() {
    let modules: Vec<String> = (0..5_000)
        .map(|number| format!("dep\texample.com/m{number}\tv1.0.{number}\th1:aGFzaA=="))
        .collect();
    let modules = modules.join("\n");
    let (rows, _) = read(&program(
        b"\x7fELF",
        65_000,
        &inline("go1.22", &format!("{MODULES}{modules}")),
    ));
    assert_eq!(rows.len(), 4 + 5_000);
    assert_eq!(rows[5_003], "example.com/m4999 v1.0.4999");
}

#[rstest]
#[case::elf(Old { head: elf64, word: 8, is_big_endian: false })]
#[case::elf_of_32_bits_and_the_other_byte_order(Old { head: elf32_big_endian, word: 4, is_big_endian: true })]
#[case::pe(Old { head: pe, word: 8, is_big_endian: false })]
#[case::mach_o(Old { head: mach_o, word: 8, is_big_endian: false })]
fn old_programs_point_at_their_texts(#[case] old: Old) {
    let expected = [
        "stdlib 1.16.4",
        "example.com/app ",
        "github.com/a/b v1.2.3",
        "golang.org/x/net v0.17.0",
    ];
    check(&pointers(old, "go1.16.4", MODULES), &expected, &[]);
}

#[test]
fn pointers_that_lead_nowhere_are_noted() {
    let file = pointers(
        Old {
            head: |_, _| b"\x7fELF\x02\x01".to_vec(),
            word: 8,
            is_big_endian: false,
        },
        "go1.16.4",
        MODULES,
    );
    check(&file, &[], &["go.bad_build_info"]);
}

#[rstest]
#[case::the_version(40)]
#[case::the_modules(100)]
fn a_text_that_is_cut_is_noted(#[case] bytes: usize) {
    let info = inline("go1.21.5", MODULES);
    let file = [b"\x7fELF".as_slice(), &[0; 12], &info[..bytes]].concat();
    check(&file, &[], &["go.bad_build_info"]);
}

#[test]
fn a_program_without_modules_has_the_standard_library() {
    let file = program(b"\x7fELF", 0, &inline("go1.21.5", ""));
    check(&file, &["stdlib 1.21.5"], &["go.no_modules"]);
}

#[test]
fn a_go_program_without_build_information_is_noted() {
    check(
        &program(b"\x7fELF\x04\0\0\0\x14\0\0\0\x04\0\0\0Go\0\0", 0, b""),
        &[],
        &["go.no_build_info"],
    );
    check(&program(b"\x7fELF", 0, b""), &[], &[]);
}

#[rstest]
#[case::elsewhere_than_at_a_multiple_of_sixteen([b"\x7fELF".as_slice(), &inline("go1.21.5", MODULES)].concat())]
#[case::in_a_program_that_looks_for_it(program(
    b"\x7fELF",
    0,
    b"\xff Go buildinf:\x08\x02 and then other words, no version"
))]
fn the_magic_number_alone_means_nothing(#[case] file: Vec<u8>) {
    check(&file, &[], &[]);
}

#[test]
fn a_program_that_carries_another_lists_both() {
    let other = inline("go1.20", "path\tb\nmod\texample.com/b\tv2.0.0\t\n");
    let file = program(
        &program(b"\x7fELF", 0, &inline("go1.21.5", MODULES)),
        900,
        &other,
    );
    let both = [&LISTED[..], &["stdlib 1.20", "example.com/b v2.0.0"]].concat();
    check(&file, &both, &[]);
}

#[track_caller]
fn check_row(modules: &str, expected: &str) {
    let (rows, _) = read(&program(b"\x7fELF", 0, &inline("go1.21.5", modules)));
    assert_eq!(rows.last().map(String::as_str), Some(expected), "{modules}");
}

#[test]
fn a_replacement_stands_in_place_of_its_module() {
    let main = "mod\ta\tv1.0.0\t\n";
    check_row(
        &format!("{main}dep\tgithub.com/old\tv1.0.0\n=>\tgithub.com/new\tv1.1.0\th1:x\n"),
        "github.com/new v1.1.0",
    );
    check_row(
        &format!("{main}dep\tgithub.com/old\tv1.0.0\n=>\t./fork\t(devel)\t\n"),
        "github.com/old ",
    );
    check_row(
        &format!("{main}=>\tx\tv1\n=>\ty\tv2\ndep\tz\tv3.0.0\n"),
        "z v3.0.0",
    );
}

#[rstest]
#[case("v1.3.5", "", "v1.3.5")]
#[case("v1.3.5+dirty", "", "v1.3.5+dirty")]
#[case("(devel)", "", "")]
#[case("", "", "")]
#[case("v0.0.0-20210121094942-22b2f8951d46", "", "")]
#[case("v1.3.6-0.20210121094942-22b2f8951d46+dirty", "", "")]
#[case("v1.3.6-rc.1.0.20210121094942-22b2f8951d46", "", "")]
#[case("v1.3.6-rc.1", "", "v1.3.6-rc.1")]
#[case("(devel)", "-s -w -X main.version=1.2.3", "1.2.3")]
#[case(
    "(devel)",
    "\"-X 'main.Version=v1.2.3' -X main.date=2024.1\"",
    "v1.2.3"
)]
#[case("(devel)", "-X=a/internal/build.gitVersion=1.2.3", "1.2.3")]
#[case("(devel)", "-X main.version=1.2.3 -X a.Version=v1.2.3", "1.2.3")]
#[case("(devel)", "-X main.version=1.2.3 -X a.Version=1.2.4", "")]
#[case("(devel)", "-X main.version=unknown", "")]
#[case("(devel)", "-X main.goVersion=1.21.1 -X b/c.version=3.4.5", "")]
#[case("(devel)", "-X", "")]
#[case("v2.0.0", "-X main.version=1.2.3", "v2.0.0")]
fn the_main_module_has_the_version_that_somebody_chose(
    #[case] stated: &str,
    #[case] flags: &str,
    #[case] expected: &str,
) {
    check_row(
        &format!("mod\ta\t{stated}\t\nbuild\t-ldflags={flags}\n"),
        &format!("a {expected}"),
    );
}

#[rstest]
#[case("go1.21.5", "1.21.5")]
#[case("go1.20", "1.20")]
#[case("go1.22rc1", "1.22rc1")]
#[case("go1.20.4 X:boringcrypto", "1.20.4")]
#[case("go1.25.0-X:nodwarf5", "1.25.0")]
#[case("devel go1.23-a1b2c3 Thu", "")]
fn the_standard_library_has_the_version_of_the_toolchain(
    #[case] toolchain: &str,
    #[case] expected: &str,
) {
    let (rows, _) = read(&program(b"\x7fELF", 0, &inline(toolchain, MODULES)));
    assert_eq!(rows[0], format!("stdlib {expected}"));
}
