//! What a principal may do in a repository: the one place that computes it.
//!
//! The role is the highest of: a permission on the repository, a permission on a pattern that matches its name (each
//! given to the principal itself or to one of its teams), ownership of the namespace, and `read` where the repository
//! is public. A superuser is an admin everywhere. A reader superuser reads everything and changes nothing, whatever else
//! it was given.
//!
//! Nothing is remembered between two questions, so a right that was taken away is gone with the next request on every
//! replica. One question is a handful of index lookups; a test reads the plans of both engines.

use oci::RepositoryName;
use sqlx::any::AnyRow;

use crate::dialect::statements;
use crate::repositories::namespace_of;
use crate::rows::Columns as _;
use crate::{Catalog, CatalogError, Principal, PrincipalId, RepositoryId, Role};

statements! {
    ROLE_OF = "WITH subject (kind, id) AS (
            SELECT CAST($2 AS TEXT), CAST($3 AS BIGINT)
            UNION ALL SELECT 'team', m.team_id FROM team_member m WHERE m.member_kind = $2 AND m.member_id = $3
        )
        SELECT CAST(MAX(CASE held.role WHEN 'admin' THEN 3 WHEN 'write' THEN 2 WHEN 'read' THEN 1 ELSE 0 END) AS BIGINT) AS rank
        FROM (
            SELECT 'read' AS role FROM repository r WHERE r.id = $1 AND r.visibility = 'public'
            UNION ALL
            SELECT p.role FROM subject s
                JOIN permission p ON p.repository_id = $1 AND p.subject_kind = s.kind AND p.subject_id = s.id
            UNION ALL
            SELECT g.role FROM repository r
                CROSS JOIN subject s
                JOIN pattern_permission g ON g.subject_kind = s.kind AND g.subject_id = s.id
                    AND g.namespace IN (r.namespace, '*')
                WHERE r.id = $1 AND r.name LIKE g.name_like ESCAPE '!'
                  AND (g.slashes IS NULL OR g.slashes = LENGTH(r.name) - LENGTH(REPLACE(r.name, '/', '')))
            UNION ALL
            SELECT 'admin' FROM repository r JOIN account a ON a.name = r.namespace
                WHERE r.id = $1 AND $2 = 'account' AND a.id = $3 AND a.kind = 'user'
            UNION ALL
            SELECT 'admin' FROM repository r JOIN account o ON o.name = r.namespace AND o.kind = 'org'
                JOIN team t ON t.org_id = o.id AND t.role = 'admin'
                JOIN team_member m ON m.team_id = t.id AND m.member_kind = $2 AND m.member_id = $3
                WHERE r.id = $1
        ) held";
    RIGHT_TO_CREATE = "WITH subject (kind, id) AS (
            SELECT CAST($3 AS TEXT), CAST($4 AS BIGINT)
            UNION ALL SELECT 'team', m.team_id FROM team_member m WHERE m.member_kind = $3 AND m.member_id = $4
        )
        SELECT CAST(1 AS BIGINT) AS may FROM account a
            WHERE a.name = $1 AND $3 = 'account' AND a.id = $4 AND a.kind = 'user'
        UNION ALL
        SELECT CAST(1 AS BIGINT) FROM account o JOIN team t ON t.org_id = o.id AND t.role IN ('creator', 'admin')
            JOIN team_member m ON m.team_id = t.id AND m.member_kind = $3 AND m.member_id = $4
            WHERE o.name = $1 AND o.kind = 'org'
        UNION ALL
        SELECT CAST(1 AS BIGINT) FROM subject s JOIN pattern_permission g ON g.subject_kind = s.kind AND g.subject_id = s.id
                AND g.namespace IN ($1, '*')
            WHERE g.role <> 'read' AND $2 LIKE g.name_like ESCAPE '!'
              AND (g.slashes IS NULL OR g.slashes = LENGTH($2) - LENGTH(REPLACE($2, '/', '')))
        LIMIT 1";
    OWNS_NAMESPACE = "SELECT CAST(1 AS BIGINT) AS may FROM account a
            WHERE a.name = $1 AND $2 = 'account' AND a.id = $3 AND a.kind = 'user'
        UNION ALL
        SELECT CAST(1 AS BIGINT) FROM account o JOIN team t ON t.org_id = o.id AND t.role = 'admin'
            JOIN team_member m ON m.team_id = t.id AND m.member_kind = $2 AND m.member_id = $3
            WHERE o.name = $1 AND o.kind = 'org'
        LIMIT 1";
    BELONGS_TO = "SELECT CAST(1 AS BIGINT) AS may FROM team t
        JOIN team_member m ON m.team_id = t.id AND m.member_kind = $2 AND m.member_id = $3
        JOIN account o ON o.id = t.org_id WHERE o.name = $1 LIMIT 1";
}

impl Catalog {
    /// Returns the principal's role in a repository. The anonymous principal has what visibility gives.
    pub async fn role_of(
        &self,
        repository: RepositoryId,
        principal: &Principal,
    ) -> Result<Option<Role>, CatalogError> {
        if principal.superuser {
            return Ok(Some(Role::Admin));
        }
        if principal.reader_superuser {
            return Ok(Some(Role::Read));
        }
        let row = self
            .dialect
            .query(ROLE_OF)
            .bind(repository.0)
            .bind(principal.id.kind())
            .bind(principal.id.number())
            .fetch_one(&self.reader)
            .await?;
        read_rank(&row)
    }

    /// Returns how the engine would find a role: for the test that it reads no whole table.
    #[cfg(feature = "testkit")]
    pub async fn explain_role_of(
        &self,
        repository: RepositoryId,
        principal: &Principal,
    ) -> Result<String, CatalogError> {
        let rows = self
            .dialect
            .explain(ROLE_OF, 1)
            .bind(repository.0)
            .bind(principal.id.kind())
            .bind(principal.id.number())
            .fetch_all(&self.reader)
            .await?;
        crate::testkit::plan(self, rows)
    }

    /// Returns whether a principal may create a repository of this name by pushing to it: a superuser, the owner of the
    /// namespace, a member of one of its teams of creators, or who may write to a pattern that matches the name.
    pub async fn may_create_repository(
        &self,
        name: &RepositoryName,
        principal: &Principal,
    ) -> Result<bool, CatalogError> {
        if principal.superuser {
            return Ok(true);
        }
        if principal.reader_superuser || principal.id == PrincipalId::Anonymous {
            return Ok(false);
        }
        let row = self
            .dialect
            .query(RIGHT_TO_CREATE)
            .bind(namespace_of(name).to_owned())
            .bind(name.to_string())
            .bind(principal.id.kind())
            .bind(principal.id.number())
            .fetch_optional(&self.reader)
            .await?;
        Ok(row.is_some())
    }

    /// Returns whether a principal owns a namespace: it is its own name, or an organisation it is an owner of. A
    /// superuser owns all.
    pub async fn owns_namespace(
        &self,
        namespace: &str,
        principal: &Principal,
    ) -> Result<bool, CatalogError> {
        if principal.superuser || principal.reader_superuser {
            return Ok(principal.superuser);
        }
        self.is_in(OWNS_NAMESPACE, namespace, principal).await
    }

    /// Returns whether a principal is in any team of an organisation, and so may know of it.
    pub async fn belongs_to_organization(
        &self,
        organization: &str,
        principal: &Principal,
    ) -> Result<bool, CatalogError> {
        self.is_in(BELONGS_TO, organization, principal).await
    }

    async fn is_in(
        &self,
        statement: crate::dialect::Statement,
        name: &str,
        principal: &Principal,
    ) -> Result<bool, CatalogError> {
        let row = self
            .dialect
            .query(statement)
            .bind(name.to_owned())
            .bind(principal.id.kind())
            .bind(principal.id.number())
            .fetch_optional(&self.reader)
            .await?;
        Ok(row.is_some())
    }
}

fn read_rank(row: &AnyRow) -> Result<Option<Role>, CatalogError> {
    match row.maybe_int("rank")?.unwrap_or_default() {
        0 => Ok(None),
        1 => Ok(Some(Role::Read)),
        2 => Ok(Some(Role::Write)),
        3 => Ok(Some(Role::Admin)),
        _ => Err(CatalogError::Corrupt("role")),
    }
}
