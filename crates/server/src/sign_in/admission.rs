//! How a person becomes an account: the same rules for every source.
//!
//! An account is found by (issuer, subject) and by nothing else: a name or an address elsewhere opens nothing here, so
//! an account made by hand is only reached by an identity that an administrator linked to it. Groups are replaced at
//! each sign-in; what a group gave goes with it, and with it the tokens and sessions that had it.

use catalog::{Account, AccountKind, CatalogError, NewAccount, NewIdentity, SyncedGroups};
use oci::RepositoryName;

use super::{Admission, Person};
use crate::app::App;
use crate::error::ApiError;
use crate::request::Origin;

/// The longest name of an account.
const MAX_NAME: usize = 64;

/// Somebody whom the source knows does not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("none of the groups may sign in")]
    NotAllowed,
    #[error("there is no account, and none is made")]
    NoAccount,
    #[error("the name `{0}` belongs to another account")]
    NameTaken(String),
    #[error("the name cannot be an account's")]
    NameUnusable,
    #[error("the account is disabled")]
    Disabled,
}

/// Returns the account of a person, made if need be, with the rights that their groups give at this moment.
///
/// `source` is the word that teams name in `sync_source`.
pub(crate) async fn admit(
    app: &App,
    source: &str,
    person: &Person,
    rules: &Admission,
    origin: &Origin,
) -> Result<Result<Account, Refusal>, ApiError> {
    let now = app.clock.now();
    let known = app
        .catalog
        .account_by_identity(&person.issuer, &person.subject)
        .await?;
    if !is_allowed(person, rules) {
        if known.is_some() {
            withdraw(app, source, (&person.issuer, &person.subject)).await?;
        }
        return Ok(Err(Refusal::NotAllowed));
    }
    let account = match known {
        Some(account) => account,
        None => match provision(app, person, rules, origin).await? {
            Ok(account) => account,
            Err(refusal) => return Ok(Err(refusal)),
        },
    };
    let actor = origin.actor(&account.name);
    let superuser = rules
        .admin_group
        .as_ref()
        .map(|group| person.groups.contains(group));
    let identity = (person.issuer.as_str(), person.subject.as_str());
    let told = SyncedGroups {
        source,
        identity,
        groups: &person.groups,
    };
    app.catalog
        .replace_synced_groups(account.id, &told, &actor, now)
        .await?;
    app.catalog
        .confirm_identity(account.id, identity, superuser, &actor, now)
        .await?;
    // What was just written counts: the superuser's flag, the epoch, and whether an administrator disabled it.
    let account = app
        .catalog
        .account_by_identity(&person.issuer, &person.subject)
        .await?
        .filter(|account| account.disabled_at.is_none());
    Ok(account.ok_or(Refusal::Disabled))
}

/// Takes back what an identity gave: its source no longer lets it in.
pub(crate) async fn withdraw(
    app: &App,
    source: &str,
    identity: (&str, &str),
) -> Result<(), ApiError> {
    let now = app.clock.now();
    let Some(account) = app
        .catalog
        .account_by_identity(identity.0, identity.1)
        .await?
    else {
        return Ok(());
    };
    let actor = catalog::Actor::named("system");
    let told = SyncedGroups {
        source,
        identity,
        groups: &[],
    };
    app.catalog
        .replace_synced_groups(account.id, &told, &actor, now)
        .await?;
    app.catalog
        .suspend_identity(account.id, identity, &actor, now)
        .await?;
    Ok(())
}

/// Returns whether a person's groups let them in.
pub(crate) fn is_allowed(person: &Person, rules: &Admission) -> bool {
    rules.allowed_groups.is_empty()
        || rules
            .allowed_groups
            .iter()
            .chain(&rules.admin_group)
            .any(|group| person.groups.contains(group))
}

async fn provision(
    app: &App,
    person: &Person,
    rules: &Admission,
    origin: &Origin,
) -> Result<Result<Account, Refusal>, ApiError> {
    if !rules.create_accounts {
        return Ok(Err(Refusal::NoAccount));
    }
    let Some(name) = account_name(&person.username) else {
        return Ok(Err(Refusal::NameUnusable));
    };
    let account = NewAccount {
        name: &name,
        kind: AccountKind::User,
        email: person.email.as_deref(),
        ..NewAccount::default()
    };
    let identity = NewIdentity {
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
        email: person.email.clone(),
    };
    let actor = origin.actor(&name);
    let provisioned = app
        .catalog
        .provision_account(&account, &identity, &actor, app.clock.now())
        .await;
    match provisioned {
        Ok(account) => Ok(Ok(account)),
        Err(CatalogError::Conflict("identity")) => {
            // The same person came in through two doors at once, and the other one was faster.
            let known = app
                .catalog
                .account_by_identity(&person.issuer, &person.subject)
                .await?;
            Ok(known.ok_or(Refusal::NameTaken(name)))
        }
        Err(CatalogError::Conflict(_)) => Ok(Err(Refusal::NameTaken(name))),
        Err(error) => Err(error.into()),
    }
}

/// Makes an account's name of a name elsewhere: in lower case, of an address the part before the `@`. A name that would
/// need more change than that is nobody's choice, and is refused.
fn account_name(username: &str) -> Option<String> {
    let local = username
        .split_once('@')
        .map_or(username, |(local, _)| local);
    let name = local.to_ascii_lowercase();
    // The first component of repository names, and only that.
    let is_component = !name.contains('/') && name.parse::<RepositoryName>().is_ok();
    (name.len() <= MAX_NAME && is_component).then_some(name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("alice", Some("alice"))]
    #[case("Alice", Some("alice"))]
    #[case("jane.doe@example.com", Some("jane.doe"))]
    #[case("a-b_c", Some("a-b_c"))]
    #[case("admin+ci", None)]
    #[case("jane doe", None)]
    #[case("müller", None)]
    #[case("a/b", None)]
    #[case("../a", None)]
    #[case("-a", None)]
    #[case("@example.com", None)]
    #[case("", None)]
    #[case("a\0", None)]
    fn a_name_elsewhere_is_one_here_or_none(#[case] name: &str, #[case] expected: Option<&str>) {
        assert_eq!(account_name(name).as_deref(), expected);
        assert_eq!(account_name(&"a".repeat(65)), None);
    }

    #[test]
    fn one_allowed_group_is_enough() {
        let rules = |allowed: &[&str], admin: Option<&str>| Admission {
            allowed_groups: allowed.iter().map(|group| (*group).to_owned()).collect(),
            admin_group: admin.map(str::to_owned),
            create_accounts: true,
        };
        let person = Person {
            issuer: String::new(),
            subject: String::new(),
            username: String::new(),
            email: None,
            groups: vec!["dev".to_owned()],
        };
        assert!(is_allowed(&person, &rules(&[], None)));
        assert!(is_allowed(&person, &rules(&["ops", "dev"], None)));
        assert!(is_allowed(&person, &rules(&["ops"], Some("dev"))));
        assert!(!is_allowed(&person, &rules(&["ops", "Dev"], None)));
    }
}
