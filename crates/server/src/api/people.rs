//! What the resources about people share: names, subjects, and the questions of ownership.

use catalog::{Account, AccountKind, Role, Subject};
use jiff::Timestamp;
use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Caller;
use super::problem::Problem;
use crate::app::App;

/// Longest name of an account or a team.
const MAX_NAME: usize = 64;
/// Longest description, label or address.
pub(super) const MAX_TEXT: usize = 256;
/// Shortest password; what is longer than this is up to its owner.
const MIN_PASSWORD: usize = 8;
/// Longest password, so that hashing has a bound.
const MAX_PASSWORD: usize = 1_024;

/// Names that mean something else in the audit trail.
const RESERVED: [&str; 4] = ["anonymous", "console", "system", "tidegate"];

/// Whoever has a role.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubjectName {
    /// `user`, `robot` or `team`.
    pub(crate) kind: String,
    /// `dev`, `acme+ci` or `acme/backend`.
    pub(crate) name: String,
}

impl SubjectName {
    pub(super) fn new(kind: String, name: String) -> Self {
        Self { kind, name }
    }

    /// Tells from a name what it is the name of: only robots' have a `+`, only teams' a `/`.
    pub(crate) fn guess(name: &str) -> Self {
        let kind = match name {
            name if name.contains('+') => "robot",
            name if name.contains('/') => "team",
            _ => "user",
        };
        Self::new(kind.to_owned(), name.to_owned())
    }

    /// Returns what it is, in a word for people.
    pub(crate) fn word(&self) -> &'static str {
        match self.kind.as_str() {
            "robot" => "robot",
            "team" => "team",
            _ => "person",
        }
    }

    pub(super) fn of(subject: &Subject) -> Self {
        let kind = match subject.id {
            catalog::SubjectId::Account(_) => "user",
            catalog::SubjectId::Robot(_) => "robot",
            catalog::SubjectId::Team(_) => "team",
        };
        Self::new(kind.to_owned(), subject.name.clone())
    }

    /// Finds the subject. A team can be given something in its own organisation only.
    pub(super) async fn find(
        &self,
        app: &App,
        caller: &Caller,
        namespace: &str,
    ) -> Result<Subject, Problem> {
        let unknown = || Problem::invalid(format!("there is no {} `{}`", self.kind, self.name));
        plain(&self.name).map_err(|_| unknown())?;
        match self.kind.as_str() {
            "user" | "robot" => {
                let is_robot = self.name.contains('+');
                if is_robot != (self.kind == "robot") {
                    return Err(unknown());
                }
                let found = app.catalog.principal_by_name(&self.name).await?;
                Ok(Subject::try_from(&found.ok_or_else(unknown)?)?)
            }
            "team" => {
                let (organization, team) = self.name.split_once('/').ok_or_else(unknown)?;
                if organization != namespace && !caller.principal.superuser {
                    return Err(unknown());
                }
                let organization = app.catalog.account_by_name(organization).await?;
                let organization = organization.ok_or_else(unknown)?;
                let found = app.catalog.team(organization.id, team).await?;
                let found = found.ok_or_else(unknown)?;
                Ok(Subject {
                    id: catalog::SubjectId::Team(found.id),
                    name: self.name.clone(),
                })
            }
            _ => Err(Problem::invalid("`kind` is `user`, `robot` or `team`")),
        }
    }
}

/// Reads a role.
pub(super) fn role(text: &str) -> Result<Role, Problem> {
    text.parse()
        .map_err(|error| Problem::invalid(format!("`role`: {error}")))
}

/// Reads the id of a credential; what is no id cannot exist.
pub(super) fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::not_found())
}

/// Checks the name of a new account. It is the first component of its repositories' names.
pub(super) fn account_name(name: &str) -> Result<(), Problem> {
    let is_component = !name.contains('/') && name.parse::<RepositoryName>().is_ok();
    if is_component && name.len() <= MAX_NAME && !RESERVED.contains(&name) {
        return Ok(());
    }
    Err(Problem::invalid(
        "`name` is 1 to 64 of a-z and 0-9 with single `.`, `_`, `-` between them, and not a reserved word",
    ))
}

/// Checks a text that people write for people.
pub(super) fn text(field: &str, text: &str) -> Result<(), Problem> {
    if text.len() <= MAX_TEXT && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "`{field}` is at most {MAX_TEXT} bytes, without control characters"
    )))
}

/// Checks a new password.
pub(super) fn password(text: &str) -> Result<(), Problem> {
    if (MIN_PASSWORD..=MAX_PASSWORD).contains(&text.len()) {
        return Ok(());
    }
    Err(Problem::invalid(format!(
        "`password` has {MIN_PASSWORD} to {MAX_PASSWORD} bytes"
    )))
}

/// Checks an expiry: it lies ahead.
pub(super) fn expiry(at: Option<Timestamp>, now: Timestamp) -> Result<(), Problem> {
    if at.is_none_or(|at| at > now) {
        return Ok(());
    }
    Err(Problem::invalid("`expiresAt` lies in the past"))
}

/// Refuses what no name has and PostgreSQL's texts cannot hold.
pub(super) fn plain(name: &str) -> Result<(), Problem> {
    if name.len() <= MAX_TEXT && !name.contains('\0') {
        return Ok(());
    }
    Err(Problem::not_found())
}

/// Returns the account of a kind and name.
pub(super) async fn account(app: &App, kind: AccountKind, name: &str) -> Result<Account, Problem> {
    plain(name)?;
    let found = app.catalog.account_by_name(name).await?;
    found
        .filter(|account| account.kind == kind)
        .ok_or_else(Problem::not_found)
}

/// Requires that the caller owns a namespace; who does not learns nothing about it.
pub(super) async fn owner_of(app: &App, caller: &Caller, namespace: &str) -> Result<(), Problem> {
    plain(namespace)?;
    if app
        .catalog
        .owns_namespace(namespace, &caller.principal)
        .await?
    {
        return Ok(());
    }
    // Who may read everything may know that it is there, and that it is not theirs.
    if caller.principal.reader_superuser {
        return Err(Problem::forbidden("this account reads and changes nothing"));
    }
    Err(Problem::not_found())
}

/// Requires that the caller may read what only owners of a namespace see.
pub(super) async fn reader_of(app: &App, caller: &Caller, namespace: &str) -> Result<(), Problem> {
    if caller.reads_everything() {
        return plain(namespace);
    }
    owner_of(app, caller, namespace).await
}
