//! The page of a repository's tags: each tag with what is known about its image.

use evidence::{Grade, SeverityCounts};
use jiff::Timestamp;
use oci::{Digest, Tag};
use uuid::Uuid;

use crate::{Catalog, CatalogError, RepositoryId};

/// One line of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// The tag.
    pub tag: Tag,
    /// What it points at.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The size of everything below it in bytes, each blob once.
    pub size_bytes: u64,
    /// When it came to point there.
    pub pushed_at: Timestamp,
    /// Who pushed it.
    pub pushed_by: String,
    /// The health grade, if graded.
    pub grade: Option<Grade>,
    /// Unique vulnerabilities by severity; `None` before the first match.
    pub counts: Option<SeverityCounts>,
    /// Those of them that have a fix.
    pub fixable: Option<SeverityCounts>,
    /// The current verdict's word.
    pub verdict: Option<String>,
    /// The current decision.
    pub decision: Option<Uuid>,
    /// The platforms: of an index's children, or of the image.
    pub platforms: Vec<String>,
}

impl Catalog {
    /// Lists the tags whose name contains `filter`, in ASCII order, beginning after `after`.
    pub async fn tag_rows(
        &self,
        repository: RepositoryId,
        filter: &str,
        after: Option<&str>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<TagRow>, CatalogError> {
        todo!()
    }
}
