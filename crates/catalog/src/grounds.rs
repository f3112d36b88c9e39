//! What an analysis and a verdict begin with, read on one way to the database.
//!
//! A push waits for both, so each asks everything it needs at once. The questions and the reading of their answers are
//! those of the modules that own the rows.
//!
//! What it does not do: it reads no documents about images that are judged again; those may be megabytes.

use jiff::Timestamp;
use oci::{Digest, Tag};

use crate::batch::{Answers, Batch};
use crate::blobs::{ask_in_repo, ask_linked, read_in_repo, read_missing};
use crate::decisions::{ask_current_decision, read_current_decision};
use crate::evidence_rows::{ask_inventory, ask_layers, read_inventory_of, read_layers};
use crate::manifests::{ask_parents, read_parents};
use crate::policies::{ask_current_policies, read_current_policies};
use crate::tags::{ask_tags_of, read_tags_of};
use crate::{
    Blob, Catalog, CatalogError, Decision, LayerReport, Policy, RepositoryId, StoredInventory,
};

/// An image of a repository, as its manifest describes it.
#[derive(Clone, Copy, Debug)]
pub struct ImageParts<'a> {
    /// The repository.
    pub repository: RepositoryId,
    /// The manifest.
    pub digest: &'a Digest,
    /// The configuration, if it names one.
    pub config: Option<&'a Digest>,
    /// The layers.
    pub layers: &'a [Digest],
}

/// What the analysis of an image begins with.
#[derive(Clone, Debug)]
pub struct AnalysisGrounds {
    /// The inventory, if it was taken apart before.
    pub inventory: Option<StoredInventory>,
    /// The configuration's blob, if the repository has it.
    pub config: Option<Blob>,
    /// The layers that the repository does not have.
    pub missing: Vec<Digest>,
    /// The reports of its layers that exist, in no particular order.
    pub reports: Vec<LayerReport>,
}

/// What a verdict on a manifest begins with.
#[derive(Clone, Debug)]
pub struct VerdictGrounds {
    /// The tags that point at it.
    pub tags: Vec<Tag>,
    /// The indexes that hold it.
    pub parents: Vec<Digest>,
    /// The current version of every policy.
    pub policies: Vec<Policy>,
    /// The current decision about it.
    pub decision: Option<Decision>,
}

impl Catalog {
    /// Returns what the analysis of an image that was just pushed begins with, by this analyser version, and what the
    /// verdict on it does.
    pub async fn push_grounds(
        &self,
        image: ImageParts<'_>,
        analyser_version: &str,
        now: Timestamp,
    ) -> Result<(AnalysisGrounds, VerdictGrounds), CatalogError> {
        let mut batch = self.batch();
        let asked = ask_analysis(&mut batch, image, analyser_version);
        ask_verdict(&mut batch, image.repository, image.digest, now);
        let mut answers = batch.read(&self.reader).await?;
        let analysis = read_analysis(&mut answers, image, asked)?;
        Ok((analysis, read_verdict(&mut answers)?))
    }

    /// Returns what the analysis of an image by this analyser version begins with.
    pub async fn analysis_grounds(
        &self,
        image: ImageParts<'_>,
        analyser_version: &str,
    ) -> Result<AnalysisGrounds, CatalogError> {
        let mut batch = self.batch();
        let asked = ask_analysis(&mut batch, image, analyser_version);
        read_analysis(&mut batch.read(&self.reader).await?, image, asked)
    }

    /// Returns what a verdict on a manifest begins with.
    pub async fn verdict_grounds(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<VerdictGrounds, CatalogError> {
        let mut batch = self.batch();
        ask_verdict(&mut batch, repository, digest, now);
        read_verdict(&mut batch.read(&self.reader).await?)
    }
}

/// How many statements some questions took.
#[derive(Clone, Copy)]
struct Asked {
    linked: usize,
    reports: usize,
}

fn ask_analysis(batch: &mut Batch, image: ImageParts<'_>, analyser_version: &str) -> Asked {
    ask_inventory(batch, image.digest);
    if let Some(config) = image.config {
        ask_in_repo(batch, image.repository, config);
    }
    Asked {
        linked: ask_linked(batch, image.repository, image.layers),
        reports: ask_layers(batch, image.layers, analyser_version),
    }
}

fn read_analysis(
    answers: &mut Answers,
    image: ImageParts<'_>,
    asked: Asked,
) -> Result<AnalysisGrounds, CatalogError> {
    Ok(AnalysisGrounds {
        inventory: read_inventory_of(&answers.next()?)?,
        config: match image.config {
            Some(_) => read_in_repo(&answers.next()?)?,
            None => None,
        },
        missing: read_missing(answers, asked.linked, image.layers)?,
        reports: read_layers(answers, asked.reports)?,
    })
}

fn ask_verdict(batch: &mut Batch, repository: RepositoryId, digest: &Digest, now: Timestamp) {
    ask_tags_of(batch, repository, digest, now);
    ask_parents(batch, repository, digest);
    ask_current_policies(batch);
    ask_current_decision(batch, repository, digest);
}

fn read_verdict(answers: &mut Answers) -> Result<VerdictGrounds, CatalogError> {
    Ok(VerdictGrounds {
        tags: read_tags_of(answers.next()?)?,
        parents: read_parents(answers.next()?)?,
        policies: read_current_policies(answers.next()?)?,
        decision: read_current_decision(&answers.next()?)?,
    })
}
