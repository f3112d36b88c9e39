//! Packages as they were found.

use jiff::Timestamp;
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
    /// Arch Linux and relatives.
    Alpm,
    /// Gentoo.
    Ebuild,
    /// Google's Container-Optimized OS.
    Cos,
    /// Snap.
    Snap,
    /// Flatpak.
    Flatpak,
    /// Spack.
    Spack,
    /// Python distributions.
    PyPi,
    /// npm packages.
    Npm,
    /// Go modules.
    Golang,
    /// Rust crates.
    Cargo,
    /// Ruby gems.
    Gem,
    /// PHP packages of Composer.
    Composer,
    /// PHP packages of PEAR.
    Pear,
    /// .NET packages.
    NuGet,
    /// Conda packages.
    Conda,
    /// Dart packages.
    Pub,
    /// Erlang and Elixir packages.
    Hex,
    /// Applications of Erlang/OTP and Elixir itself.
    Otp,
    /// R packages.
    Cran,
    /// Julia packages.
    Julia,
    /// Swift packages.
    Swift,
    /// CocoaPods.
    CocoaPods,
    /// Conan packages.
    Conan,
    /// LuaRocks.
    LuaRocks,
    /// Haskell packages.
    Hackage,
    /// WordPress plugins.
    WordPress,
    /// Components of Bitnami's images.
    Bitnami,
    /// Java artifacts.
    Maven,
    /// Programs without a package.
    Generic,
}

impl PackageType {
    /// All kinds.
    pub const ALL: [Self; 32] = [
        Self::Deb,
        Self::Apk,
        Self::Rpm,
        Self::Alpm,
        Self::Ebuild,
        Self::Cos,
        Self::Snap,
        Self::Flatpak,
        Self::Spack,
        Self::PyPi,
        Self::Npm,
        Self::Golang,
        Self::Cargo,
        Self::Gem,
        Self::Composer,
        Self::Pear,
        Self::NuGet,
        Self::Conda,
        Self::Pub,
        Self::Hex,
        Self::Otp,
        Self::Cran,
        Self::Julia,
        Self::Swift,
        Self::CocoaPods,
        Self::Conan,
        Self::LuaRocks,
        Self::Hackage,
        Self::WordPress,
        Self::Bitnami,
        Self::Maven,
        Self::Generic,
    ];

    /// Returns the purl type, which is also the word shown to people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Alpm => "alpm",
            Self::Ebuild => "ebuild",
            Self::Cos => "cos",
            Self::Snap => "snap",
            Self::Flatpak => "flatpak",
            Self::Spack => "spack",
            Self::PyPi => "pypi",
            Self::Npm => "npm",
            Self::Golang => "golang",
            Self::Cargo => "cargo",
            Self::Gem => "gem",
            Self::Composer => "composer",
            Self::Pear => "pear",
            Self::NuGet => "nuget",
            Self::Conda => "conda",
            Self::Pub => "pub",
            Self::Hex => "hex",
            Self::Otp => "otp",
            Self::Cran => "cran",
            Self::Julia => "julia",
            Self::Swift => "swift",
            Self::CocoaPods => "cocoapods",
            Self::Conan => "conan",
            Self::LuaRocks => "luarocks",
            Self::Hackage => "hackage",
            Self::WordPress => "wordpress",
            Self::Bitnami => "bitnami",
            Self::Maven => "maven",
            Self::Generic => "generic",
        }
    }

    /// Returns the version order of this kind; `None` for kinds that are listed and never matched.
    pub const fn version_order(self) -> Option<versions::Ecosystem> {
        match self {
            Self::Deb => Some(versions::Ecosystem::Deb),
            Self::Apk => Some(versions::Ecosystem::Apk),
            Self::Rpm => Some(versions::Ecosystem::Rpm),
            Self::PyPi => Some(versions::Ecosystem::Pep440),
            Self::Npm
            | Self::Golang
            | Self::Cargo
            | Self::Pub
            | Self::Hex
            | Self::Julia
            | Self::Swift => Some(versions::Ecosystem::Semver),
            Self::Alpm
            | Self::Ebuild
            | Self::Cos
            | Self::Snap
            | Self::Flatpak
            | Self::Spack
            | Self::Gem
            | Self::Composer
            | Self::Pear
            | Self::NuGet
            | Self::Conda
            | Self::Otp
            | Self::Cran
            | Self::CocoaPods
            | Self::Conan
            | Self::LuaRocks
            | Self::Hackage
            | Self::WordPress
            | Self::Bitnami
            | Self::Maven
            | Self::Generic => None,
        }
    }

    /// Returns whether packages of this kind belong to the operating system: its package manager installed them, and
    /// answers for the files they own.
    pub const fn is_os(self) -> bool {
        matches!(
            self,
            Self::Deb | Self::Apk | Self::Rpm | Self::Alpm | Self::Ebuild | Self::Cos
        )
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
    /// A program known by its own bytes (the version in a `redis-server`).
    ClassifiedBinary,
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

/// Who made a package and where it came from, as its database or its installer says.
///
/// Which publisher a distribution's statements cover is not known here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Provenance {
    /// Who is responsible for it: dpkg `Maintainer`, apk `m:`, alpm `PACKAGER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintainer: Option<String>,
    /// Who distributes it: rpm `VENDOR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The rpm module and its stream, `nodejs:18`; empty when only the release says that the package is modular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The slot of portage: packages of several slots are installed side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The id of the repository it was installed from: dnf's `repoid`, portage's `repository`, conda's channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Which build of its version it is, where a version is built several times: `py311h06a4308_0` of conda.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// The address it came from when that is not the registry of its kind: `git+https://example.com/a@COMMIT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The identifier that its registry knows it by beside the name: Julia's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// When it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_at: Option<Timestamp>,
    /// When the database says it was installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<Timestamp>,
    /// The id of the OpenPGP key that signed it, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<String>,
}

impl Provenance {
    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why the package that owns a file does not answer for what lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disowned {
    /// The file is not the one the owner brought: its digest differs from the recorded one.
    Modified,
    /// The owner does not come from the distribution, whose statements therefore do not cover it.
    ThirdParty,
}

impl Disowned {
    /// Returns the word that documents use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Modified => "modified",
            Self::ThirdParty => "third-party",
        }
    }
}

/// One package at one place in one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: PackageType,
    /// The name as installed; PyPI names are normalised (PEP 503), npm names carry their scope (`@a/b`), a Go module is
    /// its path and `stdlib` the standard library, a Java artifact is `group:artifact`, or its artifact alone where the
    /// group is not known.
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
    /// The operating system package that owns `path`. Such a package is listed but not matched, unless `disowned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_by: Option<String>,
    /// Why the owner does not answer for it. Such a package is matched although it is owned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disowned: Option<Disowned>,
    /// Who made it and where it came from. Boxed: most packages of an image may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Box<Provenance>>,
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
