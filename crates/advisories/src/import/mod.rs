//! Import: feeds become a snapshot.
//!
//! [`Builder::add_path`] recognises and reads; a feed is staged apart and joins the build only as a whole, so a refused
//! feed leaves nothing behind. [`Builder::finish`] joins records by their aliases, sorts statements by package, and
//! writes one file.
//!
//! The network is absent: feeds are files that somebody fetched. Adding a feed: see `feed`.

mod assemble;
mod error;
mod identity;
mod spool;
mod stage;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use oci::{Algorithm, Digest, DigestHasher};

pub use error::{ImportError, Limits};

use crate::feed::{self, FeedKind, FeedReport, Shape, Tally};
use crate::osv::{self, Document, Encoding};
use crate::snapshot::{FeedRow, Snapshot, SnapshotInfo};
use stage::Stage;

/// Collects feeds and writes them as one snapshot.
#[derive(Debug)]
pub struct Builder {
    limits: Limits,
    stage: Stage,
    feeds: Vec<FeedRow>,
    parent: Option<Snapshot>,
}

impl Builder {
    /// Starts an empty build.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            stage: Stage::new(),
            feeds: Vec::new(),
            parent: None,
        }
    }

    /// Carries the first-seen dates of an older snapshot, so that a fix without a vendor's date keeps ageing from
    /// import to import.
    pub fn continue_from(&mut self, parent: &Snapshot) {
        self.parent = Some(parent.clone());
    }

    /// Reads one feed file, an archive, or a directory of feeds. Returns one report per feed.
    ///
    /// In a directory, OSV documents form one feed; every other file is a feed of its own. Hidden files, read-mes,
    /// licences and checksums are passed over; any other file that is no feed is an error.
    ///
    /// # Errors
    /// See [`ImportError`]. The feed named by the error adds nothing; the builder stays usable.
    pub fn add_path(&mut self, path: &Path) -> Result<Vec<FeedReport>, ImportError> {
        let read = |source| ImportError::Read {
            path: path.to_owned(),
            source,
        };
        if !fs_err::metadata(path).map_err(read)?.is_dir() {
            return Ok(vec![self.add_file(path)?]);
        }
        let mut reports = Vec::new();
        let mut documents = Vec::new();
        for file in files(path, &self.limits)? {
            match feed::sniff(&file, &self.limits)? {
                Shape::Osv(encoding) => documents.push((file, encoding)),
                shape => reports.push(self.add_shape(&file, shape)?),
            }
        }
        if !documents.is_empty() {
            reports.push(self.add_documents(path, &documents)?);
        }
        if reports.is_empty() {
            return Err(ImportError::NoFeed {
                path: path.to_owned(),
            });
        }
        Ok(reports)
    }

    /// Writes the snapshot beside `out`, syncs it, and renames it over `out`. A failure leaves `out` as it was.
    ///
    /// # Errors
    /// [`ImportError::Empty`] without feeds, [`ImportError::Write`] otherwise.
    pub fn finish(mut self, out: &Path, built_at: Timestamp) -> Result<SnapshotInfo, ImportError> {
        if self.feeds.is_empty() {
            return Err(ImportError::Empty);
        }
        self.feeds
            .sort_by(|a, b| (&a.name, a.sha256.as_str()).cmp(&(&b.name, b.sha256.as_str())));
        self.feeds.dedup();
        // Whole seconds: whoever stores the date in another unit must get back the one it compares with.
        let built_at = Timestamp::from_second(built_at.as_second()).unwrap_or(built_at);
        assemble::write(self.stage, self.feeds, self.parent.as_ref(), out, built_at)
    }

    fn add_file(&mut self, path: &Path) -> Result<FeedReport, ImportError> {
        let shape = feed::sniff(path, &self.limits)?;
        self.add_shape(path, shape)
    }

    fn add_shape(&mut self, path: &Path, shape: Shape) -> Result<FeedReport, ImportError> {
        let limits = self.limits;
        let digest = feed::hash_file(path)?;
        let (name, kind, tally) = match shape {
            Shape::Kev => {
                let (catalogue, tally) = feed::read_kev(path, &limits)?;
                self.stage.add_kev(catalogue);
                ("kev".to_owned(), FeedKind::Kev, tally)
            }
            Shape::Epss => {
                let (table, tally) = feed::read_epss(path, &limits)?;
                self.stage.add_epss(table);
                ("epss".to_owned(), FeedKind::Epss, tally)
            }
            Shape::DebianAdvisories => {
                let (dates, tally) = feed::read_advisory_list(path, &limits)?;
                self.stage.add_dates(dates);
                (
                    "debian-advisories".to_owned(),
                    FeedKind::DebianAdvisories,
                    tally,
                )
            }
            Shape::DebianTracker => {
                let tally = self.stage.add_tracker(path, &digest, &limits)?;
                ("debian".to_owned(), FeedKind::DebianTracker, tally)
            }
            Shape::OsvZip => {
                let mut batch = stage::OsvBatch::default();
                feed::read_osv_zip(path, &limits, &mut |name, encoding, content| {
                    self.stage
                        .read_document(&mut batch, &limits, name, encoding, content)
                })?;
                (batch.name(), FeedKind::Osv, self.stage.accept(path, batch)?)
            }
            Shape::Osv(encoding) => {
                return self.add_documents(path, &[(path.to_owned(), encoding)]);
            }
        };
        Ok(self.report(path, name, kind, digest, tally))
    }

    /// Reads OSV documents as one feed; its digest is over their names and digests.
    fn add_documents(
        &mut self,
        root: &Path,
        documents: &[(PathBuf, Encoding)],
    ) -> Result<FeedReport, ImportError> {
        let limits = self.limits;
        let mut batch = stage::OsvBatch::default();
        let mut hasher = DigestHasher::new(Algorithm::Sha256);
        for (file, encoding) in documents {
            let name = file
                .strip_prefix(root)
                .unwrap_or(file)
                .display()
                .to_string();
            let name = match name.as_str() {
                "" => file.display().to_string(),
                _ => name,
            };
            let digest = feed::hash_file(file)?;
            hasher.update(format!("{name}\0{digest}\n").as_bytes());
            feed::read_osv_file(
                file,
                &name,
                *encoding,
                &limits,
                &mut |name, encoding, content| {
                    self.stage
                        .read_document(&mut batch, &limits, name, encoding, content)
                },
            )?;
        }
        let digest = match documents {
            [(file, _)] if file == root => feed::hash_file(file)?,
            _ => hasher.finish(),
        };
        let name = batch.name();
        let tally = self.stage.accept(root, batch)?;
        Ok(self.report(root, name, FeedKind::Osv, digest, tally))
    }

    fn report(
        &mut self,
        path: &Path,
        name: String,
        kind: FeedKind,
        sha256: Digest,
        tally: Tally,
    ) -> FeedReport {
        let feed = FeedRow {
            licence: licence(kind, &name).map(str::to_owned),
            name,
            kind,
            records: tally.records,
            not_used: tally.not_used,
            withdrawn: tally.withdrawn,
            skipped: tally.skipped,
            upstream_modified: tally
                .modified
                .and_then(|second| Timestamp::from_second(second).ok()),
            sha256,
        };
        self.feeds.push(feed.clone());
        FeedReport {
            path: path.to_owned(),
            feed,
            skipped: tally.named,
        }
    }
}

/// Returns the licence that upstream states for its data.
fn licence(kind: FeedKind, name: &str) -> Option<&'static str> {
    match (kind, name) {
        (FeedKind::Kev, _) => Some("CC0-1.0"),
        (FeedKind::Osv, "osv:PyPI" | "osv:npm" | "osv:Go" | "osv:Maven") => Some("CC-BY-4.0"),
        (FeedKind::Osv, "osv:AlmaLinux") => Some("MIT"),
        (FeedKind::Osv, "osv:Bitnami") => Some("Apache-2.0"),
        _ => None,
    }
}

/// Lists the files of a directory that may be feeds, sorted. Symbolic links to directories are not followed.
fn files(root: &Path, limits: &Limits) -> Result<Vec<PathBuf>, ImportError> {
    let mut pending = vec![root.to_owned()];
    let mut found = Vec::new();
    let mut entries = 0_u64;
    while let Some(directory) = pending.pop() {
        let read = |source| ImportError::Read {
            path: directory.clone(),
            source,
        };
        for entry in fs_err::read_dir(&directory).map_err(read)? {
            let entry = entry.map_err(read)?;
            entries += 1;
            if entries > limits.entries {
                return Err(ImportError::Limit {
                    path: root.to_owned(),
                    what: "files",
                    limit: limits.entries,
                });
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = entry.path();
            if name.starts_with('.') {
                continue;
            }
            if entry.file_type().map_err(read)?.is_dir() {
                pending.push(path);
            } else if !is_companion(&name) && fs_err::metadata(&path).map_err(read)?.is_file() {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns whether a file only accompanies feeds: a read-me, a licence, a checksum, a signature.
fn is_companion(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["readme", "license", "licence", "notice", "copying"]
        .iter()
        .any(|stem| name.starts_with(stem))
        || [".md", ".sha256", ".sha512", ".asc", ".sig"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// Reads one OSV document into its reduced record.
fn osv_record(bytes: &[u8], encoding: Encoding, limits: &Limits) -> Result<osv::OsvRecord, String> {
    osv::read(Document::parse(bytes, encoding)?, limits.text_bytes)
}
