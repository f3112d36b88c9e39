//! Joining: staged records become sorted rows, rows become a file.
//!
//! Every choice between records (which vector, which summary, which date) is made by an order over values, never by
//! who came first: the same feeds give the same rows in any order.

use std::collections::BTreeMap;
use std::path::Path;

use evidence::Severity;
use jiff::Timestamp;

use super::ImportError;
use super::identity::Identity;
use super::spool::Place;
use super::stage::Stage;
use crate::cvss::ScoredVector;
use crate::osv::{OsvRecord, is_cve, preferred};
use crate::record::{Claim, DebianStatus, Statement, Vulnerability};
use crate::snapshot::{self, FeedRow, Rows, Snapshot, SnapshotInfo};

/// Joins the stage and writes the snapshot.
pub(super) fn write(
    mut stage: Stage,
    feeds: Vec<FeedRow>,
    parent: Option<&Snapshot>,
    out: &Path,
    built_at: Timestamp,
) -> Result<SnapshotInfo, ImportError> {
    let mut joined = Joined::default();
    let mut records: Vec<(String, Place)> = std::mem::take(&mut stage.osv)
        .into_iter()
        .filter_map(|(id, newest)| Some((id, newest.place?)))
        .collect();
    records.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut pairs = Vec::new();
    for (id, place) in &records {
        let aliases = stage.record(*place)?.aliases;
        pairs.extend(aliases.into_iter().map(|alias| (id.clone(), alias)));
    }
    let names = Identity::of(pairs);
    for (_, place) in &records {
        let record = stage.record(*place)?;
        joined.add_record(&mut stage, &names, &record)?;
    }
    joined.add_tracker(&mut stage, &names, parent)?;
    joined.write(&mut stage, feeds, out, built_at)
}

/// The joined data.
#[derive(Debug, Default)]
struct Joined {
    flaws: BTreeMap<String, Flaw>,
    /// Package key → statements.
    packages: BTreeMap<String, Vec<Place>>,
}

/// A vulnerability while its records are joined; each choice carries how far its source is trusted.
#[derive(Debug, Default)]
struct Flaw {
    /// Whether any package that can be matched has a statement.
    is_used: bool,
    aliases: Vec<String>,
    published: Option<i64>,
    cvss: Option<ScoredVector>,
    severity: Option<(Trust, Severity)>,
    summary: Option<(Trust, String)>,
}

/// How far a text or a word is trusted, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// A database about something else.
    Other,
    /// A distribution's description, cut upstream.
    Distribution,
    /// A curated database of an ecosystem.
    Ecosystem,
    /// A reviewed GitHub advisory.
    Reviewed,
}

impl Joined {
    fn add_record(
        &mut self,
        stage: &mut Stage,
        names: &Identity,
        record: &OsvRecord,
    ) -> Result<(), ImportError> {
        let is_bulletin = !record.fixes.is_empty();
        let flaws: Vec<String> = if is_bulletin {
            record
                .fixes
                .iter()
                .map(|id| names.display(id).to_owned())
                .collect()
        } else {
            vec![names.display(&record.id).to_owned()]
        };
        let trust = match () {
            () if record.id.starts_with("GHSA-") => Trust::Reviewed,
            () if is_bulletin => Trust::Distribution,
            () if record.packages.is_empty() => Trust::Other,
            () => Trust::Ecosystem,
        };
        // A bulletin's vector is the worst of several flaws: as a word it may colour its own statement, no more.
        let word = record.severity.or_else(|| {
            let score = record.cvss.as_ref().filter(|_| is_bulletin)?.score;
            Some(Severity::from_cvss(score))
        });
        for id in flaws {
            for (key, affected) in &record.packages {
                let statement = Statement {
                    vulnerability: id.clone(),
                    record: record.id.clone(),
                    claim: Claim::Osv(affected.clone()),
                    severity: word,
                    fixed_at: record.published,
                    estimated: true,
                };
                let place = stage.spool.push(&statement).map_err(ImportError::Spool)?;
                self.packages.entry(key.clone()).or_default().push(place);
            }
            let flaw = self.flaws.entry(id).or_default();
            flaw.is_used |= !record.packages.is_empty();
            flaw.summarise(trust, &record.summary);
            if is_bulletin {
                continue;
            }
            flaw.aliases.push(record.id.clone());
            flaw.aliases.extend(record.aliases.iter().cloned());
            flaw.published = earliest(flaw.published, record.published);
            flaw.severity = flaw.severity.max(record.severity.map(|word| (trust, word)));
            flaw.cvss = flaw
                .cvss
                .take()
                .into_iter()
                .chain(record.cvss.clone())
                .max_by(preferred);
        }
        Ok(())
    }

    fn add_tracker(
        &mut self,
        stage: &mut Stage,
        names: &Identity,
        parent: Option<&Snapshot>,
    ) -> Result<(), ImportError> {
        let Some(mut tracker) = stage.tracker.take() else {
            return Ok(());
        };
        for (id, description) in tracker.descriptions {
            let flaw = self.flaws.entry(names.display(&id).to_owned()).or_default();
            flaw.is_used = true;
            flaw.summarise(Trust::Distribution, &description);
            flaw.aliases.push(id);
        }
        // Sorted, so that the parent is asked once per package.
        tracker
            .entries
            .sort_unstable_by(|a, b| (&a.0, &a.1, &a.2).cmp(&(&b.0, &b.1, &b.2)));
        let mut history = History::new(parent);
        for (release, source, id, place) in tracker.entries {
            let entry = stage.debian(place)?;
            let vulnerability = names.display(&id).to_owned();
            let key = format!("debian/{release}/{source}");
            let (fixed_at, estimated) = match &entry.status {
                DebianStatus::Fixed { version, .. } => {
                    match stage.dates.fixed_at(&release, &source, version, &id) {
                        Some(date) => (Some(date), false),
                        None if history.knows(&release) => {
                            (history.first_seen(&key, &id, version), true)
                        }
                        None => {
                            let published = self
                                .flaws
                                .get(&vulnerability)
                                .and_then(|flaw| flaw.published);
                            (earliest(published, stage.dates.first_named(&id)), true)
                        }
                    }
                }
                _ => (None, false),
            };
            let statement = Statement {
                vulnerability,
                record: id,
                claim: Claim::Debian(entry),
                severity: None,
                fixed_at,
                estimated,
            };
            let place = stage.spool.push(&statement).map_err(ImportError::Spool)?;
            self.packages.entry(key).or_default().push(place);
        }
        Ok(())
    }

    fn write(
        mut self,
        stage: &mut Stage,
        feeds: Vec<FeedRow>,
        out: &Path,
        built_at: Timestamp,
    ) -> Result<SnapshotInfo, ImportError> {
        self.flaws.retain(|_, flaw| flaw.is_used);
        let mut rows = Rows::create(out)?;
        let mut releases = BTreeMap::<String, u64>::new();
        for (key, places) in std::mem::take(&mut self.packages) {
            let mut statements = Vec::with_capacity(places.len());
            for place in places {
                let statement: Statement = stage.spool.get(place).map_err(ImportError::Spool)?;
                statements.push(statement);
            }
            statements.sort_unstable();
            statements.dedup();
            rows.put_statements(&key, &statements)?;
            let scope = key
                .match_indices('/')
                .nth(1)
                .map_or(key.as_str(), |(at, _)| &key[..at]);
            *releases.entry(scope.to_owned()).or_default() += 1;
        }
        let cves: std::collections::BTreeSet<&str> = self
            .flaws
            .iter()
            .flat_map(|(id, flaw)| std::iter::once(id).chain(&flaw.aliases))
            .map(String::as_str)
            .filter(|id| is_cve(id))
            .collect();
        for cve in &cves {
            if let Some(row) = stage.epss.rows.get(*cve) {
                rows.put_epss(cve, row)?;
            }
        }
        for cve in &cves {
            if let Some(entry) = stage.kev.entries.get(*cve) {
                rows.put_kev(cve, entry)?;
            }
        }
        let vulnerabilities = self.flaws.len() as u64;
        for (id, flaw) in self.flaws {
            let vulnerability = flaw.into_vulnerability(&id);
            rows.put_vulnerability(&id, &vulnerability)?;
        }
        snapshot::publish(rows, out, |id| SnapshotInfo {
            id,
            built_at,
            builder: env!("CARGO_PKG_VERSION").to_owned(),
            feeds,
            releases,
            vulnerabilities,
        })
    }
}

impl Flaw {
    fn summarise(&mut self, trust: Trust, summary: &str) {
        if summary.is_empty() {
            return;
        }
        let candidate = Some((trust, summary.to_owned()));
        if candidate > self.summary {
            self.summary = candidate;
        }
    }

    fn into_vulnerability(self, id: &str) -> Vulnerability {
        let mut aliases = self.aliases;
        aliases.retain(|alias| alias != id);
        aliases.sort_unstable();
        aliases.dedup();
        Vulnerability {
            aliases,
            summary: self.summary.map(|(_, text)| text).unwrap_or_default(),
            published: self.published,
            cvss: self.cvss,
            severity: self.severity.map(|(_, word)| word),
        }
    }
}

fn earliest(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The first-seen dates of the parent snapshot. A fix that the parent does not know appeared since: it is first seen
/// now, whenever the flaw itself became known.
struct History<'p> {
    parent: Option<&'p Snapshot>,
    key: String,
    statements: Vec<Statement>,
}

impl<'p> History<'p> {
    fn new(parent: Option<&'p Snapshot>) -> Self {
        Self {
            parent,
            key: String::new(),
            statements: Vec::new(),
        }
    }

    fn knows(&self, release: &str) -> bool {
        self.parent.is_some_and(|parent| {
            parent
                .info()
                .releases
                .contains_key(&format!("debian/{release}"))
        })
    }

    fn first_seen(&mut self, key: &str, id: &str, version: &str) -> Option<i64> {
        let parent = self.parent?;
        if self.key != key {
            key.clone_into(&mut self.key);
            // A parent that cannot be read has no history; the fix is first seen now.
            self.statements = parent.statements(key).unwrap_or_default();
        }
        self.statements
            .iter()
            .find(|known| {
                known.record == id
                    && matches!(&known.claim, Claim::Debian(entry)
                        if matches!(&entry.status, DebianStatus::Fixed { version: fixed, .. } if fixed == version))
            })
            .map(|known| known.fixed_at.unwrap_or_else(|| parent.info().built_at.as_second()))
    }
}
