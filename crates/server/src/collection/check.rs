//! The check of everything that is stored: rows against rows, and rows against objects.
//!
//! It repairs nothing and locks nothing, so it may run beside servers at work. What looks wrong is asked about once more
//! before it is reported: between two looks a push or collection may have changed it. The keys of all objects are held
//! in memory, some 80 bytes each.
//!
//! Adding a check between rows: `catalog::Rule`. Between rows and bytes: a function here, called by [`check`].

use std::collections::HashMap;

use blobs::{BlobError, ObjectKey, Store};
use catalog::{Catalog, CatalogError, Rule, Sparse};
use jiff::Timestamp;
use oci::Digest;
use serde::Serialize;

use super::look::{Pace, Seen, look_at};

/// Rows or keys of one page.
const PAGE: u32 = 1000;
/// How many breaches of one rule are named.
const NAMED: u32 = 1000;

/// A check cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
    /// The store cannot be opened or listed.
    #[error("cannot list the blob store")]
    Store(#[source] BlobError),
}

/// How a check looks.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// Whether every object is read and hashed.
    pub is_deep: bool,
    /// What manifests may leave out where their repository does not say.
    pub sparse: Sparse,
    /// Whether what a manifest refers to may be deleted: what is missing is then no fault.
    pub may_delete_referenced: bool,
}

/// Something a check found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Whether it must never be. The rest is left over or left out, and no content is lost by it.
    pub is_fault: bool,
    /// The check's name.
    pub check: &'static str,
    /// What it is about.
    pub subject: String,
}

/// What a check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Blobs whose objects were looked for.
    pub blobs: u64,
    /// Bodies of manifests that were hashed.
    pub manifests: u64,
    /// Objects in the store.
    pub objects: u64,
    /// Bytes of objects that were hashed.
    pub hashed_bytes: u64,
    /// What was found, faults last.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Returns whether something was found that must never be.
    pub fn has_faults(&self) -> bool {
        self.findings.iter().any(|finding| finding.is_fault)
    }

    fn fault(&mut self, check: &'static str, subject: String) {
        self.findings.push(Finding {
            is_fault: true,
            check,
            subject,
        });
    }

    fn note(&mut self, check: &'static str, subject: String) {
        self.findings.push(Finding {
            is_fault: false,
            check,
            subject,
        });
    }
}

/// Checks everything.
pub(crate) async fn check(
    catalog: &Catalog,
    store: &Store,
    options: CheckOptions,
    now: Timestamp,
) -> Result<CheckReport, CheckError> {
    let mut report = CheckReport::default();
    check_rules(catalog, options, now, &mut report).await?;
    check_bodies(catalog, &mut report).await?;
    let mut objects = list(store).await?;
    report.objects = objects.len() as u64;
    check_blobs(catalog, store, options, &mut objects, &mut report).await?;
    check_quarantine(catalog, &mut report).await?;
    check_unknown(catalog, store, objects, &mut report).await?;
    check_staged(catalog, store, &mut report).await?;
    report.findings.sort();
    Ok(report)
}

async fn check_rules(
    catalog: &Catalog,
    options: CheckOptions,
    now: Timestamp,
    report: &mut CheckReport,
) -> Result<(), CheckError> {
    for rule in Rule::ALL {
        let may_be = options.may_delete_referenced
            && matches!(rule, Rule::ManifestHasBlobs | Rule::IndexHasChildren);
        for breach in catalog.breaches(rule, options.sparse, NAMED, now).await? {
            if may_be {
                report.note(rule.as_str(), breach);
            } else {
                report.fault(rule.as_str(), breach);
            }
        }
    }
    Ok(())
}

async fn check_bodies(catalog: &Catalog, report: &mut CheckReport) -> Result<(), CheckError> {
    /// Bodies are up to 4 MiB each.
    const BODIES: u32 = 16;
    let mut after = String::new();
    loop {
        let bodies = catalog.manifest_bodies(&after, BODIES).await?;
        let Some((last, _)) = bodies.last() else {
            return Ok(());
        };
        after = last.to_string();
        report.manifests += bodies.len() as u64;
        for (digest, bytes) in bodies {
            if Digest::compute(digest.algorithm(), &bytes) != digest {
                report.fault("manifest-has-its-hash", digest.to_string());
            }
        }
    }
}

/// Lists every object with its size.
async fn list(store: &Store) -> Result<HashMap<ObjectKey, u64>, CheckError> {
    let (mut objects, mut after) = (HashMap::new(), None);
    loop {
        let page = store
            .list(after.as_ref(), PAGE as usize)
            .await
            .map_err(CheckError::Store)?;
        let Some(last) = page.last() else {
            return Ok(objects);
        };
        after = Some(last.key.clone());
        objects.extend(
            page.into_iter()
                .map(|object| (object.key, object.size_bytes)),
        );
    }
}

/// Looks for the object of every blob, and takes it out of `objects`.
async fn check_blobs(
    catalog: &Catalog,
    store: &Store,
    options: CheckOptions,
    objects: &mut HashMap<ObjectKey, u64>,
    report: &mut CheckReport,
) -> Result<(), CheckError> {
    let mut after = String::new();
    loop {
        let rows = catalog.blob_rows(&after, PAGE).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.digest.to_string();
        report.blobs += rows.len() as u64;
        for row in rows {
            let listed = row
                .object_key
                .parse()
                .ok()
                .and_then(|key: ObjectKey| objects.remove(&key));
            if listed == Some(row.size_bytes) && !options.is_deep {
                continue;
            }
            let mut pace = Pace::unbounded();
            let seen = look_at(store, &row, options.is_deep, &mut pace).await;
            report.hashed_bytes += pace.read();
            let (check, detail) = match seen {
                Seen::Whole => continue,
                Seen::Missing(detail) => ("blob-has-its-object", detail),
                Seen::OtherSize(detail) => ("blob-has-its-size", detail),
                Seen::OtherHash(detail) => ("blob-has-its-hash", detail),
                Seen::Unreadable(detail) => ("blob-can-be-read", detail),
            };
            // Replaced or collected while we looked: the next check sees what it is now.
            if catalog.blob_row(&row.digest).await?.as_ref() == Some(&row) {
                let subject = format!("{} in {}: {detail}", row.digest, row.object_key);
                report.fault(check, subject);
            }
        }
    }
}

/// Tells what recurring checks have found: a quarantined blob cannot be read, whatever its object is like now.
async fn check_quarantine(catalog: &Catalog, report: &mut CheckReport) -> Result<(), CheckError> {
    let mut after = String::new();
    loop {
        let findings = catalog.store_findings(&after, PAGE).await?;
        let Some(last) = findings.last() else {
            return Ok(());
        };
        after = last.digest.to_string();
        for finding in findings {
            let (digest, key) = (&finding.digest, &finding.object_key);
            let subject = format!("{digest} in {key}: {}", finding.detail);
            report.fault("blob-is-not-quarantined", subject);
        }
    }
}

/// Asks about the objects that are no blob's.
async fn check_unknown(
    catalog: &Catalog,
    store: &Store,
    objects: HashMap<ObjectKey, u64>,
    report: &mut CheckReport,
) -> Result<(), CheckError> {
    let keys: Vec<String> = objects.keys().map(|key| key.as_str().to_owned()).collect();
    for unknown in catalog.unknown_objects(&keys).await? {
        let Ok(key) = unknown.parse::<ObjectKey>() else {
            continue;
        };
        // Deleted since it was listed.
        if matches!(store.open_range(&key, None).await, Err(BlobError::NotFound)) {
            continue;
        }
        report.note("object-has-a-row", unknown);
    }
    Ok(())
}

/// Asks about the staged bytes that are no upload's.
async fn check_staged(
    catalog: &Catalog,
    store: &Store,
    report: &mut CheckReport,
) -> Result<(), CheckError> {
    let staged = store.list_uploads().await.map_err(CheckError::Store)?;
    for chunk in staged.chunks(PAGE as usize) {
        for upload in catalog.unknown_uploads(chunk).await? {
            report.note("staged-bytes-have-a-row", upload.to_string());
        }
    }
    Ok(())
}
