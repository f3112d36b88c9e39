//! Tokens, secrets, identities and what ends them.

use catalog::{
    Catalog, CredentialKind, NameListing, NewCredential, NewIdentity, Presented, Principal,
    PrincipalId, RobotChange, SyncedGroups, TeamChange, TeamRole,
};
use jiff::Timestamp;

use crate::given::{account, at, by, new_robot, secret};

async fn token(catalog: &Catalog, of: &Principal, byte: u8, new: NewCredential<'_>) {
    let new = NewCredential {
        secret: secret(byte),
        ..new
    };
    let made = catalog.create_credential(of, &new, &by("dev"), at(0)).await;
    assert!(made.unwrap().is_some());
}

fn app<'a>(expires_at: Option<Timestamp>) -> NewCredential<'a> {
    NewCredential {
        secret: secret(0),
        kind: CredentialKind::App,
        parent: None,
        label: "ci",
        scopes: None,
        expires_at,
    }
}

async fn live(catalog: &Catalog, byte: u8, now: Timestamp) -> Option<Presented> {
    let found = catalog.credential_by_secret(&[byte; 32], now).await;
    found.unwrap().filter(|presented| !presented.state.disabled)
}

pub(crate) async fn a_token_ends_by_expiry_revocation_and_its_owner(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    let who = dev.principal();
    token(&catalog, &who, 1, app(Some(at(10)))).await;
    token(&catalog, &who, 2, app(None)).await;
    assert!(live(&catalog, 1, at(9)).await.is_some());
    assert!(live(&catalog, 1, at(10)).await.is_none());
    let listed = catalog
        .credentials(who.id, CredentialKind::App)
        .await
        .unwrap();
    let second = listed
        .iter()
        .find(|token| token.expires_at.is_none())
        .unwrap();
    // Only its owner's.
    let other = account(&catalog, "other").await.principal();
    let foreign = catalog
        .revoke_credential(&other, second.id, &by("x"), at(1))
        .await;
    assert!(!foreign.unwrap());
    assert!(live(&catalog, 2, at(1)).await.is_some());
    // A new password ends sessions, not what was made for programs.
    catalog
        .set_password(dev.id, "new", &by("dev"), at(1))
        .await
        .unwrap();
    assert!(live(&catalog, 2, at(1)).await.is_some());
    let revoked = catalog
        .revoke_credential(&who, second.id, &by("dev"), at(2))
        .await;
    assert!(revoked.unwrap());
    assert!(live(&catalog, 2, at(2)).await.is_none());
    assert!(
        catalog
            .credential_state(second.id, at(2))
            .await
            .unwrap()
            .is_none()
    );
    catalog
        .disable_account(dev.id, &by("admin"), at(3))
        .await
        .unwrap();
    assert!(live(&catalog, 1, at(4)).await.is_none());
    assert_eq!(catalog.delete_dead_credentials(at(20)).await.unwrap(), 2);
}

pub(crate) async fn a_refresh_token_ends_with_its_parent_and_its_epoch(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    let who = dev.principal();
    let scopes = ["repository:dev/*:pull".to_owned()];
    let narrowed = NewCredential {
        scopes: Some(&scopes),
        ..app(None)
    };
    token(&catalog, &who, 1, narrowed).await;
    let parent = live(&catalog, 1, at(1)).await.unwrap();
    let refresh = |parent| NewCredential {
        kind: CredentialKind::Refresh,
        parent,
        ..app(Some(at(60)))
    };
    token(&catalog, &who, 2, refresh(Some(parent.id))).await;
    token(&catalog, &who, 3, refresh(None)).await;
    let child = live(&catalog, 2, at(1)).await.unwrap();
    assert_eq!(
        child.scopes.as_deref(),
        Some(scopes.as_slice()),
        "as narrow as its parent"
    );
    catalog
        .revoke_credential(&who, parent.id, &by("dev"), at(2))
        .await
        .unwrap();
    assert!(live(&catalog, 2, at(2)).await.is_none());
    assert!(live(&catalog, 3, at(2)).await.is_some());
    catalog
        .set_password(dev.id, "new", &by("dev"), at(3))
        .await
        .unwrap();
    assert!(live(&catalog, 3, at(3)).await.is_none());
}

pub(crate) async fn a_robots_secrets_are_replaced_one_by_one(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    let made = catalog
        .create_robot(dev.id, &new_robot("ci", 1), &by("dev"), at(0))
        .await;
    let robot = made.unwrap().unwrap();
    let second = NewCredential {
        kind: CredentialKind::Robot,
        ..app(None)
    };
    token(&catalog, &robot.principal(), 2, second).await;
    let first = live(&catalog, 1, at(1)).await.unwrap().id;
    let who = robot.principal();
    catalog
        .revoke_credential(&who, first, &by("dev"), at(2))
        .await
        .unwrap();
    assert!(live(&catalog, 1, at(2)).await.is_none() && live(&catalog, 2, at(2)).await.is_some());
    let change = |change: RobotChange| {
        let catalog = catalog.clone();
        async move {
            catalog
                .change_robot(robot.id, &change, &by("dev"), at(3))
                .await
                .unwrap()
        }
    };
    change(RobotChange {
        expires_at: Some(Some(at(10))),
        ..Default::default()
    })
    .await;
    assert!(live(&catalog, 2, at(9)).await.is_some() && live(&catalog, 2, at(10)).await.is_none());
    let state = catalog
        .principal_state(who.id, at(10))
        .await
        .unwrap()
        .unwrap();
    assert!(state.disabled);
    change(RobotChange {
        expires_at: Some(None),
        disabled: Some(true),
        ..Default::default()
    })
    .await;
    assert!(live(&catalog, 2, at(4)).await.is_none());
    change(RobotChange {
        disabled: Some(false),
        ..Default::default()
    })
    .await;
    assert!(live(&catalog, 2, at(4)).await.is_some());
}

pub(crate) async fn a_providers_groups_replace_what_came_from_it(catalog: Catalog) {
    let boss = account(&catalog, "boss").await.principal();
    let acme = catalog
        .create_organization("acme", None, Some(&boss), &by("admin"), at(0))
        .await
        .unwrap();
    let mut teams = Vec::new();
    for name in ["red", "blue", "hand"] {
        let made = catalog
            .create_team(
                (acme.id, "acme"),
                name,
                TeamRole::Member,
                "",
                &by("boss"),
                at(0),
            )
            .await;
        let team = made.unwrap();
        let sync = TeamChange {
            sync: Some(Some(("corp".into(), format!("g-{name}")))),
            ..Default::default()
        };
        catalog
            .change_team(acme.id, team.id, &sync, &by("boss"), at(0))
            .await
            .unwrap();
        teams.push(team);
    }
    let dev = account(&catalog, "dev").await;
    let identity = NewIdentity {
        issuer: "https://id.example".into(),
        subject: "42".into(),
        email: None,
    };
    catalog
        .link_identity(dev.id, &identity, &by("dev"), at(0))
        .await
        .unwrap();
    assert_eq!(
        catalog
            .account_by_identity("https://id.example", "42")
            .await
            .unwrap()
            .unwrap()
            .id,
        dev.id
    );
    catalog
        .add_team_member(acme.id, teams[2].id, &dev.principal(), &by("boss"), at(0))
        .await
        .unwrap();
    let epoch = async || {
        let state = catalog
            .principal_state(PrincipalId::Account(dev.id), at(1))
            .await;
        state.unwrap().unwrap().auth_epoch
    };
    let sync = async |groups: &[&str]| {
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        let told = SyncedGroups {
            source: "corp",
            identity: ("https://id.example", "42"),
            groups: &groups,
        };
        catalog
            .replace_synced_groups(dev.id, &told, &by("dev"), at(1))
            .await
            .unwrap()
    };
    let before = epoch().await;
    assert_eq!(
        sync(&["g-red", "g-hand", "unknown"]).await.joined,
        ["acme/red"]
    );
    assert_eq!(epoch().await, before, "joining ends nothing");
    let moved = sync(&["g-blue"]).await;
    assert_eq!(
        (moved.joined.as_slice(), moved.left.as_slice()),
        (&["acme/blue".to_owned()][..], &["acme/red".to_owned()][..])
    );
    assert!(epoch().await > before, "leaving ends tokens and sessions");
    let known = catalog.identities(dev.id).await.unwrap();
    assert_eq!(known[0].last_groups, ["g-blue"], "replaced, never appended");
    sync(&[]).await;
    let members = async |team| {
        let all = NameListing::after("", 9);
        catalog.team_page(team, &all).await.unwrap().rows.len()
    };
    assert_eq!(members(teams[2].id).await, 1, "what was made by hand stays");
    assert_eq!(members(teams[1].id).await, 0);
}
