//! Signing in with a name and a password that a directory knows: against a real slapd.

use std::collections::HashSet;

use catalog::{Actor, Catalog};
use jiff::SignedDuration;
use ldap3::Mod;
use server::{Clock, SignInSettings};

use super::browser::Browser;
use super::slapd::{BASE, SEARCHER_PASSWORD, Slapd};
use crate::world::{Answer, PASSWORD, Who, World, admin, eventually, now, write};

/// Settings for the directory over `ldaps`, with the changes of a test.
fn settings(world: &World, slapd: &Slapd, change: impl FnOnce(String) -> String) -> SignInSettings {
    let folder = world.data.path();
    write(folder, "searcher", SEARCHER_PASSWORD.as_bytes());
    let text = change(format!(
        "[ldap]\nname = \"Example directory\"\nurl = \"ldaps://localhost:{}\"\nca_file = \"{}\"\n\
         bind_dn = \"cn=searcher,{BASE}\"\nbind_password_file = \"searcher\"\n\
         user_base = \"ou=people,{BASE}\"\ngroup_base = \"ou=groups,{BASE}\"\nrecheck_minutes = 1\n",
        slapd.encrypted,
        slapd.ca_file().display()
    ));
    let file = write(folder, "sign-in.toml", text.as_bytes());
    SignInSettings::load(&file).unwrap()
}

async fn configure(world: &mut World, sign_in: SignInSettings, clock: Clock) {
    world
        .reconfigure(clock, |settings| settings.sign_in = sign_in)
        .await;
}

async fn given(world: &mut World) -> Slapd {
    let slapd = Slapd::start();
    let settings = settings(world, &slapd, |text| text);
    configure(world, settings, Clock::System).await;
    slapd
}

fn who(name: &str, password: &str) -> Who {
    Who::Basic(name.into(), password.into())
}

async fn status(world: &World, name: &str, password: &str) -> u16 {
    world.get(&who(name, password), "/v2/").await.status
}

pub(crate) async fn a_directorys_password_works_at_every_door(world: &mut World) {
    let _slapd = given(world).await;
    let alice = who("alice", "alice-password");
    assert_eq!(world.get(&alice, "/v2/").await.status, 200);
    assert_eq!(world.get(&alice, "/api/v1/repositories").await.status, 200);
    let token = world
        .token(&alice, &["repository:alice/app:pull,push"])
        .await;
    assert_eq!(world.get(&token, "/v2/").await.status, 200);
    let form = "grant_type=password&username=alice&password=alice-password".to_owned();
    let answer = Answer::of(world.request(&Who::Nobody, "POST", "/token").body(form)).await;
    assert_eq!(answer.status, 200);
    let mut browser = Browser::default();
    let page = browser.get(world, "/sign-in").await.text();
    assert!(
        page.contains("Names and passwords of Example directory work here"),
        "{page}"
    );
    assert_eq!(
        browser
            .sign_in(world, "alice", "alice-password")
            .await
            .status,
        303
    );
    assert!(browser.is_known_as(world, "alice").await);

    let catalog = Catalog::connect(world.database()).await.unwrap();
    let account = catalog.account_by_name("alice").await.unwrap().unwrap();
    assert_eq!(account.email.as_deref(), Some("alice@example.com"));
    let identities = catalog.identities(account.id).await.unwrap();
    assert_eq!(identities.len(), 1, "one account, whichever door");
    assert_eq!(identities[0].issuer, "ldap:ldap");
    assert_eq!(identities[0].last_groups, ["dev"]);
    catalog.close().await;
    // The directory writes names as it likes; here there is one account.
    assert_eq!(status(world, "ALICE", "alice-password").await, 200);
}

pub(crate) async fn what_the_directory_does_not_confirm_is_refused(world: &mut World) {
    let _slapd = given(world).await;
    for (name, password) in [
        ("alice", "bob-password"),
        ("alice", "alice-passwor"),
        ("nobody", "alice-password"),
        ("nopassword", "x"),
        // slapd here takes a name without a password for nobody, and says yes: the trap is never reached.
        ("alice", ""),
        ("nobody", ""),
        ("", "alice-password"),
        // A name means itself in the filter.
        ("*", "alice-password"),
        ("a*", "alice-password"),
        ("alice)(uid=*", "alice-password"),
        ("*)(|(uid=*", "alice-password"),
        ("alice\\", "alice-password"),
        ("uid=alice,ou=people,dc=example,dc=com", "alice-password"),
        ("searcher", SEARCHER_PASSWORD),
    ] {
        assert_eq!(
            status(world, name, password).await,
            401,
            "{name:?} {password:?}"
        );
    }
    // An entry with an odd name is found by it. It cannot be an account's, and that is said on the page alone.
    assert_eq!(status(world, "o,dd (x)*", "odd-password").await, 401);
    let answer = Browser::default()
        .sign_in(world, "o%2Cdd+(x)*", "odd-password")
        .await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("cannot be an account"),
        "{}",
        answer.text()
    );
    // The account here is not the directory's entry of the same name.
    assert_eq!(
        status(world, "admin", "directory-admin-password").await,
        401
    );
    assert_eq!(status(world, "admin", PASSWORD).await, 200);
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let trail = catalog.list_audit(None, 100).await.unwrap();
    catalog.close().await;
    assert!(
        !trail
            .iter()
            .any(|row| row.action == "account.create" && row.actor.name != "system")
    );
    assert!(!format!("{trail:?}").contains("-password"));
}

pub(crate) async fn guessing_at_the_directory_is_slowed_down_too(world: &mut World) {
    let slapd = given(world).await;
    let settings = settings(world, &slapd, |text| text);
    let start = "2030-01-01T00:00:00Z".parse().unwrap();
    configure(world, settings, Clock::Fixed(start)).await;
    for name in ["alice", "nobody"] {
        for _ in 0..5 {
            assert_eq!(status(world, name, "guess").await, 401);
        }
        let answer = world.get(&who(name, "alice-password"), "/v2/").await;
        answer.error(429, "TOOMANYREQUESTS");
        assert_eq!(answer.header("retry-after"), "1");
    }
    world
        .restart(Clock::Fixed(start + SignedDuration::from_secs(1)))
        .await;
    assert_eq!(status(world, "alice", "alice-password").await, 200);
    assert_eq!(status(world, "alice", "guess").await, 401);
    // What was confirmed a moment ago does not ask again.
    drop(slapd);
    assert_eq!(status(world, "alice", "alice-password").await, 200);
    assert_eq!(status(world, "bob", "bob-password").await, 503);
}

pub(crate) async fn connections_to_the_directory_are_checked(world: &mut World) {
    let slapd = Slapd::start();
    let plain = format!("ldap://localhost:{}", slapd.plain);
    let encrypted = format!("ldaps://localhost:{}", slapd.encrypted);
    let ca = slapd.ca_file().display().to_string();
    let other_ca = slapd.other_ca_file().display().to_string();
    for (way, expected, change) in [
        (
            "encrypted",
            200,
            [(&*encrypted, encrypted.clone()), ("", String::new())],
        ),
        (
            "encrypted later",
            200,
            [
                (&*encrypted, format!("{plain}\"\nstart_tls = true #")),
                ("", String::new()),
            ],
        ),
        (
            "in the clear",
            200,
            [
                (&*encrypted, format!("{plain}\"\nallow_plaintext = true #")),
                ("", String::new()),
            ],
        ),
        (
            "by address",
            200,
            [("localhost", "127.0.0.1".to_owned()), ("", String::new())],
        ),
        (
            "of an unknown authority",
            503,
            [(&*ca, other_ca.clone()), ("", String::new())],
        ),
        (
            "of an unknown authority, later",
            503,
            [
                (&*encrypted, format!("{plain}\"\nstart_tls = true #")),
                (&*ca, other_ca.clone()),
            ],
        ),
        (
            "under another name",
            503,
            [
                ("localhost", "localhost.localdomain".to_owned()),
                ("", String::new()),
            ],
        ),
        (
            "to nobody",
            503,
            [
                (&*encrypted, "ldaps://localhost:1".to_owned()),
                ("", String::new()),
            ],
        ),
    ] {
        let settings = settings(world, &slapd, |mut text| {
            for (from, to) in change {
                if !from.is_empty() {
                    text = text.replace(from, &to);
                }
            }
            text
        });
        configure(world, settings, Clock::System).await;
        assert_eq!(
            status(world, "alice", "alice-password").await,
            expected,
            "{way}"
        );
        // Passwords kept here do not depend on it.
        assert_eq!(world.get(&admin(), "/v2/").await.status, 200, "{way}");
    }
    // The page says whose fault it is.
    let answer = Browser::default()
        .sign_in(world, "alice", "alice-password")
        .await;
    assert_eq!(answer.status, 502);
    assert!(
        answer
            .text()
            .contains("Example directory cannot be reached"),
        "{}",
        answer.text()
    );
}

pub(crate) async fn a_searcher_that_is_refused_is_no_wrong_password(world: &mut World) {
    let slapd = Slapd::start();
    write(world.data.path(), "wrong", b"wrong");
    for (from, to, expected) in [
        ("\"searcher\"", "\"wrong\"", 503),
        ("ou=people,", "ou=nowhere,", 503),
        (
            "user_base",
            "subject_attribute = \"departmentNumber\"\nuser_base",
            503,
        ),
        (
            "user_base",
            "user_filter = \"(|(uid={username})(uid=*))\"\nuser_base",
            503,
        ),
        ("user_base", "subject_attribute = \"uid\"\nuser_base", 200),
    ] {
        let settings = settings(world, &slapd, |text| text.replace(from, to));
        configure(world, settings, Clock::System).await;
        assert_eq!(
            status(world, "alice", "alice-password").await,
            expected,
            "{to}"
        );
    }
}

pub(crate) async fn a_connection_that_broke_is_made_again(world: &mut World) {
    let mut slapd = given(world).await;
    assert_eq!(status(world, "alice", "alice-password").await, 200);
    slapd.stop();
    assert_eq!(status(world, "bob", "bob-password").await, 503);
    slapd.resume();
    assert_eq!(status(world, "bob", "bob-password").await, 200);
    slapd.stop();
    slapd.resume();
    assert_eq!(status(world, "bob", "bob-passwort").await, 401);
    // More at once than there are connections.
    let all = (0..30).map(|_| status(world, "alice", "alice-password"));
    assert!(
        futures::future::join_all(all)
            .await
            .iter()
            .all(|status| *status == 200)
    );
}

pub(crate) async fn who_leaves_the_directory_loses_everything_soon(world: &mut World) {
    let slapd = given(world).await;
    let mut alice = Browser::default();
    assert_eq!(
        alice.sign_in(world, "alice", "alice-password").await.status,
        303
    );
    let mut bob = Browser::default();
    assert_eq!(bob.sign_in(world, "bob", "bob-password").await.status, 303);
    let token = world
        .token(
            &who("alice", "alice-password"),
            &["repository:alice/app:pull"],
        )
        .await;
    let dn = format!("uid=alice,ou=people,{BASE}");
    slapd
        .change(async |ldap| {
            ldap.delete(&dn).await.unwrap().success().unwrap();
        })
        .await;
    // The interval passes.
    let settings = settings(world, &slapd, |text| text);
    let later = now() + SignedDuration::from_secs(90);
    configure(world, settings, Clock::Fixed(later)).await;
    let catalog = Catalog::connect(world.database()).await.unwrap();
    eventually(async || {
        let account = catalog.account_by_name("alice").await.unwrap().unwrap();
        account.disabled_at.is_some().then_some(())
    })
    .await;
    assert!(!alice.is_known_as(world, "alice").await);
    assert_eq!(world.get(&token, "/v2/").await.status, 401);
    assert!(
        bob.is_known_as(world, "bob").await,
        "who is still there stays"
    );
    let trail = catalog.list_audit(None, 50).await.unwrap();
    let ended = trail.iter().filter(|row| row.action == "account.disable");
    assert_eq!(ended.count(), 1);
    let identities =
        catalog.identities(catalog.account_by_name("alice").await.unwrap().unwrap().id);
    assert!(identities.await.unwrap()[0].last_groups.is_empty());
    catalog.close().await;
}

pub(crate) async fn a_group_that_ends_takes_its_members_along(world: &mut World) {
    let slapd = Slapd::start();
    let with_groups =
        |text: String| format!("{text}allowed_groups = [\"dev\"]\nadmin_group = \"ops\"\n");
    let first = settings(world, &slapd, with_groups);
    configure(world, first, Clock::System).await;
    let mut alice = Browser::default();
    assert_eq!(
        alice.sign_in(world, "alice", "alice-password").await.status,
        303
    );
    let mut bob = Browser::default();
    assert_eq!(bob.sign_in(world, "bob", "bob-password").await.status, 303);
    world.push_blob(&admin(), "team/app", b"x").await;
    assert_eq!(
        bob.get(world, "/r/team/app/-/tags").await.status,
        200,
        "of the administrators"
    );
    assert_eq!(alice.get(world, "/r/team/app/-/tags").await.status, 404);
    // Alice leaves the group; a directory that is away says nothing about anybody.
    let dev = format!("cn=dev,ou=groups,{BASE}");
    slapd
        .change(async |ldap| {
            let nobody = format!("cn=nobody,{BASE}");
            let member = HashSet::from([nobody.as_str()]);
            let change = vec![Mod::Replace("member", member)];
            ldap.modify(&dev, change).await.unwrap().success().unwrap();
        })
        .await;
    let later = now() + SignedDuration::from_secs(90);
    let again = settings(world, &slapd, with_groups);
    configure(world, again, Clock::Fixed(later)).await;
    eventually(async || (!alice.clone().is_known_as(world, "alice").await).then_some(())).await;
    let answer = alice.sign_in(world, "alice", "alice-password").await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("None of your groups"),
        "{}",
        answer.text()
    );
    assert_eq!(status(world, "alice", "alice-password").await, 401);
    assert!(bob.is_known_as(world, "bob").await);
    // Back in the group, everything is as before.
    slapd
        .change(async |ldap| {
            let alice = format!("uid=alice,ou=people,{BASE}");
            let change = vec![Mod::Replace("member", HashSet::from([alice.as_str()]))];
            ldap.modify(&dev, change).await.unwrap().success().unwrap();
        })
        .await;
    assert_eq!(status(world, "alice", "alice-password").await, 200);
    let by = Actor::named("admin");
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let account = catalog.account_by_name("alice").await.unwrap().unwrap();
    catalog
        .disable_account(account.id, &by, now())
        .await
        .unwrap();
    assert_eq!(
        status(world, "alice", "alice-password").await,
        401,
        "an administrator's word stays"
    );
    catalog.close().await;
}
