//! People, robots, sessions, and the trail they leave.

use catalog::{Catalog, CatalogError, NewAccount, PrincipalId, Role, SigningKey};

use crate::given::{account, at, by, new_robot};

pub(crate) async fn a_name_is_taken_once(catalog: Catalog) {
    assert!(!catalog.has_accounts().await.unwrap());
    let dev = account(&catalog, "dev").await;
    assert!(catalog.has_accounts().await.unwrap());
    let again = catalog
        .create_account(
            &NewAccount {
                name: "dev",
                superuser: true,
                ..NewAccount::default()
            },
            &by("system"),
            at(1),
        )
        .await;
    assert!(matches!(again, Err(CatalogError::Conflict("name"))));
    assert_eq!(catalog.account_by_name("dev").await.unwrap(), Some(dev));
    assert_eq!(catalog.account_by_name("nobody").await.unwrap(), None);
}

pub(crate) async fn a_name_with_a_plus_is_a_robots(catalog: Catalog) {
    let refused = catalog
        .create_account(
            &NewAccount {
                name: "dev+ci",
                ..NewAccount::default()
            },
            &by("system"),
            at(0),
        )
        .await;
    assert!(matches!(refused, Err(CatalogError::Conflict("name"))));
}

pub(crate) async fn a_new_password_ends_sessions_and_tokens(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    let token = [7; 32];
    assert!(
        catalog
            .create_session(&token, dev.id, at(60), at(0))
            .await
            .unwrap()
    );
    assert!(catalog.session(&token, at(1)).await.unwrap().is_some());

    assert!(
        catalog
            .set_password(dev.id, "new", &by("dev"), at(2))
            .await
            .unwrap()
    );

    assert_eq!(catalog.session(&token, at(3)).await.unwrap(), None);
    let state = catalog
        .principal_state(PrincipalId::Account(dev.id), at(3))
        .await
        .unwrap()
        .unwrap();
    assert!(state.auth_epoch > dev.auth_epoch);
    assert!(!state.disabled);
}

pub(crate) async fn a_disabled_account_takes_its_robots_and_sessions_with_it(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    let robot = catalog
        .create_robot(dev.id, &new_robot("ci", 1), &by("dev"), at(0))
        .await
        .unwrap()
        .expect("the owner exists");
    let token = [7; 32];
    catalog
        .create_session(&token, dev.id, at(60), at(0))
        .await
        .unwrap();

    assert!(
        catalog
            .disable_account(dev.id, &by("admin"), at(1))
            .await
            .unwrap()
    );
    assert!(
        !catalog
            .disable_account(dev.id, &by("admin"), at(1))
            .await
            .unwrap()
    );

    assert_eq!(catalog.session(&token, at(2)).await.unwrap(), None);
    assert!(
        !catalog
            .create_session(&[8; 32], dev.id, at(60), at(2))
            .await
            .unwrap()
    );
    for name in ["dev", "dev+ci"] {
        let principal = catalog
            .principal_by_name(name)
            .await
            .unwrap()
            .expect("still there");
        let state = catalog.principal_state(principal.id, at(2)).await.unwrap();
        assert!(state.expect("still there").disabled, "{name}");
    }
    let state = catalog
        .principal_state(robot.principal().id, at(3))
        .await
        .unwrap()
        .unwrap();
    assert!(state.disabled && state.auth_epoch > robot.auth_epoch);
}

pub(crate) async fn a_robot_is_found_by_its_full_name_and_deleted_with_its_rights(
    catalog: Catalog,
) {
    let dev = account(&catalog, "dev").await;
    let robot = catalog
        .create_robot(dev.id, &new_robot("ci", 42), &by("dev"), at(0))
        .await
        .unwrap()
        .expect("the owner exists");
    assert_eq!(robot.name, "dev+ci");
    assert_eq!(
        catalog.robot_by_name("dev+ci").await.unwrap().as_ref(),
        Some(&robot)
    );
    assert_eq!(
        catalog.list_robots(Some(dev.id), "", 9).await.unwrap(),
        std::slice::from_ref(&robot)
    );
    for (owner, after, found) in [
        (None, "dev+", 1),
        (None, "dev+ci", 0),
        (Some(dev.id), "dev+ci", 0),
    ] {
        let robots = catalog.list_robots(owner, after, 9).await.unwrap();
        assert_eq!(robots.len(), found, "{owner:?} {after}");
    }
    let again = catalog
        .create_robot(dev.id, &new_robot("ci", 42), &by("dev"), at(0))
        .await;
    assert!(matches!(again, Err(CatalogError::Conflict("name"))));

    let name = "app".parse().unwrap();
    let repository = catalog
        .grant(&name, &robot.principal(), Role::Write, &by("dev"), at(1))
        .await
        .unwrap();
    assert!(
        catalog
            .delete_robot(robot.id, &by("dev"), at(2))
            .await
            .unwrap()
    );
    assert!(
        !catalog
            .delete_robot(robot.id, &by("dev"), at(2))
            .await
            .unwrap()
    );
    assert_eq!(catalog.robot_by_name("dev+ci").await.unwrap(), None);
    assert_eq!(
        catalog
            .principal_state(robot.principal().id, at(3))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        catalog
            .role_of(repository, &robot.principal())
            .await
            .unwrap(),
        None
    );

    let reborn = catalog
        .create_robot(dev.id, &new_robot("ci", 42), &by("dev"), at(3))
        .await
        .unwrap()
        .expect("the owner exists");
    assert_ne!(reborn.id, robot.id);
    assert_eq!(
        catalog
            .role_of(repository, &reborn.principal())
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn a_session_ends_at_its_expiry(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    catalog
        .create_session(&[1; 32], dev.id, at(10), at(0))
        .await
        .unwrap();
    catalog
        .create_session(&[2; 32], dev.id, at(20), at(0))
        .await
        .unwrap();
    assert!(catalog.session(&[1; 32], at(9)).await.unwrap().is_some());
    assert_eq!(catalog.session(&[1; 32], at(10)).await.unwrap(), None);
    assert_eq!(catalog.delete_expired_sessions(at(15)).await.unwrap(), 1);
    assert!(catalog.delete_session(&[2; 32]).await.unwrap());
    assert!(!catalog.delete_session(&[2; 32]).await.unwrap());
}

pub(crate) async fn every_change_to_people_is_in_the_audit_trail_once(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    catalog
        .set_password(dev.id, "new", &by("dev"), at(1))
        .await
        .unwrap();
    let name = "app".parse().unwrap();
    let repository = catalog
        .grant(&name, &dev.principal(), Role::Read, &by("admin"), at(2))
        .await
        .unwrap();
    catalog
        .revoke(repository, &dev.principal(), &by("admin"), at(3))
        .await
        .unwrap();
    catalog
        .disable_account(dev.id, &by("admin"), at(4))
        .await
        .unwrap();

    let trail = catalog.list_audit(None, 100).await.unwrap();
    let actions: Vec<&str> = trail.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "account.disable",
            "permission.revoke",
            "permission.grant",
            "repository.create",
            "account.password",
            "account.create",
        ]
    );
    let page = catalog.list_audit(Some(trail[1].id), 2).await.unwrap();
    assert_eq!(page, trail[2..4]);
}

pub(crate) async fn the_latest_signing_key_comes_first(catalog: Catalog) {
    assert!(catalog.signing_keys().await.unwrap().is_empty());
    for (id, second) in [("one", 1), ("two", 2)] {
        let key = SigningKey {
            id: id.into(),
            pkcs8: vec![0, 255],
        };
        catalog.add_signing_key(&key, at(second)).await.unwrap();
        let again = catalog.add_signing_key(&key, at(second)).await;
        assert!(matches!(again, Err(CatalogError::Conflict("signing key"))));
    }
    let keys = catalog.signing_keys().await.unwrap();
    let ids: Vec<_> = keys.iter().map(|key| key.id.as_str()).collect();
    assert_eq!(ids, ["two", "one"]);
    assert_eq!(keys[0].pkcs8, [0, 255]);
}
