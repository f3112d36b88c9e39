//! Packages as they were found.

use serde::{Deserialize, Serialize};

/// The kind of package: its database format, naming rules and version order.
///
/// Adding a kind: one variant here, its purl in [`crate::purl()`], its order in `versions`, its extractor in
/// `inventory`, its feeds in `advisories`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageType {
    /// dpkg.
    Deb,
    /// Alpine and relatives.
    Apk,
    /// RPM.
    Rpm,
    /// Python distributions.
    PyPi,
    /// npm packages.
    Npm,
    /// Go modules.
    Golang,
    /// Rust crates.
    Cargo,
}

impl PackageType {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Deb,
        Self::Apk,
        Self::Rpm,
        Self::PyPi,
        Self::Npm,
        Self::Golang,
        Self::Cargo,
    ];

    /// Returns the purl type, which is also the word shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::PyPi => "pypi",
            Self::Npm => "npm",
            Self::Golang => "golang",
            Self::Cargo => "cargo",
        }
    }

    /// Returns the version order of this kind.
    pub const fn version_order(self) -> versions::Ecosystem {
        match self {
            Self::Deb => versions::Ecosystem::Deb,
            Self::Apk => versions::Ecosystem::Apk,
            Self::Rpm => versions::Ecosystem::Rpm,
            Self::PyPi => versions::Ecosystem::Pep440,
            Self::Npm | Self::Golang | Self::Cargo => versions::Ecosystem::Semver,
        }
    }

    /// Returns whether packages of this kind belong to the operating system.
    pub const fn is_os(self) -> bool {
        matches!(self, Self::Deb | Self::Apk | Self::Rpm)
    }
}

/// What kind of evidence says that the package is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// A row of the operating system's package database.
    OsDatabase,
    /// Metadata that an installer wrote (`METADATA`, `node_modules/*/package.json`).
    InstalledMetadata,
    /// Data inside another artefact (a vendored copy, a shaded part).
    Embedded,
    /// A statement without the installed files (a lock file, a foreign SBOM). Listed, not matched by default.
    Declared,
}

/// The source package a binary package was built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Its name (dpkg `Source`, apk origin, rpm `SOURCERPM` name).
    pub name: String,
    /// Its version, in full (dpkg: the binary's version unless `Source: name (version)` says otherwise).
    pub version: String,
}

/// One package at one place in one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: PackageType,
    /// The name as installed; PyPI names are normalised (PEP 503), npm names carry their scope (`@a/b`), a Go module is
    /// its path and `stdlib` the standard library.
    pub name: String,
    /// The full version as its ecosystem writes it (`1:2.3-4`, rpm `epoch:version-release` with a known non-zero epoch).
    /// Empty when it is not known: a Go program built from a working copy.
    pub version: String,
    /// The architecture, where the kind has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The source package, where the kind has one. Absent means: same name and version as the binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Licences as written, SPDX expressions where they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
    /// What says that it is there.
    pub evidence: Evidence,
    /// Where it says so: the path inside the image, without a leading slash.
    pub path: String,
    /// The position, from the base, of the layer that introduced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// The operating system package that owns `path`. Such a package is listed but not matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_by: Option<String>,
}

impl Package {
    /// Returns the source package's name, or the package's own.
    pub fn source_name(&self) -> &str {
        self.source
            .as_ref()
            .map_or(&self.name, |source| &source.name)
    }

    /// Returns the source package's version, or the package's own.
    pub fn source_version(&self) -> &str {
        self.source
            .as_ref()
            .map_or(&self.version, |source| &source.version)
    }
}
