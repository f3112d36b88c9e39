//! Contents of every shape the image specification knows: blobs, manifests over them, tags.

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::fresh;
use crate::world::{EMPTY, IMAGE, INDEX};

pub(super) const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(super) const EXAMPLE: &str = "application/vnd.example.config.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A manifest with its type and digest.
pub(super) struct Document {
    pub(super) bytes: Vec<u8>,
    pub(super) media_type: &'static str,
    pub(super) digest: Digest,
}

/// Things that are pushed together.
pub(super) struct Content {
    pub(super) name: &'static str,
    algorithm: Algorithm,
    pub(super) blobs: Vec<(Digest, Vec<u8>)>,
    /// Children before their parents.
    pub(super) documents: Vec<Document>,
    /// Tags, each on a document.
    pub(super) tags: Vec<(String, usize)>,
}

impl Content {
    pub(super) fn new(name: &'static str, algorithm: Algorithm) -> Self {
        Self {
            name,
            algorithm,
            blobs: Vec::new(),
            documents: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// Adds a blob and returns its descriptor.
    pub(super) fn blob(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let digest = Digest::compute(self.algorithm, &bytes);
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
        if self.blobs.iter().all(|(known, _)| *known != digest) {
            self.blobs.push((digest, bytes));
        }
        descriptor
    }

    /// Adds a document and returns its descriptor.
    pub(super) fn document(&mut self, media_type: &'static str, mut document: Value) -> Value {
        document["schemaVersion"] = json!(2);
        document["mediaType"] = json!(media_type);
        let bytes = document.to_string().into_bytes();
        let digest = Digest::compute(self.algorithm, &bytes);
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
        self.documents.push(Document {
            bytes,
            media_type,
            digest,
        });
        descriptor
    }

    /// Adds an image of `layers` layers with fields of its own.
    pub(super) fn image(&mut self, layers: usize, fields: &Value) -> Value {
        let config = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": [] }, "salt": fresh(8) });
        let config = self.blob(CONFIG, config.to_string().into_bytes());
        let layers: Vec<Value> = (0..layers).map(|_| self.blob(LAYER, fresh(400))).collect();
        let mut manifest = json!({ "config": config, "layers": layers });
        merge(&mut manifest, fields);
        self.document(IMAGE, manifest)
    }

    /// Adds an artifact with fields of its own.
    pub(super) fn artifact(&mut self, fields: &Value) -> Value {
        let config = self.blob(EMPTY, b"{}".to_vec());
        let layer = self.blob(EXAMPLE, fresh(100));
        let mut manifest = json!({ "artifactType": EXAMPLE, "config": config, "layers": [layer] });
        merge(&mut manifest, fields);
        self.document(IMAGE, manifest)
    }

    /// Adds an index over descriptors with fields of its own.
    pub(super) fn index(&mut self, children: &[Value], fields: &Value) -> Value {
        let mut index = json!({ "manifests": children });
        merge(&mut index, fields);
        self.document(INDEX, index)
    }

    /// Puts a tag on the latest document.
    pub(super) fn tag(&mut self, tag: &str) {
        self.tags.push((tag.to_owned(), self.documents.len() - 1));
    }
}

fn merge(into: &mut Value, fields: &Value) {
    for (key, value) in fields.as_object().expect("fields") {
        into[key] = value.clone();
    }
}

/// Returns one content of each shape.
pub(super) fn shapes() -> Vec<Content> {
    let none = json!({});
    let mut all = Vec::new();
    let mut add = |name, algorithm, fill: &dyn Fn(&mut Content)| {
        let mut content = Content::new(name, algorithm);
        fill(&mut content);
        all.push(content);
    };
    let platform = |architecture: &str, mut child: Value| {
        child["platform"] = json!({ "os": "linux", "architecture": architecture });
        child
    };
    for algorithm in super::ALGORITHMS {
        add("an image", algorithm, &|content| {
            content.image(2, &none);
            content.tag("image");
        });
        add("an index", algorithm, &|content| {
            let children = ["amd64", "arm64"]
                .map(|architecture| platform(architecture, content.image(1, &none)));
            content.index(&children, &none);
            content.tag("index");
            content.tag("index-too");
        });
    }
    let sha256 = Algorithm::Sha256;
    add("a nested index", sha256, &|content| {
        let inner = [(); 2].map(|()| {
            let child = platform("amd64", content.image(1, &none));
            content.index(
                &[child],
                &json!({ "annotations": { "salt": fresh(4)[0].to_string() } }),
            )
        });
        content.index(&inner, &none);
        content.tag("nested");
    });
    add("an empty index", sha256, &|content| {
        content.index(&[], &none);
        content.tag("empty");
    });
    add("an image without layers", sha256, &|content| {
        content.image(0, &none);
        content.tag("no-layers");
    });
    add("an image with the empty layer twice", sha256, &|content| {
        let layer = content.blob(LAYER, Vec::new());
        content.image(0, &json!({ "layers": [layer, layer] }));
        content.tag("twice");
    });
    add("an artifact", sha256, &|content| {
        content.artifact(&none);
        content.tag("artifact");
    });
    add("an artifact without content", sha256, &|content| {
        let empty = content.blob(EMPTY, b"{}".to_vec());
        content.artifact(&json!({ "layers": [empty] }));
        content.tag("bare");
    });
    add("an index of artifacts", sha256, &|content| {
        let children = [(); 2].map(|()| content.artifact(&none));
        content.index(&children, &json!({ "artifactType": EXAMPLE }));
        content.tag("artifacts");
    });
    add("content inside descriptors", sha256, &|content| {
        let mut config = content.blob(EMPTY, b"{}".to_vec());
        config["data"] = json!("e30=");
        content.artifact(&json!({ "config": config }));
        content.tag("data");
    });
    add("layers kept elsewhere", sha256, &|content| {
        let layer = content.blob(LAYER, fresh(300));
        let elsewhere = json!({
            "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "digest": Digest::sha256(&fresh(20)), "size": 123_456, "urls": ["https://store.example/1"],
        });
        content.image(0, &json!({ "layers": [elsewhere, layer] }));
        content.tag("elsewhere");
    });
    add("fields nobody knows", sha256, &|content| {
        let child = platform(
            "amd64",
            content.image(1, &json!({ "org.example": [1, { "a": null }] })),
        );
        content.index(&[child], &json!({ "org.example": "é" }));
        content.tag("unknown");
    });
    add("a manifest of 3.9 MB", sha256, &|content| {
        let annotations: serde_json::Map<String, Value> = (0..390)
            .map(|number| (format!("large-{number}"), json!("A".repeat(10_000))))
            .collect();
        content.image(1, &json!({ "annotations": annotations }));
        content.tag("large");
    });
    add("docker's image and list", sha256, &|content| {
        let config = content.blob(
            "application/vnd.docker.container.image.v1+json",
            b"{\"os\":\"linux\"}".to_vec(),
        );
        let layer = content.blob(
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            fresh(200),
        );
        let foreign = json!({
            "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "digest": Digest::sha256(&fresh(20)), "size": 99, "urls": ["https://store.example/2"],
        });
        let child = content.document(
            DOCKER_IMAGE,
            json!({ "config": config, "layers": [foreign, layer] }),
        );
        let oci = content.image(1, &none);
        content.document(
            DOCKER_LIST,
            json!({ "manifests": [platform("amd64", child), platform("arm64", oci)] }),
        );
        content.tag("docker");
    });
    all
}

/// Returns an image that lacks a layer, and an index that lacks a child.
pub(super) fn sparse() -> Content {
    let mut content = Content::new("a sparse image and index", Algorithm::Sha256);
    let lost = json!({ "mediaType": LAYER, "digest": Digest::sha256(&fresh(20)), "size": 400 });
    content.image(0, &json!({ "layers": [lost] }));
    content.tag("sparse-image");
    let child = content.image(1, &json!({}));
    let absent = json!({ "mediaType": IMAGE, "digest": Digest::sha256(&fresh(20)), "size": 1_024 });
    content.index(&[child, absent], &json!({}));
    content.tag("sparse-index");
    content
}
