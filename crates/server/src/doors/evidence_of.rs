//! What is known about a stored manifest: first its stamps, then, if a verdict must be made, its bodies.
//!
//! A stored decision holds while the evidence behind it is the same. [`Known::key`] tells that from a few small columns;
//! [`read`] fetches the documents, which may be megabytes, only when there is something to decide.

use std::sync::Arc;

use advisories::Snapshot;
use catalog::{EvidenceStamp, NewImageReport, RepositoryId, StoredInventory, StoredReport};
use evidence::{Inventory, MatchReport};
use gate::{EvidenceSet, FeedState};
use jiff::Timestamp;
use oci::{Digest, Manifest, media_type};

use super::JudgeError;
use crate::analysis::image;
use crate::app::App;

/// Children of an index that are judged with it. Each is judged anyway when it is asked for itself.
const MAX_CHILDREN: usize = 100;
/// Indexes within indexes that are followed.
pub(crate) const MAX_DEPTH: usize = 8;
/// Manifests looked at for one verdict. Indexes that list each other's children many times would have millions; what is
/// beyond is not known.
const MAX_MANIFESTS: usize = 120;

/// How often a report that is too old is made anew before its readers give up.
const READ_ATTEMPTS: usize = 3;

/// What is known about one manifest, without the documents.
#[derive(Debug)]
pub(crate) enum Known {
    /// An image that was taken apart.
    Image(EvidenceStamp),
    /// An image whose analysis is queued or running since it was pushed.
    Pending { since: Option<Timestamp> },
    /// An index, judged by its children.
    Index(Vec<KnownChild>),
    /// Something that is no image: a signature, an SBOM, a chart. The gate has nothing to say about it.
    Artifact,
}

/// A child of an index that could run.
#[derive(Debug)]
pub(crate) struct KnownChild {
    pub(crate) digest: Digest,
    pub(crate) platform: Option<String>,
    /// `None` when the index lists it but the repository does not have it.
    pub(crate) known: Option<Known>,
}

/// The documents about one image.
#[derive(Debug)]
pub(crate) struct Documents {
    inventory: Inventory,
    inventory_id: Digest,
    matches: Option<MatchReport>,
    matches_id: Digest,
    /// The stamp of what was read, which may be newer than the one that led here.
    pub(crate) stamp: EvidenceStamp,
}

/// Returns whether a manifest is something that a runtime would start, as opposed to an artifact.
///
/// Layers decide, not the configuration's word alone: a manifest of file system layers is an image whatever it calls
/// its configuration, and signatures and attestations borrow the image configuration without having a layer to run.
pub(crate) fn is_runnable(manifest: &Manifest) -> bool {
    let has_layer = manifest
        .layers
        .iter()
        .any(|layer| media_type::is_layer(&layer.media_type));
    if has_layer || manifest.media_type == media_type::DOCKER_MANIFEST {
        return true;
    }
    // An image without layers is one: `FROM scratch` with nothing copied.
    manifest.is_image()
        && (manifest.layers.is_empty()
            || !manifest.layers.iter().all(|l| is_statement(&l.media_type)))
}

/// The layers of signatures, attestations and SBOMs that are stored with an image's configuration type.
fn is_statement(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.dev.cosign.simplesigning.v1+json"
            | "application/vnd.dsse.envelope.v1+json"
            | "application/vnd.in-toto+json"
            | "application/vnd.cyclonedx+json"
            | "application/vnd.cyclonedx+xml"
            | "application/vnd.syft+json"
            | "application/spdx+json"
            | "text/spdx"
            | "text/spdx+json"
    )
}

/// Looks up what is known about a manifest of a repository.
pub(crate) async fn look_up(
    app: &App,
    repository: RepositoryId,
    digest: &Digest,
    snapshot: Option<&Arc<Snapshot>>,
) -> Result<Known, JudgeError> {
    let mut walk = Walk {
        app,
        repository,
        snapshot,
        left: MAX_MANIFESTS,
    };
    walk.look_up(digest, 0).await
}

/// One walk down from a manifest.
struct Walk<'a> {
    app: &'a App,
    repository: RepositoryId,
    snapshot: Option<&'a Arc<Snapshot>>,
    /// Manifests that may still be looked at.
    left: usize,
}

impl Walk<'_> {
    async fn look_up(&mut self, digest: &Digest, depth: usize) -> Result<Known, JudgeError> {
        if depth == MAX_DEPTH || self.left == 0 {
            return Ok(Known::Pending { since: None });
        }
        self.left -= 1;
        let catalog = &self.app.catalog;
        let Some(stored) = catalog.manifest(self.repository, digest).await? else {
            return Ok(Known::Pending { since: None });
        };
        if media_type::is_index(&stored.media_type) {
            return Box::pin(self.look_up_index(digest, depth)).await;
        }
        // What cannot be read cannot be told from an image.
        let is_artifact = Manifest::parse(&stored.bytes, &stored.media_type)
            .is_ok_and(|manifest| !is_runnable(&manifest));
        if is_artifact {
            return Ok(Known::Artifact);
        }
        Ok(match self.stamp(digest).await? {
            Some(stamp) => Known::Image(stamp),
            None => Known::Pending {
                since: Some(stored.pushed_at),
            },
        })
    }

    /// Returns the stamp of an image's evidence, after matching it with the snapshot in use if it was not yet: the job
    /// that does so for all images comes to this one later, and to an untagged one never.
    async fn stamp(&self, digest: &Digest) -> Result<Option<EvidenceStamp>, JudgeError> {
        let catalog = &self.app.catalog;
        let wanted = std::slice::from_ref(digest);
        let stamp = catalog.evidence_stamps(wanted).await?.remove(digest);
        let (Some(found), Some(snapshot)) = (&stamp, self.snapshot) else {
            return Ok(stamp);
        };
        if !image::is_news(snapshot, found.snapshot.as_ref(), found.as_of) {
            return Ok(stamp);
        }
        image::match_again(self.app, digest, snapshot).await?;
        Ok(catalog.evidence_stamps(wanted).await?.remove(digest))
    }

    async fn look_up_index(&mut self, digest: &Digest, depth: usize) -> Result<Known, JudgeError> {
        let mut children: Vec<KnownChild> = Vec::new();
        let mut has_artifact = false;
        let listed = self.app.catalog.children(self.repository, digest).await?;
        for child in listed.into_iter().filter(is_for_running) {
            let is_repeated = children
                .iter()
                .any(|c| c.digest == child.digest && c.platform == child.platform);
            if is_repeated {
                continue;
            }
            if children.len() == MAX_CHILDREN {
                // Said, not dropped: nobody knows whether the rest may run.
                children.push(KnownChild {
                    digest: child.digest,
                    platform: Some("further platforms".to_owned()),
                    known: Some(Known::Pending { since: None }),
                });
                break;
            }
            let known = if child.present {
                Some(self.look_up(&child.digest, depth + 1).await?)
            } else {
                None
            };
            if matches!(known, Some(Known::Artifact)) {
                has_artifact = true;
                continue;
            }
            children.push(KnownChild {
                digest: child.digest,
                platform: child.platform,
                known,
            });
        }
        // A list of signatures, as the referrers fallback keeps one, is no more gated than they are.
        if children.is_empty() && has_artifact {
            return Ok(Known::Artifact);
        }
        Ok(Known::Index(children))
    }
}

/// Returns whether a child is meant to run: `unknown/unknown` marks BuildKit's attestations.
pub(crate) fn is_for_running(child: &catalog::ChildRow) -> bool {
    child
        .platform
        .as_deref()
        .is_none_or(|platform| !platform.starts_with("unknown/"))
}

impl Known {
    /// Returns a key that changes whenever the evidence does. `snapshot` is the one in use: its feeds are evidence too.
    pub(crate) fn key(&self, snapshot: Option<&Snapshot>) -> Digest {
        let mut text = String::new();
        self.write_key(&mut text);
        if let Some(snapshot) = snapshot {
            text.push_str(" feeds ");
            text.push_str(snapshot.info().id.as_str());
        }
        Digest::sha256(text.as_bytes())
    }

    /// Collects the stamps of all evidence behind this. Returns whether there is an answer for everything: what is on
    /// its way has no stamp that could be compared.
    pub(crate) fn stamps(
        &self,
        digest: &Digest,
        stamps: &mut Vec<(Digest, EvidenceStamp)>,
    ) -> bool {
        match self {
            Self::Image(stamp) => {
                stamps.push((digest.clone(), stamp.clone()));
                true
            }
            Self::Pending { .. } => false,
            Self::Artifact => true,
            Self::Index(children) => children.iter().all(|child| {
                child
                    .known
                    .as_ref()
                    .is_none_or(|known| known.stamps(&child.digest, stamps))
            }),
        }
    }

    fn write_key(&self, text: &mut String) {
        match self {
            Self::Image(stamp) => {
                text.push_str("image ");
                text.push_str(&stamp.analyser_version);
                text.push(' ');
                text.push_str(stamp.snapshot.as_ref().map_or("none", Digest::as_str));
                text.push(' ');
                text.push_str(&stamp.stored_at.as_microsecond().to_string());
            }
            Self::Pending { .. } => text.push_str("pending"),
            Self::Artifact => text.push_str("artifact"),
            Self::Index(children) => {
                text.push_str("index(");
                for child in children {
                    text.push_str(child.digest.as_str());
                    text.push(' ');
                    match &child.known {
                        Some(known) => known.write_key(text),
                        None => text.push_str("absent"),
                    }
                    text.push(',');
                }
                text.push(')');
            }
        }
    }
}

/// Reads the documents about an image; `None` if they went away in the meantime, or somebody keeps putting a report of
/// an older snapshot in their place: nothing is judged by that.
pub(crate) async fn read(
    app: &App,
    digest: &Digest,
    snapshot: Option<&Arc<Snapshot>>,
) -> Result<Option<Documents>, JudgeError> {
    for _ in 0..READ_ATTEMPTS {
        let (Some(report), Some(inventory)) = (
            app.catalog.image_report(digest).await?,
            app.catalog.inventory(digest).await?,
        ) else {
            return Ok(None);
        };
        let as_of = report.summary.as_of;
        match snapshot {
            Some(snapshot) if image::is_news(snapshot, report.snapshot.as_ref(), as_of) => {
                image::match_again(app, digest, snapshot).await?;
            }
            _ => return parse(report, inventory).await.map(Some),
        }
    }
    Ok(None)
}

async fn parse(report: StoredReport, inventory: StoredInventory) -> Result<Documents, JudgeError> {
    let is_small = report.body.len() + inventory.body.len() <= image::SMALL_DOCUMENT;
    let work = move || -> Result<Documents, JudgeError> {
        Ok(Documents {
            inventory_id: Digest::sha256(&inventory.body),
            inventory: serde_json::from_slice(&inventory.body)?,
            matches_id: Digest::sha256(&report.body),
            matches: serde_json::from_slice(&report.body)?,
            stamp: EvidenceStamp {
                analyser_version: inventory.analyser_version,
                snapshot: report.snapshot,
                as_of: report.summary.as_of,
                stored_at: report.stored_at,
            },
        })
    };
    // Megabytes of JSON: not on a thread that answers requests.
    if is_small {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(documents) => documents,
        Err(_) => Err(JudgeError::Interrupted),
    }
}

impl Documents {
    /// Takes the documents of an image that is about to be stored.
    pub(crate) fn of_fresh(fresh: image::Fresh) -> (Self, NewImageReport) {
        let report = fresh.report;
        let inventory = report.inventory.as_ref().map(|(body, _)| body.as_slice());
        let documents = Self {
            inventory_id: Digest::sha256(inventory.unwrap_or_default()),
            inventory: fresh.inventory,
            matches_id: Digest::sha256(&report.body),
            matches: fresh.matches,
            stamp: EvidenceStamp {
                analyser_version: report.analyser_version.clone(),
                snapshot: report.snapshot.clone(),
                as_of: report.summary.as_of,
                stored_at: fresh.at,
            },
        };
        (documents, report)
    }

    /// Returns what the gate is given.
    pub(crate) fn set<'a>(&'a self, feeds: &'a [FeedState<'a>]) -> EvidenceSet<'a> {
        EvidenceSet {
            inventory: Some(&self.inventory),
            inventory_id: Some(&self.inventory_id),
            matches: self.matches.as_ref(),
            matches_id: self.matches.as_ref().map(|_| &self.matches_id),
            feeds,
            ..EvidenceSet::default()
        }
    }

    /// Returns the image's platform, if it says one.
    pub(crate) fn platform(&self) -> Option<&str> {
        self.inventory.facts.platform.as_deref()
    }
}

/// Returns the state of the feeds in the snapshot in use. One that does not date itself is as old as the snapshot.
pub(crate) fn feed_states(snapshot: Option<&Snapshot>) -> Vec<FeedState<'_>> {
    let Some(snapshot) = snapshot else {
        return Vec::new();
    };
    let info = snapshot.info();
    info.feeds
        .iter()
        .map(|feed| FeedState {
            name: &feed.name,
            as_of: feed.upstream_modified.unwrap_or(info.built_at),
        })
        .collect()
}
