//! Evidence: what analysers said about layers and images, and the index from packages to images.
//!
//! A layer is analysed once per analyser version, ever; an image's inventory is merged once and matched again with
//! each snapshot. The bodies are opaque bytes: their shapes and compression belong to the caller.

use std::collections::HashMap;

use evidence::{Grade, Severity, SeverityCounts};
use jiff::Timestamp;
use oci::Digest;
use sqlx::any::AnyRow;

use crate::batch::{Answer, Answers, Batch};
use crate::dialect::{chunks, statements};
use crate::events::{ask_heard, ask_holders, is_heard, read_holders};
use crate::jobs::obviate;
use crate::rows::{Columns as _, all, micros};
use crate::{Catalog, CatalogError, NewDecision};

/// What an analyser said about one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerReport {
    /// The layer, by the digest of its stored bytes.
    pub digest: Digest,
    /// The analyser set that made it.
    pub analyser_version: String,
    /// The digest of the uncompressed tar.
    pub diff_id: Option<Digest>,
    /// The report.
    pub body: Vec<u8>,
}

/// The few numbers of an image report that lists show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSummary {
    /// The health grade, if advisories were at hand.
    pub grade: Option<Grade>,
    /// The next, lower grade and its instant, if nothing else changes.
    pub next_drop: Option<(Grade, Timestamp)>,
    /// When the advisories behind the numbers were built; `None` if none were at hand.
    pub as_of: Option<Timestamp>,
    /// Unique vulnerabilities by severity.
    pub counts: SeverityCounts,
    /// Those of them that have a fix.
    pub fixable: SeverityCounts,
    /// How many packages were found.
    pub packages: u32,
    /// Whether everything was looked at.
    pub complete: bool,
    /// `os/architecture[/variant]`.
    pub platform: Option<String>,
}

/// A package by which an image can be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageKey {
    /// The kind's word (`deb`, `npm`, …).
    pub kind: String,
    /// The name advisories use: the source package where there is one.
    pub name: String,
}

/// An image report to be stored.
#[derive(Clone, Debug)]
pub struct NewImageReport {
    /// The image's manifest.
    pub digest: Digest,
    /// The analyser set that made the inventory.
    pub analyser_version: String,
    /// The advisory snapshot it was matched with.
    pub snapshot: Option<Digest>,
    /// The report.
    pub body: Vec<u8>,
    /// Its numbers.
    pub summary: ImageSummary,
    /// The merged inventory and its packages; `None` when only the match is new.
    pub inventory: Option<(Vec<u8>, Vec<PackageKey>)>,
}

/// An image report as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// The image's manifest.
    pub digest: Digest,
    /// The analyser set that made the inventory.
    pub analyser_version: String,
    /// The advisory snapshot it was matched with.
    pub snapshot: Option<Digest>,
    /// The report.
    pub body: Vec<u8>,
    /// Its numbers.
    pub summary: ImageSummary,
    /// When it was stored.
    pub stored_at: Timestamp,
}

/// An inventory as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInventory {
    /// The image's manifest.
    pub digest: Digest,
    /// The analyser set that made it.
    pub analyser_version: String,
    /// The inventory.
    pub body: Vec<u8>,
}

/// What tells one state of the evidence about an image from another, without its bodies.
///
/// A report's body is a pure function of these: whoever kept something made under a stamp may use it while the stamp
/// is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceStamp {
    /// The analyser set that made the inventory.
    pub analyser_version: String,
    /// The advisory snapshot it was matched with.
    pub snapshot: Option<Digest>,
    /// When that snapshot was built.
    pub as_of: Option<Timestamp>,
    /// When the report was stored.
    pub stored_at: Timestamp,
}

statements! {
    INSERT_LAYER = "INSERT INTO layer_report (digest, analyser_version, diff_id, body, created_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (digest, analyser_version) DO NOTHING";
    LAYERS = "SELECT digest, analyser_version, diff_id, body FROM layer_report
        WHERE analyser_version = $1 AND digest IN ({list})";
    PUT_REPORT = "INSERT INTO image_report (digest, analyser_version, snapshot, body, grade,
            critical, high, medium, low, negligible, unknown,
            fixable_critical, fixable_high, fixable_medium, fixable_low, fixable_negligible, fixable_unknown,
            packages, complete, platform, stored_at, as_of, next_grade, next_grade_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
            $22, $23, $24)
        ON CONFLICT (digest) DO UPDATE SET analyser_version = excluded.analyser_version,
            snapshot = excluded.snapshot, body = excluded.body, grade = excluded.grade,
            critical = excluded.critical, high = excluded.high, medium = excluded.medium, low = excluded.low,
            negligible = excluded.negligible, unknown = excluded.unknown,
            fixable_critical = excluded.fixable_critical, fixable_high = excluded.fixable_high,
            fixable_medium = excluded.fixable_medium, fixable_low = excluded.fixable_low,
            fixable_negligible = excluded.fixable_negligible, fixable_unknown = excluded.fixable_unknown,
            packages = excluded.packages, complete = excluded.complete, platform = excluded.platform,
            stored_at = excluded.stored_at, as_of = excluded.as_of, next_grade = excluded.next_grade,
            next_grade_at = excluded.next_grade_at";
    PUT_INVENTORY = "INSERT INTO inventory (digest, analyser_version, body, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (digest) DO UPDATE SET analyser_version = excluded.analyser_version,
            body = excluded.body, created_at = excluded.created_at";
    CLEAR_PACKAGES = "DELETE FROM inventory_package WHERE digest = $1";
    INSERT_PACKAGES = "INSERT INTO inventory_package (kind, name, digest)
        SELECT v.column1, v.column2, $1 FROM (VALUES {rows 2}) AS v
        WHERE 1 = 1 ON CONFLICT (kind, name, digest) DO NOTHING";
    REPORT = "SELECT * FROM image_report WHERE digest = $1";
    INVENTORY = "SELECT digest, analyser_version, body FROM inventory WHERE digest = $1";
    STAMPS = "SELECT r.digest, i.analyser_version, r.snapshot, r.as_of, r.stored_at
        FROM image_report r JOIN inventory i ON i.digest = r.digest WHERE r.digest IN ({list})";
    TO_REMATCH = "SELECT i.digest, i.analyser_version, i.body FROM inventory i
        LEFT JOIN image_report r ON r.digest = i.digest
        WHERE i.digest > $2
          AND (r.snapshot IS NULL OR r.snapshot <> $1 OR r.next_grade_at <= $4 OR i.analyser_version <> $5)
          AND (EXISTS (SELECT 1 FROM tag t WHERE t.digest = i.digest AND t.live_name IS NOT NULL)
            OR EXISTS (SELECT 1 FROM manifest_ref c
                JOIN tag t ON t.repository_id = c.repository_id AND t.digest = c.parent AND t.live_name IS NOT NULL
                WHERE c.digest = i.digest AND c.kind = 'child'))
        ORDER BY i.digest LIMIT $3";
    WITH_PACKAGE = "SELECT digest FROM inventory_package
        WHERE kind = $1 AND name = $2 AND digest > $3 ORDER BY digest LIMIT $4";
}

impl Catalog {
    /// Stores a layer's report; the first one stays. Returns whether this was the first.
    pub async fn put_layer_report(
        &self,
        report: &LayerReport,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin_short().await?;
        let inserted = self
            .dialect
            .query(INSERT_LAYER)
            .bind(report.digest.to_string())
            .bind(report.analyser_version.clone())
            .bind(report.diff_id.as_ref().map(Digest::to_string))
            .bind(report.body.clone())
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Returns the reports that exist for these layers, in no particular order.
    pub async fn layer_reports(
        &self,
        digests: &[Digest],
        analyser_version: &str,
    ) -> Result<Vec<LayerReport>, CatalogError> {
        let mut batch = self.batch();
        let asked = ask_layers(&mut batch, digests, analyser_version);
        read_layers(&mut batch.read(&self.reader).await?, asked)
    }

    /// Stores an image's report, replacing the earlier one.
    pub async fn put_image_report(
        &self,
        report: &NewImageReport,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut first = self.batch();
        ask_holders(&mut first, &report.digest);
        let (mut tx, mut answers) = self.begin_derived_with(first).await?;
        let holders = read_holders(answers.next()?)?;
        self.tell_scan_in(&mut tx, holders, report, now).await?;
        tx.commit_with(self.report_batch(report, now)).await?;
        Ok(())
    }

    /// Stores a new image's report and the decision made from it, together. The job of the key `obviated`, which was
    /// queued to do the same later, goes, unless somebody made it due or it has begun.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the decision's id is taken.
    pub async fn put_report_and_decision(
        &self,
        report: &NewImageReport,
        decision: &NewDecision,
        obviated: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut first = self.batch();
        ask_holders(&mut first, &report.digest);
        ask_heard(&mut first, decision.repository);
        let (mut tx, mut answers) = self.begin_derived_with(first).await?;
        let holders = read_holders(answers.next()?)?;
        let is_heard = is_heard(&answers.next()?)?;
        self.tell_scan_in(&mut tx, holders, report, now).await?;
        let mut batch = self.report_batch(report, now);
        obviate(&mut batch, obviated);
        self.end_with_decision(tx, batch, decision, is_heard, now)
            .await
    }

    /// Returns an image's latest report.
    pub async fn image_report(
        &self,
        digest: &Digest,
    ) -> Result<Option<StoredReport>, CatalogError> {
        let row = self
            .dialect
            .query(REPORT)
            .bind(digest.to_string())
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(StoredReport {
            digest: row.digest("digest")?,
            analyser_version: row.text("analyser_version")?,
            snapshot: row.maybe_digest("snapshot")?,
            body: row.bytes("body")?,
            summary: ImageSummary {
                grade: row.maybe_int("grade")?.map(read_grade).transpose()?,
                next_drop: read_next_drop(&row)?,
                as_of: row.maybe_time("as_of")?,
                counts: read_counts(&row)?,
                fixable: read_fixable(&row)?,
                packages: row.count("packages")?,
                complete: row.flag("complete")?,
                platform: row.maybe_text("platform")?,
            },
            stored_at: row.time("stored_at")?,
        }))
    }

    /// Returns an image's inventory.
    pub async fn inventory(
        &self,
        digest: &Digest,
    ) -> Result<Option<StoredInventory>, CatalogError> {
        let mut batch = self.batch();
        ask_inventory(&mut batch, digest);
        read_inventory_of(&batch.read(&self.reader).await?.next()?)
    }

    /// Returns the stamps of those images that have both a report and an inventory.
    pub async fn evidence_stamps(
        &self,
        digests: &[Digest],
    ) -> Result<HashMap<Digest, EvidenceStamp>, CatalogError> {
        let mut stamps = HashMap::new();
        for chunk in chunks(digests) {
            let mut query = self.dialect.query_many(STAMPS, chunk.len());
            for digest in chunk {
                query = query.bind(digest.to_string());
            }
            for row in query.fetch_all(&self.reader).await? {
                let stamp = EvidenceStamp {
                    analyser_version: row.text("analyser_version")?,
                    snapshot: row.maybe_digest("snapshot")?,
                    as_of: row.maybe_time("as_of")?,
                    stored_at: row.time("stored_at")?,
                };
                stamps.insert(row.digest("digest")?, stamp);
            }
        }
        Ok(stamps)
    }

    /// Returns inventories of tagged images whose report was made with another snapshot, whose grade has dropped by
    /// `now`, or that another analyser version made, by digest after `after`.
    /// An image counts as tagged when a tag points at it or at an index that holds it.
    pub async fn inventories_to_rematch(
        &self,
        snapshot: &Digest,
        after: Option<&Digest>,
        limit: u32,
        analyser_version: &str,
        now: Timestamp,
    ) -> Result<Vec<StoredInventory>, CatalogError> {
        let rows = self
            .dialect
            .query(TO_REMATCH)
            .bind(snapshot.to_string())
            .bind(after.map_or("", Digest::as_str).to_owned())
            .bind(i64::from(limit))
            .bind(micros(now))
            .bind(analyser_version.to_owned())
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_inventory(&row))
    }

    /// Returns the images that contain a package, by digest after `after`.
    pub async fn images_with_package(
        &self,
        package: &PackageKey,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Digest>, CatalogError> {
        let rows = self
            .dialect
            .query(WITH_PACKAGE)
            .bind(package.kind.clone())
            .bind(package.name.clone())
            .bind(after.map_or("", Digest::as_str).to_owned())
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| row.digest("digest"))
    }

    /// Returns the statements that store a report.
    fn report_batch(&self, report: &NewImageReport, now: Timestamp) -> Batch {
        let mut batch = self.batch();
        put_report(&mut batch, report, now);
        if let Some((body, packages)) = &report.inventory {
            put_inventory(&mut batch, report, body, packages, now);
        }
        batch
    }
}

/// Asks in a batch for the reports of layers. Returns how many statements that takes.
pub(crate) fn ask_layers(batch: &mut Batch, digests: &[Digest], analyser_version: &str) -> usize {
    let before = batch.len();
    for chunk in chunks(digests) {
        batch
            .add_many(LAYERS, chunk.len())
            .bind(analyser_version.to_owned());
        for digest in chunk {
            batch.bind(digest.to_string());
        }
    }
    batch.len() - before
}

/// Reads the answers to [`ask_layers`].
pub(crate) fn read_layers(
    answers: &mut Answers,
    asked: usize,
) -> Result<Vec<LayerReport>, CatalogError> {
    all(answers.rows_of(asked)?, |row| {
        Ok(LayerReport {
            digest: row.digest("digest")?,
            analyser_version: row.text("analyser_version")?,
            diff_id: row.maybe_digest("diff_id")?,
            body: row.bytes("body")?,
        })
    })
}

/// Asks in a batch for an image's inventory.
pub(crate) fn ask_inventory(batch: &mut Batch, digest: &Digest) {
    batch.add(INVENTORY).bind(digest.to_string());
}

/// Reads the answer to [`ask_inventory`].
pub(crate) fn read_inventory_of(answer: &Answer) -> Result<Option<StoredInventory>, CatalogError> {
    answer.rows.first().map(read_inventory).transpose()
}

fn put_report(batch: &mut Batch, report: &NewImageReport, now: Timestamp) {
    let summary = &report.summary;
    batch
        .add(PUT_REPORT)
        .bind(report.digest.to_string())
        .bind(report.analyser_version.clone())
        .bind(report.snapshot.as_ref().map(Digest::to_string))
        .bind(report.body.clone())
        .bind(summary.grade.map(grade_rank));
    for counts in [&summary.counts, &summary.fixable] {
        for severity in Severity::WORST_FIRST {
            batch.bind(i64::from(counts.of(severity)));
        }
    }
    batch
        .bind(i64::from(summary.packages))
        .bind(i64::from(summary.complete))
        .bind(summary.platform.clone())
        .bind(micros(now))
        .bind(summary.as_of.map(micros))
        .bind(summary.next_drop.map(|(grade, _)| grade_rank(grade)))
        .bind(summary.next_drop.map(|(_, at)| micros(at)));
}

fn put_inventory(
    batch: &mut Batch,
    report: &NewImageReport,
    body: &[u8],
    packages: &[PackageKey],
    now: Timestamp,
) {
    batch
        .add(PUT_INVENTORY)
        .bind(report.digest.to_string())
        .bind(report.analyser_version.clone())
        .bind(body.to_vec())
        .bind(micros(now));
    batch.add(CLEAR_PACKAGES).bind(report.digest.to_string());
    for chunk in chunks(packages) {
        batch
            .add_many(INSERT_PACKAGES, chunk.len())
            .bind(report.digest.to_string());
        for package in chunk {
            batch.bind(package.kind.clone()).bind(package.name.clone());
        }
    }
}

/// Writes a grade as its rank, so that the worst of several is the greatest.
fn grade_rank(grade: Grade) -> i64 {
    GRADES.iter().position(|g| *g == grade).unwrap_or(0) as i64
}

/// Reads the next, lower grade and its instant.
pub(crate) fn read_next_drop(row: &AnyRow) -> Result<Option<(Grade, Timestamp)>, CatalogError> {
    let grade = row.maybe_int("next_grade")?.map(read_grade).transpose()?;
    Ok(grade.zip(row.maybe_time("next_grade_at")?))
}

/// Reads a grade from its rank.
pub(crate) fn read_grade(rank: i64) -> Result<Grade, CatalogError> {
    usize::try_from(rank)
        .ok()
        .and_then(|rank| GRADES.get(rank).copied())
        .ok_or(CatalogError::Corrupt("grade"))
}

/// The grades by stored rank. The order is part of the stored format.
const GRADES: [Grade; 7] = [
    Grade::A,
    Grade::B,
    Grade::C,
    Grade::D,
    Grade::E,
    Grade::F,
    Grade::Unknown,
];

/// Reads the counts by severity.
pub(crate) fn read_counts(row: &AnyRow) -> Result<SeverityCounts, CatalogError> {
    Ok(SeverityCounts {
        critical: row.count("critical")?,
        high: row.count("high")?,
        medium: row.count("medium")?,
        low: row.count("low")?,
        negligible: row.count("negligible")?,
        unknown: row.count("unknown")?,
    })
}

/// Reads the counts of what has a fix.
pub(crate) fn read_fixable(row: &AnyRow) -> Result<SeverityCounts, CatalogError> {
    Ok(SeverityCounts {
        critical: row.count("fixable_critical")?,
        high: row.count("fixable_high")?,
        medium: row.count("fixable_medium")?,
        low: row.count("fixable_low")?,
        negligible: row.count("fixable_negligible")?,
        unknown: row.count("fixable_unknown")?,
    })
}

fn read_inventory(row: &AnyRow) -> Result<StoredInventory, CatalogError> {
    Ok(StoredInventory {
        digest: row.digest("digest")?,
        analyser_version: row.text("analyser_version")?,
        body: row.bytes("body")?,
    })
}
