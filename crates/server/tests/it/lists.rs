//! Lists: pages of tags, and the repositories somebody may see.

use catalog::{Catalog, NewIdentity};
use serde_json::{Value, json};

use crate::matrix::cast::by;
use crate::openapi::problem;
use crate::pages::person;
use crate::world::{Answer, IMAGE, PASSWORD, Who, World, admin, eventually, image_with, now};

pub(crate) async fn tags_come_in_pages(world: &mut World) {
    let image = image_with("zlib1g", "1");
    for tag in ["b", "a", "a1", "B", "c"] {
        world.push_image("team/app", tag, &image).await;
    }
    let list = "/v2/team/app/tags/list";
    let answer = world.get(&admin(), list).await;
    assert_eq!(
        answer.json(),
        json!({ "name": "team/app", "tags": ["B", "a", "a1", "b", "c"] })
    );
    assert_eq!(answer.header("link"), "");
    let mut page = format!("{list}?n=2");
    let mut seen = Vec::new();
    loop {
        let answer = world.get(&admin(), &page).await;
        for tag in answer.json()["tags"].as_array().unwrap() {
            seen.push(tag.as_str().unwrap().to_owned());
        }
        let link = answer.header("link");
        let Some((next, _)) = link
            .strip_prefix('<')
            .and_then(|l| l.split_once(">; rel=\"next\""))
        else {
            break;
        };
        next.clone_into(&mut page);
    }
    assert_eq!(seen, ["B", "a", "a1", "b", "c"]);
    let none = world.get(&admin(), &format!("{list}?n=0")).await;
    assert_eq!(
        (none.json()["tags"].clone(), none.header("link")),
        (json!([]), "")
    );
    let huge = world
        .get(&admin(), &format!("{list}?n=99999999999999999999"))
        .await;
    assert_eq!(huge.json()["tags"].as_array().unwrap().len(), 5);
    for wrong in ["-1", "x", ""] {
        assert_eq!(
            world
                .get(&admin(), &format!("{list}?n={wrong}"))
                .await
                .status,
            400
        );
    }
    let past = world.get(&admin(), &format!("{list}?last=zzz")).await;
    assert_eq!(past.json()["tags"], json!([]));
}

pub(crate) async fn the_api_lists_every_tag_page_by_page(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "seed", &image).await;
    let names: Vec<String> = (0..510).map(|n| format!("v{n:03}")).collect();
    for names in names.chunks(60) {
        let wanted = format!("{digest}?tag={}", names.join("&tag="));
        let put = world
            .put(&admin(), "team/app", &wanted, IMAGE, &image.manifest())
            .await;
        assert_eq!(put.status, 201, "{}", put.text());
    }
    let list = "/api/v1/repositories/team%2Fapp/tags";
    let mut seen: Vec<String> = Vec::new();
    let mut path = list.to_owned();
    loop {
        let page = world.get(&admin(), &path).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 500);
        seen.extend(items.iter().map(|tag| tag["tag"].as_str().unwrap().into()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("{list}?cursor={next}");
    }
    assert_eq!((seen[0].as_str(), seen.len()), ("seed", 511));
    assert_eq!(seen[1..], names);
    let found = world.get(&admin(), &format!("{list}?q=V50")).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 10, "v500 to v509");
    assert_eq!(found["next"], json!(null));
}

pub(crate) async fn a_list_of_repositories_counts_again_what_moved(world: &mut World) {
    let list = "/api/v1/repositories";
    let counted = async |world: &World| {
        let items = world.get(&admin(), list).await.json()["items"].clone();
        let items = items.as_array().unwrap().clone();
        let count = |item: &serde_json::Value| {
            let name = item["name"].as_str().unwrap().to_owned();
            (name, item["tags"].as_u64().unwrap())
        };
        items.iter().map(count).collect::<Vec<_>>()
    };
    let row = |name: &str, tags| (name.to_owned(), tags);
    let image = image_with("zlib1g", "1");
    world.push_image("team/app", "v1", &image).await;
    world.push_image("team/base", "v1", &image).await;
    let both = [row("team/app", 1), row("team/base", 1)];
    assert_eq!(counted(world).await, both);
    assert_eq!(counted(world).await, both, "what was counted holds");
    world.push_image("team/app", "v2", &image).await;
    assert_eq!(
        counted(world).await,
        [row("team/app", 2), row("team/base", 1)]
    );
    let tag = "/api/v1/repositories/team%2Fapp/tags/v1";
    assert_eq!(world.send(&admin(), "DELETE", tag).await.status, 204);
    assert_eq!(counted(world).await, both);
    let verdict = world.get(&admin(), list).await.json()["items"][0]["verdicts"].clone();
    let verdicts = verdict.as_object().unwrap().values();
    let total: u64 = verdicts.filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(total, 1, "{verdict}");
}

pub(crate) async fn the_catalog_shows_what_the_caller_may_pull(world: &mut World) {
    for repository in ["team/a", "team/b", "team/c"] {
        world
            .push_image(repository, "1", &image_with("zlib1g", "1"))
            .await;
    }
    let reader = world.robot("reader", "team/b", "read").await;
    let names = async |who: &Who, query: &str| {
        world.get(who, &format!("/v2/_catalog{query}")).await.json()["repositories"].clone()
    };
    assert_eq!(
        names(&admin(), "").await,
        json!(["team/a", "team/b", "team/c"])
    );
    assert_eq!(names(&admin(), "?n=1&last=team/a").await, json!(["team/b"]));
    assert_eq!(names(&reader, "").await, json!(["team/b"]));
    let token = world.token(&reader, &["registry:catalog:*"]).await;
    assert_eq!(names(&token, "").await, json!(["team/b"]));
    world
        .get(&Who::Nobody, "/v2/_catalog")
        .await
        .error(401, "UNAUTHORIZED");
}

pub(crate) async fn what_recurs_comes_in_pages(world: &mut World) {
    // The server writes its own one after another when it starts; this is the last.
    let whole = eventually(async || {
        let whole = world.get(&admin(), "/api/v1/schedules").await.json();
        let mut names = whole["items"].as_array()?.iter().map(|item| &item["name"]);
        names.any(|name| name == "verify").then_some(whole)
    })
    .await;
    assert_eq!(whole["next"], json!(null));
    let all = whole["items"].as_array().unwrap();
    assert!(all.len() > 3, "{whole}");
    let mut after = String::new();
    for expected in all {
        let path = format!("/api/v1/schedules?limit=1&after={after}");
        let page = world.get(&admin(), &path).await.json();
        // When it is due may move meanwhile.
        assert_eq!(page["items"][0]["name"], expected["name"]);
        assert_eq!(page["items"][0]["cron"], expected["cron"]);
        assert_eq!(page["next"], expected["name"]);
        expected["name"].as_str().unwrap().clone_into(&mut after);
    }
    let end = format!("/api/v1/schedules?limit=1&after={after}");
    let end = world.get(&admin(), &end).await.json();
    assert_eq!(end, json!({ "items": [], "next": null }));
    let nul = world.get(&admin(), "/api/v1/schedules?after=%00").await;
    problem(&nul, 404, "not-found");
}

/// Walks a list of the API with one item to an answer. Returns the names, which are at `place` in each item.
async fn walk(world: &World, who: &Who, list: &str, place: &str) -> Vec<String> {
    let sign = if list.contains('?') { '&' } else { '?' };
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("{list}{sign}limit=1&after={}", after.replace('+', "%2B"));
        let page = world.get(who, &path).await.json();
        let items = page["items"].as_array().unwrap();
        let Some(item) = items.first() else {
            assert_eq!(page["next"], json!(null));
            return names;
        };
        assert_eq!(items.len(), 1, "{path}");
        let name = item.pointer(place).and_then(Value::as_str).unwrap();
        assert_eq!(page["next"], name, "{path}");
        name.clone_into(&mut after);
        names.push(after.clone());
    }
}

pub(crate) async fn people_teams_and_robots_come_in_pages_of_names(world: &mut World) {
    for name in ["dev", "else"] {
        person(world, name).await;
    }
    let make = async |path: &str, body: Value| {
        let request = world.request(&admin(), "POST", path).json(&body);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    };
    for name in ["acme", "beta"] {
        let body = json!({ "name": name, "owner": "dev" });
        make("/api/v1/organizations", body).await;
        for robot in ["build", "cd"] {
            let body = json!({ "name": robot, "owner": name });
            make("/api/v1/robots", body).await;
        }
    }
    let teams = "/api/v1/organizations/acme/teams";
    make(teams, json!({ "name": "backend", "role": "member" })).await;
    let members = format!("{teams}/backend/members");
    for member in ["dev", "else", "acme%2Bbuild"] {
        let path = format!("{members}/{member}");
        assert_eq!(world.send(&admin(), "PUT", &path).await.status, 204);
    }
    let dev = Who::Basic("dev".into(), PASSWORD.into());
    let robots = "/api/v1/robots";
    let of_acme = "/api/v1/robots?owner=acme";
    for (who, list, place, names) in [
        (
            admin(),
            "/api/v1/users",
            "/name",
            &["admin", "dev", "else"][..],
        ),
        (admin(), "/api/v1/organizations", "/name", &["acme", "beta"]),
        (
            dev.clone(),
            "/api/v1/organizations",
            "/name",
            &["acme", "beta"],
        ),
        (dev.clone(), teams, "/name", &["backend", "owners"]),
        (
            dev.clone(),
            &members,
            "/member/name",
            &["acme+build", "dev", "else"],
        ),
        (dev.clone(), of_acme, "/name", &["acme+build", "acme+cd"]),
        (
            admin(),
            robots,
            "/name",
            &["acme+build", "acme+cd", "beta+build", "beta+cd"],
        ),
        (dev, robots, "/name", &[]),
    ] {
        assert_eq!(walk(world, &who, list, place).await, names, "{list}");
        let whole = world.get(&who, list).await.json();
        assert_eq!(whole["items"].as_array().unwrap().len(), names.len());
        assert_eq!(whole["next"], json!(null), "{list}");
        let sign = if list.contains('?') { '&' } else { '?' };
        let nul = world.get(&who, &format!("{list}{sign}after=%00")).await;
        problem(&nul, 404, "not-found");
        let unknown = world.get(&who, &format!("{list}{sign}page=2")).await;
        assert_eq!(unknown.status, 422, "{list}");
    }
}

pub(crate) async fn who_a_person_is_elsewhere_is_theirs_to_see(world: &mut World) {
    person(world, "dev").await;
    let path = "/api/v1/users/dev/identities";
    let none = world.get(&admin(), path).await;
    assert_eq!((none.status, none.json()), (200, json!({ "items": [] })));
    let catalog = Catalog::connect(world.database()).await.unwrap();
    let account = catalog.account_by_name("dev").await.unwrap().unwrap();
    let identity = NewIdentity {
        issuer: "https://sso.example.com".into(),
        subject: "4711".into(),
        email: Some("dev@example.com".into()),
    };
    catalog
        .link_identity(account.id, &identity, &by(), now())
        .await
        .unwrap();
    catalog.close().await;
    for who in [admin(), Who::Basic("dev".into(), PASSWORD.into())] {
        let listed = world.get(&who, path).await.json();
        let item = &listed["items"][0];
        assert_eq!(item["issuer"], "https://sso.example.com");
        assert_eq!(item["subject"], "4711");
        assert_eq!(item["email"], "dev@example.com");
        assert_eq!(item["groups"], json!([]));
        assert!(item["linkedAt"].is_string() && item["lastSeenAt"].is_string());
    }
    let other = world.get(&admin(), "/api/v1/users/nobody/identities").await;
    problem(&other, 404, "not-found");
    person(world, "else").await;
    let other = Who::Basic("else".into(), PASSWORD.into());
    for name in ["dev", "nobody"] {
        let path = format!("/api/v1/users/{name}/identities");
        problem(&world.get(&other, &path).await, 403, "forbidden");
    }
}
