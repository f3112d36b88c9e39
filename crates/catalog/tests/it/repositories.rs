//! Repositories and who sees them.

use catalog::{Catalog, Role};

use crate::given::{account, at, by, new_robot, repository, superuser};

pub(crate) async fn a_grant_creates_the_repository(catalog: Catalog) {
    let dev = account(&catalog, "dev").await.principal();
    let name = "team/app".parse().unwrap();
    assert_eq!(catalog.repository(&name).await.unwrap(), None);
    let id = catalog
        .grant(&name, &dev, Role::Read, &by("admin"), at(0))
        .await
        .unwrap();
    assert_eq!(catalog.repository(&name).await.unwrap().unwrap().id, id);
    assert_eq!(catalog.role_of(id, &dev).await.unwrap(), Some(Role::Read));

    catalog
        .grant(&name, &dev, Role::Write, &by("admin"), at(1))
        .await
        .unwrap();
    let permissions = catalog.list_permissions(id).await.unwrap();
    assert_eq!(permissions.len(), 1);
    assert_eq!(permissions[0].role, Role::Write);
    assert_eq!(permissions[0].subject.name, dev.name);
}

pub(crate) async fn a_revoked_role_is_gone_and_ends_tokens(catalog: Catalog) {
    let dev = account(&catalog, "dev").await.principal();
    let name = "app".parse().unwrap();
    let id = catalog
        .grant(&name, &dev, Role::Read, &by("admin"), at(0))
        .await
        .unwrap();
    let before = catalog
        .principal_state(dev.id, at(1))
        .await
        .unwrap()
        .unwrap()
        .auth_epoch;
    assert!(catalog.revoke(id, &dev, &by("admin"), at(1)).await.unwrap());
    assert!(!catalog.revoke(id, &dev, &by("admin"), at(1)).await.unwrap());
    assert_eq!(catalog.role_of(id, &dev).await.unwrap(), None);
    let after = catalog
        .principal_state(dev.id, at(1))
        .await
        .unwrap()
        .unwrap()
        .auth_epoch;
    assert!(after > before);
}

pub(crate) async fn the_creator_gets_the_first_role(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    let robot = catalog
        .create_robot(dev.id, &new_robot("ci", 1), &by("dev"), at(0))
        .await
        .unwrap()
        .unwrap()
        .principal();
    let of_person = repository(&catalog, "one", &dev.principal()).await;
    let of_robot = repository(&catalog, "two", &robot).await;
    let found_again = repository(&catalog, "one", &robot).await;
    assert_eq!(found_again, of_person);
    assert_eq!(
        catalog
            .role_of(of_person.id, &dev.principal())
            .await
            .unwrap(),
        Some(Role::Admin)
    );
    assert_eq!(catalog.role_of(of_person.id, &robot).await.unwrap(), None);
    assert_eq!(
        catalog.role_of(of_robot.id, &robot).await.unwrap(),
        Some(Role::Write)
    );
}

pub(crate) async fn only_permitted_repositories_are_listed(catalog: Catalog) {
    let admin = superuser(&catalog).await;
    let dev = account(&catalog, "dev").await.principal();
    let other = account(&catalog, "other").await.principal();
    for name in ["b/app", "a", "b", "b-tools"] {
        repository(&catalog, name, &dev).await;
    }
    repository(&catalog, "hidden", &other).await;

    let names = async |viewer, query, after: Option<&str>, limit| {
        let after = after.map(|name| name.parse().unwrap());
        catalog
            .list_repositories(viewer, query, after.as_ref(), limit, at(1))
            .await
            .unwrap()
            .into_iter()
            .map(|summary| summary.repository.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&dev, "", None, 10).await,
        ["a", "b", "b-tools", "b/app"]
    );
    assert_eq!(names(&dev, "APP", None, 10).await, ["b/app"]);
    assert_eq!(names(&dev, "", Some("a"), 2).await, ["b", "b-tools"]);
    assert_eq!(names(&other, "", None, 10).await, ["hidden"]);
    assert_eq!(names(&admin, "", None, 10).await.len(), 5);
    for (viewer, limit, expected) in [
        (&dev, 10, 1),
        (&admin, 10, 1),
        (&admin, 0, 0),
        (&other, 10, 0),
    ] {
        let heads = catalog
            .repository_heads_in(viewer, "b", limit)
            .await
            .unwrap();
        let heads: Vec<_> = heads
            .iter()
            .map(|head| head.repository.name.as_str())
            .collect();
        assert_eq!(
            heads,
            ["b/app"][..expected],
            "neither `b` nor `b-tools` is in it"
        );
    }
}

pub(crate) async fn many_creators_at_once_make_one_repository(catalog: Catalog) {
    let dev = account(&catalog, "dev").await.principal();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (catalog, dev) = (catalog.clone(), dev.clone());
            tokio::spawn(async move { repository(&catalog, "app", &dev).await.id })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}
