//! Policies: what is demanded, of what, how firmly.
//!
//! The language is a YAML subset in which every key is known. What this version cannot judge is refused by name, never
//! ignored: a demand that nobody checks would read as a pass.

mod document;
pub(crate) mod duration;
mod error;
pub(crate) mod fields;
mod rule;
mod scope;

use evidence::Severity;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use oci::Digest;

use self::duration::Span;
pub use self::error::{PolicyError, Position, Problem};
use self::fields::{Fields, Value};
pub(crate) use self::rule::{OnMissing, Rule};
use self::scope::Scope;
use crate::canonical::canonical_json;
use crate::{Door, Mode, PolicyRef, Subject};

/// The longest accepted policy, in bytes.
pub const MAX_POLICY_BYTES: usize = 256 * 1024;

const SPEC_KEYS: [&str; 8] = [
    "scope",
    "mode",
    "doors",
    "effectiveOn",
    "grace",
    "pending",
    "platforms",
    "rules",
];

/// Keys of the language whose judgement needs facts that this version does not have.
const LATER_SPEC_KEYS: [&str; 4] = ["exemptRoles", "vex", "waivers", "countersign"];

/// One policy, checked and ready to decide.
#[derive(Debug)]
pub struct Policy {
    name: String,
    description: Option<String>,
    owner: Option<String>,
    version: Option<u32>,
    sha256: Digest,
    scope: Scope,
    mode: Mode,
    doors: Vec<(Door, Mode)>,
    effective_on: Option<Date>,
    grace: Option<NewFindingGrace>,
    hold_secs: u32,
    pending_max_age: Option<Span>,
    platforms: Vec<String>,
    pub(crate) rules: Vec<Rule>,
}

/// Tolerance for findings that are new.
#[derive(Clone, Debug)]
pub(crate) struct NewFindingGrace {
    pub(crate) spans: Vec<(Severity, Span)>,
    pub(crate) since: Since,
}

/// The day a finding's age is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// The vulnerability was published.
    Published,
    /// Its fix was published.
    FixAvailable,
}

impl Policy {
    /// Reads and checks a policy written in YAML or JSON.
    ///
    /// # Errors
    /// The first place where the text does not mean one clear thing; see [`Problem`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(PolicyError {
                position: None,
                path: String::new(),
                problem: Problem::TooLarge {
                    size: text.len(),
                    limit: MAX_POLICY_BYTES,
                },
            });
        }
        let document = document::parse(text)?;
        let root =
            Value::root(&document).fields(&["apiVersion", "kind", "metadata", "spec"], &[])?;
        root.required("apiVersion")?
            .choice(&[("tidegate/v1", ())])?;
        root.required("kind")?.choice(&[("Policy", ())])?;
        let metadata = root
            .required("metadata")?
            .fields(&["name", "description", "owner"], &[])?;
        let name = identifier(&metadata.required("name")?)?;
        let spec = root
            .required("spec")?
            .fields(&SPEC_KEYS, &LATER_SPEC_KEYS)?;
        let (hold_secs, pending_max_age) = read_pending(&spec)?;
        Ok(Self {
            name,
            description: optional_prose(&metadata, "description")?,
            owner: optional_prose(&metadata, "owner")?,
            version: None,
            sha256: Digest::sha256(canonical_json(&document.to_json()).as_bytes()),
            scope: match spec.optional("scope") {
                Some(scope) => Scope::read(&scope)?,
                None => Scope::default(),
            },
            mode: spec.required("mode")?.choice(&modes())?,
            doors: read_doors(&spec)?,
            effective_on: match spec.optional("effectiveOn") {
                Some(date) => Some(date.date()?),
                None => None,
            },
            grace: read_grace(&spec)?,
            hold_secs,
            pending_max_age,
            platforms: match spec.optional("platforms") {
                Some(platforms) => platforms.texts()?,
                None => Vec::new(),
            },
            rules: rule::read_rules(&spec.required("rules")?)?,
        })
    }

    /// Marks the policy as a published version.
    #[must_use]
    pub fn with_version(mut self, version: u32) -> Self {
        self.version = Some(version);
        self
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns who answers for it.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Returns the published version, if it is one.
    pub fn version(&self) -> Option<u32> {
        self.version
    }

    /// Returns the hash of the canonical form: comments, order of keys and spelling do not change it.
    pub fn sha256(&self) -> &Digest {
        &self.sha256
    }

    /// Returns the mode for doors without one of their own.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the mode written for `door`.
    pub fn mode_at(&self, door: Door) -> Mode {
        self.doors
            .iter()
            .find(|(named, _)| *named == door)
            .map_or(self.mode, |(_, mode)| *mode)
    }

    /// Returns whether the policy is for `subject`. Without a known tag, patterns for tags count as matching.
    pub fn applies_to(&self, subject: &Subject<'_>) -> bool {
        self.scope.matches(subject)
    }

    /// Returns for how many seconds (0 to 20) a pull may be held while evidence is on its way.
    pub fn pending_hold_secs(&self) -> u32 {
        self.hold_secs
    }

    /// Returns the platforms whose children count in the verdict of an index; empty: all runnable ones.
    pub fn platforms(&self) -> &[String] {
        &self.platforms
    }

    /// Returns how many rules there are.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// Returns the reference that verdicts store, with the mode for doors without one of their own.
    pub fn reference(&self) -> PolicyRef {
        PolicyRef {
            name: self.name.clone(),
            version: self.version,
            sha256: self.sha256.hex().to_owned(),
            mode: self.mode,
            enforced_from: None,
        }
    }

    /// Returns the day (UTC) before which the policy warns instead of refusing.
    pub fn effective_on(&self) -> Option<Date> {
        self.effective_on
    }

    pub(crate) fn pending_max_age(&self) -> Option<&Span> {
        self.pending_max_age.as_ref()
    }

    pub(crate) fn grace(&self) -> Option<&NewFindingGrace> {
        self.grace.as_ref()
    }

    /// Returns the first instant at which the policy may refuse; before it, it warns.
    pub(crate) fn effective_from(&self) -> Option<Timestamp> {
        let date = self.effective_on?;
        date.to_zoned_datetime(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    }
}

/// Reads a name: `[a-z][a-z0-9-]{1,63}`.
pub(crate) fn identifier(value: &Value<'_>) -> Result<String, PolicyError> {
    let expected = "an id: a lower-case letter, then 1 to 63 lower-case letters, digits or `-`";
    let text = value.text().map_err(|_| value.unexpected(expected))?;
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_valid = (2..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(is_inner);
    if is_valid {
        Ok(text.to_owned())
    } else {
        Err(value.unexpected(expected))
    }
}

fn optional_prose(fields: &Fields<'_>, key: &str) -> Result<Option<String>, PolicyError> {
    match fields.optional(key) {
        Some(value) => value.prose().map(|text| Some(text.to_owned())),
        None => Ok(None),
    }
}

fn modes() -> [(&'static str, Mode); 3] {
    Mode::ALL.map(|mode| (mode.as_str(), mode))
}

fn read_doors(spec: &Fields<'_>) -> Result<Vec<(Door, Mode)>, PolicyError> {
    let Some(doors) = spec.optional("doors") else {
        return Ok(Vec::new());
    };
    let fields = doors.fields(&Door::ALL.map(Door::as_str), &[])?;
    let mut modes_by_door = Vec::new();
    for door in Door::ALL {
        if let Some(mode) = fields.optional(door.as_str()) {
            modes_by_door.push((door, mode.choice(&modes())?));
        }
    }
    Ok(modes_by_door)
}

fn read_grace(spec: &Fields<'_>) -> Result<Option<NewFindingGrace>, PolicyError> {
    let Some(grace) = spec.optional("grace") else {
        return Ok(None);
    };
    let fields = grace.fields(&["newFinding", "since"], &["running", "admittedBefore"])?;
    Ok(Some(NewFindingGrace {
        spans: fields.required("newFinding")?.spans_by_severity()?,
        since: match fields.optional("since") {
            Some(since) => read_since(&since)?,
            None => Since::FixAvailable,
        },
    }))
}

/// Reads `since`; `first_seen` needs a history that this version does not keep.
pub(crate) fn read_since(value: &Value<'_>) -> Result<Since, PolicyError> {
    value.choice(&[
        ("fix_available", Since::FixAvailable),
        ("published", Since::Published),
    ])
}

/// Reads how doors wait, and after what time waiting becomes a refusal.
fn read_pending(spec: &Fields<'_>) -> Result<(u32, Option<Span>), PolicyError> {
    let Some(pending) = spec.optional("pending") else {
        return Ok((0, None));
    };
    let fields = pending.fields(&["holdSeconds", "maxAge"], &[])?;
    let hold_secs = match fields.optional("holdSeconds") {
        Some(seconds) => seconds.count(20)?,
        None => 0,
    };
    let max_age = match fields.optional("maxAge") {
        Some(span) => Some(span.span()?),
        None => None,
    };
    Ok((hold_secs, max_age))
}
