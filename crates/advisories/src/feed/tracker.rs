//! The Debian security tracker's JSON: `{source: {CVE: {description, releases: {codename: {status, …}}}}}`.
//!
//! The file is one object of some seventy megabytes upstream, so it is streamed; one document is one (source package,
//! vulnerability) pair. Absence of a pair or a release says nothing: it is not "not affected".
//!
//! # Source
//! security-tracker.debian.org/tracker/data/json and the tracker's `bin/tracker_service.py`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use versions::{Ecosystem, Version};

use super::source::{Meter, Source};
use super::tally::Tally;
use crate::import::{ImportError, Limits};
use crate::record::{DebianEntry, DebianHandling, DebianStatus, DebianUrgency};

/// One (source package, vulnerability) pair.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TrackerEntry {
    pub source: String,
    pub flaw: String,
    pub description: String,
    /// The entries by release code name.
    pub releases: Vec<(String, DebianEntry)>,
}

#[derive(Deserialize)]
struct Pair {
    #[serde(default)]
    description: Option<String>,
    releases: BTreeMap<String, ReleaseEntry>,
}

#[derive(Deserialize)]
struct ReleaseEntry {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
    #[serde(default)]
    nodsa: Option<String>,
    #[serde(default)]
    nodsa_reason: Option<String>,
    #[serde(default)]
    repositories: Option<BTreeMap<String, String>>,
}

/// Streams the tracker, giving each pair to `keep`.
pub(crate) fn read(
    path: &Path,
    limits: &Limits,
    keep: &mut dyn FnMut(TrackerEntry) -> Result<(), ImportError>,
) -> Result<Tally, ImportError> {
    let source = Source::open(path, limits)?;
    let meter = source.meter();
    let mut walk = Walk {
        meter: Rc::clone(&meter),
        tally: Tally::default(),
        failed: None,
        keep,
    };
    let mut json = serde_json::Deserializer::from_reader(source.reader);
    let outcome = json
        .deserialize_map(Sources(&mut walk))
        .and_then(|()| json.end());
    if let Some(error) = walk.failed {
        return Err(error);
    }
    outcome
        .map_err(|error| Source::json_error(path, &meter, "Debian security tracker JSON", error))?;
    walk.tally.accept(path)?;
    Ok(walk.tally)
}

/// What the nested visitors share.
struct Walk<'k> {
    meter: Rc<Meter>,
    tally: Tally,
    failed: Option<ImportError>,
    keep: &'k mut dyn FnMut(TrackerEntry) -> Result<(), ImportError>,
}

/// The outer object: source packages.
struct Sources<'w, 'k>(&'w mut Walk<'k>);

impl<'de> Visitor<'de> for Sources<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of source packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(source) = map.next_key::<String>()? {
            map.next_value_seed(Flaws {
                walk: self.0,
                source,
            })?;
        }
        Ok(())
    }
}

/// The inner object: the vulnerabilities of one source package.
struct Flaws<'w, 'k> {
    walk: &'w mut Walk<'k>,
    source: String,
}

impl<'de> DeserializeSeed<'de> for Flaws<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Flaws<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of vulnerabilities")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let walk = self.walk;
        walk.meter.next_document();
        while let Some(flaw) = map.next_key::<String>()? {
            // Raw first: a pair of another shape is skipped without losing the place in the stream.
            let raw = map.next_value::<Box<RawValue>>()?;
            walk.meter.next_document();
            match pair(&self.source, &flaw, raw.get()) {
                Ok(entry) => {
                    walk.tally.records += 1;
                    if let Err(error) = (walk.keep)(entry) {
                        walk.failed = Some(error);
                        return Err(serde::de::Error::custom("stopped"));
                    }
                }
                Err(reason) => walk.tally.skip(format!("{}/{flaw}", self.source), reason),
            }
        }
        Ok(())
    }
}

fn pair(source: &str, flaw: &str, raw: &str) -> Result<TrackerEntry, String> {
    let is_name = |text: &str| {
        (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
    };
    if !is_name(source) || !is_name(flaw) {
        return Err("the source package or the vulnerability has no usable name".to_owned());
    }
    let pair: Pair = serde_json::from_str(raw).map_err(|error| error.to_string())?;
    let releases = pair
        .releases
        .into_iter()
        .map(|(release, entry)| {
            if !is_name(&release) {
                return Err("a release has no usable name".to_owned());
            }
            Ok((release, read_release(entry)?))
        })
        .collect::<Result<_, String>>()?;
    Ok(TrackerEntry {
        source: source.to_owned(),
        flaw: flaw.to_owned(),
        description: pair.description.unwrap_or_default(),
        releases,
    })
}

fn read_release(entry: ReleaseEntry) -> Result<DebianEntry, String> {
    let status = match (entry.status.as_str(), entry.fixed_version) {
        ("resolved", Some(version)) if version == "0" => DebianStatus::NeverAffected,
        ("resolved", Some(version)) => {
            let fixed =
                Version::parse(Ecosystem::Deb, &version).map_err(|error| error.to_string())?;
            DebianStatus::Fixed {
                published: is_published(&fixed, entry.repositories.as_ref()),
                version,
            }
        }
        ("resolved", None) => return Err("`resolved` without `fixed_version`".to_owned()),
        ("open", _) => DebianStatus::Open,
        ("undetermined", _) => DebianStatus::Undetermined,
        (other, _) => {
            return Err(format!(
                "unknown status `{}`",
                crate::osv::one_line(other, 40)
            ));
        }
    };
    let urgency = match entry.urgency.as_deref() {
        Some("unimportant") => DebianUrgency::Unimportant,
        Some("end-of-life") => DebianUrgency::EndOfLife,
        _ => DebianUrgency::Ordinary,
    };
    let handling = match (&entry.nodsa, entry.nodsa_reason.as_deref()) {
        (_, Some("postponed")) => DebianHandling::Postponed,
        (_, Some("ignored")) => DebianHandling::Ignored,
        (Some(_), _) => DebianHandling::Minor,
        (None, _) => DebianHandling::Undecided,
    };
    Ok(DebianEntry {
        status,
        urgency,
        handling,
        remark: crate::osv::one_line(entry.nodsa.as_deref().unwrap_or_default(), 200),
    })
}

/// Returns whether an archive of the release carries the fix. Without archives named, it is taken as published.
fn is_published(fixed: &Version, repositories: Option<&BTreeMap<String, String>>) -> bool {
    let Some(repositories) = repositories.filter(|repositories| !repositories.is_empty()) else {
        return true;
    };
    repositories
        .values()
        .filter_map(|version| Version::parse(Ecosystem::Deb, version).ok())
        .any(|version| version.compare(fixed).is_ge())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn entry(json: &str) -> Result<DebianEntry, String> {
        let raw = format!(r#"{{"releases":{{"bookworm":{json}}}}}"#);
        pair("openssl", "CVE-2024-0001", &raw).map(|entry| entry.releases[0].1.clone())
    }

    #[rstest]
    #[case(
        r#"{"status":"resolved","fixed_version":"0"}"#,
        DebianStatus::NeverAffected
    )]
    #[case(
        r#"{"status":"resolved","fixed_version":"1-2","repositories":{"bookworm":"1-1","bookworm-security":"1-2"}}"#,
        DebianStatus::Fixed { version: "1-2".into(), published: true }
    )]
    #[case(
        r#"{"status":"resolved","fixed_version":"1-2","repositories":{"bookworm":"1-1"}}"#,
        DebianStatus::Fixed { version: "1-2".into(), published: false }
    )]
    #[case(
        r#"{"status":"resolved","fixed_version":"1-2"}"#,
        DebianStatus::Fixed { version: "1-2".into(), published: true }
    )]
    #[case(r#"{"status":"open"}"#, DebianStatus::Open)]
    #[case(r#"{"status":"undetermined"}"#, DebianStatus::Undetermined)]
    fn a_status_is_read(#[case] json: &str, #[case] expected: DebianStatus) {
        assert_eq!(entry(json).expect("a release").status, expected);
    }

    #[rstest]
    #[case(r#""nodsa":"Minor issue","nodsa_reason":"""#, DebianHandling::Minor)]
    #[case(r#""nodsa":"Minor issue""#, DebianHandling::Minor)]
    #[case(
        r#""nodsa":"Later","nodsa_reason":"postponed""#,
        DebianHandling::Postponed
    )]
    #[case(r#""nodsa":"Never","nodsa_reason":"ignored""#, DebianHandling::Ignored)]
    #[case(r#""urgency":"low""#, DebianHandling::Undecided)]
    fn a_decision_is_read(#[case] fields: &str, #[case] expected: DebianHandling) {
        let json = format!(r#"{{"status":"open",{fields}}}"#);
        assert_eq!(entry(&json).expect("a release").handling, expected);
    }

    #[rstest]
    #[case("unimportant", DebianUrgency::Unimportant)]
    #[case("end-of-life", DebianUrgency::EndOfLife)]
    #[case("high", DebianUrgency::Ordinary)]
    #[case("not yet assigned", DebianUrgency::Ordinary)]
    fn only_two_urgencies_mean_something(#[case] word: &str, #[case] expected: DebianUrgency) {
        let json = format!(r#"{{"status":"open","urgency":"{word}"}}"#);
        assert_eq!(entry(&json).expect("a release").urgency, expected);
    }

    #[rstest]
    #[case(r#"{"status":"resolved"}"#)]
    #[case(r#"{"status":"resolved","fixed_version":"not a version"}"#)]
    #[case(r#"{"status":"maybe"}"#)]
    #[case(r#"{"fixed_version":"1"}"#)]
    #[case("[]")]
    fn a_pair_of_another_shape_is_bad(#[case] json: &str) {
        assert!(entry(json).is_err(), "{json}");
    }
}
