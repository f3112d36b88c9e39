//! Robots: principals for programs, owned by a person or an organisation.
//!
//! A robot has no rights of its own by being owned; it is given roles like anybody else. Its secrets are credentials:
//! a second one can be made before the first is revoked.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::connection::Tx;
use crate::dialect::statements;
use crate::rows::{Columns as _, all, micros};
use crate::{
    AccountId, Actor, AuditAction, AuditEntry, Catalog, CatalogError, CredentialKind,
    NewCredential, NewSecret, Principal, PrincipalId,
};

/// The id of a robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RobotId(pub i64);

/// A robot to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewRobot<'a> {
    /// Its own name; the full one is `owner+name`.
    pub name: &'a str,
    /// In people's words.
    pub description: &'a str,
    /// When it ends; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// Its first secret.
    pub secret: NewSecret,
}

/// A robot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Robot {
    /// The id.
    pub id: RobotId,
    /// The account that owns it, a person or an organisation.
    pub owner: AccountId,
    /// The full name, `owner+name`.
    pub name: String,
    /// In people's words.
    pub description: String,
    /// See [`crate::PrincipalState::auth_epoch`].
    pub auth_epoch: i64,
    /// Whether it or its owner is disabled.
    pub disabled: bool,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Robot {
    /// Returns the robot as a principal.
    pub fn principal(&self) -> Principal {
        Principal {
            id: PrincipalId::Robot(self.id),
            name: self.name.clone(),
            superuser: false,
            reader_superuser: false,
        }
    }
}

/// What a change of a robot leaves as it is, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RobotChange {
    /// The new description.
    pub description: Option<String>,
    /// Whether it is disabled now.
    pub disabled: Option<bool>,
    /// When it ends now, or that it does not.
    pub expires_at: Option<Option<Timestamp>>,
}

statements! {
    INSERT = "INSERT INTO robot (owner_id, name, description, expires_at, auth_epoch, created_by, created_at)
        SELECT a.id, a.name || '+' || CAST($2 AS TEXT), $3, $4, 0, $5, $6 FROM account a WHERE a.id = $1
        RETURNING *, CAST(NULL AS BIGINT) AS owner_disabled_at";
    BY_NAME = "SELECT r.*, a.disabled_at AS owner_disabled_at
        FROM robot r JOIN account a ON a.id = r.owner_id WHERE r.name = $1";
    LIST_ALL = "SELECT r.*, a.disabled_at AS owner_disabled_at
        FROM robot r JOIN account a ON a.id = r.owner_id WHERE r.name > $1 ORDER BY r.name LIMIT $2";
    LIST_OF = "SELECT r.*, a.disabled_at AS owner_disabled_at
        FROM robot r JOIN account a ON a.id = r.owner_id WHERE r.owner_id = $1 AND r.name > $2 ORDER BY r.name LIMIT $3";
    LOCK = "SELECT name FROM robot WHERE id = $1 {for update}";
    SET_DESCRIPTION = "UPDATE robot SET description = $2 WHERE id = $1";
    DISABLE = "UPDATE robot SET disabled_at = $2, auth_epoch = auth_epoch + 1 WHERE id = $1 AND disabled_at IS NULL";
    ENABLE = "UPDATE robot SET disabled_at = NULL WHERE id = $1";
    SET_EXPIRY = "UPDATE robot SET expires_at = $2 WHERE id = $1";
    DELETE = "DELETE FROM robot WHERE id = $1 RETURNING name";
    DELETE_PERMISSIONS = "DELETE FROM permission WHERE subject_kind = 'robot' AND subject_id = $1";
    DELETE_PATTERNS = "DELETE FROM pattern_permission WHERE subject_kind = 'robot' AND subject_id = $1";
    DELETE_DEFAULTS = "DELETE FROM default_permission
        WHERE (delegate_kind = 'robot' AND delegate_id = $1) OR (creator_kind = 'robot' AND creator_id = $1)";
    DELETE_MEMBERSHIPS = "DELETE FROM team_member WHERE member_kind = 'robot' AND member_id = $1";
}

impl Catalog {
    /// Creates the robot `owner+name` with its first secret. Returns `None` if there is no such owner.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] if the owner has a robot of this name.
    pub async fn create_robot(
        &self,
        owner: AccountId,
        new: &NewRobot<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<Robot>, CatalogError> {
        let mut tx = self.begin().await?;
        let row = self
            .dialect
            .query(INSERT)
            .bind(owner.0)
            .bind(new.name.to_owned())
            .bind(new.description.to_owned())
            .bind(new.expires_at.map(micros))
            .bind(by.name.clone())
            .bind(micros(now))
            .fetch_optional(&mut *tx)
            .await
            .map_err(|e| CatalogError::from(e).conflict_on("name"))?;
        let Some(row) = row else { return Ok(None) };
        let robot = read_robot(&row)?;
        let first = NewCredential {
            secret: new.secret,
            kind: CredentialKind::Robot,
            parent: None,
            label: "first",
            scopes: None,
            expires_at: None,
        };
        self.insert_credential_in(&mut tx, PrincipalId::Robot(robot.id), &first, now)
            .await?;
        let entry = AuditEntry::on(AuditAction::RobotCreate, None, Some(&robot.name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(Some(robot))
    }

    /// Returns the robot of this full name (`owner+name`).
    pub async fn robot_by_name(&self, full_name: &str) -> Result<Option<Robot>, CatalogError> {
        let query = self.dialect.query(BY_NAME).bind(full_name.to_owned());
        let row = query.fetch_optional(&self.reader).await?;
        row.as_ref().map(read_robot).transpose()
    }

    /// Returns robots by full name, beginning after `after`: of one owner, or with `None` of everybody.
    pub async fn list_robots(
        &self,
        owner: Option<AccountId>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Robot>, CatalogError> {
        let query = match owner {
            Some(owner) => self.dialect.query(LIST_OF).bind(owner.0),
            None => self.dialect.query(LIST_ALL),
        };
        let query = query.bind(after.to_owned()).bind(i64::from(limit));
        all(query.fetch_all(&self.reader).await?, |row| read_robot(&row))
    }

    /// Changes a robot; disabling it ends its tokens. Returns whether it was there.
    pub async fn change_robot(
        &self,
        robot: RobotId,
        change: &RobotChange,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let query = self.dialect.query(LOCK).bind(robot.0);
        let Some(row) = query.fetch_optional(&mut *tx).await? else {
            return Ok(false);
        };
        let name = row.text("name")?;
        let mut words = Vec::new();
        if let Some(description) = &change.description {
            let query = self.dialect.query(SET_DESCRIPTION).bind(robot.0);
            query.bind(description.clone()).execute(&mut *tx).await?;
            words.push("description".to_owned());
        }
        match change.disabled {
            Some(true) => {
                let query = self.dialect.query(DISABLE).bind(robot.0);
                query.bind(micros(now)).execute(&mut *tx).await?;
                words.push("disabled".to_owned());
            }
            Some(false) => {
                let query = self.dialect.query(ENABLE).bind(robot.0);
                query.execute(&mut *tx).await?;
                words.push("enabled".to_owned());
            }
            None => {}
        }
        if let Some(expires_at) = change.expires_at {
            let query = self.dialect.query(SET_EXPIRY).bind(robot.0);
            let query = query.bind(expires_at.map(micros));
            query.execute(&mut *tx).await?;
            words.push(expires_at.map_or("no expiry".to_owned(), |at| format!("expires {at}")));
        }
        let detail = words.join(", ");
        let entry = AuditEntry {
            detail: Some(&detail),
            ..AuditEntry::on(AuditAction::RobotUpdate, None, Some(&name))
        };
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes a robot with its secrets and everything it was given. Returns whether it was there.
    pub async fn delete_robot(
        &self,
        robot: RobotId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.begin().await?;
        let Some(name) = self.delete_robot_in(&mut tx, robot).await? else {
            return Ok(false);
        };
        let entry = AuditEntry::on(AuditAction::RobotDelete, None, Some(&name));
        self.audit_in(&mut tx, &entry, by, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Deletes the rows of a robot and returns its name, if it was there.
    pub(crate) async fn delete_robot_in(
        &self,
        tx: &mut Tx,
        robot: RobotId,
    ) -> Result<Option<String>, CatalogError> {
        let query = self.dialect.query(DELETE).bind(robot.0);
        let Some(row) = query.fetch_optional(&mut **tx).await? else {
            return Ok(None);
        };
        self.delete_credentials_in(tx, PrincipalId::Robot(robot))
            .await?;
        for statement in [
            DELETE_PERMISSIONS,
            DELETE_PATTERNS,
            DELETE_DEFAULTS,
            DELETE_MEMBERSHIPS,
        ] {
            let query = self.dialect.query(statement).bind(robot.0);
            query.execute(&mut **tx).await?;
        }
        Ok(Some(row.text("name")?))
    }
}

pub(crate) fn read_robot(row: &AnyRow) -> Result<Robot, CatalogError> {
    let of_owner = row.maybe_int("owner_disabled_at")?;
    Ok(Robot {
        id: RobotId(row.int("id")?),
        owner: AccountId(row.int("owner_id")?),
        name: row.text("name")?,
        description: row.text("description")?,
        auth_epoch: row.int("auth_epoch")?,
        disabled: of_owner.or(row.maybe_int("disabled_at")?).is_some(),
        expires_at: row.maybe_time("expires_at")?,
        created_at: row.time("created_at")?,
    })
}
