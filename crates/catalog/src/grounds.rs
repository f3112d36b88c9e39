//! What an analysis and a verdict begin with, read on one way to the database.
//!
//! A push waits for both, so each asks everything it needs at once. The questions and the reading of their answers are
//! those of the modules that own the rows.
//!
//! What it does not do: it reads no documents about images that are judged again; those may be megabytes.

use jiff::Timestamp;
use oci::{Digest, Tag};

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
    /// Returns what the analysis of an image by this analyser version begins with.
    pub async fn analysis_grounds(
        &self,
        image: ImageParts<'_>,
        analyser_version: &str,
    ) -> Result<AnalysisGrounds, CatalogError> {
        let mut batch = self.batch();
        ask_inventory(&mut batch, image.digest);
        if let Some(config) = image.config {
            ask_in_repo(&mut batch, image.repository, config);
        }
        let linked = ask_linked(&mut batch, image.repository, image.layers);
        let reports = ask_layers(&mut batch, image.layers, analyser_version);
        let mut answers = batch.read(&self.reader).await?;
        Ok(AnalysisGrounds {
            inventory: read_inventory_of(&answers.next()?)?,
            config: match image.config {
                Some(_) => read_in_repo(&answers.next()?)?,
                None => None,
            },
            missing: read_missing(&mut answers, linked, image.layers)?,
            reports: read_layers(&mut answers, reports)?,
        })
    }

    /// Returns what a verdict on a manifest begins with.
    pub async fn verdict_grounds(
        &self,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<VerdictGrounds, CatalogError> {
        let mut batch = self.batch();
        ask_tags_of(&mut batch, repository, digest, now);
        ask_parents(&mut batch, repository, digest);
        ask_current_policies(&mut batch);
        ask_current_decision(&mut batch, repository, digest);
        let mut answers = batch.read(&self.reader).await?;
        Ok(VerdictGrounds {
            tags: read_tags_of(answers.next()?)?,
            parents: read_parents(answers.next()?)?,
            policies: read_current_policies(answers.next()?)?,
            decision: read_current_decision(&answers.next()?)?,
        })
    }
}
