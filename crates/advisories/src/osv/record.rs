//! From a document to statements: which packages, which vulnerability, how severe.

use evidence::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::range::{drop_covered_versions, sort_events};
use super::shape::{AffectedEntry, Document, Range, SeverityEntry};
use crate::cvss::{self, ScoredVector};
use crate::distro;
use crate::record::{Affected, Event};

/// An OSV record, reduced to what a snapshot needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OsvRecord {
    pub id: String,
    /// Seconds of Unix time; the newest record of an id wins.
    pub modified: Option<i64>,
    pub published: Option<i64>,
    pub is_withdrawn: bool,
    /// The names of the same flaw. Empty for a bulletin.
    pub aliases: Vec<String>,
    /// The flaws that a distribution's bulletin fixes; it speaks about each of them.
    pub fixes: Vec<String>,
    pub summary: String,
    pub cvss: Option<ScoredVector>,
    pub severity: Option<Severity>,
    /// Statements by package key.
    pub packages: Vec<(String, Affected)>,
    /// The ecosystems named, without their suffix, with repetitions removed.
    pub ecosystems: Vec<String>,
}

/// Prefixes of bulletins: one id for an update that fixes several flaws. Their `aliases`, `related` and `upstream` are
/// what they fix, not what they are, and must never join flaws with each other.
const BULLETINS: [&str; 11] = [
    "ALSA-", "ALBA-", "ALEA-", "RLSA-", "RLBA-", "RLEA-", "DSA-", "DLA-", "DTSA-", "USN-", "CGA-",
];

/// Prefixes that distributions put before a CVE's own name.
const CVE_WRAPPERS: [&str; 3] = ["DEBIAN-", "UBUNTU-", "ALPINE-"];

/// The greatest length of an id. The longest prefixes in use are below forty characters.
const ID_CHARS: usize = 128;

/// The length of the one line that a finding shows.
const SUMMARY_CHARS: usize = 240;

/// Reduces a document.
///
/// # Errors
/// A sentence, if the document has no usable id.
pub(crate) fn read(document: Document, text_bytes: usize) -> Result<OsvRecord, String> {
    if !is_id(&document.id) {
        let shown: String = document.id.chars().take(ID_CHARS).collect();
        return Err(format!("`{shown}` is not a record id"));
    }
    let is_bulletin = BULLETINS
        .iter()
        .any(|prefix| document.id.starts_with(prefix));
    let mut aliases = document.aliases;
    let mut fixes = Vec::new();
    if is_bulletin {
        fixes.append(&mut aliases);
        fixes.extend(document.related);
        fixes.extend(document.upstream);
        fixes.retain(|id| is_cve(id));
    } else if let Some(cve) = wrapped_cve(&document.id) {
        aliases.push(cve.to_owned());
    }
    for list in [&mut aliases, &mut fixes] {
        list.retain(|id| is_id(id) && *id != document.id);
        list.sort_unstable();
        list.dedup();
    }
    let summary = document.summary.unwrap_or_default();
    let details = document.details.unwrap_or_default();
    let severity = severity_word(&document.id, is_bulletin, &summary)
        .or_else(|| {
            let specific = document.database_specific.as_ref();
            specific.and_then(|s| s.severity.as_deref()?.parse().ok())
        })
        .or_else(|| vendor_word(&document.severity))
        .or_else(|| document.affected.iter().find_map(affected_word));
    let vectors = document
        .severity
        .iter()
        .chain(document.affected.iter().flat_map(|entry| &entry.severity));
    let text = if summary.trim().is_empty() {
        &details
    } else {
        &summary
    };
    Ok(OsvRecord {
        modified: seconds(document.modified.as_deref()),
        published: seconds(document.published.as_deref()),
        is_withdrawn: document.withdrawn.is_some(),
        summary: one_line(text, SUMMARY_CHARS.min(text_bytes)),
        cvss: best_vector(vectors),
        severity,
        packages: statements(&document.affected),
        ecosystems: ecosystems(&document.affected),
        id: document.id,
        aliases,
        fixes,
    })
}

/// Collects the statements by package: several `affected` entries of one package are a union.
fn statements(entries: &[AffectedEntry]) -> Vec<(String, Affected)> {
    let mut packages = std::collections::BTreeMap::<String, (versions::Ecosystem, Affected)>::new();
    for entry in entries {
        let Some(package) = &entry.package else {
            continue;
        };
        let Some(scope) = distro::osv_scope(&package.ecosystem) else {
            continue;
        };
        if package.name.is_empty() {
            continue;
        }
        let Some(order) = scope.kind.version_order() else {
            continue;
        };
        let ranges: Vec<Vec<Event>> = entry
            .ranges
            .iter()
            .filter(|range| range.kind != "GIT")
            .map(|range| events(order, range))
            .filter(|events| !events.is_empty())
            .collect();
        if ranges.is_empty() && entry.versions.is_empty() {
            continue;
        }
        let name = distro::normal_name(scope.kind, &package.name);
        let key = format!("{}/{name}", scope.scope);
        let (_, affected) = packages
            .entry(key)
            .or_insert_with(|| (order, Affected::default()));
        affected.ranges.extend(ranges);
        affected.versions.extend(entry.versions.iter().cloned());
    }
    packages
        .into_iter()
        .map(|(key, (order, mut affected))| {
            affected.ranges.sort_unstable();
            affected.ranges.dedup();
            drop_covered_versions(order, &mut affected);
            (key, affected)
        })
        .collect()
}

fn events(order: versions::Ecosystem, range: &Range) -> Vec<Event> {
    let mut events = Vec::new();
    for event in &range.events {
        match event.introduced.as_deref() {
            Some("0") => events.push(Event::FromStart),
            Some(version) => events.push(Event::Introduced(version.to_owned())),
            None => {}
        }
        events.extend(event.fixed.clone().map(Event::Fixed));
        events.extend(event.last_affected.clone().map(Event::LastAffected));
        // "*" is the default: no limit.
        events.extend(
            event
                .limit
                .clone()
                .filter(|limit| limit != "*")
                .map(Event::Limit),
        );
    }
    sort_events(order, &mut events);
    events
}

fn ecosystems(entries: &[AffectedEntry]) -> Vec<String> {
    let mut names: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.package.as_ref())
        .map(|package| {
            package
                .ecosystem
                .split(':')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Reads the severity that an id or a bulletin's title carries: malware is critical, `Important: …` is a vendor's word.
fn severity_word(id: &str, is_bulletin: bool, summary: &str) -> Option<Severity> {
    if id.starts_with("MAL-") {
        return Some(Severity::Critical);
    }
    let (word, _) = summary.split_once(':').filter(|_| is_bulletin)?;
    word.parse().ok()
}

/// Reads a severity entry that is a word and not a vector (`{"type": "Ubuntu", "score": "medium"}`).
fn vendor_word(entries: &[SeverityEntry]) -> Option<Severity> {
    entries
        .iter()
        .filter(|entry| !entry.kind.starts_with("CVSS"))
        .find_map(|entry| entry.score.parse().ok())
}

fn affected_word(entry: &AffectedEntry) -> Option<Severity> {
    let specific = entry.ecosystem_specific.as_ref();
    vendor_word(&entry.severity)
        .or_else(|| specific.and_then(|s| s.severity.as_deref()?.parse().ok()))
        // Debian's urgencies are not severities, except this one.
        .or_else(|| {
            specific.and_then(|s| {
                (s.urgency.as_deref()? == "unimportant").then_some(Severity::Negligible)
            })
        })
}

fn best_vector<'a>(entries: impl Iterator<Item = &'a SeverityEntry>) -> Option<ScoredVector> {
    entries
        .filter(|entry| entry.kind.starts_with("CVSS"))
        .filter_map(|entry| cvss::score(&entry.score).ok())
        .max_by(preferred)
}

/// Orders vectors by version, then score, then text, so that the choice does not depend on the order of records.
pub(crate) fn preferred(a: &ScoredVector, b: &ScoredVector) -> std::cmp::Ordering {
    a.version
        .cmp(&b.version)
        .then_with(|| a.score.total_cmp(&b.score))
        .then_with(|| a.vector.cmp(&b.vector))
}

/// Reads an RFC 3339 time. A date before 1990 is a zero value of the database's language, not a date.
fn seconds(text: Option<&str>) -> Option<i64> {
    const YEAR_1990: i64 = 631_152_000;
    text?
        .parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_second)
        .filter(|second| *second >= YEAR_1990)
}

fn wrapped_cve(id: &str) -> Option<&str> {
    CVE_WRAPPERS
        .iter()
        .find_map(|prefix| id.strip_prefix(prefix))
        .filter(|rest| is_cve(rest))
}

/// Returns whether a text is `CVE-`, a year, `-` and digits.
pub(crate) fn is_cve(id: &str) -> bool {
    let Some((year, number)) = id
        .strip_prefix("CVE-")
        .and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    year.len() == 4 && digits(year) && (4..=12).contains(&number.len()) && digits(number)
}

fn is_id(id: &str) -> bool {
    (1..=ID_CHARS).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

/// Makes one plain line of a text: white space collapsed, control characters dropped, cut at a word.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let length = line.chars().count() + word.chars().count() + 1;
        if length > max_chars {
            if line.is_empty() {
                line.extend(word.chars().take(max_chars.saturating_sub(1)));
            }
            line.push('…');
            return line;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    line
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::shape::Encoding;
    use super::*;

    fn json(text: &str) -> OsvRecord {
        let document = Document::parse(text.as_bytes(), Encoding::Json).expect("a document");
        read(document, 1 << 18).expect("a record")
    }

    #[test]
    fn a_yaml_document_equals_its_json_twin() {
        let yaml = "id: PYSEC-2013-1\ndetails: |-\n  runner\n  text\naffected:\n- package:\n    name: Ansible_Core\n    ecosystem: PyPI\n  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: \"0\"\n    - fixed: 1.2.3\n  - type: GIT\n    repo: https://example.com\n    events:\n    - introduced: \"0\"\n  versions:\n  - \"1.0\"\n  - 1.2.2\n  - 1.2.3\naliases:\n- CVE-2013-4259\nmodified: \"2021-07-02T02:41:32.926386Z\"\npublished: \"2013-09-16T19:14:00Z\"\n";
        let json = json(
            r#"{"id":"PYSEC-2013-1","details":"runner\ntext","affected":[{"package":{"name":"ansible-core","ecosystem":"PyPI"},
            "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2.3"}]}],"versions":["1.2.3"]}],
            "aliases":["CVE-2013-4259"],"modified":"2021-07-02T02:41:32.926386Z","published":"2013-09-16T19:14:00Z"}"#,
        );
        let document = Document::parse(yaml.as_bytes(), Encoding::Yaml).expect("a document");
        let yaml = read(document, 1 << 18).expect("a record");
        assert_eq!(yaml, json);
        assert_eq!(json.packages[0].0, "pypi//ansible-core");
        // 1.0 and 1.2.2 are inside the range; 1.2.3 is named although the range calls it fixed.
        assert_eq!(json.packages[0].1.versions, ["1.2.3"]);
        assert_eq!(json.summary, "runner text");
    }

    #[test]
    fn several_entries_of_one_package_are_one_statement() {
        let record = json(
            r#"{"id":"GHSA-2ccf-ffrj-m4qw","affected":[
            {"package":{"ecosystem":"npm","name":"@a/b"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.1.0"}]}]},
            {"package":{"ecosystem":"npm","name":"@a/b"},"ranges":[{"type":"SEMVER","events":[{"introduced":"2.0.0"},{"fixed":"2.3.0"}]}]},
            {"package":{"ecosystem":"Hackage","name":"x"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}"#,
        );
        assert_eq!(record.packages.len(), 1);
        assert_eq!(record.packages[0].0, "npm//@a/b");
        assert_eq!(record.packages[0].1.ranges.len(), 2);
        assert_eq!(record.ecosystems, ["Hackage", "npm"]);
    }

    #[test]
    fn a_bulletin_speaks_about_what_it_fixes_and_joins_nothing() {
        let record = json(
            r#"{"id":"ALSA-2025:13941","summary":"Important: golang security update","related":["CVE-2025-4674","CVE-2025-1","RHSA-1"],"affected":[]}"#,
        );
        assert_eq!(record.fixes, ["CVE-2025-4674"]);
        assert!(record.aliases.is_empty());
        assert_eq!(record.severity, Some(Severity::High));
    }

    #[test]
    fn related_records_are_not_aliases() {
        let record =
            json(r#"{"id":"GHSA-a","aliases":["CVE-2024-0001"],"related":["CVE-2024-0002"]}"#);
        assert_eq!(record.aliases, ["CVE-2024-0001"]);
        assert!(record.fixes.is_empty());
    }

    #[rstest]
    #[case(r#"{"id":"MAL-2024-1"}"#, Some(Severity::Critical))]
    #[case(
        r#"{"id":"GHSA-a","database_specific":{"severity":"MODERATE"}}"#,
        Some(Severity::Medium)
    )]
    #[case(
        r#"{"id":"X-1","database_specific":{"severity":[{"type":"CVSS_V3"}]}}"#,
        None
    )]
    #[case(
        r#"{"id":"UBUNTU-CVE-2024-0001","severity":[{"type":"Ubuntu","score":"low"}]}"#,
        Some(Severity::Low)
    )]
    #[case(r#"{"id":"X-1","summary":"Important: not a bulletin"}"#, None)]
    #[case(r#"{"id":"X-1"}"#, None)]
    fn a_severity_word_is_taken_where_it_stands(
        #[case] document: &str,
        #[case] expected: Option<Severity>,
    ) {
        assert_eq!(json(document).severity, expected);
    }

    #[test]
    fn the_newest_kind_of_vector_is_preferred() {
        let record = json(
            r#"{"id":"X-1","severity":[{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:N/I:N/A:C"},
            {"type":"CVSS_V4","score":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"},
            {"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},{"type":"CVSS_V3","score":"nonsense"}]}"#,
        );
        assert_eq!(
            record.cvss.expect("a vector").version,
            cvss::CvssVersion::V40
        );
    }

    #[test]
    fn a_wrapped_cve_is_an_alias() {
        assert_eq!(
            json(r#"{"id":"DEBIAN-CVE-2024-0001"}"#).aliases,
            ["CVE-2024-0001"]
        );
    }

    #[rstest]
    #[case(r#"{"id":""}"#)]
    #[case(r#"{"id":"two words"}"#)]
    #[case(r#"{"id":"a\nb"}"#)]
    fn a_record_without_a_usable_id_is_bad(#[case] text: &str) {
        let document = Document::parse(text.as_bytes(), Encoding::Json).expect("a document");
        assert!(read(document, 100).is_err());
    }

    #[rstest]
    #[case(r#"{"summary":"no id"}"#)]
    #[case(r#"{"id":5}"#)]
    #[case(r#"{"id":"X-1","affected":"all"}"#)]
    #[case("[]")]
    #[case("{")]
    fn a_document_of_another_shape_is_bad(#[case] text: &str) {
        assert!(Document::parse(text.as_bytes(), Encoding::Json).is_err());
    }

    #[test]
    fn a_zero_time_is_no_time() {
        assert_eq!(
            json(r#"{"id":"X-1","published":"0001-01-01T00:00:00Z"}"#).published,
            None
        );
    }

    #[test]
    fn a_long_text_is_cut_at_a_word() {
        assert_eq!(one_line("one two  three\nfour", 12), "one two…");
        assert_eq!(one_line("aaaaaaaaaaaaaaaa", 5), "aaaa…");
        assert_eq!(one_line(" a\u{7}b \t c ", 50), "ab c");
    }
}
