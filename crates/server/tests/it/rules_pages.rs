//! The pages of rules, of a namespace and of the system, and lists that are longer than a page.

use serde_json::json;

use crate::pages::{entries, person, sign_in, visit};
use crate::people_pages::{HOSTILE, done, refused, send};
use crate::world::{Answer, World, admin, image_with};

/// Returns the robots' own names on a page, in its order.
fn robots_in(page: &str) -> Vec<String> {
    let links = page.split("<a href=\"/account/robots/").skip(1);
    let names = links.filter_map(|link| link.split_once('"'));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// Returns where a page's link to a neighbour leads.
fn neighbour(page: &str, rel: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("rel=\"{rel}\" href=\""))?;
    let (address, _) = rest.split_once('"')?;
    Some(address.replace("&#38;", "&").replace("&amp;", "&"))
}

pub(crate) async fn robots_and_members_are_shown_by_pages(world: &mut World) {
    let session = sign_in(world).await;
    let organisation = json!({ "name": "acme", "owner": "admin" });
    let made = world.request(&admin(), "POST", "/api/v1/organizations");
    assert_eq!(Answer::of(made.json(&organisation)).await.status, 201);
    for number in 0..53 {
        let name = format!("r{number:02}");
        let request = world.request(&admin(), "POST", "/api/v1/robots");
        let answer = Answer::of(request.json(&json!({ "name": name }))).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        let member = format!("/api/v1/organizations/acme/teams/owners/members/admin+{name}");
        let request = world.request(&admin(), "PUT", &member);
        assert_eq!(Answer::of(request).await.status, 204);
    }
    let first = visit(world, &session, "/account/robots").await.text();
    let names = robots_in(&first);
    assert_eq!((names.len(), names[0].as_str()), (50, "r00"));
    assert!(first.contains("50 robots on this page"), "{first}");
    assert_eq!(neighbour(&first, "prev"), None);
    let next = neighbour(&first, "next").expect("another page");
    let second = visit(world, &session, &next).await.text();
    assert_eq!(robots_in(&second), ["r50", "r51", "r52"]);
    assert_eq!(neighbour(&second, "next"), None);
    let back = neighbour(&second, "prev").expect("the page before");
    let again = visit(world, &session, &back).await.text();
    assert_eq!(robots_in(&again), names);
    let found = visit(world, &session, "/account/robots?q=R5").await.text();
    assert_eq!(robots_in(&found), ["r50", "r51", "r52"]);
    for (path, words) in [
        (
            "/account/robots?q=nothing",
            "No robot has this in the name.",
        ),
        ("/account/robots?q=%00%25", "No robot has this in the name."),
        ("/account/robots?after=z", "No more robots."),
        ("/organisations/acme/members", "50 members on this page"),
        ("/organisations/acme/members?q=r5", "3 members, by name"),
        (
            "/organisations/acme/members?after=admin%2Br50",
            "2 members on this page",
        ),
        (
            "/organisations/acme/teams/owners",
            "50 members on this page",
        ),
        (
            "/organisations/acme/teams/owners?q=r5",
            "3 members, by name",
        ),
        (
            "/organisations/acme/teams/owners?q=none",
            "No member has this in the name.",
        ),
        ("/organisations/acme", "54 members"),
    ] {
        let page = visit(world, &session, path).await.text();
        assert!(page.contains(words), "{path}: {words}: {page}");
    }
}

pub(crate) async fn tokens_are_filtered_and_ordered(world: &mut World) {
    let session = person(world, "dev").await;
    for (label, days) in [("laptop", "90"), ("build", "7"), (HOSTILE, "30")] {
        let fields = [
            ("do", "token"),
            ("label", label),
            ("grant", "all"),
            ("days", days),
        ];
        let made = send(world, &session, "/account", &fields).await;
        assert_eq!(made.status, 200, "{}", made.text());
    }
    let order = async |path: &str| {
        let page = visit(world, &session, path).await.text();
        assert!(!page.contains("<script>alert"), "{page}");
        let mut found: Vec<_> = ["laptop", "build", "&#60;script"]
            .into_iter()
            .filter_map(|label| {
                let place = page.find(&format!("class=\"name\">{label}"))?;
                Some((place, label))
            })
            .collect();
        found.sort_unstable();
        found
            .into_iter()
            .map(|(_, label)| label)
            .collect::<Vec<_>>()
    };
    assert_eq!(order("/account").await, ["laptop", "build", "&#60;script"]);
    let by_name = ["&#60;script", "build", "laptop"];
    assert_eq!(order("/account?sort=name").await, by_name);
    let by_end = ["build", "&#60;script", "laptop"];
    assert_eq!(order("/account?sort=ends").await, by_end);
    assert_eq!(order("/account?q=lap&sort=-made").await, ["laptop"]);
    assert_eq!(order("/account?q=nothing").await, [""; 0]);
}

/// A policy that keeps the latest tag alone.
const LATEST: [(&str, &str); 4] = [
    ("rules", "1"),
    ("name-0", "latest"),
    ("last-pushed-0", "1"),
    ("enabled", "yes"),
];

fn policy(word: &str) -> Vec<(&str, &str)> {
    let mut fields = vec![("do", word)];
    fields.extend(LATEST);
    fields
}

pub(crate) async fn the_rules_of_a_namespace_are_set_by_forms(world: &mut World) {
    let boss = person(world, "boss").await;
    let here = "/account/rules";
    for (name, tag, version) in [
        ("boss/app", "1", "1"),
        ("boss/app", "2", "2"),
        ("boss/own", "1", "3"),
        ("boss/own", "2", "4"),
        ("admin/app", "1", "5"),
        ("admin/app", "2", "6"),
    ] {
        world
            .push_image(name, tag, &image_with("zlib1g", version))
            .await;
    }
    let settings = "/r/boss/own/-/settings";
    let keep_all = [("do", "retention"), ("rules", "0")];
    done(&send(world, &boss, settings, &keep_all).await, settings);
    let audited = entries(world, "").await;

    // The one with a policy of its own, and the one of somebody else, are not looked at.
    let dry = send(world, &boss, here, &policy("dry-run")).await;
    let text = dry.text();
    assert_eq!(dry.status, 200, "{text}");
    assert!(text.contains("would end 1 now"), "{text}");
    assert!(text.contains("Looked at 1 repository"), "{text}");
    assert!(text.contains("/r/boss/app/-/m/sha256:"), "{text}");
    let odd = [
        ("do", "dry-run"),
        ("rules", "1"),
        ("name-0", "x"),
        ("last-pushed-0", "many"),
    ];
    refused(&send(world, &boss, here, &odd).await, 422, "is no number");
    assert_eq!(entries(world, "").await, audited, "nothing was changed");

    done(&send(world, &boss, here, &policy("retention")).await, here);
    let page = visit(world, &boss, here).await.text();
    assert!(
        page.contains("The policy of this namespace is in force"),
        "{page}"
    );
    let page = visit(world, &boss, "/r/boss/app/-/settings").await.text();
    assert!(
        page.contains("The policy set for its namespace is in force"),
        "{page}"
    );
    done(
        &send(world, &boss, here, &[("do", "no-retention")]).await,
        here,
    );

    let rule = [
        ("do", "immutable"),
        ("repository", "boss/a*"),
        ("tag", "v*"),
    ];
    done(&send(world, &boss, here, &rule).await, here);
    let odd = [("do", "immutable"), ("tag", "regex:(")];
    refused(&send(world, &boss, here, &odd).await, 422, "tag");
    let about = visit(world, &boss, "/r/boss/app/-/about").await.text();
    assert!(
        about.contains("v*") && about.contains("namespace"),
        "{about}"
    );
    let page = visit(world, &boss, here).await.text();
    let (_, id) = page.split_once("name=\"id\" value=\"").expect("a rule");
    let id = id.split('"').next().unwrap().to_owned();
    let lift = [("do", "lift"), ("id", id.as_str())];
    let elsewhere = send(world, &boss, settings, &lift).await;
    assert_eq!(elsewhere.status, 404, "a rule is lifted where it was set");
    done(&send(world, &boss, here, &lift).await, here);

    done(
        &send(world, &boss, here, &[("do", "window"), ("window", "4w")]).await,
        here,
    );
    let odd = [("do", "window"), ("window", "1y")];
    refused(&send(world, &boss, here, &odd).await, 422, "restore window");
    let page = visit(world, &boss, here).await.text();
    assert!(page.contains("value=\"4w\" selected"), "{page}");
    let page = visit(world, &boss, "/r/boss/app/-/about").await.text();
    assert!(page.contains("for 28 days"), "{page}");
    assert_eq!(entries(world, "namespace.restore-window").await, 1);
}

pub(crate) async fn the_rules_of_the_system_hold_where_none_is_nearer(world: &mut World) {
    let session = sign_in(world).await;
    let boss = person(world, "boss").await;
    for (name, tag, version) in [
        ("boss/app", "1", "1"),
        ("boss/app", "2", "2"),
        ("admin/app", "1", "3"),
        ("admin/app", "2", "4"),
    ] {
        world
            .push_image(name, tag, &image_with("zlib1g", version))
            .await;
    }
    let here = "/system/rules";
    let dry = send(world, &session, here, &policy("dry-run")).await.text();
    assert!(dry.contains("would end 2 now"), "{dry}");
    let switched_off = [("do", "retention"), ("rules", "0")];
    let namespace = "/account/rules";
    done(
        &send(world, &boss, namespace, &switched_off).await,
        namespace,
    );
    let dry = send(world, &session, here, &policy("dry-run")).await.text();
    assert!(dry.contains("would end 1 now"), "{dry}");
    assert!(!dry.contains("boss/app"), "{dry}");
    done(
        &send(world, &session, here, &policy("retention")).await,
        here,
    );
    let page = visit(world, &session, "/r/admin/app/-/settings")
        .await
        .text();
    assert!(
        page.contains("The policy set for everything is in force"),
        "{page}"
    );
    let page = visit(world, &boss, namespace).await.text();
    assert!(
        page.contains("keeps the system's away") || page.contains("keeps the system&#39;s away"),
        "{page}"
    );
    let rule = [("do", "immutable"), ("tag", HOSTILE)];
    done(&send(world, &session, here, &rule).await, here);
    let page = visit(world, &session, here).await.text();
    assert!(!page.contains("<script>alert"), "{page}");
    assert_eq!(entries(world, "immutability.add").await, 1);
}
