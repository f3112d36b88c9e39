//! The shared vocabulary of the house: what was found in an image, what is known about it, and the words for both.
//!
//! Analysers produce these types, `gate` judges them, pages and the command line show them. They hold facts only: no
//! IO, no clock, no decisions. Interchange formats (SARIF, CycloneDX, SPDX) are written here, because each is a
//! different spelling of the same facts.
//!
//! Adding a fact: put it where its subject is (`package`, `finding`, `image`), give it a serde default if stored rows
//! lack it, and add a frozen fixture of the old shape.

mod diagnostic;
mod finding;
pub mod format;
mod grade;
mod image;
mod package;
mod purl;
mod report;
mod severity;

pub use diagnostic::{Coverage, Diagnostic, Level};
pub use finding::{Cvss, Epss, Finding, Fix, Kev, Origin, Status, Suppression};
pub use grade::{Grade, GradeBasis, GradeReport, GradeStep};
pub use image::{Distro, ImageFacts, Inventory, LayerInfo, RedHatFacts};
pub use package::{Disowned, Evidence, Package, PackageType, Provenance, Source};
pub use purl::purl;
pub use report::{ImageReport, MatchReport, SnapshotRef, Subject};
pub use severity::{Severity, SeverityCounts};
