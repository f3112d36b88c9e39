//! One repository of one registry: its manifests and blobs, checked.

use std::io;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use image::VerifyError;
use oci::{Descriptor, Digest, ImageReference};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use super::{Options, auth};
use crate::exit::{Exit, Failure};

/// The largest manifest or configuration that is read, in bytes.
const MAX_DOCUMENT: u64 = 8 << 20;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a single byte for this long, a transfer is given up.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

const ACCEPTED: [&str; 4] = [
    oci::media_type::OCI_MANIFEST,
    oci::media_type::OCI_INDEX,
    oci::media_type::DOCKER_MANIFEST,
    oci::media_type::DOCKER_LIST,
];

/// A repository, reached with the credentials that belong to it.
pub(super) struct Remote {
    client: Client,
    reference: Reference,
    auth: RegistryAuth,
}

impl Remote {
    /// Finds the way to a registry: TLS, or for loopback and named hosts whatever answers.
    pub(super) async fn connect(
        written: &ImageReference,
        options: &Options,
    ) -> Result<Self, Failure> {
        let reference: Reference = written.to_string().parse().map_err(|error| {
            Failure::usage(anyhow::Error::new(error).context(format!("`{written}` is not usable")))
        })?;
        let host = reference.resolve_registry().to_owned();
        let auth = auth::find(&reference, options.authfile.as_deref())?;
        let is_insecure = is_loopback(&host) || options.insecure.contains(&host);
        let mut remote = Self {
            client: client(ClientProtocol::Https, is_insecure),
            reference,
            auth,
        };
        // A registry that listens without TLS does not answer a handshake; only where that is allowed is it asked again.
        if is_insecure && remote.answers_without_tls().await {
            remote.client = client(ClientProtocol::Http, true);
        }
        Ok(remote)
    }

    async fn answers_without_tls(&self) -> bool {
        let result = self
            .client
            .pull_manifest_raw(&self.reference, &self.auth, &ACCEPTED)
            .await;
        matches!(result, Err(OciDistributionError::RequestError(error)) if error.is_connect())
    }

    /// Returns the name of the image, for messages.
    pub(super) fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Reads the manifest that was asked for, or the child of an index, and returns it with its digest.
    pub(super) async fn manifest(
        &self,
        child: Option<&Descriptor>,
    ) -> Result<(Bytes, Digest), Failure> {
        let reference = match child {
            Some(child) => self.reference.clone_with_digest(child.digest.to_string()),
            None => self.reference.clone(),
        };
        let (bytes, _) = self
            .client
            .pull_manifest_raw(&reference, &self.auth, &ACCEPTED)
            .await
            .map_err(|error| self.refused(error))?;
        let expected: Option<Digest> = reference.digest().and_then(|digest| digest.parse().ok());
        let computed = match &expected {
            Some(expected) => Digest::compute(expected.algorithm(), &bytes),
            None => Digest::sha256(&bytes),
        };
        match expected {
            Some(expected) if expected != computed => Err(self.wrong_content(expected, computed)),
            _ => Ok((bytes, computed)),
        }
    }

    /// Reads a small blob whole.
    pub(super) async fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Failure> {
        if descriptor.size > MAX_DOCUMENT {
            return Err(Failure::new(anyhow!(
                "the configuration of `{}` has {} bytes, more than the {MAX_DOCUMENT} a document may have",
                self.reference,
                descriptor.size
            )));
        }
        let mut stream = self.stream(descriptor).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| Failure::new(self.reading(error)))?);
            if bytes.len() as u64 > descriptor.size {
                return Err(Failure::new(anyhow::Error::new(VerifyError::TooLong {
                    expected_bytes: descriptor.size,
                })));
            }
        }
        let computed = Digest::compute(descriptor.digest.algorithm(), &bytes);
        if computed != descriptor.digest {
            return Err(self.wrong_content(descriptor.digest.clone(), computed));
        }
        Ok(bytes)
    }

    /// Starts to read a blob. The caller checks what it is.
    pub(super) async fn stream(
        &self,
        descriptor: &Descriptor,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, Failure> {
        let layer = OciDescriptor {
            media_type: descriptor.media_type.clone(),
            digest: descriptor.digest.to_string(),
            size: i64::try_from(descriptor.size).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        };
        let sized = self
            .client
            .pull_blob_stream(&self.reference, &layer)
            .await
            .map_err(|error| self.refused(error))?;
        Ok(sized.stream)
    }

    fn reading(&self, error: io::Error) -> anyhow::Error {
        anyhow::Error::new(error)
            .context(format!("cannot read from `{}`", self.reference.registry()))
    }

    fn wrong_content(&self, expected: Digest, computed: Digest) -> Failure {
        let error = anyhow::Error::new(VerifyError::Digest { expected, computed });
        Failure::new(error.context(format!(
            "`{}` sent something else than was asked for",
            self.reference.registry()
        )))
        .with_hint("A proxy or the registry's store is damaged; nothing of it was used.")
    }

    /// Names what was attempted, and tells refused from broken.
    fn refused(&self, error: OciDistributionError) -> Failure {
        let host = self.reference.registry().to_owned();
        if is_authentication(&error) {
            let who = match self.auth {
                RegistryAuth::Anonymous => "without credentials",
                _ => "with the credentials at hand",
            };
            return Failure::new(anyhow::Error::new(error).context(format!(
                "`{host}` refuses to give `{}` {who}",
                self.reference
            )))
            .with_exit(Exit::Unauthorised)
            .with_hint(format!(
                "Log in, for example with `podman login {host}`, or name a file with --authfile."
            ));
        }
        let is_connect =
            matches!(&error, OciDistributionError::RequestError(error) if error.is_connect());
        let failure = Failure::new(
            anyhow::Error::new(error).context(format!("cannot read `{}`", self.reference)),
        );
        if is_connect {
            failure.with_hint(format!(
                "Check the name and the network; for a registry without valid TLS add --insecure {host}."
            ))
        } else {
            failure
        }
    }
}

fn client(protocol: ClientProtocol, accept_invalid_certificates: bool) -> Client {
    Client::new(ClientConfig {
        protocol,
        accept_invalid_certificates,
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(READ_TIMEOUT),
        user_agent: concat!("tidegate/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    })
}

fn is_authentication(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::UnauthorizedError { .. } => true,
        OciDistributionError::ServerError { code, .. } => matches!(code, 401 | 403),
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().any(|error| {
                matches!(
                    error.code,
                    OciErrorCode::Unauthorized | OciErrorCode::Denied
                )
            })
        }
        _ => false,
    }
}

/// Returns whether a host is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("localhost", true)]
    #[case("localhost:5000", true)]
    #[case("127.0.0.1:5000", true)]
    #[case("127.1.2.3", true)]
    #[case("[::1]:5000", true)]
    #[case("localhost.example.com", false)]
    #[case("10.0.0.1:5000", false)]
    #[case("registry.example.com", false)]
    fn only_this_machine_is_loopback(#[case] host: &str, #[case] expected: bool) {
        assert_eq!(is_loopback(host), expected);
    }
}
