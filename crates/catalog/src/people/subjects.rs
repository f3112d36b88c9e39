//! Who can be given a role: an account, a robot or a team.

use sqlx::any::AnyRow;

use crate::people::teams::TeamId;
use crate::rows::Columns as _;
use crate::{AccountId, CatalogError, Principal, PrincipalId, RobotId};

/// The id of whoever has a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectId {
    /// A person.
    Account(AccountId),
    /// A robot.
    Robot(RobotId),
    /// Every member of a team.
    Team(TeamId),
}

impl SubjectId {
    /// Returns the word stored and shown.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Robot(_) => "robot",
            Self::Team(_) => "team",
        }
    }

    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Account(AccountId(id)) | Self::Robot(RobotId(id)) | Self::Team(TeamId(id)) => id,
        }
    }

    pub(crate) fn read(row: &AnyRow, kind: &str, id: &str) -> Result<Self, CatalogError> {
        let number = row.int(id)?;
        match row.text(kind)?.as_str() {
            "account" => Ok(Self::Account(AccountId(number))),
            "robot" => Ok(Self::Robot(RobotId(number))),
            "team" => Ok(Self::Team(TeamId(number))),
            _ => Err(CatalogError::Corrupt("kind of a subject")),
        }
    }
}

/// Whoever has a role, with the name that people know: `dev`, `acme+ci`, `acme/backend`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The id that the role is bound to.
    pub id: SubjectId,
    /// The full name. A team's is `organisation/team`.
    pub name: String,
}

impl TryFrom<PrincipalId> for SubjectId {
    type Error = CatalogError;

    /// # Errors
    /// [`CatalogError::Conflict`] for the anonymous principal, whose rights are the repository's visibility.
    fn try_from(id: PrincipalId) -> Result<Self, CatalogError> {
        match id {
            PrincipalId::Account(id) => Ok(Self::Account(id)),
            PrincipalId::Robot(id) => Ok(Self::Robot(id)),
            PrincipalId::Anonymous => Err(CatalogError::Conflict("subject")),
        }
    }
}

impl TryFrom<&Principal> for Subject {
    type Error = CatalogError;

    fn try_from(principal: &Principal) -> Result<Self, CatalogError> {
        Ok(Self {
            id: principal.id.try_into()?,
            name: principal.name.clone(),
        })
    }
}

impl TryFrom<&Subject> for Subject {
    type Error = CatalogError;

    fn try_from(subject: &Subject) -> Result<Self, CatalogError> {
        Ok(subject.clone())
    }
}
