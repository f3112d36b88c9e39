//! Secrets that stand for a principal: tokens of people, secrets of robots, refresh tokens. Only hashes are stored.
//!
//! A credential dies by its own end: expiry, revocation, the end of the one it was made from. A refresh token also dies
//! when its owner's `auth_epoch` moves; a token that somebody made for a program does not, until it is revoked or its
//! owner is disabled. Ids and secrets are drawn by the caller.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::connection::Tx;
use crate::dialect::{chunks, statements};
use crate::rows::{Columns as _, all, micros};
use crate::{
    Actor, AuditAction, AuditEntry, Catalog, CatalogError, Principal, PrincipalId, PrincipalState,
};

/// What a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A person's token for a program, perhaps narrowed to scopes.
    App,
    /// A secret of a robot.
    Robot,
    /// Exchanged for registry tokens, and good for nothing else.
    Refresh,
}

impl CredentialKind {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Robot => "robot",
            Self::Refresh => "refresh",
        }
    }

    fn parse(text: &str) -> Result<Self, CatalogError> {
        match text {
            "app" => Ok(Self::App),
            "robot" => Ok(Self::Robot),
            "refresh" => Ok(Self::Refresh),
            _ => Err(CatalogError::Corrupt("kind of a credential")),
        }
    }
}

/// The id and the hash of a secret that the caller drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSecret {
    /// The credential's id, by which it is listed and revoked.
    pub id: Uuid,
    /// SHA-256 of the secret. Secrets are random and long, so a fast hash is enough.
    pub sha256: [u8; 32],
}

/// A credential to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewCredential<'a> {
    /// Its id and hash.
    pub secret: NewSecret,
    /// What it is for.
    pub kind: CredentialKind,
    /// The credential it is made from, and ends with.
    pub parent: Option<Uuid>,
    /// What its owner calls it.
    pub label: &'a str,
    /// What it is narrowed to, in the words of the server; `None` narrows nothing.
    pub scopes: Option<&'a [String]>,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// A stored credential, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The id.
    pub id: Uuid,
    /// What it is for.
    pub kind: CredentialKind,
    /// What its owner calls it.
    pub label: String,
    /// What it is narrowed to.
    pub scopes: Option<Vec<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
}

/// A live credential and whoever it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The credential's id.
    pub id: Uuid,
    /// What it is for.
    pub kind: CredentialKind,
    /// What it is narrowed to.
    pub scopes: Option<Vec<String>>,
    /// Whom it stands for, and whether they may sign in now.
    pub state: PrincipalState,
}

/// Refresh tokens that one principal can hold: each sign-in of a client makes one, and the oldest make room.
const MAX_REFRESH: i64 = 100;

statements! {
    INSERT_OF_ACCOUNT = "INSERT INTO credential
            (id, secret_sha256, kind, principal_kind, principal_id, parent_id, label, scopes, auth_epoch, created_at, expires_at)
        SELECT $1, $2, $3, 'account', a.id, $5, $6, $7, a.auth_epoch, $8, $9 FROM account a
        WHERE a.id = $4 AND a.disabled_at IS NULL AND a.kind = 'user' RETURNING *";
    INSERT_OF_ROBOT = "INSERT INTO credential
            (id, secret_sha256, kind, principal_kind, principal_id, parent_id, label, scopes, auth_epoch, created_at, expires_at)
        SELECT $1, $2, $3, 'robot', r.id, $5, $6, $7, r.auth_epoch, $8, $9 FROM robot r WHERE r.id = $4 RETURNING *";
    BY_SECRET = "SELECT c.id AS credential_id, c.kind, COALESCE(c.scopes, p.scopes) AS scopes, c.principal_kind, c.principal_id,
            COALESCE(a.name, r.name) AS name, COALESCE(a.auth_epoch, r.auth_epoch) AS auth_epoch,
            COALESCE(a.superuser, 0) AS superuser, COALESCE(a.reader_superuser, 0) AS reader_superuser,
            CAST(CASE WHEN COALESCE(a.disabled_at, r.disabled_at, o.disabled_at) IS NOT NULL OR r.expires_at <= $2
                THEN 1 ELSE 0 END AS BIGINT) AS disabled
        FROM credential c
        LEFT JOIN account a ON c.principal_kind = 'account' AND a.id = c.principal_id AND a.kind = 'user'
        LEFT JOIN robot r ON c.principal_kind = 'robot' AND r.id = c.principal_id
        LEFT JOIN account o ON o.id = r.owner_id
        LEFT JOIN credential p ON p.id = c.parent_id
        WHERE c.secret_sha256 = $1 AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > $2)
          AND (c.parent_id IS NULL OR (p.id IS NOT NULL AND p.revoked_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > $2)))
          AND (c.kind <> 'refresh' OR c.auth_epoch = COALESCE(a.auth_epoch, r.auth_epoch))
          AND COALESCE(a.name, r.name) IS NOT NULL";
    BY_ID = "SELECT c.id AS credential_id, c.kind, COALESCE(c.scopes, p.scopes) AS scopes, c.principal_kind, c.principal_id,
            COALESCE(a.name, r.name) AS name, COALESCE(a.auth_epoch, r.auth_epoch) AS auth_epoch,
            COALESCE(a.superuser, 0) AS superuser, COALESCE(a.reader_superuser, 0) AS reader_superuser,
            CAST(CASE WHEN COALESCE(a.disabled_at, r.disabled_at, o.disabled_at) IS NOT NULL OR r.expires_at <= $2
                THEN 1 ELSE 0 END AS BIGINT) AS disabled
        FROM credential c
        LEFT JOIN account a ON c.principal_kind = 'account' AND a.id = c.principal_id AND a.kind = 'user'
        LEFT JOIN robot r ON c.principal_kind = 'robot' AND r.id = c.principal_id
        LEFT JOIN account o ON o.id = r.owner_id
        LEFT JOIN credential p ON p.id = c.parent_id
        WHERE c.id = $1 AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > $2)
          AND (c.parent_id IS NULL OR (p.id IS NOT NULL AND p.revoked_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > $2)))
          AND (c.kind <> 'refresh' OR c.auth_epoch = COALESCE(a.auth_epoch, r.auth_epoch))
          AND COALESCE(a.name, r.name) IS NOT NULL";
    LIST = "SELECT * FROM credential WHERE principal_kind = $1 AND principal_id = $2 AND kind = $3 AND revoked_at IS NULL
        ORDER BY created_at, id";
    REVOKE = "UPDATE credential SET revoked_at = $4
        WHERE id = $1 AND principal_kind = $2 AND principal_id = $3 AND revoked_at IS NULL RETURNING label";
    TRIM_REFRESH = "DELETE FROM credential WHERE principal_kind = $1 AND principal_id = $2 AND kind = 'refresh'
        AND id NOT IN (SELECT id FROM credential WHERE principal_kind = $1 AND principal_id = $2 AND kind = 'refresh'
            ORDER BY created_at DESC, id LIMIT $3)";
    TOUCH = "UPDATE credential SET last_used_at = $1
        WHERE (last_used_at IS NULL OR last_used_at < $1) AND id IN ({list})";
    DELETE_DEAD = "DELETE FROM credential WHERE expires_at <= $1 OR revoked_at <= $1";
    DELETE_OF = "DELETE FROM credential WHERE principal_kind = $1 AND principal_id = $2";
}

impl Catalog {
    /// Stores a credential of a principal. Returns `None` if the principal does not exist or is disabled.
    /// Of refresh tokens a principal keeps the latest.
    pub async fn create_credential(
        &self,
        principal: &Principal,
        new: &NewCredential<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Credential>, CatalogError> {
        let mut tx = self.begin().await?;
        let Some(created) = self
            .insert_credential_in(&mut tx, principal.id, new, now)
            .await?
        else {
            return Ok(None);
        };
        if new.kind == CredentialKind::Refresh {
            self.dialect
                .query(TRIM_REFRESH)
                .bind(principal.id.kind())
                .bind(principal.id.number())
                .bind(MAX_REFRESH)
                .execute(&mut *tx)
                .await?;
        }
        let entry = AuditEntry {
            detail: Some(new.label),
            ..AuditEntry::on(AuditAction::CredentialCreate, None, Some(&principal.name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(Some(created))
    }

    /// Returns the live credential with this hash. Whether its principal may sign in is in its state.
    pub async fn credential_by_secret(
        &self,
        sha256: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Presented>, CatalogError> {
        let query = self.dialect.query(BY_SECRET).bind(sha256.to_vec());
        let row = query.bind(micros(now)).fetch_optional(&self.reader).await?;
        row.as_ref().map(read_presented).transpose()
    }

    /// Returns the live credential of this id: the check that a token made from one passes on each request.
    pub async fn credential_state(
        &self,
        id: Uuid,
        now: Timestamp,
    ) -> Result<Option<Presented>, CatalogError> {
        let query = self.dialect.query(BY_ID).bind(id.to_string());
        let row = query.bind(micros(now)).fetch_optional(&self.reader).await?;
        row.as_ref().map(read_presented).transpose()
    }

    /// Lists a principal's credentials of a kind that were not revoked, the oldest first.
    pub async fn credentials(
        &self,
        principal: PrincipalId,
        kind: CredentialKind,
    ) -> Result<Vec<Credential>, CatalogError> {
        let rows = self
            .dialect
            .query(LIST)
            .bind(principal.kind())
            .bind(principal.number())
            .bind(kind.as_str())
            .fetch_all(&self.reader)
            .await?;
        all(rows, |row| read_credential(&row))
    }

    /// Revokes a principal's credential; it is worthless at once, and so is what was made from it. Returns whether it
    /// was there.
    pub async fn revoke_credential(
        &self,
        principal: &Principal,
        id: Uuid,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(REVOKE)
            .bind(id.to_string())
            .bind(principal.id.kind())
            .bind(principal.id.number())
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let label = row.text("label")?;
        let entry = AuditEntry {
            detail: Some(&label),
            ..AuditEntry::on(AuditAction::CredentialRevoke, None, Some(&principal.name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that credentials were used. Callers gather the ids and write them once a minute, not once a request.
    pub async fn touch_credentials(
        &self,
        ids: &[Uuid],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        for chunk in chunks(ids) {
            let mut query = self
                .dialect
                .query_many(TOUCH, chunk.len())
                .bind(micros(now));
            for id in chunk {
                query = query.bind(id.to_string());
            }
            query.execute(&self.writer).await?;
        }
        Ok(())
    }

    /// Deletes credentials that ended before an instant and returns how many. Until then they are listed as ended.
    pub async fn delete_dead_credentials(&self, before: Timestamp) -> Result<u64, CatalogError> {
        let query = self.dialect.query(DELETE_DEAD).bind(micros(before));
        Ok(query.execute(&self.writer).await?.rows_affected())
    }

    pub(crate) async fn insert_credential_in(
        &self,
        tx: &mut Tx,
        principal: PrincipalId,
        new: &NewCredential<'_>,
        now: Timestamp,
    ) -> Result<Option<Credential>, CatalogError> {
        let statement = match principal {
            PrincipalId::Account(_) => INSERT_OF_ACCOUNT,
            PrincipalId::Robot(_) => INSERT_OF_ROBOT,
            PrincipalId::Anonymous => return Ok(None),
        };
        let row = self
            .dialect
            .query(statement)
            .bind(new.secret.id.to_string())
            .bind(new.secret.sha256.to_vec())
            .bind(new.kind.as_str())
            .bind(principal.number())
            .bind(new.parent.map(|parent| parent.to_string()))
            .bind(new.label.to_owned())
            .bind(
                new.scopes
                    .map(|scopes| serde_json::json!(scopes).to_string()),
            )
            .bind(micros(now))
            .bind(new.expires_at.map(micros))
            .fetch_optional(&mut **tx)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("secret"))?;
        row.as_ref().map(read_credential).transpose()
    }

    pub(crate) async fn delete_credentials_in(
        &self,
        tx: &mut Tx,
        principal: PrincipalId,
    ) -> Result<(), CatalogError> {
        let query = self.dialect.query(DELETE_OF).bind(principal.kind());
        query.bind(principal.number()).execute(&mut **tx).await?;
        Ok(())
    }
}

fn read_scopes(row: &AnyRow) -> Result<Option<Vec<String>>, CatalogError> {
    row.maybe_text("scopes")?
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| CatalogError::Corrupt("list of scopes"))
}

fn read_credential(row: &AnyRow) -> Result<Credential, CatalogError> {
    Ok(Credential {
        id: row.uuid("id")?,
        kind: CredentialKind::parse(&row.text("kind")?)?,
        label: row.text("label")?,
        scopes: read_scopes(row)?,
        created_at: row.time("created_at")?,
        expires_at: row.maybe_time("expires_at")?,
        last_used_at: row.maybe_time("last_used_at")?,
    })
}

fn read_presented(row: &AnyRow) -> Result<Presented, CatalogError> {
    Ok(Presented {
        id: row.uuid("credential_id")?,
        kind: CredentialKind::parse(&row.text("kind")?)?,
        scopes: read_scopes(row)?,
        state: PrincipalState {
            principal: Principal {
                id: PrincipalId::read(row, "principal_kind", "principal_id")?,
                name: row.text("name")?,
                superuser: row.flag("superuser")?,
                reader_superuser: row.flag("reader_superuser")?,
            },
            auth_epoch: row.int("auth_epoch")?,
            disabled: row.flag("disabled")?,
        },
    })
}
