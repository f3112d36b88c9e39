//! Matching: an inventory against a snapshot.
//!
//! For each package the statements about its name are decided one vulnerability at a time (`decide`), told what is
//! known about the vulnerability (`describe`), marked where they do not count (`suppress`), and sorted. The health
//! grade follows from the open findings. Nothing here fails: what cannot be read or compared is a diagnostic.
//!
//! Adding a rule of a distribution: its claim in `record`, its judgement in `decide`.

mod decide;
mod describe;
mod suppress;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use evidence::{
    Coverage, Diagnostic, Evidence, Finding, Fix, GradeReport, Inventory, Level, MatchReport,
    Package, PackageType, Severity, SnapshotRef,
};
use jiff::Timestamp;
use versions::Version;

use crate::distro::{self, NameBasis, Release};
use crate::grade::{self, Erratum};
use crate::priority::most_urgent_first;
use crate::record::Statement;
use crate::snapshot::{ReadError, Snapshot};
use decide::Decision;
use describe::Descriptions;

/// Matches an inventory: see [`Snapshot::match_inventory`].
pub(crate) fn match_inventory<'s>(
    snapshot: &'s Snapshot,
    inventory: &'s Inventory,
    now: Timestamp,
) -> MatchReport {
    let mut run = Run {
        snapshot,
        statements: HashMap::new(),
        descriptions: Descriptions::new(snapshot),
        findings: Vec::new(),
        diagnostics: Vec::new(),
        installed: inventory
            .packages
            .iter()
            .filter(|package| package.kind.is_os())
            .map(|package| (package.name.as_str(), package))
            .collect(),
        without_data: BTreeMap::new(),
    };
    let release = release_with_data(snapshot, inventory);
    for package in &inventory.packages {
        if package.evidence != Evidence::Declared {
            run.match_package(package, release.as_ref());
        }
    }
    run.tell_missing_data(inventory);
    let mut findings = run.findings;
    findings.sort_by(most_urgent_first);
    let grade = grade_of(inventory, release.as_ref(), &findings, now);
    MatchReport {
        snapshot: SnapshotRef {
            id: snapshot.info().id.clone(),
            built_at: snapshot.info().built_at,
        },
        matched_at: now,
        findings,
        grade,
        diagnostics: run.diagnostics,
    }
}

/// Returns the release of the image, if the snapshot has statements about it.
fn release_with_data(snapshot: &Snapshot, inventory: &Inventory) -> Option<Release> {
    distro::releases(inventory.distro.as_ref()?)
        .into_iter()
        .find(|release| snapshot.info().releases.contains_key(&release.scope))
}

/// The state of one match.
struct Run<'s> {
    snapshot: &'s Snapshot,
    /// Statements by key: many binary packages share one source package.
    statements: HashMap<String, Rc<Vec<Statement>>>,
    descriptions: Descriptions<'s>,
    findings: Vec<Finding>,
    diagnostics: Vec<Diagnostic>,
    /// The packages of the operating system, by name.
    installed: HashMap<&'s str, &'s Package>,
    /// Packages that no statement could concern, by kind.
    without_data: BTreeMap<PackageType, u64>,
}

impl Run<'_> {
    fn match_package(&mut self, package: &Package, release: Option<&Release>) {
        let Some(subject) = self.subject(package, release) else {
            *self.without_data.entry(package.kind).or_default() += 1;
            return;
        };
        let statements = match self.statements(&subject.key) {
            Ok(statements) if statements.is_empty() => return,
            Ok(statements) => statements,
            Err(error) => return self.tell_unreadable(&error),
        };
        let version = Version::parse(subject.order, &subject.version);
        if let Err(error) = &version {
            let message = format!(
                "the version of {} cannot be compared with advisories: {error}",
                package.name
            );
            let diagnostic = Diagnostic::new("version.invalid", Level::Warning, message);
            self.diagnostics.push(diagnostic.at(&package.path));
        }
        for group in statements.chunk_by(|a, b| a.vulnerability == b.vulnerability) {
            let decision = match &version {
                Ok(version) => decide::decide(group, version, &mut self.diagnostics),
                Err(_) => Some(Decision::unknown(&group[0])),
            };
            if let Some(decision) = decision {
                let answers = self.owner_answers(package, &group[0].vulnerability, release);
                self.add_finding(package, &subject, &decision, answers);
            }
        }
    }

    /// Returns what statements about a package would name, if the snapshot has any of that kind.
    fn subject<'p>(&self, package: &'p Package, release: Option<&Release>) -> Option<Subject<'p>> {
        let (scope, basis) = if package.kind.is_os() {
            let release = release.filter(|release| release.family.kind == package.kind)?;
            (release.scope.clone(), release.family.basis)
        } else {
            (distro::language_scope(package.kind), NameBasis::Binary)
        };
        if !self.snapshot.info().releases.contains_key(&scope) {
            return None;
        }
        let order = package.kind.version_order()?;
        let (name, version) = distro::subject(package, basis);
        let key = format!("{scope}/{}", distro::normal_name(package.kind, name));
        Some(Subject {
            key,
            scope,
            name,
            version,
            order,
        })
    }

    fn statements(&mut self, key: &str) -> Result<Rc<Vec<Statement>>, ReadError> {
        if let Some(known) = self.statements.get(key) {
            return Ok(Rc::clone(known));
        }
        let statements = Rc::new(self.snapshot.statements(key)?);
        self.statements
            .insert(key.to_owned(), Rc::clone(&statements));
        Ok(statements)
    }

    /// Returns whether the operating system's package that owns `package` answers for a vulnerability in it.
    ///
    /// It does for what was installed as a package of a language. For what is embedded in a program or an archive it
    /// does only where the distribution has decided about this vulnerability in the owner: that it is fixed there, or
    /// never was.
    fn owner_answers(
        &mut self,
        package: &Package,
        vulnerability: &str,
        release: Option<&Release>,
    ) -> bool {
        let Some(owner) = package.owned_by.as_deref() else {
            return false;
        };
        if package.disowned.is_some() || package.evidence != Evidence::Embedded {
            return package.disowned.is_none();
        }
        let Some(owner) = self.installed.get(owner).copied() else {
            return false;
        };
        let Some(subject) = self.subject(owner, release) else {
            return false;
        };
        let (Ok(statements), Ok(version)) = (
            self.statements(&subject.key),
            Version::parse(subject.order, &subject.version),
        ) else {
            return false;
        };
        let mut about = statements
            .chunk_by(|a, b| a.vulnerability == b.vulnerability)
            .filter(|group| group[0].vulnerability == vulnerability);
        about
            .next()
            .is_some_and(|group| decide::decide(group, &version, &mut self.diagnostics).is_none())
    }

    fn add_finding(
        &mut self,
        package: &Package,
        subject: &Subject<'_>,
        decision: &Decision<'_>,
        owner_answers: bool,
    ) {
        let built_at = self.snapshot.info().built_at;
        match self
            .descriptions
            .finding(package, subject, decision, built_at, owner_answers)
        {
            Ok(finding) => self.findings.push(finding),
            Err(error) => self.tell_unreadable(&error),
        }
    }

    fn tell_unreadable(&mut self, error: &ReadError) {
        // One broken row says enough; a broken disk would say it for every package.
        if self
            .diagnostics
            .iter()
            .all(|known| known.code != UNREADABLE)
        {
            self.diagnostics
                .push(Diagnostic::new(UNREADABLE, Level::Error, error.to_string()));
        }
    }

    fn tell_missing_data(&mut self, inventory: &Inventory) {
        for (kind, count) in std::mem::take(&mut self.without_data) {
            let about = match &inventory.distro {
                Some(distro) if kind.is_os() => distro.label(),
                None if kind.is_os() => "an unnamed distribution".to_owned(),
                _ => kind.as_str().to_owned(),
            };
            let packages = if count == 1 {
                "package was"
            } else {
                "packages were"
            };
            let message = format!(
                "no advisories for {about}: {count} {} {packages} not matched",
                kind.as_str()
            );
            self.diagnostics
                .push(Diagnostic::new(NO_DATA, Level::Warning, message));
        }
    }
}

const UNREADABLE: &str = "advisories.unreadable";
const NO_DATA: &str = "advisories.no_data";

/// What statements about a package name.
struct Subject<'p> {
    key: String,
    scope: String,
    name: &'p str,
    version: String,
    order: versions::Ecosystem,
}

fn grade_of(
    inventory: &Inventory,
    release: Option<&Release>,
    findings: &[Finding],
    now: Timestamp,
) -> GradeReport {
    let has_os_packages = inventory
        .packages
        .iter()
        .any(|package| package.kind.is_os() && package.evidence == Evidence::OsDatabase);
    if !has_os_packages {
        return grade::unknown("no OS packages");
    }
    let Some(release) = release else {
        let label = inventory.distro.as_ref().map_or_else(
            || "an unnamed distribution".to_owned(),
            evidence::Distro::label,
        );
        return grade::unknown(format!("no advisories for {label}"));
    };
    if inventory.coverage == Coverage::Partial {
        return grade::unknown("the image was read only in part");
    }
    let errata: Vec<Erratum> = findings.iter().filter_map(erratum).collect();
    grade::grade(&errata, release.lifecycle_end, true, now)
}

/// Returns the missing fix that a finding stands for, if it counts for the health grade.
fn erratum(finding: &Finding) -> Option<Erratum> {
    let counts = finding.is_open()
        && finding.package_type.is_os()
        && matches!(finding.severity, Severity::Critical | Severity::High);
    match &finding.fix {
        Fix::Available {
            published: Some(fixed_at),
            estimated,
            ..
        } if counts => Some(Erratum {
            severity: finding.severity,
            fixed_at: *fixed_at,
            estimated: *estimated,
            id: finding.id.clone(),
            package: finding.package.clone(),
        }),
        _ => None,
    }
}
