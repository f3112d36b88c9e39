//! Layer reports → one inventory: what is there when all layers are applied.
//!
//! [`tree`] applies layers one after the other to the few paths that matter, as a container runtime would.
//! [`attribution`] watches which layer brought each package, [`ownership`] says which operating system package answers
//! for a file, [`facts`] reads the image's configuration. No bytes of a layer are needed here.

mod attribution;
mod details;
mod facts;
mod ownership;
mod publisher;
mod repositories;
mod tree;

use std::borrow::Cow;
use std::collections::BTreeMap;

use evidence::{
    Coverage, Diagnostic, Evidence, Inventory, LayerInfo, Level, Package, PackageType, Provenance,
    Source,
};
use jiff::Timestamp;

use crate::ANALYSER_VERSION;
use crate::classifier;
use crate::extractor::PACKAGE_LIMIT;
use crate::path;
use crate::python;
use crate::report::{Fact, LayerReport, PackageRow, Rows};
use attribution::Attribution;
use ownership::Ownership;
use tree::Tree;

/// One layer of an image: how it is stored and what it says.
#[derive(Clone, Debug)]
pub struct Layer<'a> {
    /// How it is stored. The merge fills in `created_by`, and `diff_id` where it is missing.
    pub info: LayerInfo,
    /// What it says.
    pub report: &'a LayerReport,
}

/// Merges the layers of an image, given from the base up, into its inventory.
///
/// The result depends on the arguments only; its packages are sorted by (type, name, version, path).
pub fn merge(layers: &[Layer<'_>], config: Option<&oci::ImageConfig>) -> Inventory {
    let reports: Vec<&LayerReport> = layers.iter().map(|layer| layer.report).collect();
    let mut inventory = merge_reports(&reports, config);
    if let Some(config) = config {
        let computed: Vec<_> = reports
            .iter()
            .map(|report| report.diff_id.clone())
            .collect();
        inventory
            .diagnostics
            .extend(image::check_diff_ids(config, &computed));
    }
    inventory.layers = infos(layers, config);
    inventory
}

/// Turns the report of a directory into an inventory: one without layers.
pub fn merge_directory(report: &LayerReport) -> Inventory {
    let mut inventory = merge_reports(&[report], None);
    for package in &mut inventory.packages {
        package.layer = None;
    }
    for diagnostic in &mut inventory.diagnostics {
        diagnostic.layer = None;
    }
    for fact in &mut inventory.facts.red_hat {
        fact.layer = None;
    }
    inventory
}

/// Returns the packages that one file's rows state, as they would be listed if no other file existed.
pub(crate) fn packages_of(path: &[u8], rows: &Rows) -> Vec<Package> {
    let path = path::display(path);
    rows.packages()
        .map(|(kind, evidence, inside, row)| {
            let place = if inside.is_empty() {
                path.clone()
            } else {
                format!("{path}!/{inside}")
            };
            package(kind, evidence, row, place)
        })
        .collect()
}

fn merge_reports(reports: &[&LayerReport], config: Option<&oci::ImageConfig>) -> Inventory {
    let mut tree = Tree::default();
    let mut attribution = Attribution::default();
    for (layer, report) in (0..).zip(reports) {
        if tree.apply(layer, report) {
            attribution.watch(layer, &tree);
        }
    }
    let mut diagnostics = layer_diagnostics(reports);
    diagnostics.extend(tree.take_diagnostics());
    diagnostics.extend(file_diagnostics(&tree));
    let distro = facts::distro(&tree);
    let mut packages = packages(&tree, &attribution, &mut diagnostics);
    repositories::add(&mut packages, &tree);
    publisher::disown(&mut packages, distro.as_ref());
    let mut facts = facts::image(&tree, config);
    facts.red_hat = facts::red_hat(reports);
    let partial = reports.iter().any(|report| !report.complete)
        || diagnostics.iter().any(|seen| seen.level == Level::Error);
    Inventory {
        analyser: ANALYSER_VERSION.to_owned(),
        distro,
        layers: Vec::new(),
        packages,
        facts,
        coverage: if partial {
            Coverage::Partial
        } else {
            Coverage::Complete
        },
        diagnostics: bounded(diagnostics),
    }
}

/// Keeps the first diagnostics of each kind and counts the rest: a thousand broken test fixtures are one observation.
fn bounded(diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    const KEPT: u32 = 50;
    let mut counts: BTreeMap<(Cow<'static, str>, Level), u32> = BTreeMap::new();
    let mut kept = Vec::new();
    for diagnostic in diagnostics {
        let count = counts
            .entry((diagnostic.code.clone(), diagnostic.level))
            .or_default();
        *count += 1;
        if *count <= KEPT {
            kept.push(diagnostic);
        }
    }
    for ((code, level), count) in counts {
        if count > KEPT {
            let mut more =
                Diagnostic::new("", level, format!("{} more of this kind", count - KEPT));
            more.code = code;
            kept.push(more);
        }
    }
    kept
}

fn packages(
    tree: &Tree<'_>,
    attribution: &Attribution<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Package> {
    let ownership = Ownership::of(tree);
    let bundled = ownership::bundled(tree);
    let mut packages = Vec::new();
    for (path, layer, file) in tree.files() {
        let listed = packages_of(path, &file.rows);
        for (mut package, (kind, _, _, row)) in listed.into_iter().zip(file.rows.packages()) {
            if kind == PackageType::Ebuild {
                details::add(&mut package, path, tree);
            }
            if kind.is_os() {
                package.layer = Some(attribution.layer(kind, row).unwrap_or(layer));
            } else {
                package.layer = Some(layer);
                if let Some((owner, disowned)) = ownership.owner(path, layer, file) {
                    let is_classified = package.evidence == Evidence::ClassifiedBinary;
                    if is_classified
                        && disowned.is_none()
                        && classifier::answers(owner, &package.name)
                    {
                        continue;
                    }
                    package.owned_by = Some(owner.to_owned());
                    package.disowned = disowned;
                }
                if let Some(origin) = origin(tree, path, kind) {
                    package.provenance.get_or_insert_default().origin = Some(origin);
                }
                if package.evidence == Evidence::InstalledMetadata && bundled.contains(path) {
                    package.evidence = Evidence::Embedded;
                }
            }
            packages.push(package);
        }
    }
    packages.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    // The same row twice in one database is one package.
    packages.dedup();
    if packages.len() > PACKAGE_LIMIT {
        packages.truncate(PACKAGE_LIMIT);
        diagnostics.push(Diagnostic::new(
            "limit.packages",
            Level::Error,
            format!("more than {PACKAGE_LIMIT} packages in the image, the rest is ignored"),
        ));
    }
    packages
}

/// Where the installer of a Python package noted that it came from, if from no index.
fn origin(tree: &Tree<'_>, path: &[u8], kind: PackageType) -> Option<String> {
    if kind != PackageType::PyPi {
        return None;
    }
    let note = path::join(path::parent(path), python::ORIGIN_FILE);
    match &tree.file(&note)?.rows {
        Rows::Origin(address) if !address.is_empty() => Some(address.clone()),
        _ => None,
    }
}

fn sort_key(package: &Package) -> (PackageType, &str, &str, &str, Option<&str>) {
    (
        package.kind,
        &package.name,
        &package.version,
        &package.path,
        package.arch.as_deref(),
    )
}

fn package(kind: PackageType, evidence: Evidence, row: &PackageRow, path: String) -> Package {
    Package {
        kind,
        name: row.name.clone(),
        version: row.version.clone(),
        arch: row.arch.clone(),
        source: row.source.as_ref().map(|(name, version)| Source {
            name: name.clone(),
            version: version.clone(),
        }),
        licenses: row.licenses.clone(),
        evidence,
        path,
        layer: None,
        owned_by: None,
        disowned: None,
        provenance: provenance(row).map(Box::new),
    }
}

fn provenance(row: &PackageRow) -> Option<Provenance> {
    let mut provenance = Provenance::default();
    let time = |text: &str| Timestamp::from_second(text.parse().ok()?).ok();
    for (fact, text) in &row.facts {
        let place = match fact {
            Fact::Maintainer => &mut provenance.maintainer,
            Fact::Vendor => &mut provenance.vendor,
            Fact::Module => &mut provenance.module,
            Fact::Slot => &mut provenance.slot,
            Fact::Repository => &mut provenance.repository,
            Fact::SigningKey => &mut provenance.signing_key,
            Fact::Build => &mut provenance.build,
            Fact::Uuid => &mut provenance.uuid,
            Fact::BuiltAt => {
                provenance.built_at = time(text);
                continue;
            }
            Fact::InstalledAt => {
                provenance.installed_at = time(text);
                continue;
            }
        };
        *place = Some(text.clone());
    }
    (!provenance.is_empty()).then_some(provenance)
}

fn layer_diagnostics(reports: &[&LayerReport]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (layer, report) in (0..).zip(reports) {
        let notes = report.diagnostics.iter();
        diagnostics.extend(notes.map(|note| note.to_diagnostic().in_layer(layer)));
    }
    diagnostics
}

/// What is odd about the files that are there, and about write-ahead logs nobody read.
fn file_diagnostics(tree: &Tree<'_>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (path, layer, file) in tree.files() {
        let notes = file.notes.iter();
        diagnostics.extend(notes.map(|note| note.to_diagnostic().in_layer(layer)));
        let database = path.strip_suffix(b"-wal").unwrap_or_default();
        if file.rows == Rows::Present && file.size > 0 && tree.file(database).is_some() {
            diagnostics.push(
                Diagnostic::new(
                    "rpm.wal_missing",
                    Level::Error,
                    "the database has a write-ahead log that is not read; only checkpointed rows are listed",
                )
                .at(path::display(path))
                .in_layer(layer),
            );
        }
    }
    diagnostics
}

fn infos(layers: &[Layer<'_>], config: Option<&oci::ImageConfig>) -> Vec<LayerInfo> {
    let mut instructions = config
        .into_iter()
        .flat_map(oci::ImageConfig::layer_instructions);
    layers
        .iter()
        .map(|layer| {
            let mut info = layer.info.clone();
            let instruction = instructions.next().filter(|text| !text.is_empty());
            info.created_by = info.created_by.or(instruction.map(str::to_owned));
            info.diff_id = info.diff_id.or_else(|| layer.report.diff_id.clone());
            info
        })
        .collect()
}
