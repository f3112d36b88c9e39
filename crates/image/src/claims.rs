//! Computed against claimed: the layers' DiffIDs and media types.
//!
//! What documents say about layers is a claim, what the bytes say is the truth; a difference is a diagnostic. A runtime
//! refuses an image with wrong DiffIDs, while a scanner that believed the list would attribute packages to the wrong
//! layer.

use evidence::{Diagnostic, Level};
use oci::{Digest, ImageConfig};

use crate::{Compression, LayerWalk};

/// Compares the computed DiffIDs, from the base up, with those the configuration claims.
///
/// `None` stands for a layer that could not be read to its end; it has its own diagnostic and is not compared.
pub fn check_diff_ids(config: &ImageConfig, computed: &[Option<Digest>]) -> Vec<Diagnostic> {
    let claimed = &config.rootfs.diff_ids;
    let mut diagnostics = Vec::new();
    if claimed.len() != computed.len() {
        diagnostics.push(Diagnostic::new(
            "layer.count_mismatch",
            Level::Warning,
            format!(
                "the configuration lists {} layers, the image has {}",
                claimed.len(),
                computed.len()
            ),
        ));
    }
    for (position, (claimed, computed)) in claimed.iter().zip(computed).enumerate() {
        let Some(computed) = computed else { continue };
        if claimed != computed.as_str() {
            diagnostics.push(
                Diagnostic::new(
                    "layer.diff_id_mismatch",
                    Level::Warning,
                    format!(
                        "the configuration claims `{}`, the layer's content is {computed}",
                        claimed.escape_debug()
                    ),
                )
                .in_layer(position as u32),
            );
        }
    }
    diagnostics
}

/// Compares what a layer's media type claims with how it is stored.
///
/// `layer.encrypted` for a type that says so (the walk then found no tar), `layer.media_type_mismatch` for another
/// compression than claimed. A media type that is not one of a layer claims nothing.
pub fn check_media_type(media_type: &str, walk: &LayerWalk) -> Option<Diagnostic> {
    let claim = media_type.to_ascii_lowercase();
    if claim.ends_with("+encrypted") {
        let message = format!("the layer is encrypted (`{}`)", media_type.escape_debug());
        return Some(Diagnostic::new("layer.encrypted", Level::Error, message));
    }
    let stored = walk.compression?;
    let (_, suffix) = claim.rsplit_once(".tar")?;
    let claimed = match suffix {
        "" => Compression::None,
        "+gzip" | ".gzip" => Compression::Gzip,
        "+zstd" | ".zstd" => Compression::Zstd,
        _ => return None,
    };
    (claimed != stored).then(|| {
        let stored = match stored {
            Compression::None => "an uncompressed tar",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        Diagnostic::new(
            "layer.media_type_mismatch",
            Level::Warning,
            format!(
                "the media type is `{}`, the bytes are {stored}",
                media_type.escape_debug()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use oci::RootFs;
    use rstest::rstest;

    use super::*;

    fn check(claimed: &[&str], computed: &[Option<&[u8]>]) -> Vec<(String, Option<u32>)> {
        let digest = |text: &&str| Digest::sha256(text.as_bytes()).to_string();
        let config = ImageConfig {
            rootfs: RootFs {
                diff_ids: claimed.iter().map(digest).collect(),
            },
            ..ImageConfig::default()
        };
        let computed: Vec<_> = computed.iter().map(|c| c.map(Digest::sha256)).collect();
        check_diff_ids(&config, &computed)
            .into_iter()
            .map(|d| (d.code.into_owned(), d.layer))
            .collect()
    }

    #[rstest]
    #[case(&["a", "b"], &[Some(b"a".as_slice()), Some(b"b")], &[])]
    #[case(&["a", "b"], &[Some(b"a".as_slice()), None], &[])]
    #[case(&["a", "b"], &[Some(b"b".as_slice()), Some(b"b")], &[("layer.diff_id_mismatch", Some(0))])]
    #[case(&["a"], &[Some(b"a".as_slice()), Some(b"b")], &[("layer.count_mismatch", None)])]
    fn a_claim_that_differs_is_named(
        #[case] claimed: &[&str],
        #[case] computed: &[Option<&[u8]>],
        #[case] expected: &[(&str, Option<u32>)],
    ) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(c, l)| ((*c).to_owned(), *l))
            .collect();
        assert_eq!(check(claimed, computed), expected);
    }

    #[rstest]
    #[case("application/vnd.oci.image.layer.v1.tar+gzip", Compression::Gzip, None)]
    #[case("application/vnd.oci.image.layer.v1.tar", Compression::None, None)]
    #[case(
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        Compression::Gzip,
        None
    )]
    #[case("application/vnd.example", Compression::Gzip, None)]
    #[case(
        "application/vnd.oci.image.layer.v1.tar+gzip",
        Compression::Zstd,
        Some("layer.media_type_mismatch")
    )]
    #[case(
        "application/vnd.docker.image.rootfs.diff.tar",
        Compression::Gzip,
        Some("layer.media_type_mismatch")
    )]
    #[case(
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        Compression::None,
        Some("layer.encrypted")
    )]
    fn a_media_type_that_differs_is_named(
        #[case] media_type: &str,
        #[case] stored: Compression,
        #[case] expected: Option<&str>,
    ) {
        let walk = LayerWalk {
            diff_id: None,
            compression: Some(stored),
            blob_bytes: 0,
            entries: 0,
            bytes: 0,
            complete: true,
            diagnostics: Vec::new(),
        };
        let diagnostic = check_media_type(media_type, &walk);
        assert_eq!(diagnostic.map(|d| d.code.into_owned()).as_deref(), expected);
    }
}
