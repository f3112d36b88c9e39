//! The configuration file, read key by key so that every complaint has its line.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::settings::{SETTINGS, nearest};
use super::{ConfigError, Origin};

/// One value of the file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// Reads the system's file, if it is there.
pub(super) fn read_if_there(path: &Path) -> Result<BTreeMap<String, Found>, ConfigError> {
    match read(path) {
        Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(BTreeMap::new())
        }
        result => result,
    }
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Found>, ConfigError> {
    let text = fs_err::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<BTreeMap<String, Found>, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        reason: error.message().to_owned(),
    })?;
    let mut values = BTreeMap::new();
    for (key, value) in table.into_inner() {
        let line = line_of(text, key.span().start);
        let name = key.into_inner().into_owned();
        if !SETTINGS.iter().any(|setting| setting.name == name) {
            return Err(ConfigError::UnknownKey {
                path: path.to_owned(),
                line,
                nearest: nearest(&name, SETTINGS.iter().map(|setting| setting.name)),
                is_secret: name == "admin_password",
                key: name,
            });
        }
        let DeValue::String(value) = value.into_inner() else {
            return Err(ConfigError::NotAString {
                path: path.to_owned(),
                line,
                key: name,
            });
        };
        let origin = Origin::File {
            path: path.to_owned(),
            line,
        };
        values.insert(
            name,
            Found {
                value: value.into_owned(),
                origin,
            },
        );
    }
    Ok(values)
}

/// Returns the line of a byte offset, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    1 + before.matches('\n').count()
}
