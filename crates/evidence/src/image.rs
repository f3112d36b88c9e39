//! What an image contains, and how it is configured.

use jiff::Timestamp;
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Coverage, Diagnostic, Package};

/// The distribution, as its `os-release` names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Distro {
    /// `ID`, lower case: `debian`, `alpine`, `rhel`.
    pub id: String,
    /// `VERSION_ID`; absent for rolling and testing releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// `VERSION_CODENAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// `PRETTY_NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
    /// `ID_LIKE`, split at spaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_like: Vec<String>,
    /// `CPE_NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpe_name: Option<String>,
}

impl Distro {
    /// Returns `id` and the version, for people: `debian 12`.
    pub fn label(&self) -> String {
        match &self.version_id {
            Some(version) => format!("{} {version}", self.id),
            None => self.id.clone(),
        }
    }
}

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerInfo {
    /// The digest of the bytes as stored.
    pub digest: Digest,
    /// The digest of the uncompressed tar, computed, never copied from the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<Digest>,
    /// The size of the bytes as stored.
    pub size_bytes: u64,
    /// The instruction that made the layer, from the image's history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// Facts about how an image is configured, from its configuration and file tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// `linux/amd64` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// When the image says it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// `config.User` as written. Empty means root.
    #[serde(default)]
    pub user: String,
    /// Whether the user is root: unset, `0`, `root`, or a name that the image's own `passwd` maps to uid 0.
    /// `None` when the source has no configuration (a directory).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_as_root: Option<bool>,
    /// Exposed ports as written (`22/tcp`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exposed_ports: Vec<String>,
    /// Labels of the configuration.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
    /// What layers of Red Hat's build system say, from the base up. A later layer takes nothing away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub red_hat: Vec<RedHatFacts>,
}

/// What a layer of Red Hat's build system says about itself, kept as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedHatFacts {
    /// The position of the layer, from the base. A directory has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// The file that says so: the path inside the image, without a leading slash.
    pub path: String,
    /// The ids of the repositories the layer was built from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content_sets: Vec<String>,
    /// Whether the history of dnf tells the repositories better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_dnf_hint: bool,
    /// The position of the layer as the build counted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_layer_index: Option<u32>,
    /// The labels that identify the container: `com.redhat.component`, `name`, `version`, `release`, `architecture`,
    /// `cpe`.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
}

/// Everything found inside one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The analyser set that made it (`inventory::ANALYSER_VERSION`).
    pub analyser: String,
    /// The distribution, if the image names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distro: Option<Distro>,
    /// The layers from the base up. A directory source has none.
    #[serde(default)]
    pub layers: Vec<LayerInfo>,
    /// The packages, sorted by (type, name, version, path).
    pub packages: Vec<Package>,
    /// Configuration facts.
    #[serde(default)]
    pub facts: ImageFacts,
    /// Whether everything was looked at.
    #[serde(default)]
    pub coverage: Coverage,
    /// What was odd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}
