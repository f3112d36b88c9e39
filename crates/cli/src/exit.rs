//! Exit codes, and failures that carry one.
//!
//! Scripts depend on these numbers: 2 means that the image was judged and found wanting, and nothing else ever ends
//! with 2. Argument errors, which the argument parser would end with 2, are 64 (`EX_USAGE` of `sysexits.h`).

use std::fmt;
use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done, and no threshold was crossed.
    Pass = 0,
    /// It could not be evaluated: network, damaged input, missing data.
    NotEvaluated = 1,
    /// A policy or threshold failed.
    Failed = 2,
    /// The verdict waits for evidence.
    Pending = 3,
    /// Somebody refused us.
    Unauthorised = 4,
    /// The command line, the configuration or a policy file is wrong.
    Usage = 64,
}

impl Exit {
    /// Returns the number.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error with what to do about it, and how the program ends because of it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What happened, with its causes.
    pub(crate) error: anyhow::Error,
    /// What to do now: a whole sentence.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// Something could not be evaluated.
    pub(crate) fn new(error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit: Exit::NotEvaluated,
            error: error.into(),
            hint: None,
        }
    }

    /// The user wrote something that cannot be meant.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::new(error).with_exit(Exit::Usage)
    }

    /// Sets how the program ends.
    pub(crate) fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Adds what to do now.
    pub(crate) fn with_hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(error)
    }
}
