//! The filter that vulnerability conditions share: severity, fix, package.

use evidence::{Finding, Severity};

use super::Parameter;
use super::findings::Label;
use crate::glob::GlobList;
use crate::policy::PolicyError;
use crate::policy::fields::{Fields, SEVERITIES, Value, severity_word};

pub(crate) const SEVERITY: Parameter = Parameter::optional(
    "severity",
    "severity, or `\">=severity\"`",
    Some("any"),
    "the severities that count",
);
pub(crate) const FIXABLE: Parameter = Parameter::optional(
    "fixable",
    "true, false, any",
    Some("any"),
    "whether a fixed version must be published for a finding to count",
);
pub(crate) const PACKAGES: Parameter = Parameter::optional(
    "packages",
    "list of patterns",
    Some("all"),
    "the packages that count, `!` excludes",
);
pub(crate) const MAX: Parameter = Parameter::optional(
    "max",
    "whole number",
    Some("0"),
    "how many distinct vulnerabilities are tolerated",
);

/// Which severities count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SeverityRange {
    Any,
    Exactly(Severity),
    AtLeast(Severity),
}

impl SeverityRange {
    fn read(value: &Value<'_>) -> Result<Self, PolicyError> {
        let mut choices = Vec::new();
        let at_least = SEVERITIES.map(|(word, severity)| (format!(">={word}"), severity));
        for (word, severity) in SEVERITIES {
            choices.push((word, Self::Exactly(severity)));
        }
        for (word, severity) in &at_least {
            choices.push((word.as_str(), Self::AtLeast(*severity)));
        }
        value.choice(&choices)
    }

    fn contains(self, severity: Severity) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(exact) => severity == exact,
            Self::AtLeast(least) => severity >= least,
        }
    }
}

/// Which findings count.
#[derive(Clone, Debug)]
pub(crate) struct VulnFilter {
    severity: SeverityRange,
    fixable: Option<bool>,
    packages: Option<GlobList>,
}

impl VulnFilter {
    /// Reads the keys that `fields` allows; the others keep their defaults.
    pub(crate) fn read(fields: &Fields<'_>) -> Result<Self, PolicyError> {
        Ok(Self {
            severity: match fields.optional("severity") {
                Some(severity) => SeverityRange::read(&severity)?,
                None => SeverityRange::Any,
            },
            fixable: match fields.optional("fixable") {
                Some(fixable) => fixable.choice(&[
                    ("true", Some(true)),
                    ("false", Some(false)),
                    ("any", None),
                ])?,
                None => None,
            },
            packages: match fields.optional("packages") {
                Some(packages) => Some(GlobList::new(packages.texts()?.iter().map(String::as_str))),
                None => None,
            },
        })
    }

    pub(crate) fn matches(&self, finding: &Finding) -> bool {
        self.severity.contains(finding.severity)
            && self
                .fixable
                .is_none_or(|wanted| finding.is_fixable() == wanted)
            && self
                .packages
                .as_ref()
                .is_none_or(|packages| packages.matches(&finding.package))
    }

    pub(crate) fn fixable(&self) -> Option<bool> {
        self.fixable
    }

    pub(crate) fn set_fixable(&mut self, fixable: Option<bool>) {
        self.fixable = fixable;
    }

    /// Names what is counted: `fixable critical`, `vulnerabilities`; `suffix` completes it.
    pub(crate) fn label(&self, suffix: &str) -> Label {
        let fixable = match self.fixable {
            Some(true) => "fixable ",
            Some(false) => "unfixed ",
            None => "",
        };
        let (one, many) = match self.severity {
            SeverityRange::Any => ("vulnerability", "vulnerabilities"),
            SeverityRange::Exactly(severity) | SeverityRange::AtLeast(severity) => {
                (severity_word(severity), severity_word(severity))
            }
        };
        let or_worse = match self.severity {
            SeverityRange::AtLeast(least) if least < Severity::Critical => " or worse",
            _ => "",
        };
        Label {
            one: format!("{fixable}{one}{or_worse}{suffix}"),
            many: format!("{fixable}{many}{or_worse}{suffix}"),
        }
    }
}

/// Reads `max`, whose default is 0.
pub(crate) fn read_max(fields: &Fields<'_>) -> Result<u32, PolicyError> {
    match fields.optional("max") {
        Some(max) => max.count(u32::MAX),
        None => Ok(0),
    }
}

/// Says how many are tolerated.
pub(crate) fn required(max: u32) -> String {
    match max {
        0 => "0".to_owned(),
        max => format!("at most {max}"),
    }
}
