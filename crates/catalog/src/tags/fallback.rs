//! Referrers that a client listed itself, in an index under a tag made of the subject's digest.
//!
//! Clients did so where a registry had no referrers API, and such content arrives by copy and mirror. A child counts
//! when it names the subject itself; then the edge is a row like any other, and goes when the tag does.
//!
//! # Source
//! OCI distribution specification, "Referrers Tag Schema".

use oci::{Digest, Tag};

use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, all};
use crate::{Catalog, CatalogError, RepositoryId};

/// How many characters of the algorithm and of the encoded part stand in the tag.
const ALGORITHM_LEN: usize = 32;
const ENCODED_LEN: usize = 64;

statements! {
    CHILDREN = "SELECT DISTINCT m.subject, m.digest FROM manifest_ref r
        JOIN manifest m ON m.repository_id = r.repository_id AND m.digest = r.digest
        WHERE r.repository_id = $1 AND r.parent = $2 AND r.kind = 'child' AND m.subject IS NOT NULL";
    ADD = "INSERT INTO referrer (repository_id, subject, digest, source)
        SELECT CAST($1 AS BIGINT), v.column1, v.column2, 'fallback_index' FROM (VALUES {rows 2}) AS v WHERE 1 = 1
        ON CONFLICT (repository_id, subject, digest, source) DO NOTHING";
    EDGES = "SELECT digest, source FROM referrer WHERE repository_id = $1 AND subject = $2 ORDER BY source, digest";
    DROP = "DELETE FROM referrer WHERE repository_id = $1 AND subject = $2 AND digest = $3 AND source = 'fallback_index'";
}

impl Catalog {
    /// Adds the edges of an index that came under a tag of the schema.
    pub(super) async fn add_fallback_edges(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        tag: &Tag,
        index: &Digest,
    ) -> Result<(), CatalogError> {
        let edges = self.fallback_edges(tx, repository, tag, index).await?;
        for chunk in chunks(&edges) {
            let mut query = self.dialect.query_many(ADD, chunk.len()).bind(repository.0);
            for (subject, referrer) in chunk {
                query = query.bind(subject.to_string()).bind(referrer.to_string());
            }
            query.execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Drops the edges of an index that loses its tag of the schema.
    pub(super) async fn drop_fallback_edges(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        tag: &Tag,
        index: &Digest,
    ) -> Result<(), CatalogError> {
        for (subject, referrer) in self.fallback_edges(tx, repository, tag, index).await? {
            self.dialect
                .query(DROP)
                .bind(repository.0)
                .bind(subject.to_string())
                .bind(referrer.to_string())
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Lists what is attached to a subject in whichever way, with the word of the way: `cosign_tag`, `fallback_index` or
    /// `subject`. What is attached twice is listed twice.
    pub async fn attached_to(
        &self,
        repository: RepositoryId,
        subject: &Digest,
    ) -> Result<Vec<(Digest, String)>, CatalogError> {
        let rows = self
            .dialect
            .query(EDGES)
            .bind(repository.0)
            .bind(subject.to_string())
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| Ok((row.digest("digest")?, row.text("source")?)))
    }

    async fn fallback_edges(
        &self,
        tx: &mut Tx,
        repository: RepositoryId,
        tag: &Tag,
        index: &Digest,
    ) -> Result<Vec<(Digest, Digest)>, CatalogError> {
        if !may_be_of_schema(tag) {
            return Ok(Vec::new());
        }
        let rows = self
            .dialect
            .query(CHILDREN)
            .bind(repository.0)
            .bind(index.to_string())
            .fetch_all(&mut **tx)
            .await?;
        let mut edges = Vec::new();
        for row in rows {
            let subject = row.digest("subject")?;
            if fallback_tag(&subject) == tag.as_str() {
                edges.push((subject, row.digest("digest")?));
            }
        }
        Ok(edges)
    }
}

/// Returns whether a tag looks like one of the schema: most tags do not, and cost no question.
fn may_be_of_schema(tag: &Tag) -> bool {
    let encoded = tag.as_str().split_once('-').map(|(_, encoded)| encoded);
    encoded.is_some_and(|encoded| {
        encoded.len() == ENCODED_LEN && encoded.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

fn fallback_tag(subject: &Digest) -> String {
    let algorithm = subject.algorithm().as_str();
    let algorithm = &algorithm[..algorithm.len().min(ALGORITHM_LEN)];
    let encoded = &subject.hex()[..subject.hex().len().min(ENCODED_LEN)];
    format!("{algorithm}-{encoded}")
}

#[cfg(test)]
mod tests {
    use oci::Algorithm;

    use super::*;

    #[test]
    fn the_tag_of_a_subject_is_its_digest_cut_to_fit() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let subject = Digest::compute(algorithm, b"subject");
            let tag: Tag = fallback_tag(&subject).parse().expect("a tag");
            assert_eq!(
                tag.as_str(),
                format!("{algorithm}-{}", &subject.hex()[..64])
            );
            assert!(may_be_of_schema(&tag));
        }
        for other in ["v1", "sha256-short", "latest-amd64"] {
            assert!(!may_be_of_schema(&other.parse().expect("a tag")));
        }
    }
}
