//! The distribution's name for itself: `os-release`, and the older files of images that lack it.
//!
//! Each file is read on its own; [`crate::merge()`] takes the first of [`CANDIDATES`] that names a distribution, following
//! symbolic links inside the image. Which releases have advisories, and until when, is not known here.
//!
//! Adding a file: one line in [`CANDIDATES`] with the reader of its shape.

use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::{ReleaseRow, Rows};

/// How a file is written.
type Reader = fn(&str) -> ReleaseRow;

/// The files that name a distribution, the most telling first.
///
/// # Source
/// `os-release(5)`; `inventory.md`, section 6, "Detection order".
pub(crate) const CANDIDATES: &[(&str, Reader)] = &[
    ("etc/os-release", os_release),
    ("usr/lib/os-release", os_release),
    ("etc/lsb-release", lsb_release),
    ("etc/alpine-release", alpine_release),
    ("etc/debian_version", debian_version),
    ("etc/oracle-release", product_line),
    ("etc/centos-release", product_line),
    ("etc/rocky-release", product_line),
    ("etc/almalinux-release", product_line),
    ("etc/fedora-release", product_line),
    ("etc/redhat-release", product_line),
    ("etc/system-release", product_line),
];

/// The `ID` that each product calls itself in its `os-release`, by the beginning of its product line.
const PRODUCTS: &[(&str, &str)] = &[
    ("Red Hat Enterprise Linux", "rhel"),
    ("CentOS", "centos"),
    ("Fedora", "fedora"),
    ("Oracle Linux", "ol"),
    ("Rocky Linux", "rocky"),
    ("AlmaLinux", "almalinux"),
    ("Amazon Linux", "amzn"),
];

pub(crate) const EXTRACTOR: Extractor = Extractor {
    name: "os-release",
    version: 1,
    literals: &["os-release", "-release", "etc/debian_version"],
    accepts: |path| reader(path).is_some(),
    wanted: Wanted::Document,
    ownable: false,
    parse,
};

fn reader(path: &[u8]) -> Option<Reader> {
    CANDIDATES
        .iter()
        .find(|(candidate, _)| candidate.as_bytes() == path)
        .map(|(_, reader)| *reader)
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let text = String::from_utf8_lossy(file.content);
    let reader = reader(file.path).unwrap_or(os_release);
    let row = reader(text.trim_start_matches('\u{feff}'));
    if row.id.is_empty() {
        notes.info(
            "os_release.no_id",
            format!(
                "`{}` names no distribution",
                path::display(path::basename(file.path))
            ),
        );
    }
    Rows::Release(row)
}

fn os_release(text: &str) -> ReleaseRow {
    let mut row = ReleaseRow::default();
    for (key, value) in assignments(text) {
        match key {
            "ID" => row.id = value.to_ascii_lowercase(),
            "VERSION_ID" => row.version_id = non_empty(value),
            "VERSION_CODENAME" => row.codename = non_empty(value),
            "PRETTY_NAME" => row.pretty_name = non_empty(value),
            "ID_LIKE" => {
                row.id_like = value.split_whitespace().map(str::to_lowercase).collect();
            }
            "CPE_NAME" => row.cpe_name = non_empty(value),
            _ => {}
        }
    }
    row
}

fn lsb_release(text: &str) -> ReleaseRow {
    let mut row = ReleaseRow::default();
    for (key, value) in assignments(text) {
        match key {
            "DISTRIB_ID" => row.id = value.to_ascii_lowercase(),
            "DISTRIB_RELEASE" => row.version_id = non_empty(value),
            "DISTRIB_CODENAME" => row.codename = non_empty(value),
            "DISTRIB_DESCRIPTION" => row.pretty_name = non_empty(value),
            _ => {}
        }
    }
    row
}

fn alpine_release(text: &str) -> ReleaseRow {
    let version = text.trim();
    if version.is_empty() {
        return ReleaseRow::default();
    }
    ReleaseRow {
        id: "alpine".to_owned(),
        version_id: Some(version.to_owned()),
        ..ReleaseRow::default()
    }
}

/// A point release (`12.5`) or the names of the next release (`trixie/sid`), which has no number yet.
fn debian_version(text: &str) -> ReleaseRow {
    let version = text.trim();
    if version.is_empty() {
        return ReleaseRow::default();
    }
    let mut row = ReleaseRow {
        id: "debian".to_owned(),
        ..ReleaseRow::default()
    };
    match version.split_once('/') {
        Some((codename, _)) => row.codename = non_empty(codename.to_owned()),
        None => row.version_id = version.split('.').next().map(str::to_owned),
    }
    row
}

/// `Product release 8.5 (Codename)`.
fn product_line(text: &str) -> ReleaseRow {
    let line = text.lines().next().unwrap_or_default().trim();
    let Some((_, id)) = PRODUCTS.iter().find(|(name, _)| line.starts_with(name)) else {
        return ReleaseRow::default();
    };
    let version = line
        .split_once(" release ")
        .and_then(|(_, rest)| rest.split_whitespace().next());
    ReleaseRow {
        id: (*id).to_owned(),
        version_id: version.map(str::to_owned),
        pretty_name: non_empty(line.to_owned()),
        ..ReleaseRow::default()
    }
}

/// Returns the `KEY=value` lines of a shell fragment, with quotes and escapes resolved.
fn assignments(text: &str) -> impl Iterator<Item = (&str, String)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let (key, value) = line.split_once('=')?;
        (!key.starts_with('#')).then(|| (key.trim_end(), unquote(value.trim_start())))
    })
}

fn unquote(value: &str) -> String {
    let (quote, body) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => (Some(quote), &value[1..]),
        _ => (None, value),
    };
    let mut plain = String::with_capacity(body.len());
    let mut letters = body.chars();
    while let Some(letter) = letters.next() {
        match letter {
            _ if Some(letter) == quote => break,
            '\\' if quote != Some('\'') => plain.extend(letters.next()),
            _ => plain.push(letter),
        }
    }
    plain
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(path: &str, content: &str) -> ReleaseRow {
        let file = File {
            path: path.as_bytes(),
            content: content.as_bytes(),
        };
        match parse(&file, &mut Notes::new(file.path)) {
            Rows::Release(row) => row,
            other => panic!("a release, not {other:?}"),
        }
    }

    #[rstest]
    #[case::plain(
        "etc/os-release",
        "ID=debian\nVERSION_ID=\"12\"\n",
        "debian",
        Some("12")
    )]
    #[case::crlf(
        "etc/os-release",
        "ID=debian\r\nVERSION_ID=\"12\"\r\n",
        "debian",
        Some("12")
    )]
    #[case::single_quotes(
        "etc/os-release",
        "ID='sles'\nVERSION_ID='15.5'\n",
        "sles",
        Some("15.5")
    )]
    #[case::comments(
        "etc/os-release",
        "# ID=no\n\nID=arch\nBUILD_ID=rolling\n",
        "arch",
        None
    )]
    #[case::upper_case(
        "etc/os-release",
        "ID=\"OpenWrt\"\nVERSION_ID=23\n",
        "openwrt",
        Some("23")
    )]
    #[case::byte_order_mark("etc/os-release", "\u{feff}ID=alpine\n", "alpine", None)]
    #[case::alpha(
        "etc/os-release",
        "ID=alpine\nVERSION_ID=3.19_alpha20230901\n",
        "alpine",
        Some("3.19_alpha20230901")
    )]
    #[case::lsb(
        "etc/lsb-release",
        "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\n",
        "ubuntu",
        Some("10.04")
    )]
    #[case::alpine("etc/alpine-release", "3.18.4\n", "alpine", Some("3.18.4"))]
    #[case::debian("etc/debian_version", "12.5\n", "debian", Some("12"))]
    #[case::debian_testing("etc/debian_version", "trixie/sid\n", "debian", None)]
    #[case::red_hat(
        "etc/redhat-release",
        "Red Hat Enterprise Linux Server release 7.9 (Maipo)\n",
        "rhel",
        Some("7.9")
    )]
    #[case::stream("etc/centos-release", "CentOS Stream release 9\n", "centos", Some("9"))]
    #[case::oracle(
        "etc/oracle-release",
        "Oracle Linux Server release 8.4\n",
        "ol",
        Some("8.4")
    )]
    #[case::empty("etc/os-release", "", "", None)]
    #[case::foreign("etc/redhat-release", "Something else\n", "", None)]
    fn a_release_is_named(
        #[case] path: &str,
        #[case] content: &str,
        #[case] id: &str,
        #[case] version: Option<&str>,
    ) {
        let row = read(path, content);
        assert_eq!((row.id.as_str(), row.version_id.as_deref()), (id, version));
    }

    #[test]
    fn escapes_are_resolved_as_a_shell_does() {
        let row = read("etc/os-release", r#"PRETTY_NAME="a \"b\" \$c" # more"#);
        assert_eq!(row.pretty_name.as_deref(), Some(r#"a "b" $c"#));
    }
}
