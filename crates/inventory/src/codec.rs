//! The stored form of a layer report: a magic, a version, postcard.

use crate::LayerReport;

/// "Tidegate layer report".
const MAGIC: [u8; 4] = *b"TGLR";
/// The version written. Adding a version: add `testdata/v<N>` and leave the older folders alone. Older reports are refused
/// and not converted: a layer is analysed again anyway as soon as one extractor reads more.
const VERSION: u16 = 2;
const HEADER: usize = 6;
/// No report the analyser makes comes near; a longer one is not ours.
const ENCODED_LIMIT: usize = 256 << 20;

/// Why bytes are not a layer report this version reads. The layer is then analysed again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not begin as a layer report does.
    #[error("not a layer report")]
    Magic,
    /// The report was written by another version.
    #[error("layer report of version {found}, expected {VERSION}")]
    Version {
        /// The version in the header.
        found: u16,
    },
    /// The report is longer than any the analyser writes.
    #[error("layer report of {size} bytes, at most {ENCODED_LIMIT} are read")]
    TooLong {
        /// The length in bytes.
        size: usize,
    },
    /// The report is cut or damaged.
    #[error("the layer report is damaged")]
    Damaged(#[source] postcard::Error),
    /// Bytes follow the report.
    #[error("{size} bytes follow the layer report")]
    TrailingBytes {
        /// How many.
        size: usize,
    },
}

impl LayerReport {
    /// Returns the stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        postcard::to_extend(self, bytes)
            .expect("every sequence of a report knows its length, and a vector takes every byte")
    }

    /// Reads the stored form. Never panics, and allocates at most a bounded multiple of `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong; the answer is always to analyse the layer again.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > ENCODED_LIMIT {
            return Err(DecodeError::TooLong { size: bytes.len() });
        }
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or(DecodeError::Magic)?;
        let [m0, m1, m2, m3, v0, v1] = *header;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(DecodeError::Magic);
        }
        let found = u16::from_le_bytes([v0, v1]);
        if found != VERSION {
            return Err(DecodeError::Version { found });
        }
        let (report, rest) =
            postcard::take_from_bytes(&bytes[HEADER..]).map_err(DecodeError::Damaged)?;
        if !rest.is_empty() {
            return Err(DecodeError::TrailingBytes { size: rest.len() });
        }
        Ok(report)
    }
}
