//! The few members of a `package.json` that the house reads.
//!
//! A derived reader would refuse a repeated member; Node takes the last, and so do we. Members of a wrong type count
//! as absent: one author's mistake does not make the file unreadable.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) licenses: Vec<String>,
}

impl Document {
    /// Reads a document that was measured.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(content)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
        let mut document = Document::default();
        while let Some(member) = members.next_key::<String>()? {
            match member.as_str() {
                "name" => document.name = text(members.next_value()?),
                "version" => document.version = text(members.next_value()?),
                "license" | "licenses" => document.licenses = licenses(members.next_value()?),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(document)
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    }
}

fn licenses(value: Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.into_iter().filter_map(license).collect(),
        single => license(single).into_iter().collect(),
    }
}

/// `"MIT"`, or `{"type": "MIT"}` as it was written before 2015.
fn license(value: Value) -> Option<String> {
    match value {
        Value::Object(mut members) => text(members.remove("type")?),
        other => text(other),
    }
}
