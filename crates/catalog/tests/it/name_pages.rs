//! Pages of people and robots in order of their names.

use catalog::{
    AccountId, Catalog, CredentialKind, NameListing, NamePlace, NewCredential, NewRobot, NewSecret,
    TeamId, TeamRole,
};
use uuid::Uuid;

use crate::given::{account, at, by};

fn secret(byte: u8) -> NewSecret {
    NewSecret {
        id: Uuid::from_u128(byte.into()),
        sha256: [byte; 32],
    }
}

/// The whole of a short list.
fn all() -> NameListing<'static> {
    NameListing {
        part: "",
        place: NamePlace::First,
        limit: 100,
    }
}

pub(crate) async fn a_robots_secrets_and_their_last_use_are_counted(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    let other = account(&catalog, "other").await;
    for (owner, name, byte) in [(&dev, "ci", 1), (&dev, "idle", 2), (&other, "ci", 3)] {
        let new = NewRobot {
            name,
            description: "",
            expires_at: None,
            secret: secret(byte),
        };
        let made = catalog
            .create_robot(owner.id, &new, &by("dev"), at(1))
            .await;
        let robot = made.unwrap().unwrap();
        if name == "ci" && byte == 1 {
            for byte in [10, 11] {
                let another = NewCredential {
                    secret: secret(byte),
                    kind: CredentialKind::Robot,
                    parent: None,
                    label: "another",
                    scopes: None,
                    expires_at: None,
                };
                catalog
                    .create_credential(&robot.principal(), &another, &by("dev"), at(2))
                    .await
                    .unwrap();
            }
            let gone = catalog
                .revoke_credential(&robot.principal(), secret(11).id, &by("dev"), at(3))
                .await;
            assert!(gone.unwrap());
            catalog
                .touch_credentials(&[secret(10).id], at(5))
                .await
                .unwrap();
            catalog
                .touch_credentials(&[secret(1).id], at(4))
                .await
                .unwrap();
        }
    }
    let found = catalog.robot_page(dev.id, &all()).await.unwrap().rows;
    let words: Vec<_> = found
        .iter()
        .map(|one| (one.robot.name.as_str(), one.secrets, one.last_used_at))
        .collect();
    assert_eq!(words, [("dev+ci", 2, Some(at(5))), ("dev+idle", 1, None)]);
    assert_eq!(catalog.count_robots(dev.id).await.unwrap(), 2);
    let none = account(&catalog, "nobody").await;
    assert!(
        catalog
            .robot_page(none.id, &all())
            .await
            .unwrap()
            .rows
            .is_empty()
    );
}

pub(crate) async fn members_are_listed_with_their_teams(catalog: Catalog) {
    let owner = account(&catalog, "owner").await.principal();
    let dev = account(&catalog, "dev").await.principal();
    let org = catalog
        .create_organization("acme", None, Some(&owner), &by("admin"), at(1))
        .await
        .unwrap();
    let team = catalog
        .create_team(
            (org.id, "acme"),
            "backend",
            TeamRole::Creator,
            "",
            &by("owner"),
            at(2),
        )
        .await
        .unwrap();
    for member in [&dev, &owner] {
        catalog
            .add_team_member(org.id, team.id, member, &by("owner"), at(3))
            .await
            .unwrap();
    }
    let found = catalog.organization_members(org.id, &all()).await.unwrap();
    let words: Vec<_> = found
        .rows
        .iter()
        .map(|found| {
            let teams = found
                .teams
                .iter()
                .map(|(team, role)| format!("{team} {role}"));
            format!(
                "{}: {}",
                found.subject.name,
                teams.collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    assert_eq!(
        words,
        [
            "dev: backend creator",
            "owner: backend creator, owners admin"
        ]
    );
    assert_eq!(catalog.count_members(org.id).await.unwrap(), 2);
}

/// A page as the tests write it: its names, and whether there are others before and after.
type Shown = (Vec<String>, bool, bool);

async fn members_of(catalog: &Catalog, of: AccountId, listing: &NameListing<'_>) -> Shown {
    let page = catalog.organization_members(of, listing).await.unwrap();
    let names = page.rows.into_iter().map(|row| row.subject.name);
    (names.collect(), page.has_before, page.has_after)
}

async fn team_of(catalog: &Catalog, of: TeamId, listing: &NameListing<'_>) -> Shown {
    let page = catalog.team_page(of, listing).await.unwrap();
    let names = page.rows.into_iter().map(|row| row.subject.name);
    (names.collect(), page.has_before, page.has_after)
}

/// The names of teams do not begin with their organisation's.
async fn teams_of(catalog: &Catalog, of: AccountId, listing: &NameListing<'_>) -> Shown {
    let place = match listing.place {
        NamePlace::First => NamePlace::First,
        NamePlace::After(name) => NamePlace::After(name.trim_start_matches("acme+")),
        NamePlace::Before(name) => NamePlace::Before(name.trim_start_matches("acme+")),
    };
    let listing = NameListing { place, ..*listing };
    let page = catalog.organization_teams(of, &listing).await.unwrap();
    let names = page
        .rows
        .into_iter()
        .map(|row| format!("acme+{}", row.name));
    (names.collect(), page.has_before, page.has_after)
}

async fn robots_of(catalog: &Catalog, of: AccountId, listing: &NameListing<'_>) -> Shown {
    let page = catalog.robot_page(of, listing).await.unwrap();
    let names = page.rows.into_iter().map(|row| row.robot.name);
    (names.collect(), page.has_before, page.has_after)
}

/// A part, a place and a limit, and what is shown for them.
type Case<'a> = (&'a str, NamePlace<'a>, u32, &'a [&'a str], bool, bool);

pub(crate) async fn pages_of_names_go_both_ways_and_hold_what_matches(catalog: Catalog) {
    let org = catalog
        .create_organization("acme", None, None, &by("admin"), at(1))
        .await
        .unwrap();
    let new = ("backend", TeamRole::Member, "");
    let team = catalog
        .create_team((org.id, "acme"), new.0, new.1, new.2, &by("admin"), at(1))
        .await
        .unwrap();
    let admin = by("admin");
    let of_teams = catalog
        .create_organization("teams", None, None, &admin, at(1))
        .await
        .unwrap();
    // Robots of the organisation are members too, so that the lists have the same names.
    for (byte, name) in [(1, "a1"), (2, "b_2"), (3, "c3"), (4, "d4"), (5, "x_9")] {
        let new = NewRobot {
            name,
            description: "",
            expires_at: None,
            secret: secret(byte),
        };
        let made = catalog.create_robot(org.id, &new, &admin, at(2));
        let robot = made.await.unwrap().unwrap().principal();
        let added = catalog.add_team_member(org.id, team.id, &robot, &admin, at(3));
        assert!(added.await.unwrap());
        let (place, role) = ((of_teams.id, "teams"), TeamRole::Admin);
        let made = catalog.create_team(place, name, role, "", &admin, at(3));
        made.await.unwrap();
    }
    let owners = catalog
        .team(of_teams.id, catalog::OWNERS)
        .await
        .unwrap()
        .unwrap();
    let deleted = catalog.delete_team(of_teams.id, owners.id, &admin, at(4));
    assert!(deleted.await.unwrap());
    assert_eq!(catalog.count_teams(of_teams.id).await.unwrap(), 5);
    let cases: [Case<'_>; 9] = [
        ("", NamePlace::First, 2, &["a1", "b_2"], false, true),
        (
            "",
            NamePlace::After("acme+b_2"),
            2,
            &["c3", "d4"],
            true,
            true,
        ),
        ("", NamePlace::After("acme+d4"), 2, &["x_9"], true, false),
        (
            "",
            NamePlace::Before("acme+x_9"),
            2,
            &["c3", "d4"],
            true,
            true,
        ),
        (
            "",
            NamePlace::Before("acme+c3"),
            2,
            &["a1", "b_2"],
            false,
            true,
        ),
        // The name that a page stands at may be gone.
        (
            "",
            NamePlace::After("acme+b_3"),
            9,
            &["c3", "d4", "x_9"],
            true,
            false,
        ),
        ("C3", NamePlace::First, 2, &["c3"], false, false),
        // No letter of a part stands for anything but itself.
        ("_", NamePlace::First, 9, &["b_2", "x_9"], false, false),
        ("%", NamePlace::First, 9, &[], false, false),
    ];
    for (part, place, limit, names, has_before, has_after) in cases {
        let listing = NameListing { part, place, limit };
        let names = names.iter().map(|name| format!("acme+{name}")).collect();
        let expected = (names, has_before, has_after);
        let at = format!("{listing:?}");
        assert_eq!(
            members_of(&catalog, org.id, &listing).await,
            expected,
            "{at}"
        );
        assert_eq!(team_of(&catalog, team.id, &listing).await, expected, "{at}");
        assert_eq!(
            teams_of(&catalog, of_teams.id, &listing).await,
            expected,
            "{at}"
        );
        assert_eq!(
            robots_of(&catalog, org.id, &listing).await,
            expected,
            "{at}"
        );
    }
}
