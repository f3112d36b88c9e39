//! Caches and mirrors: upstreams are real servers in this process, and hostile ones that follow a script.

pub(crate) mod hostile;
pub(crate) mod mirror;
pub(crate) mod proxy;
mod scripted;
pub(crate) mod upkeep;

use serde_json::{Value, json};

use crate::world::{Answer, World, admin};

/// An upstream with a server of its own, and a world that may reach it.
pub(crate) async fn pair(world: &mut World) -> World {
    world.may_reach("127.0.0.1").await;
    World::sqlite().await
}

/// Sets up an upstream that is cached below `hub/`, with what `more` says.
pub(crate) async fn cache(world: &World, url: &str, more: &Value) -> Answer {
    let mut body = json!({ "name": "hub", "url": url, "namespace": "hub", "ttlSeconds": 3600 });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    let request = world.request(&admin(), "POST", "/api/v1/upstreams");
    Answer::of(request.json(&body)).await
}

/// The credential of the administrator of the upstream.
pub(crate) fn admin_credential() -> Value {
    json!({ "credential": { "username": "admin", "secret": crate::world::PASSWORD } })
}

/// Sets up a real server as the cache's upstream.
pub(crate) async fn cache_of(world: &World, upstream: &World, more: &Value) {
    let mut settings = admin_credential();
    for (key, value) in more.as_object().expect("an object") {
        settings[key] = value.clone();
    }
    let answer = cache(world, &upstream.base, &settings).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}
