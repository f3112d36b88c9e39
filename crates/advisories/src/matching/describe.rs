//! A decision with everything known about its vulnerability: a finding.

use std::collections::HashMap;
use std::rc::Rc;

use evidence::{Cvss, Epss, Finding, Fix, Kev, Origin, Package, Severity};
use jiff::Timestamp;

use super::Subject;
use super::decide::{Decision, Remedy};
use super::suppress::suppression;
use crate::distro::osv_feed;
use crate::osv::is_cve;
use crate::record::{Claim, Vulnerability};
use crate::snapshot::{ReadError, Snapshot};

/// Vulnerabilities read so far: a source package's flaws come once for each of its binaries.
pub(super) struct Descriptions<'s> {
    snapshot: &'s Snapshot,
    known: HashMap<String, Rc<Description>>,
}

struct Description {
    vulnerability: Vulnerability,
    epss: Option<Epss>,
    kev: Option<Kev>,
}

impl<'s> Descriptions<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        Self {
            snapshot,
            known: HashMap::new(),
        }
    }

    /// Describes a decision.
    pub(super) fn finding(
        &mut self,
        package: &Package,
        subject: &Subject<'_>,
        decision: &Decision<'_>,
        built_at: Timestamp,
        owner_answers: bool,
    ) -> Result<Finding, ReadError> {
        let statement = decision.statement;
        let description = self.describe(&statement.vulnerability)?;
        let flaw = &description.vulnerability;
        let (severity, severity_source) = severity(package, decision, flaw);
        let feed = match &statement.claim {
            Claim::Debian(_) => "debian".to_owned(),
            Claim::Osv(_) => osv_feed(&subject.scope),
        };
        Ok(Finding {
            id: statement.vulnerability.clone(),
            aliases: flaw.aliases.clone(),
            package_type: package.kind,
            package: package.name.clone(),
            version: package.version.clone(),
            source_package: (subject.name != package.name).then(|| subject.name.to_owned()),
            path: package.path.clone(),
            layer: package.layer,
            severity,
            severity_source: severity_source.to_owned(),
            cvss: flaw.cvss.as_ref().map(|scored| Cvss {
                vector: scored.vector.clone(),
                score: scored.score,
            }),
            epss: description.epss,
            kev: description.kev.clone(),
            status: decision.status,
            fix: fix(&decision.remedy, built_at),
            note: decision.note.clone(),
            published: flaw
                .published
                .and_then(|second| Timestamp::from_second(second).ok()),
            summary: flaw.summary.clone(),
            suppressed: suppression(package, subject.name, decision, &feed, owner_answers),
            origin: Origin {
                feed,
                record: statement.record.clone(),
            },
        })
    }

    fn describe(&mut self, id: &str) -> Result<Rc<Description>, ReadError> {
        if let Some(known) = self.known.get(id) {
            return Ok(Rc::clone(known));
        }
        let vulnerability = self.snapshot.vulnerability(id)?.unwrap_or_default();
        let mut description = Description {
            epss: None,
            kev: None,
            vulnerability,
        };
        let names =
            std::iter::once(id).chain(description.vulnerability.aliases.iter().map(String::as_str));
        for cve in names.filter(|name| is_cve(name)) {
            let row = self.snapshot.epss(cve)?;
            // Of several CVEs the likeliest counts.
            if let Some(row) = row
                && description
                    .epss
                    .is_none_or(|known| known.probability < row.probability)
            {
                description.epss = Some(Epss {
                    probability: row.probability,
                    percentile: row.percentile,
                });
            }
            if description.kev.is_none()
                && let Some(entry) = self.snapshot.kev(cve)?
            {
                description.kev = Some(Kev {
                    added: entry.added,
                    due: entry.due,
                    ransomware: entry.ransomware,
                });
            }
        }
        let description = Rc::new(description);
        self.known.insert(id.to_owned(), Rc::clone(&description));
        Ok(description)
    }
}

/// Returns the severity and who gave it: the vendor of the deciding statement, then the ecosystem, then CVSS. A
/// distribution without severities of its own (Debian, Alpine) takes CVSS before the word of another ecosystem.
fn severity(
    package: &Package,
    decision: &Decision<'_>,
    flaw: &Vulnerability,
) -> (Severity, &'static str) {
    if decision.is_unimportant {
        return (Severity::Negligible, "debian");
    }
    if let Some(word) = decision.statement.severity {
        return (word, "osv");
    }
    let word = flaw.severity.map(|word| (word, "osv"));
    let score = flaw
        .cvss
        .as_ref()
        .map(|scored| (Severity::from_cvss(scored.score), "cvss"));
    let (first, second) = if package.kind.is_os() {
        (score, word)
    } else {
        (word, score)
    };
    first.or(second).unwrap_or((Severity::Unknown, ""))
}

fn fix(remedy: &Remedy<'_>, built_at: Timestamp) -> Fix {
    match remedy {
        Remedy::Version(version, statement) => {
            let date = statement
                .fixed_at
                .and_then(|second| Timestamp::from_second(second).ok());
            Fix::Available {
                version: version.clone(),
                // Without any date the fix is first seen in this snapshot.
                published: Some(date.unwrap_or(built_at)),
                estimated: statement.estimated || date.is_none(),
            }
        }
        Remedy::NoneYet => Fix::NoneYet,
        Remedy::Deferred => Fix::Deferred,
        Remedy::WillNotFix => Fix::WillNotFix,
        Remedy::EndOfLife => Fix::EndOfLife,
    }
}
