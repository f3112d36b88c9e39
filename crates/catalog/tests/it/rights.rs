//! What adds up to a role, and what is shown to whom.

use catalog::{
    Account, Catalog, CatalogError, NewAccount, Principal, Repository, Role, Subject, SubjectId,
    Team, TeamRole, Visibility,
};
use oci::RepositoryPattern;

use crate::given::{account, at, by, new_robot, repository, superuser};

fn pattern(text: &str) -> RepositoryPattern {
    text.parse().expect("a pattern")
}

/// An organisation `acme` of `boss`, with a team.
async fn acme(catalog: &Catalog, role: TeamRole) -> (Account, Principal, Team) {
    let boss = account(catalog, "boss").await.principal();
    let acme = catalog
        .create_organization("acme", None, Some(&boss), &by("admin"), at(0))
        .await
        .unwrap();
    let team = catalog
        .create_team((acme.id, "acme"), "devs", role, "", &by("boss"), at(0))
        .await
        .unwrap();
    (acme, boss, team)
}

fn subject(team: &Team) -> Subject {
    Subject {
        id: SubjectId::Team(team.id),
        name: format!("acme/{}", team.name),
    }
}

async fn role(catalog: &Catalog, repository: &Repository, who: &Principal) -> Option<Role> {
    catalog.role_of(repository.id, who).await.unwrap()
}

pub(crate) async fn the_highest_of_all_roles_counts(catalog: Catalog) {
    let root = superuser(&catalog).await;
    let (acme, boss, team) = acme(&catalog, TeamRole::Member).await;
    let dev = account(&catalog, "dev").await.principal();
    let web = repository(&catalog, "acme/web-shop", &root).await;
    let db = repository(&catalog, "acme/db", &root).await;

    assert_eq!(role(&catalog, &web, &dev).await, None);
    assert_eq!(role(&catalog, &web, &boss).await, Some(Role::Admin));
    catalog
        .add_team_member(acme.id, team.id, &dev, &by("boss"), at(1))
        .await
        .unwrap();
    assert_eq!(
        role(&catalog, &web, &dev).await,
        None,
        "a member has nothing by that"
    );
    catalog
        .grant_pattern(
            &pattern("acme/web-*"),
            &subject(&team),
            Role::Read,
            &by("boss"),
            at(2),
        )
        .await
        .unwrap();
    assert_eq!(role(&catalog, &web, &dev).await, Some(Role::Read));
    assert_eq!(role(&catalog, &db, &dev).await, None);
    catalog
        .grant(&db.name, &subject(&team), Role::Write, &by("boss"), at(3))
        .await
        .unwrap();
    assert_eq!(role(&catalog, &db, &dev).await, Some(Role::Write));
    catalog
        .grant_pattern(&pattern("**"), &dev, Role::Admin, &by("admin"), at(4))
        .await
        .unwrap();
    assert_eq!(role(&catalog, &web, &dev).await, Some(Role::Admin));
    catalog
        .revoke_pattern(&pattern("**"), &dev, &by("admin"), at(5))
        .await
        .unwrap();
    assert_eq!(role(&catalog, &web, &dev).await, Some(Role::Read));
    catalog
        .remove_team_member(acme.id, team.id, &dev, &by("boss"), at(6))
        .await
        .unwrap();
    assert_eq!(role(&catalog, &web, &dev).await, None);
    assert_eq!(role(&catalog, &db, &dev).await, None);
}

pub(crate) async fn a_public_repository_is_read_by_everybody(catalog: Catalog) {
    let root = superuser(&catalog).await;
    let nobody = Principal::anonymous();
    let dev = account(&catalog, "dev").await.principal();
    let app = repository(&catalog, "acme/app", &root).await;
    assert_eq!(role(&catalog, &app, &nobody).await, None);
    for (visibility, expected) in [
        (Visibility::Public, Some(Role::Read)),
        (Visibility::Private, None),
    ] {
        catalog
            .set_visibility(app.id, visibility, &by("admin"), at(1))
            .await
            .unwrap();
        for who in [&nobody, &dev] {
            assert_eq!(role(&catalog, &app, who).await, expected);
            let listed = catalog.list_repository_names(who, None, 10).await.unwrap();
            assert_eq!(listed.len(), usize::from(expected.is_some()));
        }
    }
}

pub(crate) async fn who_reads_everything_changes_nothing(catalog: Catalog) {
    let root = superuser(&catalog).await;
    let new = NewAccount {
        name: "auditor",
        reader_superuser: true,
        ..NewAccount::default()
    };
    let auditor = catalog.create_account(&new, &by("admin"), at(0)).await;
    let auditor = auditor.unwrap().principal();
    let app = repository(&catalog, "acme/app", &root).await;
    catalog
        .grant(&app.name, &auditor, Role::Admin, &by("admin"), at(1))
        .await
        .unwrap();
    assert_eq!(role(&catalog, &app, &auditor).await, Some(Role::Read));
    let own = "auditor/app".parse().unwrap();
    assert!(!catalog.may_create_repository(&own, &auditor).await.unwrap());
    assert!(!catalog.owns_namespace("auditor", &auditor).await.unwrap());
    let listed = catalog.list_repository_names(&auditor, None, 10).await;
    assert_eq!(listed.unwrap(), [app.name]);
}

pub(crate) async fn creation_needs_the_namespace_a_team_or_a_pattern(catalog: Catalog) {
    let root = superuser(&catalog).await;
    let (acme, boss, creators) = acme(&catalog, TeamRole::Creator).await;
    let dev = account(&catalog, "dev").await;
    let robot = catalog
        .create_robot(acme.id, &new_robot("ci", 1), &by("boss"), at(0))
        .await
        .unwrap()
        .unwrap()
        .principal();
    let may = async |who: &Principal, name: &str| {
        let name = name.parse().unwrap();
        catalog.may_create_repository(&name, who).await.unwrap()
    };
    let dev = dev.principal();
    assert!(may(&root, "any/thing").await && may(&root, "thing").await);
    assert!(may(&dev, "dev/app").await && may(&boss, "acme/app").await);
    for (who, name) in [
        (&dev, "acme/app"),
        (&dev, "developer/app"),
        (&dev, "app"),
        (&boss, "acme2/app"),
        (&robot, "acme/app"),
        (&robot, "acme+ci/app"),
        (&Principal::anonymous(), "anonymous/app"),
    ] {
        if let Ok(name) = name.parse() {
            let may = catalog.may_create_repository(&name, who).await.unwrap();
            assert!(!may, "{} {name}", who.name);
        }
    }
    catalog
        .add_team_member(acme.id, creators.id, &dev, &by("boss"), at(1))
        .await
        .unwrap();
    assert!(may(&dev, "acme/app").await && !may(&dev, "other/app").await);
    for (role, expected) in [(Role::Read, false), (Role::Write, true)] {
        catalog
            .grant_pattern(&pattern("acme/ci-*"), &robot, role, &by("boss"), at(2))
            .await
            .unwrap();
        assert_eq!(may(&robot, "acme/ci-1").await, expected);
        assert!(!may(&robot, "acme/other").await);
    }
}

pub(crate) async fn the_database_matches_patterns_as_we_do(catalog: Catalog) {
    let root = superuser(&catalog).await;
    let names = [
        "acme",
        "acme/web",
        "acme/web-shop",
        "acme/web_shop",
        "acme/webxshop",
        "acme/web-shop/db",
        "acme/a/b/db",
        "acme2/web",
        "evil/acme/web",
        "web",
    ];
    let mut repositories = Vec::new();
    for name in names {
        repositories.push(repository(&catalog, name, &root).await);
    }
    for (i, text) in [
        "acme/*",
        "acme/**",
        "acme/web-*",
        "acme/web_*",
        "acme/*/db",
        "acme/**/db",
        "**",
        "*",
        "*/web",
        "**web",
        "acme/w*b*",
        "acme/web",
    ]
    .into_iter()
    .enumerate()
    {
        let who = account(&catalog, &format!("dev{i}")).await.principal();
        let pattern = pattern(text);
        catalog
            .grant_pattern(&pattern, &who, Role::Read, &by("admin"), at(1))
            .await
            .unwrap();
        let listed = catalog
            .list_repository_names(&who, None, 100)
            .await
            .unwrap();
        for repository in &repositories {
            let expected = pattern.covers(&repository.name);
            let held = role(&catalog, repository, &who).await.is_some();
            assert_eq!(held, expected, "{text} on {}", repository.name);
            let shown = listed.contains(&repository.name);
            assert_eq!(shown, expected, "{text} lists {}", repository.name);
        }
    }
}

pub(crate) async fn new_repositories_give_what_their_namespace_says(catalog: Catalog) {
    let (acme, boss, team) = acme(&catalog, TeamRole::Creator).await;
    let dev = account(&catalog, "dev").await.principal();
    let other = account(&catalog, "other").await.principal();
    let by_boss = Subject::try_from(&boss).unwrap();
    let of_other = Subject::try_from(&other).unwrap();
    let everybodys = catalog
        .set_default_permission(
            &acme,
            None,
            &subject(&team),
            Role::Write,
            &by("boss"),
            at(1),
        )
        .await
        .unwrap();
    catalog
        .set_default_permission(
            &acme,
            Some(&by_boss),
            &of_other,
            Role::Read,
            &by("boss"),
            at(1),
        )
        .await
        .unwrap();
    catalog
        .add_team_member(acme.id, team.id, &dev, &by("boss"), at(1))
        .await
        .unwrap();
    let of_boss = repository(&catalog, "acme/one", &boss).await;
    assert_eq!(role(&catalog, &of_boss, &dev).await, Some(Role::Write));
    assert_eq!(role(&catalog, &of_boss, &other).await, Some(Role::Read));
    let of_dev = repository(&catalog, "acme/two", &dev).await;
    assert_eq!(
        role(&catalog, &of_dev, &dev).await,
        Some(Role::Admin),
        "the creator"
    );
    assert_eq!(role(&catalog, &of_dev, &other).await, None);
    let elsewhere = repository(&catalog, "other/three", &other).await;
    assert_eq!(role(&catalog, &elsewhere, &dev).await, None);
    assert_eq!(catalog.default_permissions(acme.id).await.unwrap().len(), 2);
    let removed = catalog
        .remove_default_permission(&acme, everybodys, &by("boss"), at(2))
        .await;
    assert!(removed.unwrap());
}

pub(crate) async fn one_superuser_and_one_team_of_owners_remain(catalog: Catalog) {
    superuser(&catalog).await;
    let root = catalog.account_by_name("admin").await.unwrap().unwrap();
    let (acme, _, team) = acme(&catalog, TeamRole::Member).await;
    let demoted = catalog::AccountChange {
        superuser: Some(false),
        ..Default::default()
    };
    let refused = |what: &'static str| {
        move |result: Result<bool, CatalogError>| {
            assert!(matches!(result, Err(CatalogError::Conflict(on)) if on == what));
        }
    };
    let only = refused("superuser");
    only(catalog.disable_account(root.id, &by("x"), at(1)).await);
    only(catalog.delete_account(root.id, &by("x"), at(1)).await);
    only(
        catalog
            .change_account(root.id, &demoted, &by("x"), at(1))
            .await,
    );
    let owners = catalog
        .team(acme.id, catalog::OWNERS)
        .await
        .unwrap()
        .unwrap();
    let only = refused("owner");
    only(
        catalog
            .delete_team(acme.id, owners.id, &by("x"), at(1))
            .await,
    );
    let lowered = catalog::TeamChange {
        role: Some(TeamRole::Member),
        ..Default::default()
    };
    only(
        catalog
            .change_team(acme.id, owners.id, &lowered, &by("x"), at(1))
            .await,
    );
    assert!(
        catalog
            .delete_team(acme.id, team.id, &by("x"), at(1))
            .await
            .unwrap()
    );
    // A team of another organisation is not there.
    let other = catalog
        .create_organization("other", None, None, &by("x"), at(1))
        .await;
    let other = other.unwrap();
    assert!(
        !catalog
            .delete_team(other.id, owners.id, &by("x"), at(1))
            .await
            .unwrap()
    );
}

pub(crate) async fn a_name_whose_repositories_live_is_not_given_away(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    repository(&catalog, "dev/app", &dev.principal()).await;
    let kept = catalog.delete_account(dev.id, &by("admin"), at(1)).await;
    assert!(matches!(kept, Err(CatalogError::Conflict("repository"))));
    let identity = catalog::NewIdentity {
        issuer: "https://id.example".into(),
        subject: "1".into(),
        email: None,
    };
    let root = superuser(&catalog).await;
    repository(&catalog, "payments/api", &root).await;
    let new = NewAccount {
        name: "payments",
        ..NewAccount::default()
    };
    let taken = catalog
        .provision_account(&new, &identity, &by("x"), at(1))
        .await;
    assert!(matches!(taken, Err(CatalogError::Conflict("namespace"))));
}
