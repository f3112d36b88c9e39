//! Doors and modes: where a verdict is asked for, and how firmly it is meant.

use serde::{Deserialize, Serialize};

/// A place that asks for a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Content arrives.
    Push,
    /// Content leaves.
    Pull,
    /// Content moves to another repository.
    Promote,
    /// A cluster wants to run it.
    Admit,
    /// A pipeline asks before publishing.
    Ci,
}

impl Door {
    /// All doors.
    pub const ALL: [Self; 5] = [Self::Push, Self::Pull, Self::Promote, Self::Admit, Self::Ci];

    /// Returns the word used in policies and verdicts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Promote => "promote",
            Self::Admit => "admit",
            Self::Ci => "ci",
        }
    }
}

/// How firmly a policy is meant, ordered from lenient to strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Record only: a client hears nothing at the pull door.
    Audit,
    /// Let through, with words.
    Warn,
    /// Refuse.
    Enforce,
}

impl Mode {
    /// All modes, lenient to strict.
    pub const ALL: [Self; 3] = [Self::Audit, Self::Warn, Self::Enforce];

    /// Returns the word used in policies and verdicts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}
