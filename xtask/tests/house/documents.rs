//! The documents a reader starts from exist, a link between documents leads somewhere, and what holds an invariant is
//! there.

use std::path::{Component, Path, PathBuf};

use crate::none;

const DOCUMENTS: [&str; 7] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "docs/glossary.md",
];

#[test]
fn the_documents_a_reader_starts_from_exist() {
    let breaches: Vec<String> = DOCUMENTS
        .iter()
        .filter(|document| !xtask::root().join(document).is_file())
        .map(|document| format!("{document} is missing"))
        .collect();
    none("the documents a reader starts from exist", &breaches);
}

#[test]
fn relative_links_lead_to_files_of_the_repository() {
    let mut breaches = Vec::new();
    for file in xtask::files().expect("git lists the files") {
        if file.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = xtask::text(&file)
            .expect("the document is readable")
            .expect("a document is text");
        for (line, target) in relative_links(&text) {
            let folder = file.parent().unwrap_or(Path::new(""));
            // A link out of the repository works on one machine only.
            let leads = inside(&folder.join(&target)).is_some_and(|path| {
                let path = xtask::root().join(path);
                path.is_file() || path.is_dir()
            });
            if !leads {
                breaches.push(format!("{}:{line}: `{target}`", file.display()));
            }
        }
    }
    none("relative links lead to files of the repository", &breaches);
}

#[test]
fn the_tests_that_hold_an_invariant_exist() {
    every_named_test_exists("ARCHITECTURE.md", 20);
}

#[test]
fn the_tests_of_the_security_classes_exist() {
    every_named_test_exists("docs/reference/security-tests.md", 50);
}

fn every_named_test_exists(document: &str, at_least: usize) {
    let text = xtask::text(Path::new(document))
        .expect("the document is readable")
        .expect("a document is text");
    let sources: Vec<String> = xtask::files()
        .expect("git lists the files")
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|file| xtask::text(&file).expect("a listed file is readable"))
        .collect();
    let named = named_tests(&text);
    assert!(named.len() > at_least, "{document} names {named:?}");
    let breaches: Vec<String> = named
        .into_iter()
        .filter(|name| {
            let function = format!("fn {name}(");
            !sources.iter().any(|source| source.contains(&function))
        })
        .collect();
    none(&format!("{document} names tests that exist"), &breaches);
}

#[test]
fn tests_are_named_by_module_and_function() {
    let text = "1. **A** `Catalog::retarget_tag`. *Held by* gate\n   `properties::it_holds`, `limits::*`, `clippy.toml`.\n\
        ## Walks\n`analysis::after_push`\n";
    assert_eq!(named_tests(text), ["it_holds"]);
}

#[test]
fn links_are_found_in_prose_and_not_in_code() {
    let text = "See [a](docs/a.md#part) and [b](https://example.org/b), `[c](c.md)`.\n\
        ```\n[d](d.md)\n```\n[e]: ../e.md \"title\"\n![f](f.png) [g](#here)\n";
    let expected = [(1, "docs/a.md"), (5, "../e.md"), (6, "f.png")];
    assert_eq!(
        relative_links(text),
        expected.map(|(line, path)| (line, path.to_owned()))
    );
}

#[test]
fn a_path_out_of_the_repository_is_seen() {
    assert_eq!(
        inside(Path::new("docs/../README.md")),
        Some(PathBuf::from("README.md"))
    );
    assert_eq!(inside(Path::new("docs/../../shared/x.md")), None);
    assert_eq!(inside(Path::new("/etc/passwd")), None);
}

/// The functions named as `module::function` before the walks begin. Methods of types and whole modules are no tests.
fn named_tests(text: &str) -> Vec<String> {
    let invariants = text.split("\n## Walks").next().unwrap_or_default();
    invariants
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| !code.starts_with(char::is_uppercase))
        .filter_map(|code| code.rsplit_once("::"))
        .map(|(_, name)| name.to_owned())
        .filter(|name| {
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
        .collect()
}

/// Line number and path of every relative link: `[text](path)`, `[name]: path`. Code is not read, a fragment is cut.
fn relative_links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut in_code_block = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code_block = !in_code_block;
            continue;
        }
        if in_code_block {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        let definition = prose
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "))
            .map(|(_, target)| target);
        let inline = prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in inline.chain(definition) {
            let path = target
                .split_whitespace()
                .next()
                .unwrap_or("")
                .split('#')
                .next()
                .unwrap_or("");
            let leaves_the_repository = path.contains("://") || path.starts_with("mailto:");
            if !path.is_empty() && !leaves_the_repository {
                links.push((number + 1, path.to_owned()));
            }
        }
    }
    links
}

/// The path without `.` and `..`; `None` when it leaves the repository.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}
