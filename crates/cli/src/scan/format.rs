//! `-o FMT[=FILE]`: the formats a report can be written in.
//!
//! Adding a format: a variant of [`Kind`] with its word, and an arm in [`OutputFormat::write`].

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::anyhow;
use evidence::ImageReport;
use evidence::format::{self, Writing};
use gate::Verdict;
use jiff::Timestamp;
use oci::Digest;
use serde_json::Value;

use super::table::{self, Detail};
use crate::exit::Failure;
use crate::output::{Output, json_text, write_file};

/// One format, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutputFormat {
    kind: Kind,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Table,
    Wide,
    Json,
    Sarif,
    CycloneDx,
    Spdx,
}

const KINDS: [(&str, Kind); 6] = [
    ("table", Kind::Table),
    ("wide", Kind::Wide),
    ("json", Kind::Json),
    ("sarif", Kind::Sarif),
    ("cyclonedx", Kind::CycloneDx),
    ("spdx", Kind::Spdx),
];

/// The text is no format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormatError {
    /// The word is not known.
    #[error("a format is one of table, wide, json, sarif, cyclonedx, spdx")]
    Unknown,
    /// Nothing follows the equals sign.
    #[error("a file name must follow `=`")]
    NoFile,
}

impl FromStr for OutputFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let (word, file) = match text.split_once('=') {
            Some((_, "")) => return Err(FormatError::NoFile),
            Some((word, file)) => (word, Some(PathBuf::from(file))),
            None => (text, None),
        };
        KINDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, kind)| Self { kind: *kind, file })
            .ok_or(FormatError::Unknown)
    }
}

/// Refuses two documents on one stream: neither could be read back.
pub(super) fn check(formats: &[OutputFormat]) -> Result<(), Failure> {
    let on_stdout = formats
        .iter()
        .filter(|format| format.file.is_none())
        .count();
    if on_stdout > 1 {
        return Err(Failure::usage(anyhow!(
            "{on_stdout} formats would go to standard output, one may"
        ))
        .with_hint("Send the others to files: -o sarif=report.sarif."));
    }
    Ok(())
}

/// What is written.
pub(super) struct Written<'a> {
    pub(super) report: &'a ImageReport,
    pub(super) image_id: Option<&'a Digest>,
    pub(super) verdict: Option<&'a Verdict>,
    pub(super) now: Timestamp,
}

impl OutputFormat {
    /// Writes the report, to its file or to standard output.
    pub(super) fn write(&self, written: &Written, output: &mut Output) -> Result<(), Failure> {
        let writing = Writing {
            tool_version: env!("CARGO_PKG_VERSION"),
            at: written.now,
        };
        let report = written.report;
        let text = match self.kind {
            Kind::Table | Kind::Wide => {
                let detail = match self.kind {
                    _ if output.is_quiet() => Detail::Summary,
                    Kind::Wide => Detail::Findings,
                    _ => Detail::Actions,
                };
                let has_color = self.file.is_none() && output.has_color();
                table::render(written, detail, output.width(), has_color)
            }
            Kind::Json => document(&format::json(report)),
            Kind::Sarif => document(&format::sarif(report, &writing)),
            Kind::CycloneDx => document(&format::cyclonedx(report, &writing)),
            Kind::Spdx => document(&format::spdx(report, &writing)),
        };
        match &self.file {
            Some(file) => write_file(file, text.as_bytes()).map_err(Failure::new),
            None => output.data(&text),
        }
    }
}

fn document(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a JSON value is always writable");
    text.push('\n');
    json_text(text)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("table", Ok((Kind::Table, None)))]
    #[case("sarif=a.sarif", Ok((Kind::Sarif, Some("a.sarif"))))]
    #[case("json=a=b", Ok((Kind::Json, Some("a=b"))))]
    #[case("json=", Err(FormatError::NoFile))]
    #[case("xml", Err(FormatError::Unknown))]
    #[case("", Err(FormatError::Unknown))]
    fn a_format_is_a_word_and_perhaps_a_file(
        #[case] text: &str,
        #[case] expected: Result<(Kind, Option<&str>), FormatError>,
    ) {
        let expected = expected.map(|(kind, file)| OutputFormat {
            kind,
            file: file.map(PathBuf::from),
        });
        assert_eq!(text.parse(), expected);
    }

    #[rstest]
    #[case(&["table"], true)]
    #[case(&["table", "json=a"], true)]
    #[case(&["json=a", "json=b"], true)]
    #[case(&["table", "json"], false)]
    fn one_document_may_go_to_standard_output(#[case] formats: &[&str], #[case] expected: bool) {
        let formats: Vec<OutputFormat> = formats
            .iter()
            .map(|text| text.parse().expect("a format"))
            .collect();
        assert_eq!(check(&formats).is_ok(), expected);
    }
}
