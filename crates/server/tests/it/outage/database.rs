//! The database goes away under a push: at any statement, or altogether for a while.

use catalog::testkit::{Cut, Postgres, Wire};
use image::testkit::TestImage;
use oci::Digest;
use server::Storage;
use tokio::io::AsyncWriteExt as _;

use super::{assert_sound, blob, offset};
use crate::world::{Answer, IMAGE, World, admin, eventually, image_with};

/// How often a client tries one request. One connection is cut; the others of the pool may have to be given up too.
const ATTEMPTS: usize = 4;

/// A client that tries again what may succeed later, as it is told to.
async fn tried(request: impl AsyncFn() -> Answer) -> Answer {
    for _ in 1..ATTEMPTS {
        let answer = request().await;
        if !is_passing(&answer) {
            return answer;
        }
    }
    request().await
}

/// Whether an answer asks to come back. It says when.
#[track_caller]
fn is_passing(answer: &Answer) -> bool {
    assert_ne!(answer.status, 500, "{answer:?}");
    if !matches!(answer.status, 503 | 429) {
        return false;
    }
    let after: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&after), "{answer:?}");
    let text = answer.text();
    assert!(!text.contains("sql") && !text.contains("socket"), "{text}");
    true
}

/// Pushes a blob in two chunks, over whatever happens meanwhile.
async fn push_blob(world: &World, bytes: &[u8]) {
    let digest = Digest::sha256(bytes);
    for _ in 0..ATTEMPTS {
        let opened = tried(async || {
            world
                .send(&admin(), "POST", "/v2/team/app/blobs/uploads/")
                .await
        })
        .await;
        assert_eq!(opened.status, 202, "{opened:?}");
        let location = opened.header("location").to_owned();
        let mut acknowledged = 0;
        for end in [bytes.len() / 2, bytes.len()] {
            let answer = tried(async || {
                let at = stands(world, &location).await.unwrap_or(0);
                assert!(at >= acknowledged, "{at} of {acknowledged} bytes");
                let chunk = bytes[at.min(end)..end].to_vec();
                Answer::of(world.request(&admin(), "PATCH", &location).body(chunk)).await
            })
            .await;
            assert_eq!(answer.status, 202, "{answer:?}");
            acknowledged = end;
        }
        let path = format!("{location}?digest={digest}");
        let done = tried(async || world.send(&admin(), "PUT", &path).await).await;
        if done.status == 201 {
            return;
        }
        // It happened and nobody heard of it, or it begins again.
        done.error(404, "BLOB_UPLOAD_UNKNOWN");
        let path = format!("/v2/team/app/blobs/{digest}");
        let there = tried(async || world.send(&admin(), "HEAD", &path).await).await;
        if there.status == 200 {
            return;
        }
    }
    panic!("the blob does not get there");
}

async fn stands(world: &World, location: &str) -> Option<usize> {
    for _ in 0..ATTEMPTS {
        if !is_passing(&world.get(&admin(), location).await) {
            return offset(world, location).await;
        }
    }
    None
}

async fn push(world: &World, tag: &str, image: &TestImage) {
    push_blob(world, &image.layers[0].bytes).await;
    push_blob(world, &image.config()).await;
    let manifest = image.manifest();
    let put = tried(async || world.put(&admin(), "team/app", tag, IMAGE, &manifest).await).await;
    assert_eq!(put.status, 201, "{put:?}");
}

/// Checks that an image is there, byte by byte.
async fn assert_there(world: &World, tag: &str, image: &TestImage) {
    let path = format!("/v2/team/app/manifests/{tag}");
    let answer = tried(async || world.get(&admin(), &path).await).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body == image.manifest());
    let layer = &image.layers[0];
    let answer = tried(async || blob(world, &layer.digest()).await).await;
    assert!(answer.body == layer.bytes);
}

fn writes(statement: &str) -> bool {
    ["INSERT", "UPDATE", "DELETE", "WITH", "COMMIT"]
        .iter()
        .any(|verb| statement.trim_start().starts_with(verb))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_may_end_at_any_statement_of_a_push() {
    let wire = Wire::to(&Postgres::shared().await.database().await);
    let mut world = World::at(wire.url(), Storage::Files).await;
    push(&world, "warm", &image_with("zlib1g", "warm")).await;
    wire.forget();
    push(&world, "seen", &image_with("zlib1g", "seen")).await;
    assert_there(&world, "seen", &image_with("zlib1g", "seen")).await;
    let statements = wire.seen();
    assert!(statements.len() > 20, "{statements:#?}");

    let mut pushed = Vec::new();
    let mut missed = Vec::new();
    for (number, statement) in statements.iter().enumerate() {
        for cut in [Cut::Before, Cut::After] {
            if cut == Cut::After && !writes(statement) {
                continue;
            }
            let tag = format!("{cut:?}-{number}");
            let image = image_with("zlib1g", &tag);
            wire.cut_at(statement, cut);
            push(&world, &tag, &image).await;
            if !wire.was_cut() {
                missed.push(statement);
            }
            assert_there(&world, &tag, &image).await;
            pushed.push((tag, image));
        }
    }
    for (tag, image) in &pushed {
        assert_there(&world, tag, image).await;
    }
    // Few statements belong to what happens only now and then.
    assert!(missed.len() * 4 < statements.len(), "{missed:#?}");
    assert_sound(&world).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_during_a_push_costs_nothing_but_time() {
    let cluster = Postgres::alone().await;
    let mut world = World::at(&cluster.database().await, Storage::Files).await;
    let earlier = image_with("zlib1g", "earlier");
    push(&world, "earlier", &earlier).await;

    // A chunk is acknowledged, another is on its way when the database dies.
    let whole: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let digest = Digest::sha256(&whole);
    let location = world.session(&admin(), "team/app").await;
    let (first, second) = whole.split_at(300_000);
    let request = world.request(&admin(), "PATCH", &location);
    let answer = Answer::of(request.body(first.to_vec())).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let (mut sender, body) = tokio::io::duplex(64 << 10);
    let body = reqwest::Body::wrap_stream(futures::stream::unfold(body, async |mut body| {
        use tokio::io::AsyncReadExt as _;
        let mut buffer = vec![0; 8 << 10];
        let read = body.read(&mut buffer).await.unwrap();
        buffer.truncate(read);
        (read > 0).then_some((Ok::<_, std::io::Error>(buffer), body))
    }));
    let request = world.request(&admin(), "PATCH", &location).body(body);
    let under_way = tokio::spawn(Answer::of(request));
    sender.write_all(&second[..100_000]).await.unwrap();
    cluster.crash();
    sender.write_all(&second[100_000..]).await.unwrap();
    drop(sender);
    let answer = under_way.await.unwrap();
    assert!(is_passing(&answer), "{answer:?}");

    // While it is away: no success, no "not there", and the process is well.
    let path = format!("/v2/team/app/blobs/{digest}");
    for path in ["/v2/team/app/manifests/earlier", &path, "/v2/_catalog"] {
        let answer = world.get(&admin(), path).await;
        assert!(is_passing(&answer), "{path}: {answer:?}");
    }
    assert_eq!(world.get(&admin(), "/healthz").await.status, 200);
    assert_eq!(world.get(&admin(), "/readyz").await.status, 503);
    cluster.start_again();

    eventually(async || (world.get(&admin(), "/readyz").await.status == 200).then_some(())).await;
    let at = stands(&world, &location).await.expect("an upload");
    assert!(at >= first.len(), "{at}");
    let path = format!("{location}?digest={digest}");
    let answer = tried(async || {
        let rest = whole[at..].to_vec();
        Answer::of(world.request(&admin(), "PUT", &path).body(rest)).await
    })
    .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(blob(&world, &digest).await.body == whole);
    assert_there(&world, "earlier", &earlier).await;
    // Workers, and whoever listens for their signals, go on by themselves.
    let later = image_with("zlib1g", "later");
    push(&world, "later", &later).await;
    let digest = Digest::sha256(&later.manifest());
    world.report("team/app", &digest).await;
    assert_sound(&world).await;
    world.stop().await;
}
