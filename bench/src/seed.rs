//! What both registries hold before the first measurement: the same, sent the same way.

use std::fmt::Write as _;

use oci::Digest;
use sha2::{Digest as _, Sha256};

use crate::http::{Connection, path_of};
use crate::servers::{REPOSITORY, Registry};

/// How many tags the repository has.
const TAGS: usize = 1_000;
pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Content whose last bytes can be changed without hashing the rest again.
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    state: Sha256,
}

impl Content {
    pub(crate) fn new(length: usize) -> Self {
        let mut bytes = noise(length);
        bytes.truncate(length);
        let state = Sha256::new().chain_update(&bytes);
        Self { bytes, state }
    }

    /// Returns the digest of the content followed by a number.
    pub(crate) fn digest_with(&self, number: u64) -> String {
        let hash = self
            .state
            .clone()
            .chain_update(number.to_le_bytes())
            .finalize();
        let mut text = String::from("sha256:");
        for byte in hash {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// The names and contents that the workloads use.
pub(crate) struct Fixture {
    pub(crate) kilobyte: Content,
    pub(crate) megabyte: Content,
    pub(crate) hundred: Content,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest_digest: String,
    pub(crate) manifest: Vec<u8>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let kilobyte = Content::new(1_016);
        let config =
            br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#
                .to_vec();
        let manifest = manifest(&config, &kilobyte, 0, "seed");
        Self {
            manifest_digest: Digest::sha256(&manifest).as_str().to_owned(),
            manifest,
            kilobyte,
            megabyte: Content::new((1 << 20) - 8),
            hundred: Content::new((100 << 20) - 8),
            config,
        }
    }

    /// Pushes one image, its tags and the blobs that are pulled.
    pub(crate) fn seed(&self, registry: &Registry) -> anyhow::Result<()> {
        let mut connection = registry.connect(1)?.remove(0);
        let config = Digest::sha256(&self.config);
        push(&mut connection, config.as_str(), &[&self.config])?;
        for content in [&self.kilobyte, &self.megabyte, &self.hundred] {
            let number = 0_u64.to_le_bytes();
            push(
                &mut connection,
                &content.digest_with(0),
                &[&content.bytes, &number],
            )?;
        }
        for tag in 0..TAGS {
            put_manifest(&mut connection, &format!("v{tag:05}"), &self.manifest)?;
        }
        Ok(())
    }

    /// Returns a manifest that nobody has seen.
    pub(crate) fn fresh_manifest(&self, number: u64) -> Vec<u8> {
        manifest(&self.config, &self.kilobyte, 0, &number.to_string())
    }
}

/// Pushes a blob as engines do: open, stream, close.
pub(crate) fn push(
    connection: &mut Connection,
    digest: &str,
    body: &[&[u8]],
) -> anyhow::Result<()> {
    let open = format!("/v2/{REPOSITORY}/blobs/uploads/");
    let answer = connection.expect(202, "POST", &open, "", &[])?;
    let place = answer.location.unwrap_or_default();
    let stream = "Content-Type: application/octet-stream\r\n";
    let answer = connection.expect(202, "PATCH", path_of(&place), stream, body)?;
    let place = answer.location.unwrap_or_default();
    let place = path_of(&place);
    let mark = if place.contains('?') { '&' } else { '?' };
    connection.expect(
        201,
        "PUT",
        &format!("{place}{mark}digest={digest}"),
        "",
        &[],
    )?;
    Ok(())
}

pub(crate) fn put_manifest(
    connection: &mut Connection,
    tag: &str,
    bytes: &[u8],
) -> anyhow::Result<()> {
    let path = format!("/v2/{REPOSITORY}/manifests/{tag}");
    let kind = format!("Content-Type: {IMAGE}\r\n");
    connection.expect(201, "PUT", &path, &kind, &[bytes])?;
    Ok(())
}

/// Writes the manifest of an image whose one layer ends with a number.
pub(crate) fn manifest(config: &[u8], layer: &Content, number: u64, mark: &str) -> Vec<u8> {
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Digest::sha256(config),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": layer.digest_with(number),
            "size": layer.bytes.len() + 8,
        }],
        "annotations": { "mark": mark },
    })
    .to_string()
    .into_bytes()
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}
