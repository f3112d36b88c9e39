//! What the tabs of an image show.

use std::collections::HashSet;

use evidence::{Finding, ImageFacts, LayerInfo, Package, PackageType, SeverityCounts};

use crate::findings::{FindingFilter, FindingGroup, anchor};
use crate::paging::Paging;
use crate::routes::{Query, Route};

/// The tabs, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Facts and how to get the image.
    #[default]
    Overview,
    /// Findings by upgrade.
    Vulnerabilities,
    /// The inventory.
    Packages,
    /// Layers from the base up.
    Layers,
}

impl Tab {
    pub(crate) const ALL: [Self; 4] = [
        Self::Overview,
        Self::Vulnerabilities,
        Self::Packages,
        Self::Layers,
    ];

    /// Reads the `tab` parameter; unknown values are the overview.
    pub fn from_parameter(value: &str) -> Self {
        match value {
            "vulnerabilities" => Self::Vulnerabilities,
            "packages" => Self::Packages,
            "layers" => Self::Layers,
            _ => Self::Overview,
        }
    }

    /// Returns the value of the parameter, empty for the default.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Vulnerabilities => "vulnerabilities",
            Self::Packages => "packages",
            Self::Layers => "layers",
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Vulnerabilities => "Vulnerabilities",
            Self::Packages => "Packages",
            Self::Layers => "Layers",
        }
    }
}

/// The content of the tab in the address.
#[derive(Clone, Debug)]
pub enum TabContent {
    /// Facts and how to get the image.
    Overview(Overview),
    /// Findings by upgrade.
    Vulnerabilities(FindingsTab),
    /// The inventory.
    Packages(PackagesTab),
    /// Layers from the base up.
    Layers(LayersTab),
}

impl TabContent {
    /// Returns a tab without content, for an image whose analysis is not ready.
    pub fn empty(tab: Tab) -> Self {
        match tab {
            Tab::Overview => Self::Overview(Overview::default()),
            Tab::Vulnerabilities => Self::Vulnerabilities(FindingsTab {
                filter: FindingFilter::default(),
                groups: Vec::new(),
                paging: Paging::new(1, Paging::PER_PAGE, 0),
                findings: 0,
                layers: Vec::new(),
            }),
            Tab::Packages => Self::Packages(PackagesTab {
                filter: PackageFilter::default(),
                rows: Vec::new(),
                paging: Paging::new(1, Paging::PER_PAGE, 0),
                layers: Vec::new(),
            }),
            Tab::Layers => Self::Layers(LayersTab { rows: Vec::new() }),
        }
    }

    /// Returns which tab it is.
    pub fn tab(&self) -> Tab {
        match self {
            Self::Overview(_) => Tab::Overview,
            Self::Vulnerabilities(_) => Tab::Vulnerabilities,
            Self::Packages(_) => Tab::Packages,
            Self::Layers(_) => Tab::Layers,
        }
    }
}

/// The overview tab.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// How the image is configured.
    pub facts: ImageFacts,
    /// The upgrades that remove most, best first; a few.
    pub upgrades: Vec<FindingGroup>,
}

/// The vulnerabilities tab.
#[derive(Clone, Debug)]
pub struct FindingsTab {
    /// The filter in the address.
    pub filter: FindingFilter,
    /// The groups on this page, most urgent first, with the findings the filter accepts.
    pub groups: Vec<FindingGroup>,
    /// Which part of the groups that is.
    pub paging: Paging,
    /// How many findings the filter accepts, on all pages.
    pub findings: usize,
    /// The image's layers, so that a finding can name the instruction that brought it.
    pub layers: Vec<LayerInfo>,
}

impl FindingsTab {
    /// Returns the groups with the fragment of each finding: an identifier's first row gets it.
    pub(crate) fn rows(&self) -> Vec<(&FindingGroup, Vec<FindingRow<'_>>)> {
        let mut seen = HashSet::new();
        let mut rows = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let row = |finding| FindingRow::new(finding, &mut seen);
            rows.push((group, group.findings.iter().map(row).collect()));
        }
        rows
    }

    /// A single group, or an answer to a search, is shown open.
    pub(crate) fn opens_groups(&self) -> bool {
        self.groups.len() == 1 || !self.filter.query.is_empty()
    }
}

/// One finding and its place in the address.
pub(crate) struct FindingRow<'a> {
    pub(crate) finding: &'a Finding,
    pub(crate) fragment: Option<String>,
}

impl<'a> FindingRow<'a> {
    fn new(finding: &'a Finding, seen: &mut HashSet<String>) -> Self {
        Self {
            finding,
            fragment: anchor(&finding.id).filter(|id| seen.insert(id.clone())),
        }
    }
}

/// The filter of the packages tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageFilter {
    /// Only this kind.
    pub kind: Option<PackageType>,
    /// A part of the name, in any case.
    pub query: String,
}

impl PackageFilter {
    /// Reads the parameters of an address. Unknown names and values are ignored.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut filter = Self::default();
        for (name, value) in pairs {
            let value = value.as_ref();
            match name.as_ref() {
                "type" => {
                    filter.kind = PackageType::ALL.into_iter().find(|k| k.as_str() == value);
                }
                "q" => value.trim().clone_into(&mut filter.query),
                _ => {}
            }
        }
        filter
    }

    /// Returns whether the package is shown.
    pub fn accepts(&self, package: &Package) -> bool {
        let query = self.query.to_lowercase();
        self.kind.is_none_or(|kind| package.kind == kind)
            && (query.is_empty() || package.name.to_lowercase().contains(&query))
    }

    pub(crate) fn address(&self, route: Route) -> Query {
        route
            .with("tab", Tab::Packages.as_str())
            .with("type", self.kind.map_or("", PackageType::as_str))
            .with("q", &self.query)
    }
}

/// The packages tab.
#[derive(Clone, Debug)]
pub struct PackagesTab {
    /// The filter in the address.
    pub filter: PackageFilter,
    /// The packages on this page.
    pub rows: Vec<PackageRow>,
    /// Which part of the matching packages that is.
    pub paging: Paging,
    /// The image's layers, so that a package can name the instruction that brought it.
    pub layers: Vec<LayerInfo>,
}

/// One package with what is known against it.
#[derive(Clone, Debug)]
pub struct PackageRow {
    /// The package.
    pub package: Package,
    /// Its open findings; `None` without advisories.
    pub findings: Option<SeverityCounts>,
}

/// The layers tab.
#[derive(Clone, Debug)]
pub struct LayersTab {
    /// The layers from the base up.
    pub rows: Vec<LayerRow>,
}

/// One layer with what it brought.
#[derive(Clone, Debug)]
pub struct LayerRow {
    /// The layer.
    pub layer: LayerInfo,
    /// How many packages it introduced.
    pub packages: usize,
    /// The open findings in them; `None` without advisories.
    pub findings: Option<SeverityCounts>,
}

/// Returns the instruction of layer `position` from the base, shortened to one line.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates pass fields by reference"
)]
pub(crate) fn instruction_of(layers: &[LayerInfo], position: &u32) -> Option<String> {
    let created_by = layers.get(*position as usize)?.created_by.as_deref()?;
    Some(crate::format::instruction(created_by))
}
