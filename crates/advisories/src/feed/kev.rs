//! CISA's catalogue of known exploited vulnerabilities.
//!
//! # Source
//! `known_exploited_vulnerabilities_schema.json` of cisa.gov.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::source::Source;
use super::tally::Tally;
use crate::import::{ImportError, Limits};
use crate::osv::is_cve;
use crate::record::KevEntry;

/// One edition of the catalogue.
#[derive(Debug, Default)]
pub(crate) struct KevCatalogue {
    /// When it was released, in seconds of Unix time.
    pub released: Option<i64>,
    /// The entries by CVE.
    pub entries: BTreeMap<String, KevEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue<'a> {
    date_released: Option<String>,
    #[serde(borrow)]
    vulnerabilities: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "cveID")]
    cve: String,
    #[serde(rename = "dateAdded")]
    added: String,
    #[serde(rename = "dueDate", default)]
    due: String,
    #[serde(rename = "knownRansomwareCampaignUse", default)]
    ransomware: String,
}

/// Reads a catalogue. It is one document of a megabyte or two, hence read whole.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<(KevCatalogue, Tally), ImportError> {
    let mut bytes = Vec::new();
    Source::open(path, limits)?.read_document(&mut bytes)?;
    let catalogue: Catalogue<'_> =
        serde_json::from_slice(&bytes).map_err(|error| ImportError::BadFeed {
            path: path.to_owned(),
            shape: "CISA KEV JSON",
            reason: error.to_string(),
        })?;
    let mut tally = Tally::default();
    let mut kev = KevCatalogue {
        released: catalogue
            .date_released
            .and_then(|text| text.parse::<Timestamp>().ok())
            .map(Timestamp::as_second),
        entries: BTreeMap::new(),
    };
    tally.seen(kev.released);
    for (index, raw) in catalogue.vulnerabilities.iter().enumerate() {
        match entry(raw.get()) {
            Ok((cve, entry)) => {
                tally.records += 1;
                kev.entries.insert(cve, entry);
            }
            Err(reason) => tally.skip(format!("vulnerabilities[{index}]"), reason),
        }
    }
    tally.accept(path)?;
    Ok((kev, tally))
}

fn entry(raw: &str) -> Result<(String, KevEntry), String> {
    let entry: Entry = serde_json::from_str(raw).map_err(|error| error.to_string())?;
    if !is_cve(&entry.cve) {
        return Err("`cveID` is not a CVE id".to_owned());
    }
    if entry.added.len() != 10 || entry.due.len() > 10 {
        return Err("`dateAdded` or `dueDate` is not a date".to_owned());
    }
    Ok((
        entry.cve,
        KevEntry {
            added: entry.added,
            due: entry.due,
            ransomware: entry.ransomware == "Known",
        },
    ))
}
