//! What people write to name a source.
//!
//! The grammar follows the transports that container tools share: `docker-archive:FILE[:NAME]`,
//! `oci-archive:FILE[:NAME]`, `oci:DIR[:NAME]`, each also with `@DIGEST`, `dir:DIR`, `docker://NAME`. A text without a
//! prefix is an existing file or directory if it can be told what kind it is, else a registry name. Adding a transport:
//! one variant, one arm in [`SourceSpec::from_str`].

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use oci::{Digest, DigestError, ImageReference, ReferenceError};

/// Which image of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The name it was stored under (`org.opencontainers.image.ref.name`, or a docker `name:tag`).
    Name(String),
    /// The digest of its manifest or index.
    Digest(Digest),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A source, as named by its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// The output of `docker save`, `podman save` or `skopeo copy … docker-archive:`; may be gzip.
    DockerArchive(PathBuf, Option<Selector>),
    /// An OCI layout in a tar file; may be gzip.
    OciArchive(PathBuf, Option<Selector>),
    /// An OCI layout in a directory.
    OciLayout(PathBuf, Option<Selector>),
    /// A root file system.
    Directory(PathBuf),
    /// An image in a registry.
    Registry(ImageReference),
}

/// Why a text names no source.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Nothing was written.
    #[error("no source is named")]
    Empty,
    /// A prefix without a path behind it.
    #[error("`{prefix}` names no path")]
    NoPath {
        /// The prefix.
        prefix: &'static str,
    },
    /// A transport of other tools that is not supported here.
    #[error("the transport `{0}:` is not supported")]
    Transport(String),
    /// What follows `@` is not a digest.
    #[error("`{text}` is not a digest")]
    Digest {
        /// What was written.
        text: String,
        /// Why.
        #[source]
        source: DigestError,
    },
    /// Neither a file nor an image name.
    #[error("`{text}` is neither an existing path nor an image name")]
    Name {
        /// What was written.
        text: String,
        /// Why it is not an image name.
        #[source]
        source: ReferenceError,
    },
    /// A path that could be looked at and is nothing known.
    #[error("`{}` is {found}, and its kind cannot be told", path.display())]
    Unrecognised {
        /// The path.
        path: PathBuf,
        /// What it looks like.
        found: &'static str,
    },
    /// A path that cannot be looked at.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl SpecError {
    /// Returns the sentence that says what to do now.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "Check that you may read it.",
            Self::Digest { .. } => {
                "Write a digest as `sha256:` and 64 lower-case hexadecimal characters."
            }
            Self::Name { .. } => {
                "Check the path, or write an image name such as docker://debian:12."
            }
            _ => {
                "Write docker-archive:FILE, oci-archive:FILE[:NAME], oci:DIR[:NAME], dir:DIR or docker://NAME."
            }
        }
    }
}

impl FromStr for SourceSpec {
    type Err = SpecError;

    /// Reads a source. A text without a prefix is looked up on the file system.
    fn from_str(text: &str) -> Result<Self, SpecError> {
        if text.is_empty() {
            return Err(SpecError::Empty);
        }
        if let Some(rest) = text.strip_prefix("docker-archive:") {
            let (path, selector) = path_and_selector("docker-archive:", rest)?;
            return Ok(Self::DockerArchive(path, selector));
        }
        if let Some(rest) = text.strip_prefix("oci-archive:") {
            let (path, selector) = path_and_selector("oci-archive:", rest)?;
            return Ok(Self::OciArchive(path, selector));
        }
        if let Some(rest) = text.strip_prefix("oci:") {
            let (path, selector) = path_and_selector("oci:", rest)?;
            return Ok(Self::OciLayout(path, selector));
        }
        if let Some(rest) = text.strip_prefix("dir:") {
            if rest.is_empty() {
                return Err(SpecError::NoPath { prefix: "dir:" });
            }
            return Ok(Self::Directory(rest.into()));
        }
        if let Some(name) = text.strip_prefix("docker://") {
            return registry(name);
        }
        let path = Path::new(text);
        match fs_err::metadata(path) {
            Ok(metadata) => sniff(path, metadata.is_dir()),
            Err(error) if is_absent(&error) => match foreign_transport(text) {
                Some(transport) => Err(SpecError::Transport(transport.to_owned())),
                None => registry(text),
            },
            Err(source) => Err(SpecError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, path, selector) = match self {
            Self::DockerArchive(path, selector) => ("docker-archive:", path, selector.as_ref()),
            Self::OciArchive(path, selector) => ("oci-archive:", path, selector.as_ref()),
            Self::OciLayout(path, selector) => ("oci:", path, selector.as_ref()),
            Self::Directory(path) => ("dir:", path, None),
            Self::Registry(name) => return write!(f, "docker://{name}"),
        };
        write!(f, "{prefix}{}", path.display())?;
        match selector {
            None => Ok(()),
            Some(Selector::Name(name)) => write!(f, ":{name}"),
            Some(Selector::Digest(digest)) => write!(f, "@{digest}"),
        }
    }
}

/// The transports of other tools, so that `docker-daemon:x` is not mistaken for the image `docker-daemon`, tag `x`.
fn foreign_transport(text: &str) -> Option<&str> {
    let (transport, _) = text.split_once(':')?;
    let is_foreign = matches!(
        transport,
        "containers-storage"
            | "docker-daemon"
            | "ostree"
            | "sif"
            | "tarball"
            | "file"
            | "http"
            | "https"
    );
    is_foreign.then_some(transport)
}

fn registry(name: &str) -> Result<SourceSpec, SpecError> {
    name.parse()
        .map(SourceSpec::Registry)
        .map_err(|source| SpecError::Name {
            text: name.to_owned(),
            source,
        })
}

/// Splits `PATH[:NAME]` and `PATH@DIGEST`. A text that exists as a whole is a path; else the path is the longest part
/// before a colon that exists, or that before the first colon, so both paths and names may have colons.
fn path_and_selector(
    prefix: &'static str,
    text: &str,
) -> Result<(PathBuf, Option<Selector>), SpecError> {
    if text.is_empty() || text.starts_with([':', '@']) {
        return Err(SpecError::NoPath { prefix });
    }
    let exists = |path: &str| Path::new(path).try_exists().unwrap_or(false);
    if exists(text) {
        return Ok((text.into(), None));
    }
    if let Some((path, digest)) = text.rsplit_once('@')
        && digest.contains(':')
    {
        let digest = digest.parse().map_err(|source| SpecError::Digest {
            text: digest.to_owned(),
            source,
        })?;
        return Ok((path.into(), Some(Selector::Digest(digest))));
    }
    let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at).collect();
    let split = colons
        .iter()
        .rfind(|at| exists(&text[..**at]))
        .or(colons.first());
    Ok(match split {
        Some(&at) if at + 1 < text.len() => (
            text[..at].into(),
            Some(Selector::Name(text[at + 1..].to_owned())),
        ),
        Some(&at) => (text[..at].into(), None),
        None => (text.into(), None),
    })
}

fn is_absent(error: &std::io::Error) -> bool {
    // A path through a file (`debian:12/x` beside a file `debian:12`) and a name longer than a path may be are not
    // files either.
    matches!(
        error.kind(),
        std::io::ErrorKind::NotFound
            | std::io::ErrorKind::NotADirectory
            | std::io::ErrorKind::InvalidFilename
            | std::io::ErrorKind::InvalidInput
    )
}

/// Tells the kind of an existing path. A directory is a layout when it says so, a root file system when it has the
/// shape of one. A file is an archive of the kind its own table names.
fn sniff(path: &Path, is_dir: bool) -> Result<SourceSpec, SpecError> {
    let has = |name: &str| path.join(name).try_exists().unwrap_or(false);
    if is_dir {
        if has("oci-layout") && has("index.json") {
            return Ok(SourceSpec::OciLayout(path.to_owned(), None));
        }
        if ["etc", "usr", "bin", "var"]
            .iter()
            .filter(|name| has(name))
            .count()
            >= 2
        {
            return Ok(SourceSpec::Directory(path.to_owned()));
        }
        return Err(SpecError::Unrecognised {
            path: path.to_owned(),
            found: "a directory",
        });
    }
    let read = |source| SpecError::Read {
        path: path.to_owned(),
        source,
    };
    let mut head = [0; 2];
    let head_len = fs_err::File::open(path)
        .and_then(|mut file| file.read(&mut head))
        .map_err(read)?;
    if head_len == 0 {
        return Err(SpecError::Unrecognised {
            path: path.to_owned(),
            found: "an empty file",
        });
    }
    match super::archive::kind_of(path) {
        Some(super::archive::ArchiveKind::Docker) => {
            Ok(SourceSpec::DockerArchive(path.to_owned(), None))
        }
        Some(super::archive::ArchiveKind::Oci) => Ok(SourceSpec::OciArchive(path.to_owned(), None)),
        None => Err(SpecError::Unrecognised {
            path: path.to_owned(),
            found: "a file",
        }),
    }
}
