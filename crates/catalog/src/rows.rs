//! Reading columns: from the few types both engines have to the house's own.

use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::CatalogError;

/// Typed access to a row's columns. A value that does not parse is [`CatalogError::Corrupt`], never a panic.
pub(crate) trait Columns {
    fn int(&self, column: &str) -> Result<i64, CatalogError>;
    fn maybe_int(&self, column: &str) -> Result<Option<i64>, CatalogError>;
    fn text(&self, column: &str) -> Result<String, CatalogError>;
    fn maybe_text(&self, column: &str) -> Result<Option<String>, CatalogError>;
    fn bytes(&self, column: &str) -> Result<Vec<u8>, CatalogError>;
    fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, CatalogError>;

    fn flag(&self, column: &str) -> Result<bool, CatalogError> {
        Ok(self.int(column)? != 0)
    }

    fn size(&self, column: &str) -> Result<u64, CatalogError> {
        u64::try_from(self.int(column)?).map_err(|_| CatalogError::Corrupt("size"))
    }

    fn count(&self, column: &str) -> Result<u32, CatalogError> {
        u32::try_from(self.int(column)?).map_err(|_| CatalogError::Corrupt("count"))
    }

    fn time(&self, column: &str) -> Result<Timestamp, CatalogError> {
        instant(self.int(column)?)
    }

    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, CatalogError> {
        self.maybe_int(column)?.map(instant).transpose()
    }

    fn digest(&self, column: &str) -> Result<Digest, CatalogError> {
        parse_digest(&self.text(column)?)
    }

    fn maybe_digest(&self, column: &str) -> Result<Option<Digest>, CatalogError> {
        self.maybe_text(column)?
            .map(|text| parse_digest(&text))
            .transpose()
    }

    fn tag(&self, column: &str) -> Result<Tag, CatalogError> {
        parse_tag(&self.text(column)?)
    }

    fn maybe_tag(&self, column: &str) -> Result<Option<Tag>, CatalogError> {
        self.maybe_text(column)?
            .map(|text| parse_tag(&text))
            .transpose()
    }

    fn repository_name(&self, column: &str) -> Result<RepositoryName, CatalogError> {
        self.text(column)?
            .parse()
            .map_err(|_| CatalogError::Corrupt("repository name"))
    }

    fn uuid(&self, column: &str) -> Result<Uuid, CatalogError> {
        parse_uuid(&self.text(column)?)
    }

    fn maybe_uuid(&self, column: &str) -> Result<Option<Uuid>, CatalogError> {
        self.maybe_text(column)?
            .map(|text| parse_uuid(&text))
            .transpose()
    }
}

impl Columns for AnyRow {
    fn int(&self, column: &str) -> Result<i64, CatalogError> {
        Ok(self.try_get(column)?)
    }

    fn maybe_int(&self, column: &str) -> Result<Option<i64>, CatalogError> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: &str) -> Result<String, CatalogError> {
        Ok(self.try_get(column)?)
    }

    fn maybe_text(&self, column: &str) -> Result<Option<String>, CatalogError> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: &str) -> Result<Vec<u8>, CatalogError> {
        Ok(self.try_get(column)?)
    }

    fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, CatalogError> {
        Ok(self.try_get(column)?)
    }
}

/// Reads every row with one function.
pub(crate) fn all<T>(
    rows: Vec<AnyRow>,
    read: impl FnMut(AnyRow) -> Result<T, CatalogError>,
) -> Result<Vec<T>, CatalogError> {
    rows.into_iter().map(read).collect()
}

/// Writes an instant as microseconds.
pub(crate) fn micros(instant: Timestamp) -> i64 {
    instant.as_microsecond()
}

/// Writes a duration as microseconds.
pub(crate) fn span(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

/// Turns a text into a pattern that matches what contains it, in any case. Patterns escape with `!`.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_ascii_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

fn instant(micros: i64) -> Result<Timestamp, CatalogError> {
    Timestamp::from_microsecond(micros).map_err(|_| CatalogError::Corrupt("instant"))
}

fn parse_digest(text: &str) -> Result<Digest, CatalogError> {
    text.parse().map_err(|_| CatalogError::Corrupt("digest"))
}

fn parse_tag(text: &str) -> Result<Tag, CatalogError> {
    text.parse().map_err(|_| CatalogError::Corrupt("tag"))
}

fn parse_uuid(text: &str) -> Result<Uuid, CatalogError> {
    Uuid::try_parse(text).map_err(|_| CatalogError::Corrupt("id"))
}
