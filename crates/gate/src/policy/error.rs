//! Why a policy is refused: the place, the key and what would be allowed.

use std::fmt;

/// A place in the text, both parts counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A policy that does not mean one clear thing.
///
/// Its text is made for a terminal: ``line 12, column 20: `spec.rules[3].with.max`: expected a whole number, found
/// `many` ``.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// Where; `None` when the whole text is concerned.
    pub position: Option<Position>,
    /// The path of the value concerned (`spec.rules[3].with.max`); empty for the whole document.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        write!(f, "{}", self.problem)
    }
}

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is longer than [`super::MAX_POLICY_BYTES`].
    #[error("a policy has at most {limit} bytes, this one has {size}")]
    TooLarge {
        /// The size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There is no document.
    #[error("the policy is empty")]
    Empty,
    /// A second document follows.
    #[error("a policy is one document, a second one starts here")]
    SecondDocument,
    /// It is not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// An anchor, alias, tag, merge key or directive.
    #[error("{feature} are not part of the policy language, write the value out")]
    Feature {
        /// The feature, in the plural: `anchors (`&`)`.
        feature: &'static str,
    },
    /// Values are nested too deeply.
    #[error("values nest deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A key is not a plain text.
    #[error("a key must be plain text")]
    KeyNotText,
    /// A key appears twice.
    #[error("the key `{key}` appears twice, first in line {first_line}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// The line of the first one.
        first_line: usize,
    },
    /// A key is not known.
    #[error("unknown key `{key}`; allowed: {}", allowed.join(", "))]
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that are known there.
        allowed: Vec<&'static str>,
    },
    /// A key of the policy language that this version cannot judge.
    #[error("`{key}` is not known to this version; known: {}", known.join(", "))]
    NotInThisVersion {
        /// The key.
        key: String,
        /// The keys that are known there.
        known: Vec<&'static str>,
    },
    /// A condition is not known.
    #[error("condition `{name}` is not known to this version; known: {}", known.join(", "))]
    UnknownCondition {
        /// The condition.
        name: String,
        /// All known conditions.
        known: Vec<&'static str>,
    },
    /// A key is missing.
    #[error("the key `{key}` is missing")]
    MissingKey {
        /// The key.
        key: String,
    },
    /// A value has the wrong type or is not one of those allowed.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What is allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// Two rules have the same id.
    #[error("the rule id `{id}` is taken by the rule in line {first_line}")]
    DuplicateRule {
        /// The id.
        id: String,
        /// The line of the first one.
        first_line: usize,
    },
    /// Values that are fine alone but not together.
    #[error("{0}")]
    Combination(&'static str),
}
