//! How connections to a directory are encrypted. Certificates are always checked.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Encryption cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The directory's file of certificates cannot be read.
    #[error("cannot read the directory's certificates in `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file holds no certificates.
    #[error("`{}` holds no PEM certificate that can be used", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
    },
    /// The library refuses its own versions of TLS.
    #[error("cannot set up TLS for the directory")]
    Setup(#[source] rustls::Error),
}

/// Makes what checks the directory's certificate: against a file, else against what the machine trusts.
pub(super) fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        for certificate in read(path)? {
            let added = roots.add(certificate);
            added.map_err(|_| TlsError::Certificates {
                path: path.to_owned(),
            })?;
        }
    } else {
        let (used, unusable) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        tracing::debug!(used, unusable, "certificates of this machine");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = fs_err::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError::Certificates {
            path: path.to_owned(),
        }),
    }
}
