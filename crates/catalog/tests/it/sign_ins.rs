//! What a source of identities gives, and what goes with it.

use catalog::{Account, Actor, Catalog, NewAccount, NewIdentity, PrincipalId};
use jiff::{SignedDuration, Timestamp};

const ISSUER: &str = "https://id.example.com";

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1_000_000 + minutes)
}

fn system() -> Actor {
    Actor::named("system")
}

async fn person(catalog: &Catalog, name: &str, password_hash: Option<&str>) -> Account {
    let new = NewAccount {
        name,
        password_hash,
        ..NewAccount::default()
    };
    let identity = NewIdentity {
        issuer: ISSUER.to_owned(),
        subject: name.to_owned(),
        email: None,
    };
    catalog
        .provision_account(&new, &identity, &system(), at(0))
        .await
        .unwrap()
}

async fn account(catalog: &Catalog, name: &str) -> Account {
    catalog.account_by_name(name).await.unwrap().unwrap()
}

/// The actions of the audit trail, the latest first.
async fn actions(catalog: &Catalog, most: u32) -> Vec<String> {
    let trail = catalog.list_audit(None, most).await.unwrap();
    trail.into_iter().map(|row| row.action).collect()
}

pub(crate) async fn an_account_goes_and_comes_with_its_only_identity(catalog: Catalog) {
    let dev = person(&catalog, "dev", None).await;
    let identity = (ISSUER, "dev");
    let by = system();
    let suspend = async |minutes| {
        catalog
            .suspend_identity(dev.id, identity, &by, at(minutes))
            .await
            .unwrap()
    };
    assert!(suspend(1).await);
    let gone = account(&catalog, "dev").await;
    assert_eq!(gone.disabled_at, Some(at(1)));
    assert!(gone.auth_epoch > dev.auth_epoch);
    let state = catalog
        .principal_state(PrincipalId::Account(dev.id), at(1))
        .await
        .unwrap();
    assert!(state.unwrap().disabled);
    assert!(!suspend(2).await, "it is done once");
    assert_eq!(actions(&catalog, 1).await, ["account.disable"]);

    let confirm = async |minutes| {
        catalog
            .confirm_identity(dev.id, identity, None, &by, at(minutes))
            .await
            .unwrap();
    };
    confirm(3).await;
    assert_eq!(account(&catalog, "dev").await.disabled_at, None);
    assert_eq!(actions(&catalog, 1).await, ["account.enable"]);
    // What an administrator disabled stays so.
    catalog.disable_account(dev.id, &by, at(4)).await.unwrap();
    confirm(5).await;
    assert_eq!(account(&catalog, "dev").await.disabled_at, Some(at(4)));
    suspend(6).await;
    confirm(7).await;
    assert_eq!(account(&catalog, "dev").await.disabled_at, Some(at(4)));
}

pub(crate) async fn an_account_with_another_way_in_loses_only_what_was_given(catalog: Catalog) {
    let by = system();
    let with_password = person(&catalog, "ops", Some("hash")).await;
    assert!(
        catalog
            .suspend_identity(with_password.id, (ISSUER, "ops"), &by, at(1))
            .await
            .unwrap()
    );
    let after = account(&catalog, "ops").await;
    assert_eq!(after.disabled_at, None);
    assert!(after.auth_epoch > with_password.auth_epoch);
    assert_eq!(actions(&catalog, 1).await, ["identity.suspend"]);

    let dev = person(&catalog, "dev", None).await;
    let other = NewIdentity {
        issuer: "ldap:ldap".into(),
        subject: "1".into(),
        email: None,
    };
    catalog
        .link_identity(dev.id, &other, &by, at(1))
        .await
        .unwrap();
    assert!(
        catalog
            .suspend_identity(dev.id, (ISSUER, "dev"), &by, at(2))
            .await
            .unwrap()
    );
    assert_eq!(account(&catalog, "dev").await.disabled_at, None);
    assert!(
        catalog
            .suspend_identity(dev.id, ("ldap:ldap", "1"), &by, at(3))
            .await
            .unwrap()
    );
    assert_eq!(account(&catalog, "dev").await.disabled_at, Some(at(3)));
}

pub(crate) async fn a_group_takes_back_only_the_right_it_gave(catalog: Catalog) {
    let by = system();
    let dev = person(&catalog, "dev", None).await;
    let confirm = async |id, name: &str, superuser| {
        catalog
            .confirm_identity(id, (ISSUER, name), superuser, &by, at(1))
            .await
            .unwrap();
        account(&catalog, name).await
    };
    assert!(!confirm(dev.id, "dev", Some(false)).await.superuser);
    let promoted = confirm(dev.id, "dev", Some(true)).await;
    assert!(promoted.superuser);
    assert!(
        confirm(dev.id, "dev", None).await.superuser,
        "nothing was said"
    );
    let demoted = confirm(dev.id, "dev", Some(false)).await;
    assert!(!demoted.superuser);
    assert!(demoted.auth_epoch > promoted.auth_epoch);
    assert_eq!(
        actions(&catalog, 2).await,
        ["account.update", "account.update"]
    );
    // One that was a superuser before stays one.
    let root = NewAccount {
        name: "root",
        superuser: true,
        ..NewAccount::default()
    };
    let identity = NewIdentity {
        issuer: ISSUER.into(),
        subject: "root".into(),
        email: None,
    };
    let root = catalog
        .provision_account(&root, &identity, &by, at(0))
        .await
        .unwrap();
    assert!(confirm(root.id, "root", Some(true)).await.superuser);
    assert!(confirm(root.id, "root", Some(false)).await.superuser);
    // And with the identity the right goes too.
    confirm(dev.id, "dev", Some(true)).await;
    catalog
        .suspend_identity(dev.id, (ISSUER, "dev"), &by, at(2))
        .await
        .unwrap();
    assert!(!account(&catalog, "dev").await.superuser);
}

pub(crate) async fn each_identity_is_taken_for_a_check_once(catalog: Catalog) {
    for n in 0..5 {
        person(&catalog, &format!("dev{n}"), None).await;
    }
    let take = async |before, now, limit| {
        let mut taken = catalog
            .take_identities_to_check(ISSUER, at(before), at(now), limit)
            .await
            .unwrap();
        taken.sort();
        taken
    };
    assert_eq!(take(0, 10, 3).await, ["dev0", "dev1", "dev2"]);
    assert_eq!(take(0, 10, 3).await, ["dev3", "dev4"]);
    assert!(take(0, 10, 3).await.is_empty());
    assert_eq!(take(10, 20, 9).await.len(), 5);
    let other = catalog.take_identities_to_check("ldap:ldap", at(99), at(99), 9);
    assert!(other.await.unwrap().is_empty());
}
