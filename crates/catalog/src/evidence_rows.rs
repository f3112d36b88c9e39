//! Evidence: what analysers said about layers and images, and the index from packages to images.
//!
//! A layer is analysed once per analyser version, ever; an image's inventory is merged once and matched again with
//! each snapshot. The bodies are opaque bytes: their shapes and compression belong to the caller.

use evidence::{Grade, SeverityCounts};
use jiff::Timestamp;
use oci::Digest;

use crate::{Catalog, CatalogError};

/// What an analyser said about one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerReport {
    /// The layer, by the digest of its stored bytes.
    pub digest: Digest,
    /// The analyser set that made it.
    pub analyser_version: String,
    /// The digest of the uncompressed tar.
    pub diff_id: Option<Digest>,
    /// The report.
    pub body: Vec<u8>,
}

/// The few numbers of an image report that lists show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSummary {
    /// The health grade, if advisories were at hand.
    pub grade: Option<Grade>,
    /// Unique vulnerabilities by severity.
    pub counts: SeverityCounts,
    /// Those of them that have a fix.
    pub fixable: SeverityCounts,
    /// How many packages were found.
    pub packages: u32,
    /// Whether everything was looked at.
    pub complete: bool,
    /// `os/architecture[/variant]`.
    pub platform: Option<String>,
}

/// A package by which an image can be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageKey {
    /// The kind's word (`deb`, `npm`, …).
    pub kind: String,
    /// The name advisories use: the source package where there is one.
    pub name: String,
}

/// An image report to be stored.
#[derive(Clone, Debug)]
pub struct NewImageReport {
    /// The image's manifest.
    pub digest: Digest,
    /// The analyser set that made the inventory.
    pub analyser_version: String,
    /// The advisory snapshot it was matched with.
    pub snapshot: Option<Digest>,
    /// The report.
    pub body: Vec<u8>,
    /// Its numbers.
    pub summary: ImageSummary,
    /// The merged inventory and its packages; `None` when only the match is new.
    pub inventory: Option<(Vec<u8>, Vec<PackageKey>)>,
}

/// An image report as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// The image's manifest.
    pub digest: Digest,
    /// The analyser set that made the inventory.
    pub analyser_version: String,
    /// The advisory snapshot it was matched with.
    pub snapshot: Option<Digest>,
    /// The report.
    pub body: Vec<u8>,
    /// Its numbers.
    pub summary: ImageSummary,
    /// When it was stored.
    pub stored_at: Timestamp,
}

/// An inventory as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInventory {
    /// The image's manifest.
    pub digest: Digest,
    /// The analyser set that made it.
    pub analyser_version: String,
    /// The inventory.
    pub body: Vec<u8>,
}

impl Catalog {
    /// Stores a layer's report; the first one stays. Returns whether this was the first.
    pub async fn put_layer_report(
        &self,
        report: &LayerReport,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Returns the reports that exist for these layers, in no particular order.
    pub async fn layer_reports(
        &self,
        digests: &[Digest],
        analyser_version: &str,
    ) -> Result<Vec<LayerReport>, CatalogError> {
        todo!()
    }

    /// Stores an image's report, replacing the earlier one.
    pub async fn put_image_report(
        &self,
        report: &NewImageReport,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// Returns an image's latest report.
    pub async fn image_report(
        &self,
        digest: &Digest,
    ) -> Result<Option<StoredReport>, CatalogError> {
        todo!()
    }

    /// Returns an image's inventory.
    pub async fn inventory(
        &self,
        digest: &Digest,
    ) -> Result<Option<StoredInventory>, CatalogError> {
        todo!()
    }

    /// Returns inventories of tagged images whose report was made with another snapshot, by digest after `after`.
    pub async fn inventories_to_rematch(
        &self,
        snapshot: &Digest,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<StoredInventory>, CatalogError> {
        todo!()
    }

    /// Returns the images that contain a package, by digest after `after`.
    pub async fn images_with_package(
        &self,
        package: &PackageKey,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Digest>, CatalogError> {
        todo!()
    }
}
