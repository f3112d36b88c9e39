//! The catalogue of conditions, and what a condition sees and says.
//!
//! A condition is typed: it says what it observed, what it requires and what to do, which a bare boolean cannot.
//! It sees the evidence of one subject and the instant, nothing else; it cannot fetch anything.
//!
//! Adding a condition: a file with a [`ConditionInfo`] constant, a type and its [`Condition`] implementation; its `mod`
//! line and one line in [`CATALOGUE`]. The keys of `with` are the parameters of the constant, so the reader, the reference page and the
//! error messages cannot disagree. Then `UPDATE=1 cargo test -p tidegate-gate` rewrites the reference page.

mod allow_digest;
mod case;
mod config_labels;
mod config_ports;
mod config_user;
mod deny_digest;
mod evidence_age;
mod evidence_diagnostics;
mod evidence_present;
mod feed_age;
mod findings;
mod health_drop;
mod health_grade;
mod image_age;
mod package_deny;
mod vuln_age;
mod vuln_count;
mod vuln_cvss;
mod vuln_deny;
mod vuln_epss;
mod vuln_filter;
mod vuln_kev;

use std::fmt;

pub(crate) use self::case::{Case, Judgement, Missing, Place};
pub(crate) use self::findings::Findings;
use crate::policy::PolicyError;
use crate::policy::Problem;
use crate::policy::fields::{Fields, Value};

/// All conditions of this version, by name.
static CATALOGUE: &[&ConditionInfo] = &[
    &allow_digest::INFO,
    &config_labels::INFO,
    &config_ports::INFO,
    &config_user::INFO,
    &deny_digest::INFO,
    &evidence_age::INFO,
    &evidence_diagnostics::INFO,
    &evidence_present::INFO,
    &feed_age::INFO,
    &health_drop::INFO,
    &health_grade::INFO,
    &image_age::INFO,
    &package_deny::INFO,
    &vuln_age::INFO,
    &vuln_count::INFO,
    &vuln_cvss::INFO,
    &vuln_deny::INFO,
    &vuln_epss::INFO,
    &vuln_kev::INFO,
];

/// One condition as the catalogue describes it.
#[derive(Debug)]
pub struct ConditionInfo {
    /// The stable name: `vuln.count`.
    pub name: &'static str,
    /// What it demands, in one line.
    pub summary: &'static str,
    /// The keys of `with`.
    pub parameters: &'static [Parameter],
    /// What a reader must know beyond the parameters, as Markdown sentences; may be empty.
    pub notes: &'static str,
    /// One rule that uses it, as YAML in flow form.
    pub example: &'static str,
    /// Whether it is judged on an index itself; the others are judged on each platform's image.
    pub judged_on_index: bool,
    /// Whether a waiver may ever cover it.
    pub waivable: bool,
    pub(crate) read: fn(&Fields<'_>) -> Result<Box<dyn Condition>, PolicyError>,
}

/// One key of a condition's `with`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The key.
    pub name: &'static str,
    /// The form of its value, for people: `whole number`, `span by severity`.
    pub form: &'static str,
    /// The value it has when absent; `None`: see [`Parameter::is_required`].
    pub default: Option<&'static str>,
    /// Whether it must be given.
    pub is_required: bool,
    /// What it means, in one line.
    pub summary: &'static str,
}

impl Parameter {
    const fn required(name: &'static str, form: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            form,
            default: None,
            is_required: true,
            summary,
        }
    }

    const fn optional(
        name: &'static str,
        form: &'static str,
        default: Option<&'static str>,
        summary: &'static str,
    ) -> Self {
        Self {
            name,
            form,
            default,
            is_required: false,
            summary,
        }
    }
}

/// A condition with its parameters, ready to judge.
pub(crate) trait Condition: fmt::Debug + Send + Sync {
    /// Says what is required, for people: `0`, `C or better`.
    fn required(&self) -> String;

    /// Judges one subject. Equal cases give equal judgements, at every instant before `changes_at`.
    ///
    /// # Errors
    /// Names the evidence that is not there; the outcome is then `unknown`.
    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing>;
}

/// Returns the catalogue, ordered by name.
pub fn conditions() -> &'static [&'static ConditionInfo] {
    CATALOGUE
}

pub(crate) fn find(name: &str) -> Option<&'static ConditionInfo> {
    CATALOGUE.iter().copied().find(|info| info.name == name)
}

/// Reads the parameters of a condition. `rule` is the place to name when `with` is missing altogether.
pub(crate) fn read(
    info: &ConditionInfo,
    rule: &Value<'_>,
    with: Option<Value<'_>>,
) -> Result<Box<dyn Condition>, PolicyError> {
    let keys: Vec<_> = info
        .parameters
        .iter()
        .map(|parameter| parameter.name)
        .collect();
    match with {
        Some(with) => (info.read)(&with.fields(&keys, &[])?),
        None if info
            .parameters
            .iter()
            .any(|parameter| parameter.is_required) =>
        {
            Err(rule.error(Problem::MissingKey { key: "with".into() }))
        }
        None => (info.read)(&Fields::left_out(rule)),
    }
}
