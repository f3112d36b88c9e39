//! Manifests and indexes: checked on arrival, read as views.
//!
//! [`Manifest::parse`] makes every check that needs only the bytes and the declared media type, in the order that the
//! registry promises. Whether the named blobs exist is the catalog's question.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, json, media_type};

/// Descriptors one manifest may hold.
const MAX_DESCRIPTORS: usize = 4_096;
/// Children one index may hold.
const MAX_CHILDREN: usize = 1_000;

/// Why a manifest is refused. Each text is a fragment that reads well after "manifest refused:".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Docker schema 1.
    #[error("schema 1 is not supported, push the image again with a current client")]
    Schema1,
    /// Neither the header nor the body names a known type.
    #[error("unknown media type `{0}`")]
    UnknownType(String),
    /// The body is not strict JSON.
    #[error("not usable JSON: {0}")]
    Json(String),
    /// `schemaVersion` is not 2.
    #[error("`schemaVersion` must be 2")]
    SchemaVersion,
    /// The body's `mediaType` differs from the request's.
    #[error("the body says `{body}`, the request says `{header}`")]
    TypeMismatch {
        /// The body's `mediaType`.
        body: String,
        /// The request's `Content-Type`.
        header: String,
    },
    /// Fields of a manifest and of an index together, or those of the other kind.
    #[error("`{0}` does not belong in this kind of document")]
    MixedKinds(&'static str),
    /// A field that must be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A descriptor's `data` is not the content it names.
    #[error("the `data` of {0} does not have that digest and size")]
    Data(Digest),
    /// Too many descriptors.
    #[error("more than {0} descriptors")]
    TooMany(usize),
}

/// A pointer to content. A size that is negative or beyond 2⁶³−1 is refused while parsing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The content's type.
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    #[serde(deserialize_with = "positive_i64")]
    pub size: u64,
    /// Where a non-distributable layer may be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Free-form notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The content itself, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The platform of an index's child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The artifact's type, in an index's child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Returns whether its bytes may live elsewhere: a non-distributable layer that says where it may be had. One that
    /// does not say so must be pushed like any other, or nobody could ever complete the image.
    pub fn is_kept_elsewhere(&self) -> bool {
        media_type::is_nondistributable(&self.media_type) && !self.urls.is_empty()
    }
}

/// The platform of an index's child.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Platform {
    /// `amd64`, …
    pub architecture: String,
    /// `linux`, …
    pub os: String,
    /// `v8`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Returns whether a runtime could run it; `unknown/unknown` marks attestations.
    pub fn is_runnable(&self) -> bool {
        self.os != "unknown" && self.architecture != "unknown"
    }

    /// Returns `os/architecture[/variant]`.
    pub fn label(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{}/{}/{variant}", self.os, self.architecture),
            None => format!("{}/{}", self.os, self.architecture),
        }
    }
}

/// A manifest or an index, as a view over its bytes.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The media type it was accepted with.
    pub media_type: String,
    /// `artifactType`, as written.
    pub artifact_type: Option<String>,
    /// The configuration; indexes have none.
    pub config: Option<Descriptor>,
    /// The layers from the base up; indexes have none.
    pub layers: Vec<Descriptor>,
    /// The children of an index.
    pub children: Vec<Descriptor>,
    /// The manifest this one refers to.
    pub subject: Option<Descriptor>,
    /// Free-form notes.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: Option<i64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Checks and reads a manifest.
    ///
    /// `content_type` is the request's header, with or without parameters; when it is empty or unknown, the body's
    /// `mediaType` decides.
    ///
    /// # Errors
    /// See [`ManifestError`]; the checks run in the order of its variants.
    ///
    /// # Source
    /// OCI image specification, `manifest.md` and `image-index.md`; docker image manifest version 2, schema 2.
    pub fn parse(bytes: &[u8], content_type: &str) -> Result<Self, ManifestError> {
        let header = media_type::essence(content_type);
        if media_type::is_schema1(header) {
            return Err(ManifestError::Schema1);
        }
        json::check_strict(bytes).map_err(ManifestError::Json)?;
        let raw: Raw = serde_json::from_slice(bytes)
            .map_err(|error| ManifestError::Json(error.to_string()))?;
        let media_type = decide_type(header, raw.media_type.as_deref(), raw.schema_version)?;
        if raw.schema_version != Some(2) {
            return Err(ManifestError::SchemaVersion);
        }
        let manifest = if media_type::is_index(&media_type) {
            index(raw, media_type)?
        } else {
            image_manifest(raw, media_type)?
        };
        manifest.check_descriptors()?;
        Ok(manifest)
    }

    /// Returns whether it is an index or manifest list.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.media_type)
    }

    /// Returns whether it is a runnable image: its configuration is one and it refers to nothing else.
    pub fn is_image(&self) -> bool {
        self.config
            .as_ref()
            .is_some_and(|config| media_type::is_image_config(&config.media_type))
    }

    /// Returns the artifact type that the referrers API shows: the manifest's own, else its configuration's.
    pub fn effective_artifact_type(&self) -> Option<&str> {
        self.artifact_type.as_deref().or_else(|| {
            self.config
                .as_ref()
                .map(|config| config.media_type.as_str())
        })
    }

    /// Returns every descriptor the document holds.
    pub fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        self.config
            .iter()
            .chain(&self.layers)
            .chain(&self.children)
            .chain(&self.subject)
    }

    /// Returns the blobs that must be in the repository: configuration and layers, without those kept elsewhere.
    pub fn required_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config
            .iter()
            .chain(&self.layers)
            .filter(|blob| !blob.is_kept_elsewhere())
    }

    fn check_descriptors(&self) -> Result<(), ManifestError> {
        if self.descriptors().count() > MAX_DESCRIPTORS {
            return Err(ManifestError::TooMany(MAX_DESCRIPTORS));
        }
        if self.children.len() > MAX_CHILDREN {
            return Err(ManifestError::TooMany(MAX_CHILDREN));
        }
        for descriptor in self.descriptors() {
            if let Some(data) = &descriptor.data {
                let content = decode_base64(data)
                    .ok_or_else(|| ManifestError::Data(descriptor.digest.clone()))?;
                let digest = Digest::compute(descriptor.digest.algorithm(), &content);
                if digest != descriptor.digest || content.len() as u64 != descriptor.size {
                    return Err(ManifestError::Data(descriptor.digest.clone()));
                }
            }
        }
        Ok(())
    }
}

fn decide_type(
    header: &str,
    body: Option<&str>,
    schema: Option<i64>,
) -> Result<String, ManifestError> {
    let is_known = |t: &str| media_type::is_manifest(t) || media_type::is_index(t);
    if schema == Some(1) || body.is_some_and(media_type::is_schema1) {
        return Err(ManifestError::Schema1);
    }
    match body {
        Some(body) if is_known(header) && body != header => Err(ManifestError::TypeMismatch {
            body: body.to_owned(),
            header: header.to_owned(),
        }),
        _ if is_known(header) => Ok(header.to_owned()),
        Some(body) if is_known(body) => Ok(body.to_owned()),
        Some(other) => Err(ManifestError::UnknownType(other.to_owned())),
        None => Err(ManifestError::UnknownType(header.to_owned())),
    }
}

fn image_manifest(raw: Raw, media_type: String) -> Result<Manifest, ManifestError> {
    if raw.manifests.is_some() {
        return Err(ManifestError::MixedKinds("manifests"));
    }
    Ok(Manifest {
        media_type,
        artifact_type: raw.artifact_type.filter(|t| !t.is_empty()),
        config: Some(raw.config.ok_or(ManifestError::Missing("config"))?),
        layers: raw.layers.ok_or(ManifestError::Missing("layers"))?,
        children: Vec::new(),
        subject: raw.subject,
        annotations: raw.annotations.unwrap_or_default(),
    })
}

fn index(raw: Raw, media_type: String) -> Result<Manifest, ManifestError> {
    if raw.layers.is_some() {
        return Err(ManifestError::MixedKinds("layers"));
    }
    if raw.config.is_some() {
        return Err(ManifestError::MixedKinds("config"));
    }
    Ok(Manifest {
        media_type,
        artifact_type: raw.artifact_type.filter(|t| !t.is_empty()),
        config: None,
        layers: Vec::new(),
        children: raw.manifests.ok_or(ManifestError::Missing("manifests"))?,
        subject: raw.subject,
        annotations: raw.annotations.unwrap_or_default(),
    })
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

fn positive_i64<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    if i64::try_from(size).is_err() {
        return Err(serde::de::Error::custom("a size must be below 2^63"));
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn manifest(extra: &str) -> String {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{DIGEST}","size":0}},"layers":[]{extra}}}"#,
            media_type::OCI_MANIFEST,
            media_type::OCI_CONFIG
        )
    }

    fn check(body: &str, content_type: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(body.as_bytes(), content_type)
    }

    #[test]
    fn an_image_manifest_is_read() {
        let parsed = check(&manifest(""), media_type::OCI_MANIFEST).expect("legal");
        assert!(parsed.is_image());
        assert_eq!(parsed.required_blobs().count(), 1);
    }

    #[test]
    fn a_header_with_parameters_and_a_missing_header_are_both_understood() {
        assert!(
            check(
                &manifest(""),
                &format!("{}; charset=utf-8", media_type::OCI_MANIFEST)
            )
            .is_ok()
        );
        assert!(check(&manifest(""), "").is_ok());
    }

    #[rstest]
    #[case(
        manifest(""),
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        ManifestError::Schema1
    )]
    #[case(r#"{"schemaVersion":1}"#.into(), "", ManifestError::Schema1)]
    #[case(r#"{"schemaVersion":2}"#.into(), "text/html", ManifestError::UnknownType("text/html".into()))]
    #[case(manifest("").replace("\"schemaVersion\":2", "\"schemaVersion\":3"), "", ManifestError::SchemaVersion)]
    #[case(
        manifest(r#","manifests":[]"#),
        "",
        ManifestError::MixedKinds("manifests")
    )]
    #[case(manifest("").replace(",\"layers\":[]", ""), "", ManifestError::Missing("layers"))]
    fn a_wrong_manifest_is_refused(
        #[case] body: String,
        #[case] content_type: &str,
        #[case] expected: ManifestError,
    ) {
        assert_eq!(check(&body, content_type).map(|_| ()), Err(expected));
    }

    #[test]
    fn a_body_and_a_header_of_different_types_are_refused() {
        let refused = check(&manifest(""), media_type::DOCKER_MANIFEST);
        assert!(
            matches!(refused, Err(ManifestError::TypeMismatch { .. })),
            "{refused:?}"
        );
    }

    #[rstest]
    #[case("-1")]
    #[case("9223372036854775808")]
    #[case("1.5")]
    fn a_size_out_of_range_is_refused(#[case] size: &str) {
        let body = manifest("").replace("\"size\":0", &format!("\"size\":{size}"));
        assert!(matches!(check(&body, ""), Err(ManifestError::Json(_))));
    }

    #[test]
    fn inline_data_must_be_the_content_it_names() {
        let with = |data: &str| {
            manifest("").replace("\"size\":0", &format!("\"size\":0,\"data\":\"{data}\""))
        };
        assert!(check(&with(""), "").is_ok());
        assert!(matches!(
            check(&with("eA=="), ""),
            Err(ManifestError::Data(_))
        ));
    }

    #[rstest]
    #[case::says_where(r#","urls":["https://example.com/layer"]"#, 1)]
    #[case::says_nothing("", 2)]
    #[case::an_empty_list(r#","urls":[]"#, 2)]
    fn a_nondistributable_layer_is_required_unless_it_says_where_it_is(
        #[case] urls: &str,
        #[case] required: usize,
    ) {
        let layer = format!(
            r#"[{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"{DIGEST}","size":3{urls}}}]"#
        );
        let body = manifest("").replace("\"layers\":[]", &format!("\"layers\":{layer}"));
        let parsed = check(&body, "").expect("legal");
        assert_eq!(parsed.required_blobs().count(), required);
    }

    #[test]
    fn the_number_of_children_is_bounded() {
        let child = format!(
            r#"{{"mediaType":"{}","digest":"{DIGEST}","size":1}}"#,
            media_type::OCI_MANIFEST
        );
        let body = |n: usize| {
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
                media_type::OCI_INDEX,
                vec![child.as_str(); n].join(",")
            )
        };
        assert!(check(&body(1_000), "").is_ok());
        assert_eq!(
            check(&body(1_001), "").map(|_| ()),
            Err(ManifestError::TooMany(1_000))
        );
    }

    proptest::proptest! {
        #[test]
        fn a_damaged_manifest_is_refused_or_whole(
            changes in proptest::collection::vec((0_usize..400, proptest::num::u8::ANY), 0..4),
            content_type in proptest::sample::select(vec!["", media_type::OCI_MANIFEST, media_type::OCI_INDEX]),
        ) {
            let subject = format!(r#","subject":{{"mediaType":"a/b","digest":"{DIGEST}","size":1}}"#);
            let mut body = manifest(&subject).into_bytes();
            for (at, byte) in changes {
                let end = body.len();
                body[at % end] = byte;
            }
            if let Ok(read) = Manifest::parse(&body, content_type) {
                proptest::prop_assert!(!read.is_index());
                proptest::prop_assert_eq!(read.required_blobs().count(), 1);
            }
        }
    }
}
