//! The image configuration, read as a view.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The configuration is not usable.
#[derive(Debug, thiserror::Error)]
#[error("the image configuration is not readable")]
pub struct ImageConfigError(#[source] serde_json::Error);

/// The fields of an image configuration the house reads. Docker and OCI spell them alike.
///
/// # Source
/// OCI image specification, `config.md`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// `linux`, …
    pub os: String,
    /// `v7`, `v8`, …
    pub variant: Option<String>,
    /// When it was built, as written (RFC 3339).
    pub created: Option<String>,
    /// How the process runs. Docker writes `null` for none.
    #[serde(deserialize_with = "null_is_default")]
    pub config: ProcessConfig,
    /// The layers' uncompressed digests, as claimed.
    #[serde(deserialize_with = "null_is_default")]
    pub rootfs: RootFs,
    /// One item per instruction.
    #[serde(deserialize_with = "null_is_default")]
    pub history: Vec<History>,
}

/// How the process of an image runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProcessConfig {
    /// `USER`: name, uid, `user:group`, or empty.
    #[serde(rename = "User", deserialize_with = "null_is_default")]
    pub user: String,
    /// `EXPOSE`: port → empty object.
    #[serde(rename = "ExposedPorts", deserialize_with = "null_is_default")]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    /// `ENV`: `KEY=value`.
    #[serde(rename = "Env", deserialize_with = "null_is_default")]
    pub env: Vec<String>,
    /// `LABEL`.
    #[serde(rename = "Labels", deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
}

/// The claimed layers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Claimed digests of the uncompressed layers; never trusted, only compared.
    pub diff_ids: Vec<String>,
}

/// One build instruction.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct History {
    /// The instruction, as the builder wrote it.
    #[serde(deserialize_with = "null_is_default")]
    pub created_by: String,
    /// Whether it made no layer.
    #[serde(deserialize_with = "null_is_default")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Parses a configuration; unknown fields are ignored.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageConfigError> {
        serde_json::from_slice(bytes).map_err(ImageConfigError)
    }

    /// Returns `os/architecture[/variant]`, or `None` where either is empty.
    pub fn platform(&self) -> Option<String> {
        if self.os.is_empty() || self.architecture.is_empty() {
            return None;
        }
        let base = format!("{}/{}", self.os, self.architecture);
        Some(match self.variant.as_deref() {
            Some(variant) if !variant.is_empty() => format!("{base}/{variant}"),
            _ => base,
        })
    }

    /// Returns the instruction of each layer, from the base: the history's items that made one.
    pub fn layer_instructions(&self) -> impl Iterator<Item = &str> {
        self.history
            .iter()
            .filter(|item| !item.empty_layer)
            .map(|item| item.created_by.as_str())
    }
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_as_docker_writes_them_are_read_as_empty() {
        let config = ImageConfig::parse(
            br#"{"architecture":"amd64","os":"linux","config":{"User":"app","Env":null,"ExposedPorts":{"22/tcp":{}}},
                 "rootfs":{"type":"layers","diff_ids":["sha256:1"]},
                 "history":[{"created_by":"ADD rootfs"},{"created_by":"CMD","empty_layer":true},{"created_by":"RUN x"}]}"#,
        )
        .expect("readable");
        assert_eq!(config.platform().as_deref(), Some("linux/amd64"));
        assert_eq!(config.config.user, "app");
        assert_eq!(
            config.config.exposed_ports.keys().collect::<Vec<_>>(),
            ["22/tcp"]
        );
        assert_eq!(
            config.layer_instructions().collect::<Vec<_>>(),
            ["ADD rootfs", "RUN x"]
        );
        assert!(ImageConfig::parse(br#"{"config":null,"history":null,"rootfs":null}"#).is_ok());
    }
}
