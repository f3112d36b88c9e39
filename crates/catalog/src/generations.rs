//! Counters that tell whether what was read lately still holds.
//!
//! A server may keep what it read only together with the [`Generation`] it read **before** that, and use it only while
//! a later look shows the same one. Triggers of the schema move the counters inside the changing transaction, so no
//! statement can forget to. What depends on time alone (an expiry) moves none of them: whoever keeps such a thing looks
//! at the clock as well.
//!
//! What it does not cover: evidence about images, which has stamps of its own ([`Catalog::evidence_stamps`]).
//!
//! Adding something that is kept: the table it comes from gets a trigger in both folders of migrations.

use oci::RepositoryName;

use crate::dialect::statements;
use crate::repositories::read_repository;
use crate::rows::Columns as _;
use crate::{Catalog, CatalogError, Repository};

/// The counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation {
    /// Moves with every principal, team, membership, credential and right.
    pub people: i64,
    /// Moves with every policy.
    pub policies: i64,
    /// Moves with every tag and manifest of the repository, and with every link to a blob that is taken away.
    pub repository: i64,
}

statements! {
    REPOSITORY = "SELECT g.people, g.policies, m.value AS moved, r.id, r.name, r.namespace, r.visibility, r.sparse, r.state,
            r.description, r.created_at
        FROM generation g LEFT JOIN repository r ON r.live_name = $1
        LEFT JOIN repository_generation m ON m.repository_id = r.id WHERE g.id = 1";
}

impl Catalog {
    /// Returns the live repository of this name and the counters, read at one moment.
    pub async fn repository_now(
        &self,
        name: &RepositoryName,
    ) -> Result<(Generation, Option<Repository>), CatalogError> {
        let row = self
            .dialect
            .query(REPOSITORY)
            .bind(name.to_string())
            .fetch_one(&self.reader)
            .await?;
        let repository = match row.maybe_int("id")? {
            Some(_) => Some(read_repository(&row)?),
            None => None,
        };
        let generation = Generation {
            people: row.int("people")?,
            policies: row.int("policies")?,
            repository: row.maybe_int("moved")?.unwrap_or_default(),
        };
        Ok((generation, repository))
    }
}
