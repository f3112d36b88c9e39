//! Manifests and blobs.

use std::time::Duration;

use bytes::Bytes;
use oci::{Algorithm, Digest, Reference, media_type};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};

use super::{Remote, UpstreamError, header};
use crate::outbound::Answer;

/// Every type that can be stored. What an upstream would convert for others is not what it signed.
const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";
/// The largest manifest, as for pushes.
const MAX_MANIFEST: u64 = 4 << 20;
/// A blob may take this long as a whole; silence ends it much earlier.
const BLOB_PATIENCE: Duration = Duration::from_hours(2);

/// A manifest whose bytes have its digest.
#[derive(Clone, Debug)]
pub(crate) struct FoundManifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// What an upstream says about a manifest without sending it.
#[derive(Clone, Debug)]
pub(crate) struct ManifestHead {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) size_bytes: u64,
}

impl Remote {
    /// Gets a manifest. Its bytes have the digest that was asked for, or that the upstream named for the tag.
    pub(crate) async fn manifest(
        &self,
        repository: &str,
        reference: &Reference,
    ) -> Result<FoundManifest, UpstreamError> {
        let answer = self
            .ask_manifest(repository, reference, &Method::GET)
            .await?;
        let media_type = content_type(answer.headers());
        let named = named_digest(answer.headers());
        let bytes = answer.bytes(MAX_MANIFEST).await?;
        let expected = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(_) => named,
        };
        let algorithm = expected
            .as_ref()
            .map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = Digest::compute(algorithm, &bytes);
        if let Some(expected) = expected.filter(|expected| *expected != digest) {
            return Err(self.untrue(format!("a manifest {digest} for {expected}")));
        }
        Ok(FoundManifest {
            digest,
            media_type,
            bytes,
        })
    }

    /// Asks what a reference means now. `None` if the upstream does not say it without the body.
    pub(crate) async fn manifest_head(
        &self,
        repository: &str,
        reference: &Reference,
    ) -> Result<Option<ManifestHead>, UpstreamError> {
        let answer = self
            .ask_manifest(repository, reference, &Method::HEAD)
            .await?;
        let headers = answer.headers();
        let size_bytes = answer
            .header(CONTENT_LENGTH)
            .and_then(|length| length.parse().ok());
        Ok(named_digest(headers)
            .zip(size_bytes)
            .map(|(digest, size_bytes)| ManifestHead {
                digest,
                media_type: content_type(headers),
                size_bytes,
            }))
    }

    async fn ask_manifest(
        &self,
        repository: &str,
        reference: &Reference,
        method: &Method,
    ) -> Result<Answer, UpstreamError> {
        let url = self.address(repository, &format!("manifests/{reference}"));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, header(ACCEPTED));
        let answer = self.ask(repository, method, &url, &headers, None).await?;
        if answer.status() == 200 {
            Ok(answer)
        } else {
            Err(Self::refused(&answer))
        }
    }

    /// Opens a blob at an offset. The bytes are whatever the upstream sends: hash them.
    ///
    /// Returns the answer and the offset at which it begins: an upstream without ranges begins anew.
    pub(crate) async fn blob(
        &self,
        repository: &str,
        digest: &Digest,
        offset: u64,
    ) -> Result<(Answer, u64), UpstreamError> {
        let url = self.address(repository, &format!("blobs/{digest}"));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, header("*/*"));
        if offset > 0
            && let Ok(range) = HeaderValue::try_from(format!("bytes={offset}-"))
        {
            headers.insert(RANGE, range);
        }
        let answer = self
            .ask(
                repository,
                &Method::GET,
                &url,
                &headers,
                Some(BLOB_PATIENCE),
            )
            .await?;
        match answer.status().as_u16() {
            200 => Ok((answer, 0)),
            206 if offset > 0 => {
                let begins = answer
                    .header(reqwest::header::CONTENT_RANGE)
                    .and_then(|range| range.strip_prefix("bytes "))
                    .and_then(|range| range.split_once('-'))
                    .and_then(|(start, _)| start.parse::<u64>().ok());
                if begins == Some(offset) {
                    Ok((answer, offset))
                } else {
                    Err(self.untrue("another range"))
                }
            }
            _ => Err(Self::refused(&answer)),
        }
    }

    /// Asks whether the upstream has a blob, and returns its size.
    pub(crate) async fn blob_size(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<u64, UpstreamError> {
        let url = self.address(repository, &format!("blobs/{digest}"));
        let headers = HeaderMap::new();
        let answer = self
            .ask(repository, &Method::HEAD, &url, &headers, None)
            .await?;
        if answer.status() != 200 {
            return Err(Self::refused(&answer));
        }
        answer
            .header(CONTENT_LENGTH)
            .and_then(|length| length.parse().ok())
            .ok_or_else(|| self.untrue("a blob without a size"))
    }
}

fn content_type(headers: &HeaderMap) -> String {
    let text = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    media_type::essence(text.unwrap_or_default()).to_owned()
}

fn named_digest(headers: &HeaderMap) -> Option<Digest> {
    let named = headers.get("docker-content-digest")?;
    named.to_str().ok()?.parse().ok()
}
