//! Answers of administrative commands: the API's documents for programs, columns of them for people.
//!
//! A column is a title and the place of its value in the document (RFC 6901), so that both forms show the same facts.

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Failure;
use crate::output::{Output, columns, json_text, plain};

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// Columns, for people
    #[default]
    Table,
    /// One JSON document, as the API writes it
    Json,
}

// No documentation comment: it would become that of the commands.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Shape {
    /// How to write the answer
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FMT",
        value_enum,
        default_value_t
    )]
    format: Format,
}

/// A title, and where its value is.
pub(super) type Column = (&'static str, &'static str);

impl Shape {
    /// Writes a list: a row for each item. Nobody is told of an empty table.
    pub(super) fn list<T: Serialize>(
        self,
        items: &[T],
        shown: &[Column],
        output: &mut Output,
    ) -> Result<(), Failure> {
        if let Format::Json = self.format {
            return document(&items, output);
        }
        if items.is_empty() {
            return Ok(());
        }
        let titles: Vec<&str> = shown.iter().map(|(title, _)| *title).collect();
        let mut table = columns(&titles, output.width());
        for item in items {
            let item = serde_json::to_value(item).map_err(Failure::new)?;
            table.add_row(shown.iter().map(|(_, place)| cell(&item, place)));
        }
        output.data(&format!("{}\n", table.trim_fmt()))
    }

    /// Writes a report: as a table, only its items.
    pub(super) fn report<R: Serialize, T: Serialize>(
        self,
        report: &R,
        items: &[T],
        shown: &[Column],
        output: &mut Output,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => document(report, output),
            Format::Table => self.list(items, shown, output),
        }
    }

    /// Writes one thing: a row for each of its facts.
    pub(super) fn one<T: Serialize>(
        self,
        thing: &T,
        shown: &[Column],
        output: &mut Output,
    ) -> Result<(), Failure> {
        if let Format::Json = self.format {
            return document(thing, output);
        }
        let thing = serde_json::to_value(thing).map_err(Failure::new)?;
        let width = shown.iter().map(|(title, _)| title.len()).max();
        let width = width.unwrap_or_default();
        for (title, place) in shown {
            output.data(&format!("{title:width$}  {}\n", cell(&thing, place)))?;
        }
        Ok(())
    }
}

fn document<T: Serialize>(thing: &T, output: &mut Output) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(thing).map_err(Failure::new)?;
    output.data(&format!("{}\n", json_text(text)))
}

fn cell(item: &Value, place: &str) -> String {
    match item.pointer(place) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => plain(text).into_owned(),
        Some(Value::Array(values)) if values.is_empty() => "-".to_owned(),
        Some(Value::Array(values)) => {
            let words = values.iter().map(|value| match value {
                Value::String(text) => plain(text).into_owned(),
                other => other.to_string(),
            });
            words.collect::<Vec<_>>().join(" ")
        }
        Some(other) => plain(&other.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_a_fact_in_words() {
        let item = json!({
            "name": "a\u{1b}[31mb", "none": null, "empty": "", "yes": true, "no": false, "count": 3,
            "list": ["x", "y"], "nothing": [], "inner": {"tag": "v*"},
        });
        for (place, text) in [
            ("/none", "-"),
            ("/missing", "-"),
            ("/empty", "-"),
            ("/nothing", "-"),
            ("/yes", "yes"),
            ("/no", "no"),
            ("/count", "3"),
            ("/list", "x y"),
            ("/inner/tag", "v*"),
            ("/inner", r#"{"tag":"v*"}"#),
        ] {
            assert_eq!(cell(&item, place), text, "{place}");
        }
        assert!(!cell(&item, "/name").contains('\u{1b}'));
    }
}
