//! Whole images: docker-archives, OCI archives and layouts.

use std::path::Path;

use oci::{Digest, media_type};
use serde_json::{Value, json};

use super::{TarBuilder, gzip, zstd};

/// A layer as stored.
#[derive(Clone, Debug)]
pub struct TestLayer {
    /// The stored bytes.
    pub bytes: Vec<u8>,
    /// The digest of the tar.
    pub diff_id: Digest,
    /// The media type of the stored form.
    pub media_type: &'static str,
}

impl TestLayer {
    /// A tar stored as it is.
    pub fn tar(tar: Vec<u8>) -> Self {
        Self {
            diff_id: Digest::sha256(&tar),
            media_type: "application/vnd.oci.image.layer.v1.tar",
            bytes: tar,
        }
    }

    /// A tar stored as gzip.
    pub fn gzip(tar: &[u8]) -> Self {
        Self {
            diff_id: Digest::sha256(tar),
            media_type: "application/vnd.oci.image.layer.v1.tar+gzip",
            bytes: gzip(tar),
        }
    }

    /// A tar stored as zstd.
    pub fn zstd(tar: &[u8]) -> Self {
        Self {
            diff_id: Digest::sha256(tar),
            media_type: "application/vnd.oci.image.layer.v1.tar+zstd",
            bytes: zstd(tar),
        }
    }

    /// The digest of the stored bytes.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.bytes)
    }
}

/// An image to be written.
#[derive(Clone, Debug)]
pub struct TestImage {
    /// The name it is stored under.
    pub name: Option<String>,
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// The layers from the base up.
    pub layers: Vec<TestLayer>,
    /// The `config` object of the configuration (`User`, `Env`, …).
    pub process: Value,
    /// The `history` of the configuration.
    pub history: Value,
}

impl TestImage {
    /// An image for linux/amd64 without a name.
    pub fn new(layers: Vec<TestLayer>) -> Self {
        Self {
            name: None,
            platform: "linux/amd64".to_owned(),
            layers,
            process: json!({}),
            history: json!([]),
        }
    }

    /// Names it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Gives it a platform.
    #[must_use]
    pub fn on(mut self, platform: &str) -> Self {
        platform.clone_into(&mut self.platform);
        self
    }

    /// Returns its configuration.
    pub fn config(&self) -> Vec<u8> {
        let diff_ids: Vec<&str> = self.layers.iter().map(|l| l.diff_id.as_str()).collect();
        let mut parts = self.platform.split('/');
        let mut config = json!({
            "os": parts.next(),
            "architecture": parts.next(),
            "config": self.process,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": self.history,
        });
        if let Some(variant) = parts.next() {
            config["variant"] = json!(variant);
        }
        config.to_string().into_bytes()
    }

    /// Returns its OCI manifest.
    pub fn manifest(&self) -> Vec<u8> {
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| descriptor(layer.media_type, &layer.bytes))
            .collect();
        json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": descriptor(media_type::OCI_CONFIG, &self.config()),
            "layers": layers,
        })
        .to_string()
        .into_bytes()
    }

    fn index_entry(&self) -> Value {
        let mut entry = descriptor(media_type::OCI_MANIFEST, &self.manifest());
        let mut parts = self.platform.split('/');
        entry["platform"] = json!({ "os": parts.next(), "architecture": parts.next() });
        if let Some(variant) = parts.next() {
            entry["platform"]["variant"] = json!(variant);
        }
        if let Some(name) = &self.name {
            entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        }
        entry
    }

    fn blobs(&self) -> Vec<(String, Vec<u8>)> {
        let layers = self.layers.iter().map(|layer| layer.bytes.clone());
        [self.manifest(), self.config()]
            .into_iter()
            .chain(layers)
            .map(|bytes| (blob_path(&bytes), bytes))
            .collect()
    }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::sha256(bytes), "size": bytes.len() })
}

fn blob_path(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::sha256(bytes).hex())
}

/// Returns the files of an OCI layout. With `nested`, `index.json` names one index that lists all images and, as
/// BuildKit writes it, an attestation.
pub fn oci_layout_files(images: &[TestImage], nested: bool) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![(
        "oci-layout".to_owned(),
        br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
    )];
    files.extend(images.iter().flat_map(TestImage::blobs));
    let mut entries: Vec<Value> = images.iter().map(TestImage::index_entry).collect();
    let index_of = |entries: &[Value]| {
        json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries })
            .to_string()
            .into_bytes()
    };
    if nested {
        let mut attestation = descriptor(media_type::OCI_MANIFEST, b"{}");
        attestation["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
        entries.push(attestation);
        let inner = index_of(&entries);
        entries = vec![descriptor(media_type::OCI_INDEX, &inner)];
        files.push((blob_path(&inner), inner));
    }
    files.push(("index.json".to_owned(), index_of(&entries)));
    files
}

/// Writes an OCI archive.
pub fn oci_archive(images: &[TestImage]) -> Vec<u8> {
    archive(oci_layout_files(images, false))
}

fn archive(files: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    files
        .into_iter()
        .fold(TarBuilder::new(), |tar, (path, bytes)| {
            tar.file(path, bytes)
        })
        .finish()
}

/// Writes a docker-archive as skopeo and podman do: `HEX.tar` layers, `HEX.json` configurations, `manifest.json` last.
/// A layer that occurs a second time is a symbolic link, as old docker writes it.
pub fn docker_archive(images: &[TestImage]) -> Vec<u8> {
    let mut tar = TarBuilder::new();
    let mut items = Vec::new();
    for (position, image) in images.iter().enumerate() {
        let mut layers = Vec::new();
        let mut written: Vec<&Digest> = Vec::new();
        for (depth, layer) in image.layers.iter().enumerate() {
            let path = format!("{position}-{depth}/layer.tar");
            tar = match written.iter().position(|digest| **digest == layer.diff_id) {
                Some(first) => tar.symlink(&path, format!("../{position}-{first}/layer.tar")),
                None => tar.file(&path, &layer.bytes),
            };
            written.push(&layer.diff_id);
            layers.push(path);
        }
        let config = image.config();
        let config_path = format!("{}.json", Digest::sha256(&config).hex());
        tar = tar.file(&config_path, config);
        items.push(json!({ "Config": config_path, "RepoTags": image.name.as_ref().map(|n| [n]), "Layers": layers }));
    }
    tar.file("manifest.json", Value::from(items).to_string())
        .finish()
}

/// Writes a docker-archive as docker 25 and later do: blobs by digest, with an OCI index beside `manifest.json`.
pub fn docker_save_archive(image: &TestImage) -> Vec<u8> {
    let mut files = oci_layout_files(std::slice::from_ref(image), false);
    let layers: Vec<String> = image.layers.iter().map(|l| blob_path(&l.bytes)).collect();
    let names = image.name.as_ref().map(|name| [name]);
    let item =
        json!([{ "Config": blob_path(&image.config()), "RepoTags": names, "Layers": layers }]);
    files.push(("manifest.json".to_owned(), item.to_string().into_bytes()));
    archive(files)
}

/// Writes files below a directory of the test's own.
///
/// # Panics
/// If the directory cannot be written.
pub fn write_files(directory: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        let path = directory.join(path);
        let parent = path.parent().expect("a file has a directory");
        fs_err::create_dir_all(parent).expect("the test's directory can be written");
        let written = fs_err::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, bytes));
        written.expect("the test's directory can be written");
    }
}
