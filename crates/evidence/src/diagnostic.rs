//! What could not be read as expected, and how much of the image was covered.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// An oddity worth knowing; nothing was lost.
    Info,
    /// Something was not read; the result may be incomplete.
    Warning,
    /// A unit of work (a database, a layer) ended early; the result is incomplete.
    Error,
}

/// One named observation about content. Bad content is a diagnostic, never a failed analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// A stable dotted name such as `tar.bad_header` or `limit.entries`.
    pub code: Cow<'static, str>,
    /// How much it matters.
    pub level: Level,
    /// One sentence for people: what happened, expected and observed.
    pub message: String,
    /// The path inside the image, if one is concerned. Non-UTF-8 bytes are shown escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The layer's position from the base, if one is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
}

impl Diagnostic {
    /// Builds a diagnostic without a place.
    pub fn new(code: &'static str, level: Level, message: impl Into<String>) -> Self {
        Self {
            code: Cow::Borrowed(code),
            level,
            message: message.into(),
            path: None,
            layer: None,
        }
    }

    /// Adds the path.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Adds the layer.
    #[must_use]
    pub fn in_layer(mut self, layer: u32) -> Self {
        self.layer = Some(layer);
        self
    }
}

/// Whether everything was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Everything.
    #[default]
    Complete,
    /// Something was left out; the diagnostics of level error say what. Never counts as a pass.
    Partial,
}
