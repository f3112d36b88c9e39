//! People beyond the account itself: organisations, teams, outside identities, robots, secrets, and what they may do.
//!
//! An account is in `accounts`; here is what belongs to one. Whoever may be given a role is a [`Subject`]: an account,
//! a robot or a team. What a principal may do is computed in one place, `rights`, from rows that the others write.
//!
//! What takes a right away also moves the `auth_epoch` of those who lose it, so that their tokens and sessions end; the
//! right itself is read with every request and needs no epoch.
//!
//! Adding a kind of subject: a variant of [`SubjectId`], its name in `subjects`, its branch in `rights`.

pub(crate) mod credentials;
pub(crate) mod defaults;
pub(crate) mod identities;
pub(crate) mod members;
pub(crate) mod name_pages;
pub(crate) mod organizations;
pub(crate) mod overviews;
pub(crate) mod patterns;
pub(crate) mod rights;
pub(crate) mod robots;
pub(crate) mod subjects;
pub(crate) mod teams;
pub(crate) mod users;

pub use credentials::{Credential, CredentialKind, NewCredential, NewSecret, Presented};
pub use defaults::{DefaultPermission, DefaultPermissionId};
pub use identities::{Identity, NewIdentity};
pub use members::{SyncedGroups, TeamMember, TeamSync};
pub use name_pages::{NameListing, NamePage, NamePlace, OrganizationMember, UsedRobot};
pub use patterns::{ANY_NAMESPACE, PatternPermission};
pub use robots::{NewRobot, Robot, RobotChange, RobotId};
pub use subjects::{Subject, SubjectId};
pub use teams::{OWNERS, Team, TeamChange, TeamId, TeamRole, UnknownTeamRole};
pub use users::AccountChange;
