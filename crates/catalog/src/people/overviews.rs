//! What a page about one subject sums up: one question for a whole list, instead of one for each of its rows.
//!
//! Nothing here decides anything: what somebody may do is the question of `rights`.

use oci::RepositoryName;

use crate::dialect::statements;
use crate::permissions::read_role;
use crate::rows::{Columns as _, all};
use crate::{Catalog, CatalogError, Role, SubjectId};

statements! {
    ROLES_GIVEN_TO = "SELECT r.live_name AS name, p.role FROM permission p JOIN repository r ON r.id = p.repository_id
        WHERE p.subject_kind = $1 AND p.subject_id = $2 AND r.live_name IS NOT NULL ORDER BY r.live_name LIMIT $3";
}

impl Catalog {
    /// Lists the roles that a subject itself was given on repositories, by name. Teams and patterns give roles too.
    pub async fn roles_given_to(
        &self,
        subject: SubjectId,
        limit: u32,
    ) -> Result<Vec<(RepositoryName, Role)>, CatalogError> {
        let query = self.dialect.query(ROLES_GIVEN_TO).bind(subject.kind());
        let query = query.bind(subject.number()).bind(i64::from(limit));
        all(query.fetch_all(&self.reader).await?, |row| {
            Ok((row.repository_name("name")?, read_role(&row)?))
        })
    }
}
