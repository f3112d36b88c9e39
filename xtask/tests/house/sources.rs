//! What source files look like and what must not stand in them.
//!
//! The banned strings are put together from pieces, so that this file does not break its own rules.

use std::path::{Component, Path, PathBuf};

use crate::none;

const MAX_LINES: usize = 600;

/// Files that may be longer, each with its reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Files that may name a machine's path, each with its reason.
const MACHINE_PATHS: [(&str, &str); 0] = [];

#[test]
fn every_crate_and_module_opens_with_its_purpose() {
    let breaches: Vec<String> = rust_files()
        .into_iter()
        .filter(|(file, _)| {
            let mut parts = file.components().map(Component::as_os_str);
            parts.next().is_some_and(|first| first == "crates")
                && parts.nth(1).is_some_and(|third| third == "src")
        })
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(file, _)| file.display().to_string())
        .collect();
    none("every crate and module opens with `//!`", &breaches);
}

#[test]
fn no_source_file_is_longer_than_a_reader_likes() {
    let breaches: Vec<String> = rust_files()
        .into_iter()
        .filter(|(file, _)| !is_excepted(file, &LONG_FILES))
        .map(|(file, text)| (file, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    none(
        "a source file has at most 600 lines; look for the second noun inside",
        &breaches,
    );
}

#[test]
fn nothing_is_left_for_later() {
    let banned = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
        concat!("FIX", "ME"),
    ];
    let mut breaches = Vec::new();
    for (file, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            for word in banned.iter().filter(|word| line.contains(**word)) {
                breaches.push(format!("{}:{}: `{word}`", file.display(), number + 1));
            }
        }
    }
    none("nothing is left for later", &breaches);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let banned = [concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    let mut breaches = Vec::new();
    for (file, text) in texts()
        .into_iter()
        .filter(|(file, _)| !is_excepted(file, &MACHINE_PATHS) && !is_foreign(file))
    {
        for (number, line) in text.lines().enumerate() {
            for path in banned.iter().filter(|path| names_absolute_path(line, path)) {
                breaches.push(format!("{}:{}: `{path}`", file.display(), number + 1));
            }
        }
    }
    none("no file knows the machine it was written on", &breaches);
}

#[test]
fn sql_lives_in_the_catalog() {
    let banned = concat!("sql", "x::");
    let breaches: Vec<String> = rust_files()
        .into_iter()
        .filter(|(file, text)| !file.starts_with("crates/catalog") && text.contains(banned))
        .map(|(file, _)| file.display().to_string())
        .collect();
    none("every SQL statement lives in `catalog`", &breaches);
}

/// What may write tags beside `retarget_tag`, each with its reason.
const TAG_WRITERS: [(&str, &str); 1] = [(
    "crates/catalog/src/repository_deletion.rs",
    "a repository that is gone takes its history with it",
)];

#[test]
fn tags_are_written_in_one_place() {
    let writes = ["INSERT INTO tag ", "UPDATE tag ", "DELETE FROM tag "];
    let breaches: Vec<String> = rust_files()
        .into_iter()
        .filter(|(file, _)| {
            file.starts_with("crates/catalog/src")
                && !file.starts_with("crates/catalog/src/tags")
                && !is_excepted(file, &TAG_WRITERS)
        })
        .filter(|(_, text)| writes.iter().any(|write| text.contains(write)))
        .map(|(file, _)| file.display().to_string())
        .collect();
    none(
        "only `catalog/src/tags` writes the table of tags",
        &breaches,
    );
}

#[test]
fn a_live_tag_is_opened_and_closed_by_one_function() {
    let row_life = ["INSERT INTO tag ", "live_name = NULL"];
    let writers: Vec<PathBuf> = rust_files()
        .into_iter()
        .filter(|(file, text)| {
            file.starts_with("crates/catalog/src/tags")
                && row_life.iter().any(|write| text.contains(write))
        })
        .map(|(file, _)| file)
        .collect();
    assert_eq!(
        writers,
        [Path::new("crates/catalog/src/tags/retarget.rs")],
        "`retarget_tag` alone opens and closes rows"
    );
}

#[test]
fn clippy_bans_what_the_invariants_forbid() {
    let bans = xtask::text(Path::new("clippy.toml"))
        .expect("clippy.toml is readable")
        .expect("clippy.toml is text");
    let forbidden = [
        ("the clock is a parameter", "std::time::SystemTime::now"),
        ("the clock is a parameter", "jiff::Timestamp::now"),
        ("content is not unpacked", "tar::Archive::unpack"),
        ("content is not unpacked", "tar::Entry::unpack"),
        ("content is not unpacked", "tar::Entry::unpack_in"),
        ("content is not unpacked", "zip::ZipArchive::extract"),
        ("one hardened client", "reqwest::Client::new"),
        ("one hardened client", "reqwest::Client::builder"),
        ("one hardened client", "reqwest::ClientBuilder::new"),
    ];
    let breaches: Vec<String> = forbidden
        .iter()
        .filter(|(_, path)| !bans.contains(&format!("path = \"{path}\"")))
        .map(|(reason, path)| format!("{path}: {reason}"))
        .collect();
    none("clippy.toml bans what the invariants forbid", &breaches);
}

#[test]
fn exceptions_are_still_needed() {
    let files = xtask::files().expect("git lists the files");
    let breaches: Vec<String> = LONG_FILES
        .iter()
        .chain(&MACHINE_PATHS)
        .chain(&TAG_WRITERS)
        .filter(|(file, _)| !files.iter().any(|known| known == Path::new(file)))
        .map(|(file, reason)| format!("{file} ({reason}) is gone"))
        .collect();
    none("an exception names a file that exists", &breaches);
}

#[test]
fn an_absolute_path_is_told_from_a_part_of_one() {
    let path = concat!("/ro", "ot/");
    assert!(names_absolute_path(&format!("cd {path}x"), path));
    assert!(names_absolute_path(&format!("\"{path}x\""), path));
    assert!(!names_absolute_path(
        &format!("https://example.org{path}x"),
        path
    ));
    assert!(!names_absolute_path(&format!("data{path}x"), path));
}

/// Whether `path` stands in the line as the start of an absolute path, and not inside a longer one or an address.
fn names_absolute_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        !line[..at].ends_with(|before: char| {
            before.is_alphanumeric() || matches!(before, '.' | '_' | '-' | '/' | '}' | '~' | '*')
        })
    })
}

fn is_excepted(file: &Path, exceptions: &[(&str, &str)]) -> bool {
    exceptions
        .iter()
        .any(|(excepted, _reason)| file == Path::new(excepted))
}

/// Test data keeps the paths of the images it was taken from.
fn is_foreign(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "testdata")
}

fn rust_files() -> Vec<(PathBuf, String)> {
    texts()
        .into_iter()
        .filter(|(file, _)| file.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn texts() -> Vec<(PathBuf, String)> {
    let files = xtask::files().expect("git lists the files");
    assert!(
        files.len() > 20,
        "the listing is not that of the repository"
    );
    files
        .into_iter()
        .filter_map(|file| {
            xtask::text(&file)
                .expect("a listed file is readable")
                .map(|text| (file, text))
        })
        .collect()
}
