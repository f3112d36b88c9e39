//! Moving everything a server keeps: its catalog to another database, its blobs to another storage, or both.
//!
//! Nothing is deleted and nothing in the source is changed. Objects go first, under the keys they have, so that rows
//! that arrive find them; each is hashed while it is read, and hashed again from the target. Then the rows are copied and
//! compared. A migration that was interrupted is started again and skips what is there and right.
//!
//! What it does not do: it does not stop a server. On SQLite a running server cannot write meanwhile; on PostgreSQL what
//! it writes would not arrive, so it is to be stopped first.

use std::path::Path;

use blobs::{BlobError, ObjectKey, Resume, Session, Staged, Store};
use catalog::{Blob, Catalog, CatalogError, CopiedTable, TransferError, Transferred};
use futures::StreamExt as _;
use jiff::Timestamp;
use oci::{Digest, DigestHasher};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::settings::Storage;

/// Blobs asked for at once.
const PAGE: u32 = 500;

/// Where something is kept.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `sqlite:PATH` or `postgres://…`.
    pub database: &'a SecretString,
    /// Where blobs live.
    pub storage: &'a Storage,
    /// The data folder, in which files are.
    pub data: &'a Path,
}

/// What is to be moved, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Migration<'a> {
    /// Where everything is.
    pub from: Place<'a>,
    /// The new database; absent: it stays.
    pub to_database: Option<&'a SecretString>,
    /// The new storage; absent: it stays.
    pub to_storage: Option<&'a Storage>,
}

/// What a migration tells while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// An object is at the target and right.
    Object {
        /// Whether it was there already.
        was_there: bool,
        /// Its size in bytes.
        size_bytes: u64,
    },
    /// A table is at the target and right.
    Table(&'a CopiedTable),
}

/// What a migration did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Objects that were copied.
    pub copied: u64,
    /// Objects that were there already and are right.
    pub verified: u64,
    /// The bytes of both.
    pub bytes: u64,
    /// The rows, if the database was moved.
    pub catalog: Option<Transferred>,
}

/// Why a migration did not end.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Source and target are one.
    #[error("the {what} to migrate to is the one in use")]
    Same {
        /// `database` or `storage`.
        what: &'static str,
    },
    /// A store cannot be opened.
    #[error("cannot open the {side} storage")]
    Open {
        /// `source` or `target`.
        side: &'static str,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// An object cannot be read or written.
    #[error("cannot copy blob {digest}")]
    Copy {
        /// The blob.
        digest: Digest,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// The source holds other content than its row says.
    #[error("blob {digest} is damaged in the source: its content is {found}")]
    Damaged {
        /// What the row says.
        digest: Digest,
        /// What was read.
        found: Digest,
    },
    /// The target holds other content than was written.
    #[error("blob {digest} does not read back from the target")]
    NotReadBack {
        /// The blob.
        digest: Digest,
    },
    /// A row names no object.
    #[error("blob {digest} has a key that is none")]
    Key {
        /// The blob.
        digest: Digest,
    },
    /// A database cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The rows were not copied.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

/// Moves what is asked for.
///
/// # Errors
/// See [`MigrateError`]. What arrived stays; the same call goes on.
pub async fn run(
    migration: &Migration<'_>,
    now: Timestamp,
    mut told: impl FnMut(Progress<'_>),
) -> Result<Migrated, MigrateError> {
    let from = migration.from;
    if let Some(target) = migration.to_database
        && is_same_database(target.expose_secret(), from.database.expose_secret())
    {
        return Err(MigrateError::Same { what: "database" });
    }
    let catalog = Catalog::connect(from.database.expose_secret()).await?;
    let mut migrated = Migrated::default();
    if let Some(storage) = migration.to_storage {
        if is_same(from.storage, storage) {
            return Err(MigrateError::Same { what: "storage" });
        }
        let open = async |side, storage: &Storage| {
            let opened = storage.open(from.data).await;
            opened.map_err(|source| MigrateError::Open { side, source })
        };
        let stores = (
            open("source", from.storage).await?,
            open("target", storage).await?,
        );
        copy_objects(&catalog, &stores.0, &stores.1, &mut migrated, &mut told).await?;
    }
    if let Some(database) = migration.to_database {
        let target = Catalog::connect(database.expose_secret()).await?;
        let source = without_secret(from.database.expose_secret());
        let transferred = catalog
            .transfer_to(&target, &source, now, |table| told(Progress::Table(table)))
            .await;
        target.close().await;
        migrated.catalog = Some(transferred?);
    }
    catalog.close().await;
    Ok(migrated)
}

async fn copy_objects(
    catalog: &Catalog,
    from: &Store,
    to: &Store,
    migrated: &mut Migrated,
    told: &mut impl FnMut(Progress<'_>),
) -> Result<(), MigrateError> {
    let mut after: Option<Digest> = None;
    loop {
        let page = catalog.blobs_after(after.as_ref(), PAGE).await?;
        for blob in &page {
            let was_there = copy_object(from, to, blob).await?;
            migrated.bytes += blob.size_bytes;
            if was_there {
                migrated.verified += 1;
            } else {
                migrated.copied += 1;
            }
            told(Progress::Object {
                was_there,
                size_bytes: blob.size_bytes,
            });
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.digest.clone()),
            _ => return Ok(()),
        }
    }
}

/// Brings one object to the target, and returns whether it was there and right.
async fn copy_object(from: &Store, to: &Store, blob: &Blob) -> Result<bool, MigrateError> {
    let key: ObjectKey = blob.object_key.parse().map_err(|_| MigrateError::Key {
        digest: blob.digest.clone(),
    })?;
    let fault = |source| MigrateError::Copy {
        digest: blob.digest.clone(),
        source,
    };
    match hash_of(to, &key, &blob.digest).await {
        Ok(found) if found == blob.digest => return Ok(true),
        Ok(_) | Err(BlobError::NotFound) => {}
        Err(error) => return Err(fault(error)),
    }
    let mut reader = from.open_range(&key, None).await.map_err(fault)?;
    let session = Session {
        upload: Uuid::new_v4(),
        key: key.clone(),
        staged: Staged::default(),
    };
    to.begin(session.upload).await.map_err(fault)?;
    let locked = to.lock(session.upload).await.map_err(fault)?;
    let resume = Resume {
        session: session.clone(),
        offset: 0,
        hasher: DigestHasher::new(blob.digest.algorithm()),
        expected_bytes: Some(blob.size_bytes),
    };
    let mut writer = locked.resume(resume).await.map_err(fault)?;
    while let Some(chunk) = reader.next().await {
        writer.write(chunk.map_err(fault)?).await.map_err(fault)?;
    }
    let sealed = writer.seal().await.map_err(fault)?;
    if *sealed.digest() != blob.digest {
        let found = sealed.digest().clone();
        sealed.discard().await.map_err(fault)?;
        return Err(MigrateError::Damaged {
            digest: blob.digest.clone(),
            found,
        });
    }
    sealed.commit().await.map_err(fault)?;
    if hash_of(to, &key, &blob.digest).await.map_err(fault)? != blob.digest {
        return Err(MigrateError::NotReadBack {
            digest: blob.digest.clone(),
        });
    }
    Ok(false)
}

async fn hash_of(store: &Store, key: &ObjectKey, like: &Digest) -> Result<Digest, BlobError> {
    let mut reader = store.open_range(key, None).await?;
    let mut hasher = DigestHasher::new(like.algorithm());
    while let Some(chunk) = reader.next().await {
        hasher.update(&chunk?);
    }
    Ok(hasher.finish())
}

/// Returns whether two addresses lead to one database. Two names of a file do.
fn is_same_database(one: &str, other: &str) -> bool {
    let file = |address: &str| {
        let path = address.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        fs_err::canonicalize(path).ok()
    };
    one == other || file(one).is_some_and(|path| file(other) == Some(path))
}

fn is_same(from: &Storage, to: &Storage) -> bool {
    match (from, to) {
        (Storage::Files, Storage::Files) => true,
        (Storage::S3(from), Storage::S3(to)) => {
            (&from.bucket, &from.prefix, &from.endpoint) == (&to.bucket, &to.prefix, &to.endpoint)
        }
        _ => false,
    }
}

/// Names a database without what opens it.
fn without_secret(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
            format!("{scheme}://{}", place.split('?').next().unwrap_or(place))
        }
        None => url.to_owned(),
    }
}
