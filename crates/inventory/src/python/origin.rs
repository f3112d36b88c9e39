//! `direct_url.json`: where a distribution came from that no index delivered.
//!
//! An installer leaves it beside the metadata of what it took from a repository, an address or a directory, editable
//! installations among them. The version is then its author's and may be no release at all, so the package says where
//! it came from. Installed it is all the same.
//!
//! # Source
//! "Recording the Direct URL Origin of installed distributions" (PEP 610).

use evidence::Level;
use serde_json::Value;

use crate::document;
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::Rows;

pub(crate) const ORIGIN: Extractor = Extractor {
    name: "python-origin",
    version: 1,
    literals: &[".dist-info/direct_url.json"],
    accepts,
    wanted: Wanted::Document,
    ownable: false,
    parse,
};

/// The name of the file beside the metadata.
pub(crate) const FILE: &[u8] = b"direct_url.json";

fn accepts(path: &[u8]) -> bool {
    path::basename(path) == FILE && path::parent(path).ends_with(b".dist-info")
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    match document::json(file.content) {
        Ok(origin) => Rows::Origin(address(&origin)),
        Err(error) => {
            error.note("python.bad_origin", Level::Warning, notes);
            Rows::Origin(String::new())
        }
    }
}

/// `git+https://example.com/a.git@COMMIT`, or the plain address of an archive or a directory.
fn address(origin: &Value) -> String {
    let url = without_credentials(origin["url"].as_str().unwrap_or_default());
    let vcs = &origin["vcs_info"];
    match (vcs["vcs"].as_str(), vcs["commit_id"].as_str()) {
        (Some(system), Some(commit)) => format!("{system}+{url}@{commit}"),
        (Some(system), None) => format!("{system}+{url}"),
        _ => url,
    }
}

/// An installer should have left them out; a list of packages must never show them.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", &rest[end..])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_repository(
        r#"{"url":"https://user:secret@example.com/a.git","vcs_info":{"vcs":"git","requested_revision":"main","commit_id":"1a2b"}}"#,
        "git+https://example.com/a.git@1a2b"
    )]
    #[case::an_archive(
        r#"{"url":"https://example.com/a-1.whl","archive_info":{}}"#,
        "https://example.com/a-1.whl"
    )]
    #[case::an_editable_directory(
        r#"{"url":"file:///srv/a@b","dir_info":{"editable":true}}"#,
        "file:///srv/a@b"
    )]
    #[case::nothing("{}", "")]
    #[case::damage("{", "")]
    fn an_origin_is_an_address(#[case] content: &str, #[case] expected: &str) {
        let file = File {
            path: b"s/a-1.dist-info/direct_url.json",
            content: content.as_bytes(),
        };
        assert_eq!(
            parse(&file, &mut Notes::default()),
            Rows::Origin(expected.to_owned())
        );
    }
}
