//! The literals of an installed specification.
//!
//! RubyGems writes these files itself, one assignment of a literal per line, and a comment in front that holds name,
//! version and platform. It reads that comment before anything else, to know a gem without running its file; so do we,
//! and an assignment of a literal says it again. What is computed is not read: no Ruby runs here.

use super::row;
use crate::report::PackageRow;

/// Licences kept of one gem.
const LICENSES: usize = 16;

/// Returns what a specification says, if it states a name and a version.
pub(super) fn read(content: &[u8]) -> Option<PackageRow> {
    let text = String::from_utf8_lossy(content);
    let (mut name, mut version, mut platform) = (String::new(), String::new(), String::new());
    let mut licenses = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(stub) = line.strip_prefix("# stub: ") {
            let mut words = stub.split_whitespace().map(str::to_owned);
            name = words.next().unwrap_or_default();
            version = words.next().unwrap_or_default();
            platform = words.next().unwrap_or_default();
        }
        let Some((attribute, value)) = assignment(line) else {
            continue;
        };
        let said = literals(value);
        match (attribute, said.as_slice()) {
            ("licenses" | "license", _) => licenses = said,
            ("name", [text, ..]) if !text.is_empty() => name.clone_from(text),
            ("version", [text, ..]) if !text.is_empty() => version.clone_from(text),
            ("platform", [text, ..]) => platform.clone_from(text),
            _ => {}
        }
    }
    licenses.truncate(LICENSES);
    let row = PackageRow {
        licenses,
        ..row(&name, &version, &platform)
    };
    (!name.is_empty() && !version.is_empty()).then_some(row)
}

/// `s.name = VALUE`, of the variable that the block was given.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (target, value) = line.split_once(" = ")?;
    let (variable, attribute) = target.split_once('.')?;
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    (is_word(variable) && is_word(attribute)).then_some((attribute, value.trim()))
}

/// The texts of a literal: `"a"`, `'a'`, `%q<a>`, a list of them, each maybe frozen, or `Gem::Version.new("a")`.
fn literals(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let value = value.strip_prefix("Gem::Version.new(").unwrap_or(value);
    let mut rest = value.strip_prefix('[').unwrap_or(value);
    while let Some((text, behind)) = literal(rest) {
        found.push(text);
        let behind = behind
            .trim_start()
            .strip_prefix(".freeze")
            .unwrap_or(behind);
        match behind.trim_start().strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => break,
        }
    }
    found
}

fn literal(text: &str) -> Option<(String, &str)> {
    let (open, end) = match text.as_bytes() {
        [b'"', ..] => (1, '"'),
        [b'\'', ..] => (1, '\''),
        [b'%', b'q', b'<', ..] => (3, '>'),
        _ => return None,
    };
    let mut value = String::new();
    let mut letters = text[open..].char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if letter == end => return Some((value, &text[open + at + 1..])),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            '#' if end == '"' && text[open + at..].starts_with("#{") => return None,
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_stub_alone("# stub: a 1.0 java lib\n", Some("a 1.0 java"))]
    #[case::assignments_alone("  s.name = 'a'\n  s.version = \"1.0\"\n", Some("a 1.0 "))]
    #[case::another_variable(
        "  spec.name = %q<a>.freeze\n  spec.version = Gem::Version.new(\"2\")\n",
        Some("a 2 ")
    )]
    #[case::ruby_is_every_platform("# stub: a 1.0 ruby lib\n", Some("a 1.0 "))]
    #[case::an_empty_name_is_none("# stub: a 1.0 ruby lib\ns.name = \"\".freeze\n", Some("a 1.0 "))]
    #[case::computed("s.name = \"a#{1}\"\ns.version = VERSION\n", None)]
    #[case::nothing("", None)]
    fn literals_are_read(#[case] content: &str, #[case] expected: Option<&str>) {
        let row = read(content.as_bytes());
        let found = row.map(|row| {
            format!(
                "{} {} {}",
                row.name,
                row.version,
                row.arch.unwrap_or_default()
            )
        });
        assert_eq!(found.as_deref(), expected);
    }

    #[rstest]
    #[case("[\"Ruby\".freeze, \"BSD-2-Clause\".freeze]", &["Ruby", "BSD-2-Clause"])]
    #[case("\"MIT\"", &["MIT"])]
    #[case("[]", &[])]
    #[case("[\"MIT\", COMPUTED]", &["MIT"])]
    #[case("\"open", &[])]
    fn lists_are_read(#[case] value: &str, #[case] expected: &[&str]) {
        assert_eq!(literals(value), expected);
    }
}
