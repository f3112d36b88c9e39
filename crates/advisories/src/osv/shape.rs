//! The OSV document as it is published, with the fields that are used.
//!
//! # Source
//! ossf/osv-schema `docs/schema.md`, version 1.7. Lists may be `null` in the wild.

use serde::{Deserialize, Deserializer};

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Json,
    Yaml,
}

/// One OSV record.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    pub id: String,
    #[serde(default)]
    pub modified: Option<String>,
    #[serde(default)]
    pub published: Option<String>,
    #[serde(default)]
    pub withdrawn: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub aliases: Vec<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub related: Vec<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub upstream: Vec<String>,
    #[serde(default)]
    pub summary: Option<String>,
    #[serde(default)]
    pub details: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub severity: Vec<SeverityEntry>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub affected: Vec<AffectedEntry>,
    #[serde(default)]
    pub database_specific: Option<Specific>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SeverityEntry {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub score: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AffectedEntry {
    #[serde(default)]
    pub package: Option<PackageName>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub ranges: Vec<Range>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub versions: Vec<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub severity: Vec<SeverityEntry>,
    #[serde(default)]
    pub ecosystem_specific: Option<Specific>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct PackageName {
    #[serde(default)]
    pub ecosystem: String,
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Range {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub events: Vec<RangeEvent>,
}

/// One event; exactly one of its fields is set in a valid record.
#[derive(Debug, Deserialize)]
pub(crate) struct RangeEvent {
    #[serde(default)]
    pub introduced: Option<String>,
    #[serde(default)]
    pub fixed: Option<String>,
    #[serde(default)]
    pub last_affected: Option<String>,
    #[serde(default)]
    pub limit: Option<String>,
}

/// The fields of `database_specific` and `ecosystem_specific` that mean a severity. Each database writes its own
/// shapes there, so anything that is not a word counts as absent.
#[derive(Debug, Deserialize)]
pub(crate) struct Specific {
    #[serde(default, deserialize_with = "word")]
    pub severity: Option<String>,
    #[serde(default, deserialize_with = "word")]
    pub urgency: Option<String>,
}

fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Some(text),
        _ => None,
    })
}

impl Document {
    /// Parses a document.
    ///
    /// # Errors
    /// The parser's sentence, with the place.
    pub(crate) fn parse(bytes: &[u8], encoding: Encoding) -> Result<Self, String> {
        match encoding {
            Encoding::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
            Encoding::Yaml => serde_saphyr::from_slice(bytes).map_err(|error| {
                // The parser draws the place over several lines; a report has one.
                error
                    .to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            }),
        }
    }
}
