//! Everything read so far, not yet joined.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use oci::Digest;

use super::spool::{Place, Spool};
use super::{ImportError, Limits, osv_record};
use crate::feed::{AdvisoryDates, EpssTable, KevCatalogue, Tally, read_tracker};
use crate::osv::{Encoding, OsvRecord, one_line};
use crate::record::DebianEntry;

/// The staged data. Large values stand in a temporary file; what is in memory grows with the number of records.
#[derive(Debug)]
pub(super) struct Stage {
    pub spool: Spool,
    /// OSV records by id, the newest of each.
    pub osv: HashMap<String, Newest>,
    /// The tracker, if one was read.
    pub tracker: Option<Tracker>,
    pub dates: AdvisoryDates,
    pub kev: KevCatalogue,
    pub epss: EpssTable,
}

/// The newest version of an OSV record.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    modified: Option<i64>,
    /// Decides between two versions of the same time.
    digest: Digest,
    /// `None` for a withdrawn record.
    pub place: Option<Place>,
}

/// The Debian security tracker.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    digest: Option<Digest>,
    /// (release, source, vulnerability) → entry.
    pub entries: Vec<(String, String, String, Place)>,
    /// Descriptions by vulnerability.
    pub descriptions: BTreeMap<String, String>,
}

/// One OSV feed while it is read.
#[derive(Debug, Default)]
pub(super) struct OsvBatch {
    records: Vec<(String, Newest)>,
    tally: Tally,
    ecosystems: BTreeMap<String, u64>,
}

impl OsvBatch {
    /// Names the feed after the ecosystem that most of its records are about: `osv:PyPI`.
    pub(super) fn name(&self) -> String {
        // The first of the largest: BTreeMap order makes a tie repeatable.
        let mut largest: Option<(&String, u64)> = None;
        for (name, count) in &self.ecosystems {
            if largest.is_none_or(|(_, most)| *count > most) {
                largest = Some((name, *count));
            }
        }
        largest.map_or_else(|| "osv".to_owned(), |(name, _)| format!("osv:{name}"))
    }
}

/// The characters kept of a tracker's description.
const DESCRIPTION_CHARS: usize = 240;

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            spool: Spool::new(),
            osv: HashMap::new(),
            tracker: None,
            dates: AdvisoryDates::default(),
            kev: KevCatalogue::default(),
            epss: EpssTable::default(),
        }
    }

    /// Takes a KEV catalogue if it is the newest.
    pub(super) fn add_kev(&mut self, catalogue: KevCatalogue) {
        if (catalogue.released, catalogue.entries.len())
            > (self.kev.released, self.kev.entries.len())
        {
            self.kev = catalogue;
        }
    }

    /// Takes an EPSS table if it is the newest.
    pub(super) fn add_epss(&mut self, table: EpssTable) {
        if (table.date, table.rows.len()) > (self.epss.date, self.epss.rows.len()) {
            self.epss = table;
        }
    }

    /// Takes the dates of a DSA or DLA list.
    pub(super) fn add_dates(&mut self, dates: AdvisoryDates) {
        self.dates.merge(dates);
    }

    /// Reads the Debian security tracker.
    pub(super) fn add_tracker(
        &mut self,
        path: &Path,
        digest: &Digest,
        limits: &Limits,
    ) -> Result<Tally, ImportError> {
        let mut tracker = Tracker {
            digest: Some(digest.clone()),
            ..Tracker::default()
        };
        let spool = &mut self.spool;
        let tally = read_tracker(path, limits, &mut |entry| {
            for (release, debian) in entry.releases {
                let place = spool.push(&debian).map_err(ImportError::Spool)?;
                tracker
                    .entries
                    .push((release, entry.source.clone(), entry.flaw.clone(), place));
            }
            let description =
                one_line(&entry.description, DESCRIPTION_CHARS.min(limits.text_bytes));
            let known = tracker.descriptions.entry(entry.flaw).or_default();
            // Packages that share a flaw share its description; the longest wins where they differ.
            if (description.len(), &description) > (known.len(), &*known) {
                *known = description;
            }
            Ok(())
        })?;
        match &self.tracker {
            None => self.tracker = Some(tracker),
            Some(known) if known.digest.as_ref() == Some(digest) => {}
            Some(_) => {
                return Err(ImportError::SecondTracker {
                    path: path.to_owned(),
                });
            }
        }
        Ok(tally)
    }

    /// Reads one OSV document into a batch; a bad one is counted.
    pub(super) fn read_document(
        &mut self,
        batch: &mut OsvBatch,
        limits: &Limits,
        name: &str,
        encoding: Encoding,
        content: Result<&[u8], String>,
    ) -> Result<(), ImportError> {
        let record = content.and_then(|bytes| {
            let record = osv_record(bytes, encoding, limits)?;
            Ok((record, Digest::sha256(bytes)))
        });
        let (record, digest) = match record {
            Ok(record) => record,
            Err(reason) => {
                batch.tally.skip(name, one_line(&reason, 300));
                return Ok(());
            }
        };
        batch.tally.records += 1;
        batch.tally.seen(record.modified);
        for ecosystem in &record.ecosystems {
            *batch.ecosystems.entry(ecosystem.clone()).or_default() += 1;
        }
        let place = if record.is_withdrawn {
            batch.tally.withdrawn += 1;
            None
        } else {
            if record.packages.is_empty() {
                batch.tally.not_used += 1;
            }
            Some(self.spool.push(&record).map_err(ImportError::Spool)?)
        };
        let newest = Newest {
            modified: record.modified,
            digest,
            place,
        };
        batch.records.push((record.id, newest));
        Ok(())
    }

    /// Joins a batch to the build, unless too much of it is bad.
    pub(super) fn accept(&mut self, path: &Path, batch: OsvBatch) -> Result<Tally, ImportError> {
        if batch.tally.records == 0 {
            let found = match batch.tally.named.first() {
                Some(first) => format!(
                    "{} documents that are no OSV records (first `{}`: {})",
                    batch.tally.skipped, first.name, first.reason
                ),
                None => "an archive without JSON or YAML documents".to_owned(),
            };
            return Err(ImportError::UnknownFeed {
                path: path.to_owned(),
                found,
            });
        }
        batch.tally.accept(path)?;
        for (id, newest) in batch.records {
            let known = self.osv.entry(id).or_insert_with(|| newest.clone());
            if (newest.modified, &newest.digest) > (known.modified, &known.digest) {
                *known = newest;
            }
        }
        Ok(batch.tally)
    }

    /// Reads an OSV record back.
    pub(super) fn record(&mut self, place: Place) -> Result<OsvRecord, ImportError> {
        self.spool.get(place).map_err(ImportError::Spool)
    }

    /// Reads a tracker entry back.
    pub(super) fn debian(&mut self, place: Place) -> Result<DebianEntry, ImportError> {
        self.spool.get(place).map_err(ImportError::Spool)
    }
}
