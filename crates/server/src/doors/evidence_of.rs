//! What is known about a stored manifest, gathered for the gate.

use catalog::{ChildRow, RepositoryId};
use evidence::{Inventory, MatchReport};
use gate::{EvidenceSet, FeedState};
use inventory::ANALYSER_VERSION;
use jiff::Timestamp;
use oci::{Digest, media_type};

use super::JudgeError;
use crate::app::App;

/// The evidence about one manifest.
pub(crate) enum Evidence {
    /// An image that was taken apart.
    Image {
        inventory: Box<Inventory>,
        inventory_id: Digest,
        matches: Option<Box<MatchReport>>,
        matches_id: Digest,
        feeds: Vec<(String, Timestamp)>,
    },
    /// An image whose analysis is queued or running.
    Pending,
    /// An index, judged by its children.
    Index { children: Vec<ChildRow> },
    /// Something that is no image: a signature, an SBOM, a chart. The gate has nothing to say about it.
    Artifact,
}

/// Gathers the stored evidence about a manifest.
pub(crate) async fn evidence_of(
    app: &App,
    repository: RepositoryId,
    digest: &Digest,
) -> Result<Evidence, JudgeError> {
    let Some(stored) = app.catalog.manifest(repository, digest).await? else {
        return Ok(Evidence::Pending);
    };
    if media_type::is_index(&stored.media_type) {
        let mut children = app.catalog.children(repository, digest).await?;
        children.retain(|child| {
            child
                .platform
                .as_deref()
                .is_none_or(|platform| !platform.starts_with("unknown/"))
        });
        return Ok(Evidence::Index { children });
    }
    let is_image = oci::Manifest::parse(&stored.bytes, &stored.media_type)
        .is_ok_and(|manifest| manifest.is_image());
    if !is_image {
        return Ok(Evidence::Artifact);
    }
    let (Some(report), Some(inventory)) = (
        app.catalog.image_report(digest).await?,
        app.catalog.inventory(digest).await?,
    ) else {
        return Ok(Evidence::Pending);
    };
    if inventory.analyser_version != ANALYSER_VERSION {
        return Ok(Evidence::Pending);
    }
    let snapshot = app.snapshot.load();
    let feeds = snapshot.as_ref().map(|snapshot| {
        let info = snapshot.info();
        // A feed that does not date itself is as old as the snapshot it came in with.
        info.feeds
            .iter()
            .map(|feed| {
                (
                    feed.name.clone(),
                    feed.upstream_modified.unwrap_or(info.built_at),
                )
            })
            .collect()
    });
    Ok(Evidence::Image {
        inventory_id: Digest::sha256(&inventory.body),
        inventory: serde_json::from_slice(&inventory.body)?,
        matches_id: Digest::sha256(&report.body),
        matches: serde_json::from_slice(&report.body)?,
        feeds: feeds.unwrap_or_default(),
    })
}

impl Evidence {
    /// Returns what the gate is given. `feeds` comes from [`Self::feeds`] and outlives the set.
    pub(crate) fn set<'a>(&'a self, feeds: &'a [FeedState<'a>]) -> EvidenceSet<'a> {
        match self {
            Self::Image {
                inventory,
                inventory_id,
                matches,
                matches_id,
                ..
            } => EvidenceSet {
                inventory: Some(inventory),
                inventory_id: Some(inventory_id),
                matches: matches.as_deref(),
                matches_id: matches.as_ref().map(|_| matches_id),
                feeds,
                ..EvidenceSet::default()
            },
            Self::Pending => EvidenceSet {
                pending: true,
                ..EvidenceSet::default()
            },
            Self::Index { .. } | Self::Artifact => EvidenceSet::default(),
        }
    }

    /// Returns the state of the feeds behind the matches.
    pub(crate) fn feeds(&self) -> Vec<FeedState<'_>> {
        match self {
            Self::Image { feeds, .. } => feeds
                .iter()
                .map(|(name, as_of)| FeedState {
                    name,
                    as_of: *as_of,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the image's platform, if it says one.
    pub(crate) fn platform(&self) -> Option<&str> {
        match self {
            Self::Image { inventory, .. } => inventory.facts.platform.as_deref(),
            _ => None,
        }
    }

    /// Returns a key that changes whenever the evidence does.
    pub(crate) fn key(&self) -> Digest {
        match self {
            Self::Image {
                inventory_id,
                matches_id,
                ..
            } => Digest::sha256(format!("image {inventory_id} {matches_id}").as_bytes()),
            Self::Pending => Digest::sha256(b"pending"),
            Self::Artifact => Digest::sha256(b"artifact"),
            // An index is cheap to judge and its children change on their own: it never keeps a decision.
            Self::Index { .. } => Digest::sha256(uuid::Uuid::new_v4().as_bytes()),
        }
    }
}
