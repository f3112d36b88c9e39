//! Signing in at a provider of identities.

use catalog::{Actor, Catalog, NewAccount, Role, Subject, SubjectId, TeamChange, TeamRole};
use jiff::SignedDuration;
use serde_json::json;
use server::{Clock, SignInSettings};

use super::browser::Browser;
use super::idp::{CLIENT_ID, CLIENT_SECRET, Idp, Lie};
use crate::world::{Answer, PASSWORD, World, admin, image_with, now, write};

/// Starts a provider, and the server with it as the one way to sign in beside passwords.
pub(super) async fn given(world: &mut World, more: &str) -> Idp {
    let idp = Idp::start().await;
    configure(world, &idp, more, "127.0.0.1").await;
    idp
}

async fn configure(world: &mut World, idp: &Idp, more: &str, allow: &str) {
    let folder = world.data.path().to_owned();
    write(&folder, "client-secret", CLIENT_SECRET.as_bytes());
    let text = format!(
        "[[oidc]]\nid = \"sso\"\nname = \"Example <SSO>\"\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\n\
         client_secret_file = \"client-secret\"\n{more}\n",
        idp.issuer
    );
    let file = write(&folder, "sign-in.toml", text.as_bytes());
    let sign_in = SignInSettings::load(&file).unwrap();
    let allow = allow.parse().unwrap();
    world
        .reconfigure(Clock::System, |settings| {
            settings.sign_in = sign_in;
            settings.outbound.allow = allow;
        })
        .await;
}

/// Goes to the provider and back, and returns the answer to the callback.
pub(super) async fn sign_in(world: &World, idp: &Idp, browser: &mut Browser) -> Answer {
    // Whoever has a session is not sent there.
    browser.cookies.remove("tidegate_session");
    let begun = browser.get(world, "/sign-in/sso?return=/feeds").await;
    assert_eq!(begun.status, 303, "{}", begun.text());
    let back = idp.authorize(begun.header("location"));
    browser.get(world, back.as_str()).await
}

pub(super) async fn catalog(world: &World) -> Catalog {
    Catalog::connect(world.database()).await.unwrap()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(answer.text().contains(words), "{}", answer.text());
    assert!(!answer.text().contains("incident"), "{}", answer.text());
    assert!(!answer.header("set-cookie").contains("tidegate_session"));
}

pub(crate) async fn a_visitor_signs_in_at_a_provider(world: &mut World) {
    let idp = given(world, "").await;
    let mut browser = Browser::default();
    let page = browser.get(world, "/sign-in?return=/feeds").await.text();
    assert!(
        page.contains("Sign in with Example &#60;SSO&#62;"),
        "{page}"
    );
    assert!(
        page.contains("href=\"/sign-in/sso?return=/feeds\""),
        "{page}"
    );

    // Whoever planted a session in the browser does not see what follows.
    let mut planted = Browser::default();
    planted.sign_in(world, "admin", PASSWORD).await;
    let begun = browser.get(world, "/sign-in/sso?return=/feeds").await;
    assert_eq!(begun.header("cache-control"), "no-store");
    let back = idp.authorize(begun.header("location"));
    browser.cookies.insert(
        "tidegate_session".into(),
        planted.cookies["tidegate_session"].clone(),
    );
    let answer = browser.get(world, back.as_str()).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/feeds"));
    assert!(browser.is_known_as(world, "alice").await);
    assert!(
        !planted.is_known_as(world, "admin").await,
        "that session has ended"
    );
    assert!(!browser.cookies.contains_key("tidegate_provider"));

    let catalog = catalog(world).await;
    let account = catalog.account_by_name("alice").await.unwrap().unwrap();
    assert_eq!(account.email.as_deref(), Some("alice@example.com"));
    assert!(!account.superuser && account.password_hash.is_none());
    let identities = catalog.identities(account.id).await.unwrap();
    assert_eq!(
        (
            identities[0].issuer.as_str(),
            identities[0].subject.as_str()
        ),
        (&*idp.issuer, "u-1")
    );
    let trail = catalog.list_audit(None, 50).await.unwrap();
    let login = trail
        .iter()
        .find(|row| row.action == "login" && row.actor.name == "alice");
    assert_eq!(login.unwrap().detail.as_deref(), Some("sso"));
    catalog.close().await;

    // The same address again is nothing: neither here, nor at the provider with a cookie kept.
    refused(&browser.get(world, back.as_str()).await, 400, "Begin again");
    // Who is signed in does not go there.
    let answer = browser
        .get(world, "/sign-in/sso?return=//evil.example")
        .await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    // A second sign-in is the same account.
    let mut again = Browser::default();
    assert_eq!(sign_in(world, &idp, &mut again).await.status, 303);
    assert!(again.is_known_as(world, "alice").await);
    assert_eq!(idp.asked("description"), 1);
    assert_eq!(idp.asked("keys"), 1);
    assert_eq!(
        idp.asked("user information"),
        0,
        "the token said everything"
    );
}

pub(crate) async fn a_code_works_once(world: &mut World) {
    let idp = given(world, "").await;
    let mut browser = Browser::default();
    let begun = browser.get(world, "/sign-in/sso").await;
    let back = idp.authorize(begun.header("location"));
    let mut copy = browser.clone();
    assert_eq!(browser.get(world, back.as_str()).await.status, 303);
    // Even with the cookie kept, the provider takes no code twice.
    refused(
        &copy.get(world, back.as_str()).await,
        403,
        "did not sign you in",
    );
    assert_eq!(idp.asked("token"), 2);
}

pub(crate) async fn signing_in_at_a_provider_leads_to_no_other_site(world: &mut World) {
    let idp = given(world, "").await;
    for (asked, target) in [
        ("/r/a/-/tags%3Fq%3D1", "/r/a/-/tags?q=1"),
        ("//evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("%5C%5Cevil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/%09/evil.example", "/"),
        ("", "/"),
    ] {
        let mut browser = Browser::default();
        let begun = browser
            .get(world, &format!("/sign-in/sso?return={asked}"))
            .await;
        let back = idp.authorize(begun.header("location"));
        let answer = browser.get(world, back.as_str()).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, target),
            "{asked}"
        );
    }
}

pub(crate) async fn only_a_valid_token_lets_somebody_in(world: &mut World) {
    let idp = given(world, "").await;
    for lie in [
        Lie::AlgNone,
        Lie::SignedWithTheClientSecret,
        Lie::SignedWithThePublicKey,
        Lie::ForeignKey,
        Lie::ForeignKeyInTheHeader,
        Lie::ForeignKeyByAddress,
        Lie::UnknownKey,
        Lie::Issuer,
        Lie::Audience,
        Lie::AnotherAudienceToo,
        Lie::Nonce,
        Lie::NoNonce,
        Lie::Expired,
        Lie::IssuedLater,
        Lie::NotYetValid,
        Lie::NoIdToken,
        Lie::ChangedAfterSigning,
    ] {
        idp.lie(lie);
        let answer = sign_in(world, &idp, &mut Browser::default()).await;
        println!("{lie:?}");
        refused(&answer, 403, "could not be verified");
    }
    for lie in [Lie::NoToken, Lie::NoExpiry] {
        idp.lie(lie);
        let answer = sign_in(world, &idp, &mut Browser::default()).await;
        println!("{lie:?}");
        refused(&answer, 403, "did not sign you in");
    }
    assert_eq!(idp.asked("foreign"), 0);
    let catalog = catalog(world).await;
    assert_eq!(catalog.account_by_name("alice").await.unwrap(), None);
    let trail = catalog.list_audit(None, 100).await.unwrap();
    let failures = trail.iter().filter(|row| row.action == "login.failure");
    assert_eq!(failures.count(), 19);
    assert!(!format!("{trail:?}").contains(CLIENT_SECRET));
    catalog.close().await;
    // The provider itself was never the problem.
    idp.lie(Lie::None);
    assert_eq!(
        sign_in(world, &idp, &mut Browser::default()).await.status,
        303
    );
}

pub(crate) async fn a_callback_counts_only_where_it_began(world: &mut World) {
    let idp = given(world, "").await;
    let mut browser = Browser::default();
    let begun = browser.get(world, "/sign-in/sso").await;
    let back = idp.authorize(begun.header("location"));
    // In another browser; with another state; without one.
    refused(
        &Browser::default().get(world, back.as_str()).await,
        400,
        "Begin again",
    );
    let mut other = Browser::default();
    other.get(world, "/sign-in/sso").await;
    refused(&other.get(world, back.as_str()).await, 400, "Begin again");
    for change in [("state=", "state=x"), ("state=", "estate=")] {
        let changed = back.as_str().replace(change.0, change.1);
        refused(
            &browser.clone().get(world, &changed).await,
            400,
            "Begin again",
        );
    }
    // From another issuer (RFC 9207).
    let mixed = back.as_str().replace("iss=http", "iss=https");
    refused(
        &browser.clone().get(world, &mixed).await,
        403,
        "could not be verified",
    );
    // Given up, or refused there. What the provider says is not shown.
    let state = begun.header("location").split("state=").nth(1).unwrap();
    let state = state.split('&').next().unwrap();
    let denied = format!("/sign-in/sso/callback?error=<b>no</b>&error_description=x&state={state}");
    let answer = browser.clone().get(world, &denied).await;
    refused(&answer, 403, "did not sign you in");
    assert!(!answer.text().contains("<b>no"), "{}", answer.text());
    assert_eq!(idp.asked("token"), 0);
    // Other methods and other providers are no page.
    for (method, path) in [
        ("POST", "/sign-in/sso/callback"),
        ("POST", "/sign-in/sso"),
        ("GET", "/sign-in/none"),
        ("GET", "/sign-in/none/callback?code=x&state=y"),
    ] {
        let answer = browser
            .clone()
            .send(world, method, path, String::new())
            .await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    // Too late.
    let later = now() + SignedDuration::from_secs(601);
    world.restart(Clock::Fixed(later)).await;
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    refused(&browser.get(world, &path).await, 400, "Begin again");
}

pub(crate) async fn new_keys_are_asked_for_at_most_once_a_minute(world: &mut World) {
    let idp = given(world, "").await;
    assert_eq!(
        sign_in(world, &idp, &mut Browser::default()).await.status,
        303
    );
    assert_eq!(idp.asked("keys"), 1);
    idp.rotate("key-2");
    idp.lie(Lie::UnknownKey);
    for _ in 0..5 {
        let answer = sign_in(world, &idp, &mut Browser::default()).await;
        refused(&answer, 403, "could not be verified");
    }
    assert_eq!(idp.asked("keys"), 1, "the minute has not passed");
    // A provider that has new keys is understood a minute later, or by a process that starts.
    idp.lie(Lie::None);
    world.restart(Clock::System).await;
    assert_eq!(
        sign_in(world, &idp, &mut Browser::default()).await.status,
        303
    );
    assert_eq!(idp.asked("keys"), 2);
}

pub(crate) async fn the_user_information_completes_a_token(world: &mut World) {
    let idp = given(
        world,
        "username_claim = \"login.name\"\nallowed_groups = [\"dev\"]",
    )
    .await;
    idp.claims(json!({ "sub": "u-1" }));
    let told = json!({ "sub": "u-1", "login": { "name": "bob@example.com" }, "groups": ["dev"] });
    idp.user_info(told.clone());
    idp.lie(Lie::UserInfoOfSomebodyElse);
    let answer = sign_in(world, &idp, &mut Browser::default()).await;
    refused(&answer, 403, "could not be verified");
    idp.lie(Lie::None);
    let mut browser = Browser::default();
    assert_eq!(sign_in(world, &idp, &mut browser).await.status, 303);
    assert!(browser.is_known_as(world, "bob").await);
    // A name that nothing tells.
    idp.user_info(json!({ "sub": "u-1", "groups": ["dev"] }));
    let answer = sign_in(world, &idp, &mut Browser::default()).await;
    refused(&answer, 403, "could not be verified");
}

pub(crate) async fn who_may_come_in_is_a_setting(world: &mut World) {
    let idp = given(world, "allowed_groups = [\"dev\"]\nadmin_group = \"ops\"").await;
    let person = |name: &str, sub: &str, groups: &[&str]| json!({ "sub": sub, "preferred_username": name, "groups": groups });
    for (claims, words) in [
        (person("carol", "u-9", &[]), "None of your groups"),
        (person("carol", "u-9", &["Dev"]), "None of your groups"),
        (
            person("admin", "u-9", &["dev"]),
            "The name admin belongs to another account",
        ),
        (person("admin+ci", "u-9", &["dev"]), "cannot be an account"),
        (
            person("team", "u-9", &["dev"]),
            "The name team belongs to another account",
        ),
    ] {
        world.push_blob(&admin(), "team/app", b"x").await;
        idp.claims(claims.clone());
        let answer = sign_in(world, &idp, &mut Browser::default()).await;
        println!("{claims}");
        refused(&answer, 403, words);
    }
    idp.claims(person("carol", "u-3", &["dev"]));
    let mut browser = Browser::default();
    assert_eq!(sign_in(world, &idp, &mut browser).await.status, 303);
    // Out of the group: the next sign-in fails, and what was open ends.
    idp.claims(person("carol", "u-3", &["other"]));
    refused(
        &sign_in(world, &idp, &mut Browser::default()).await,
        403,
        "None of your groups",
    );
    assert!(!browser.is_known_as(world, "carol").await);
    // Back in it, and then disabled by an administrator.
    idp.claims(person("carol", "u-3", &["dev"]));
    assert_eq!(sign_in(world, &idp, &mut browser).await.status, 303);
    assert!(browser.is_known_as(world, "carol").await);
    let catalog = catalog(world).await;
    let account = catalog.account_by_name("carol").await.unwrap().unwrap();
    let by = Actor::named("admin");
    catalog
        .disable_account(account.id, &by, now())
        .await
        .unwrap();
    assert!(!browser.is_known_as(world, "carol").await);
    refused(&sign_in(world, &idp, &mut browser).await, 403, "disabled");
    catalog.close().await;

    configure(world, &idp, "create_accounts = false", "127.0.0.1").await;
    idp.claims(person("dave", "u-4", &[]));
    refused(
        &sign_in(world, &idp, &mut Browser::default()).await,
        403,
        "no account",
    );
}

/// An image in `payments/api`, which a team reads that has the members of the provider's group `dev`.
pub(super) async fn readers_of_payments(world: &World, catalog: &Catalog) {
    let digest = world
        .push_image("payments/api", "1", &image_with("zlib1g", "1"))
        .await;
    world.report("payments/api", &digest).await;
    let by = Actor::named("admin");
    let organization = NewAccount {
        name: "payments",
        kind: catalog::AccountKind::Organization,
        ..NewAccount::default()
    };
    let organization = catalog
        .create_account(&organization, &by, now())
        .await
        .unwrap();
    let readers = catalog
        .create_team(
            (organization.id, "payments"),
            "readers",
            TeamRole::Member,
            "",
            &by,
            now(),
        )
        .await
        .unwrap();
    let change = TeamChange {
        sync: Some(Some(("sso".into(), "dev".into()))),
        ..TeamChange::default()
    };
    catalog
        .change_team(organization.id, readers.id, &change, &by, now())
        .await
        .unwrap();
    let subject = Subject {
        id: SubjectId::Team(readers.id),
        name: "payments/readers".into(),
    };
    let name = "payments/api".parse().unwrap();
    catalog
        .grant(&name, &subject, Role::Read, &by, now())
        .await
        .unwrap();
}

pub(crate) async fn groups_become_rights_and_go_again(world: &mut World) {
    let idp = given(world, "admin_group = \"ops\"").await;
    let catalog = catalog(world).await;
    readers_of_payments(world, &catalog).await;
    let with =
        |groups: &[&str]| json!({ "sub": "u-1", "preferred_username": "alice", "groups": groups });
    let page = "/r/payments/api/-/tags";
    let mut browser = Browser::default();
    sign_in(world, &idp, &mut browser).await;
    assert_eq!(browser.get(world, page).await.status, 404);
    idp.claims(with(&["dev", "elsewhere"]));
    let mut member = Browser::default();
    sign_in(world, &idp, &mut member).await;
    assert_eq!(member.get(world, page).await.status, 200);
    // Out of the group: at the next sign-in the right is gone, and the earlier session too.
    idp.claims(with(&["elsewhere"]));
    sign_in(world, &idp, &mut browser).await;
    assert_eq!(browser.get(world, page).await.status, 404);
    assert!(!member.is_known_as(world, "alice").await);

    // The administrators' group makes superusers, and ends that again.
    idp.claims(with(&["ops"]));
    sign_in(world, &idp, &mut browser).await;
    assert_eq!(browser.get(world, page).await.status, 200);
    idp.claims(with(&[]));
    sign_in(world, &idp, &mut member).await;
    assert_eq!(member.get(world, page).await.status, 404);
    assert!(!browser.is_known_as(world, "alice").await);
    catalog.close().await;
}

pub(crate) async fn a_provider_that_is_away_or_private_is_no_fault(world: &mut World) {
    let idp = given(world, "").await;
    configure(world, &idp, "", "").await;
    let mut browser = Browser::default();
    let answer = browser.get(world, "/sign-in/sso").await;
    refused(&answer, 502, "cannot be reached");
    assert_eq!(
        idp.asked("description"),
        0,
        "a private address is not connected to"
    );
    // Somebody else's description is not the provider's.
    let other = idp.known_as(idp.issuer.replace("/realms/a", "/realms/b"));
    configure(world, &other, "", "127.0.0.1").await;
    refused(
        &browser.get(world, "/sign-in/sso").await,
        502,
        "cannot be reached",
    );
    let other = idp.known_as(format!("{}/", idp.issuer));
    configure(world, &other, "", "127.0.0.1").await;
    refused(
        &browser.get(world, "/sign-in/sso").await,
        502,
        "cannot be reached",
    );
    // Passwords kept here work meanwhile.
    assert_eq!(browser.sign_in(world, "admin", PASSWORD).await.status, 303);
}
