//! Requirements that name one version: `name==version`, with what pip allows around it.
//!
//! # Source
//! pip, "Requirements File Format"; "Dependency specifiers".

use crate::extractor::Notes;
use crate::listing::Listing;
use crate::python::name::normalise;

/// Reads the requirements of a file. What names a range, an address or another file states no version.
pub(super) fn read(content: &[u8], listing: &mut Listing, notes: &mut Notes) {
    let text = String::from_utf8_lossy(content);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut continued = false;
    for line in text.lines() {
        // The lines that continue one hold its hashes and options.
        let is_continuation = std::mem::replace(&mut continued, line.trim_end().ends_with('\\'));
        if is_continuation {
            continue;
        }
        if let Some((name, version)) = pinned(line) {
            listing.add(&normalise(name), version, notes);
        }
    }
}

/// Returns name and version of `name[extra] == version ; marker  # comment`.
fn pinned(line: &str) -> Option<(&str, &str)> {
    let line = line
        .split('#')
        .next()?
        .split(';')
        .next()?
        .trim()
        .trim_end_matches('\\');
    let (name, rest) = line.split_once("==")?;
    let name = name.split('[').next()?.trim();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_name) {
        return None;
    }
    // A third `=` asks for exactly this text; an option or another condition may follow.
    let version = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let version = version.split([' ', '\t', ',']).next()?;
    (!version.is_empty() && !version.contains('*')).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("flask==3.0.0", Some(("flask", "3.0.0")))]
    #[case("  zope.interface == 5.1 ", Some(("zope.interface", "5.1")))]
    #[case("celery[redis,sqs]==5.3.6 ; python_version >= '3.8'", Some(("celery", "5.3.6")))]
    #[case("x===1.0+local # why", Some(("x", "1.0+local")))]
    #[case("x==1.0 --hash=sha256:ab \\", Some(("x", "1.0")))]
    #[case("x==1.0 \\", Some(("x", "1.0")))]
    #[case("x==1.0,!=1.1", Some(("x", "1.0")))]
    #[case("x==1.*", None)]
    #[case("x>=1.0", None)]
    #[case("x", None)]
    #[case("# x==1", None)]
    #[case("-r other.txt", None)]
    #[case("--find-links=a==b", None)]
    #[case("x @ https://example.com/x.whl#sha256==1", None)]
    #[case("git+https://example.com/x@v1==2", None)]
    fn a_pinned_requirement_names_one_version(
        #[case] line: &str,
        #[case] expected: Option<(&str, &str)>,
    ) {
        assert_eq!(pinned(line), expected);
    }

    #[test]
    fn a_continued_line_is_one_requirement() {
        let (mut listing, mut notes) = (Listing::default(), Notes::default());
        read(
            b"a==1 \\\n  --hash=b==2 \\\n  c==3\nd==4\n",
            &mut listing,
            &mut notes,
        );
        assert!(
            format!("{listing:?}").matches("PackageRow {").count() == 2,
            "{listing:?}"
        );
    }
}
