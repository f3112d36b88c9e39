//! The tables: sorted rows of postcard values under text keys.
//!
//! | Table | Key | Value |
//! |---|---|---|
//! | `by_package` | scope, `/`, package name: `debian/bookworm/openssl`, `npm//@a/b` | statements, sorted |
//! | `epss` | CVE | probability and percentile |
//! | `kev` | CVE | dates and ransomware use |
//! | `vuln` | display id | names, summary, date, vector, word |
//!
//! Only CVEs that some statement names have rows in `epss` and `kev`.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use oci::{Algorithm, Digest, DigestHasher};
use redb::{Database, ReadOnlyDatabase, ReadOnlyTable, ReadableDatabase, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use super::file::directory_of;
use crate::import::ImportError;
use crate::record::{EpssRow, KevEntry, Statement, Vulnerability};

type Definition = TableDefinition<'static, &'static str, &'static [u8]>;

const BY_PACKAGE: Definition = TableDefinition::new("by_package");
const EPSS: Definition = TableDefinition::new("epss");
const KEV: Definition = TableDefinition::new("kev");
const VULN: Definition = TableDefinition::new("vuln");

/// The memory a build may spend on pages not yet written.
const BUILD_CACHE_BYTES: usize = 64 << 20;

/// The tables while they are written. Rows come table by table in the order of names, and in each by rising key: the
/// logical digest is over that order.
pub(crate) struct Rows {
    out: std::path::PathBuf,
    file: NamedTempFile,
    database: Database,
    transaction: redb::WriteTransaction,
    hasher: DigestHasher,
    last: Option<(&'static str, String)>,
}

impl Rows {
    /// Begins in a temporary file beside the target.
    pub(crate) fn create(out: &Path) -> Result<Self, ImportError> {
        let create = || -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
            let file = tempfile::Builder::new()
                .prefix(".tidegate-advisories-")
                .tempfile_in(directory_of(out))?;
            let database = redb::Builder::new()
                .set_cache_size(BUILD_CACHE_BYTES)
                .create(file.path())?;
            let transaction = database.begin_write()?;
            // An empty table is still a table: the reader opens all of them.
            for table in [BY_PACKAGE, EPSS, KEV, VULN] {
                transaction.open_table(table)?;
            }
            Ok(Self {
                out: out.to_owned(),
                file,
                database,
                transaction,
                hasher: DigestHasher::new(Algorithm::Sha256),
                last: None,
            })
        };
        create().map_err(|source| failed(out, source))
    }

    /// Adds the statements about a package.
    pub(crate) fn put_statements(
        &mut self,
        key: &str,
        statements: &Vec<Statement>,
    ) -> Result<(), ImportError> {
        self.put("by_package", BY_PACKAGE, key, statements)
    }

    /// Adds an EPSS row.
    pub(crate) fn put_epss(&mut self, cve: &str, row: &EpssRow) -> Result<(), ImportError> {
        self.put("epss", EPSS, cve, row)
    }

    /// Adds a KEV entry.
    pub(crate) fn put_kev(&mut self, cve: &str, entry: &KevEntry) -> Result<(), ImportError> {
        self.put("kev", KEV, cve, entry)
    }

    /// Adds a vulnerability.
    pub(crate) fn put_vulnerability(
        &mut self,
        id: &str,
        value: &Vulnerability,
    ) -> Result<(), ImportError> {
        self.put("vuln", VULN, id, value)
    }

    fn put(
        &mut self,
        name: &'static str,
        table: Definition,
        key: &str,
        value: &impl Serialize,
    ) -> Result<(), ImportError> {
        let row = Some((name, key.to_owned()));
        debug_assert!(
            row > self.last,
            "rows come in order: {row:?} after {:?}",
            self.last
        );
        self.last = row;
        let insert = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let value = postcard::to_allocvec(value)?;
            for part in [name.as_bytes(), key.as_bytes(), &value] {
                self.hasher.update(&(part.len() as u64).to_le_bytes());
                self.hasher.update(part);
            }
            let mut table = self.transaction.open_table(table)?;
            table.insert(key, value.as_slice())?;
            Ok(())
        };
        let mut insert = insert;
        insert().map_err(|source| failed(&self.out, source))
    }

    /// Ends: returns the logical digest and the file of the tables, compact and closed.
    pub(super) fn finish(self) -> Result<(Digest, NamedTempFile), ImportError> {
        let out = self.out;
        let (file, mut database, transaction) = (self.file, self.database, self.transaction);
        let end = || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            transaction.commit()?;
            database.compact()?;
            database.close()?;
            Ok(())
        };
        end().map_err(|source| failed(&out, source))?;
        Ok((self.hasher.finish(), file))
    }
}

fn failed(out: &Path, source: Box<dyn std::error::Error + Send + Sync>) -> ImportError {
    ImportError::Write {
        path: out.to_owned(),
        source,
    }
}

/// A row that could not be read although the file's checksum held when it was opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("cannot read the tables of the snapshot: {0}")]
    Tables(String),
    #[error("the row `{key}` of the table `{table}` cannot be decoded")]
    Row {
        table: &'static str,
        key: String,
        #[source]
        source: postcard::Error,
    },
}

impl ReadError {
    pub(super) fn tables(error: impl std::fmt::Display) -> Self {
        Self::Tables(error.to_string())
    }
}

/// Runs a step of redb. It panics on pages that contradict each other, which a file with a right checksum may hold when
/// somebody made it so; here that is an error like any other.
pub(super) fn contain<T>(step: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    // What the panic left half done inside redb is only read again, and by steps that are contained, too.
    panic::catch_unwind(AssertUnwindSafe(step))
        .unwrap_or_else(|_| Err(ReadError::tables("its pages contradict each other")))
}

type Table = ReadOnlyTable<&'static str, &'static [u8]>;

/// The tables, open for reading.
pub(crate) struct Reader {
    by_package: Table,
    epss: Table,
    kev: Table,
    vuln: Table,
    // The tables belong to a transaction of this database and die with it.
    _database: ReadOnlyDatabase,
}

impl Reader {
    pub(super) fn new(database: ReadOnlyDatabase) -> Result<Self, ReadError> {
        contain(|| {
            let transaction = database.begin_read().map_err(ReadError::tables)?;
            let open = |table: Definition| transaction.open_table(table).map_err(ReadError::tables);
            Ok(Self {
                by_package: open(BY_PACKAGE)?,
                epss: open(EPSS)?,
                kev: open(KEV)?,
                vuln: open(VULN)?,
                _database: database,
            })
        })
    }

    pub(super) fn statements(&self, key: &str) -> Result<Vec<Statement>, ReadError> {
        Ok(get("by_package", &self.by_package, key)?.unwrap_or_default())
    }

    pub(super) fn vulnerability(&self, id: &str) -> Result<Option<Vulnerability>, ReadError> {
        get("vuln", &self.vuln, id)
    }

    pub(super) fn epss(&self, cve: &str) -> Result<Option<EpssRow>, ReadError> {
        get("epss", &self.epss, cve)
    }

    pub(super) fn kev(&self, cve: &str) -> Result<Option<KevEntry>, ReadError> {
        get("kev", &self.kev, cve)
    }
}

fn get<T: DeserializeOwned>(
    name: &'static str,
    table: &Table,
    key: &str,
) -> Result<Option<T>, ReadError> {
    contain(|| {
        let Some(value) = table.get(key).map_err(ReadError::tables)? else {
            return Ok(None);
        };
        postcard::from_bytes(value.value())
            .map(Some)
            .map_err(|source| ReadError::Row {
                table: name,
                key: key.to_owned(),
                source,
            })
    })
}
