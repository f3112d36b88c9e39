//! The health grade's words. Its rule is in `advisories::grade`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The health grade, ordered from best to worst; `Unknown` is worse than none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// No missing important fix.
    A,
    /// Slightly behind.
    B,
    /// Behind.
    C,
    /// Far behind.
    D,
    /// Very far behind.
    E,
    /// Beyond a year, or past the end of life.
    F,
    /// Cannot be said.
    Unknown,
}

impl Grade {
    /// Returns the letter, `?` for unknown.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::E => "E",
            Self::F => "F",
            Self::Unknown => "?",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.letter())
    }
}

/// The text is not a grade from A to F.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a grade is one of A, B, C, D, E, F")]
pub struct UnknownGrade;

impl FromStr for Grade {
    type Err = UnknownGrade;

    fn from_str(text: &str) -> Result<Self, UnknownGrade> {
        match text {
            "A" | "a" => Ok(Self::A),
            "B" | "b" => Ok(Self::B),
            "C" | "c" => Ok(Self::C),
            "D" | "d" => Ok(Self::D),
            "E" | "e" => Ok(Self::E),
            "F" | "f" => Ok(Self::F),
            _ => Err(UnknownGrade),
        }
    }
}

/// The missing fix that decides a grade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradeBasis {
    /// The vulnerability.
    pub id: String,
    /// The package to update.
    pub package: String,
    /// The severity that made it count.
    pub severity: crate::Severity,
    /// When its fix was published.
    pub fixed_at: Timestamp,
    /// Whether that date is estimated.
    pub estimated: bool,
}

/// One span of the schedule of grades, if nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradeStep {
    /// The grade in this span.
    pub grade: Grade,
    /// Its first instant; `None` for the span that contains the evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
}

/// A grade with its reason and its future.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradeReport {
    /// The grade at evaluation.
    pub grade: Grade,
    /// The reason in words.
    pub reason: String,
    /// The missing fix that decides it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<GradeBasis>,
    /// The current grade and the drops to come, in order of time.
    pub schedule: Vec<GradeStep>,
}

impl GradeReport {
    /// Returns the next, lower grade and its date.
    pub fn next_drop(&self) -> Option<(Grade, Timestamp)> {
        self.schedule
            .iter()
            .find_map(|step| step.from.map(|from| (step.grade, from)))
    }
}
