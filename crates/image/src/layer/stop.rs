//! Why a walk ends before the end of its archive.

use std::io;

use evidence::Level;

use crate::VerifyError;
use crate::diagnostics::Notes;

/// The reason a walk ends early. Each becomes one diagnostic of level error.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The stream ends too early; the words say where, as in `inside a file`.
    Truncated(&'static str),
    /// The compressed stream is damaged.
    Corrupt(String),
    /// The compressed stream asks for something that is not offered.
    Unsupported(String),
    /// The reader below failed.
    Unreadable(io::Error),
    /// A tar header cannot be read, so the next one cannot be found.
    BadHeader(String),
    /// A limit was reached.
    Limit(&'static str, String),
}

impl Stop {
    /// Returns whether the rest of the stream may still be read for its digest: its framing is broken, its bytes are
    /// not.
    pub(crate) fn leaves_bytes_readable(&self) -> bool {
        matches!(self, Self::BadHeader(_) | Self::Limit("limit.header", _))
    }

    /// Says it.
    pub(crate) fn note(&self, notes: &mut Notes) {
        let (code, message) = self.words();
        notes.push(code, Level::Error, message);
    }

    /// Returns the diagnostic's name and message.
    pub(crate) fn words(&self) -> (&'static str, String) {
        match self {
            Self::Truncated(place) => ("layer.truncated", format!("the stream ends {place}")),
            Self::Corrupt(reason) => (
                "layer.corrupt",
                format!("the compressed stream is damaged: {reason}"),
            ),
            Self::Unsupported(reason) => ("layer.unsupported", reason.clone()),
            Self::Unreadable(error) => {
                let verify = error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<VerifyError>());
                let code = match verify {
                    Some(VerifyError::Truncated { .. }) => "layer.truncated",
                    Some(VerifyError::TooLong { .. }) => "layer.size_mismatch",
                    Some(VerifyError::Digest { .. }) => "layer.digest_mismatch",
                    None => "layer.unreadable",
                };
                (code, format!("the layer's bytes cannot be read: {error}"))
            }
            Self::BadHeader(reason) => ("tar.bad_header", reason.clone()),
            Self::Limit(code, message) => (code, message.clone()),
        }
    }
}
