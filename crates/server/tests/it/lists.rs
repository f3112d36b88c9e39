//! Lists: pages of tags, and the repositories somebody may see.

use serde_json::json;

use crate::world::{IMAGE, Who, World, admin, image_with};

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
