//! The file calls that a store's promises rest on, each at its named step: the one seam between the store and the disk.
//!
//! A test makes a call fail or write less than asked ([`failpoint`]), or records every call to replay what a power
//! failure would have left (`testkit::Journal`). In the program that people run this is the call and nothing else.
//!
//! What it does not do: it decides no order. Who calls what before what is the store's business.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use failpoint::{Fault, Step};

use crate::BlobError;
#[cfg(feature = "testkit")]
use crate::testkit::{Change, Journal};

/// Private images stay private from the machine's other users.
const OWNER_ONLY: u32 = 0o600;

/// The disk below a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    #[cfg(feature = "testkit")]
    journal: Option<Journal>,
}

impl Disk {
    /// Returns a disk that writes down what is done to it.
    #[cfg(feature = "testkit")]
    pub(crate) fn recorded(journal: Journal) -> Self {
        Self {
            journal: Some(journal),
        }
    }

    /// Makes a directory and returns whether it was missing.
    pub(super) fn make_directory(&self, path: &Path) -> Result<bool, BlobError> {
        match DirBuilder::new().create(path) {
            Ok(()) => {
                #[cfg(feature = "testkit")]
                self.note(|| Change::Directory(path.to_owned()));
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(BlobError::from_io("create", path, error)),
        }
    }

    /// Makes a new empty staged file.
    pub(super) fn create(&self, path: &Path) -> Result<(), BlobError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(OWNER_ONLY);
        at(Step::StagedCreate, || {
            options.open(path)?;
            #[cfg(feature = "testkit")]
            self.note(|| Change::Create(path.to_owned()));
            Ok(())
        })
        .map_err(|error| BlobError::from_io("create", path, error))
    }

    /// Writes all of `bytes` to a staged file.
    pub(super) fn write(
        &self,
        file: &File,
        path: &Path,
        mut bytes: &[u8],
        mut offset: u64,
    ) -> Result<(), BlobError> {
        let fault = |error| BlobError::from_io("write to", path, error);
        while !bytes.is_empty() {
            let written = match write_some(file, bytes, offset) {
                Ok(0) => return Err(fault(io::ErrorKind::WriteZero.into())),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(fault(error)),
            };
            #[cfg(feature = "testkit")]
            self.note(|| Change::Write(path.to_owned(), offset, bytes[..written].to_vec()));
            bytes = &bytes[written..];
            offset += written as u64;
        }
        Ok(())
    }

    /// Cuts a staged file.
    pub(super) fn cut(&self, file: &File, path: &Path, length: u64) -> Result<(), BlobError> {
        at(Step::StagedCut, || {
            file.set_len(length)?;
            #[cfg(feature = "testkit")]
            self.note(|| Change::Cut(path.to_owned(), length));
            Ok(())
        })
        .map_err(|error| BlobError::from_io("cut", path, error))
    }

    /// Makes a file's bytes and length durable.
    pub(super) fn sync_data(&self, file: &File, path: &Path, step: Step) -> Result<(), BlobError> {
        at(step, || {
            file.sync_data()?;
            #[cfg(feature = "testkit")]
            self.note(|| Change::SyncFile(path.to_owned()));
            Ok(())
        })
        .map_err(|error| BlobError::from_io("make durable", path, error))
    }

    /// Makes everything about a file but its name durable.
    pub(super) fn sync_all(&self, file: &File, path: &Path, step: Step) -> Result<(), BlobError> {
        at(step, || {
            file.sync_all()?;
            #[cfg(feature = "testkit")]
            self.note(|| Change::SyncFile(path.to_owned()));
            Ok(())
        })
        .map_err(|error| BlobError::from_io("make durable", path, error))
    }

    /// Gives a staged file the name of its object.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), BlobError> {
        at(Step::ObjectRename, || {
            std::fs::rename(from, to)?;
            #[cfg(feature = "testkit")]
            self.note(|| Change::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
        .map_err(|error| BlobError::from_io("rename", from, error))
    }

    /// Makes the names in a directory durable.
    pub(super) fn sync_directory(&self, directory: &Path, step: Step) -> Result<(), BlobError> {
        at(step, || {
            File::open(directory)?.sync_all()?;
            #[cfg(feature = "testkit")]
            self.note(|| Change::SyncDirectory(directory.to_owned()));
            Ok(())
        })
        .map_err(|error| BlobError::from_io("make durable", directory, error))
    }

    /// Removes a file and returns whether it was there.
    pub(super) fn remove(&self, path: &Path, step: Step) -> Result<bool, BlobError> {
        at(step, || match std::fs::remove_file(path) {
            Ok(()) => {
                #[cfg(feature = "testkit")]
                self.note(|| Change::Remove(path.to_owned()));
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
        .map_err(|error| BlobError::from_io("delete", path, error))
    }

    #[cfg(feature = "testkit")]
    fn note(&self, change: impl FnOnce() -> Change) {
        if let Some(journal) = &self.journal {
            journal.note(change());
        }
    }
}

/// Does a file call at its step: between the places where a test ends the process, and with the fault that a test wants.
pub(super) fn at<T>(step: Step, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    failpoint::before(step);
    if let Some(Fault::Errno(number)) = failpoint::fault(step) {
        return Err(io::Error::from_raw_os_error(number));
    }
    let done = call()?;
    failpoint::after(step);
    Ok(done)
}

/// Writes as much as the disk takes at once.
fn write_some(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    match failpoint::fault(Step::StagedWrite) {
        None => file.write_at(bytes, offset),
        Some(Fault::Short) => file.write_at(&bytes[..bytes.len().div_ceil(2)], offset),
        Some(Fault::Errno(number)) => {
            // A disk that fails has often taken a part.
            file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            Err(io::Error::from_raw_os_error(number))
        }
    }
}
