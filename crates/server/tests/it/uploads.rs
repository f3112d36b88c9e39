//! Upload sessions: every way to push, and every way to fail at it.

use oci::{Algorithm, Digest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{Answer, PASSWORD, World, admin, eventually};

async fn patch(world: &World, location: &str, range: Option<&str>, body: &str) -> Answer {
    let mut request = world
        .request(&admin(), "PATCH", location)
        .body(body.to_owned());
    if let Some(range) = range {
        request = request.header("content-range", range);
    }
    Answer::of(request).await
}

async fn finish(world: &World, location: &str, digest: &Digest, body: &str) -> Answer {
    let path = format!("{location}?digest={digest}");
    Answer::of(world.request(&admin(), "PUT", &path).body(body.to_owned())).await
}

async fn content(world: &World, digest: &Digest) -> String {
    let answer = world
        .get(&admin(), &format!("/v2/team/app/blobs/{digest}"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

pub(crate) async fn a_blob_is_pushed_in_every_way(world: &mut World) {
    let digest = world.push_blob(&admin(), "team/app", b"one request").await;
    assert_eq!(content(world, &digest).await, "one request");

    let location = world.session(&admin(), "team/app").await;
    let digest = Digest::sha256(b"post then put");
    let answer = finish(world, &location, &digest, "post then put").await;
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.header("location"),
        format!("/v2/team/app/blobs/{digest}")
    );
    assert_eq!(answer.header("docker-content-digest"), digest.as_str());

    let location = world.session(&admin(), "team/app").await;
    let status = world.get(&admin(), &location).await;
    assert_eq!((status.status, status.header("range")), (204, "0-0"));
    let answer = patch(world, &location, Some("0-3"), "abcd").await;
    assert_eq!((answer.status, answer.header("range")), (202, "0-3"));
    let answer = patch(world, &location, None, "ef").await;
    assert_eq!((answer.status, answer.header("range")), (202, "0-5"));
    let digest = Digest::sha256(b"abcdefgh");
    let path = format!("{location}?digest={digest}");
    let last = world
        .request(&admin(), "PUT", &path)
        .header("content-range", "6-7")
        .body("gh");
    assert_eq!(Answer::of(last).await.status, 201);
    assert_eq!(content(world, &digest).await, "abcdefgh");

    // A client may name its digest's algorithm at the start or only at the end.
    let digest = Digest::compute(Algorithm::Sha512, b"sha512");
    for query in ["", "?digest-algorithm=sha512"] {
        let start = format!("/v2/team/app/blobs/uploads/{query}");
        let answer = world.send(&admin(), "POST", &start).await;
        assert_eq!(answer.status, 202);
        let location = answer.header("location").to_owned();
        assert_eq!(patch(world, &location, None, "sha").await.status, 202);
        assert_eq!(finish(world, &location, &digest, "512").await.status, 201);
        assert_eq!(content(world, &digest).await, "sha512");
    }
    let unsupported = "/v2/team/app/blobs/uploads/?digest-algorithm=md5";
    world
        .send(&admin(), "POST", unsupported)
        .await
        .error(400, "DIGEST_INVALID");
}

pub(crate) async fn a_chunk_out_of_place_is_refused_before_its_bytes(world: &mut World) {
    let location = world.session(&admin(), "team/app").await;
    assert_eq!(
        patch(world, &location, Some("0-3"), "abcd").await.status,
        202
    );
    for range in ["0-3", "5-8", "4", "a-b", "bytes 4-7/8", "4-6", "4-9", "7-4"] {
        let answer = patch(world, &location, Some(range), "efgh").await;
        answer.error(416, "BLOB_UPLOAD_INVALID");
        let status = world.get(&admin(), &location).await;
        assert_eq!(
            (status.status, status.header("range")),
            (204, "0-3"),
            "{range}"
        );
    }
    let digest = Digest::sha256(b"abcdefgh");
    let path = format!("{location}?digest={digest}");
    let wrong = world
        .request(&admin(), "PUT", &path)
        .header("content-range", "0-3")
        .body("efgh");
    Answer::of(wrong).await.error(416, "BLOB_UPLOAD_INVALID");
    assert_eq!(finish(world, &location, &digest, "efgh").await.status, 201);
}

pub(crate) async fn a_wrong_digest_leaves_nothing(world: &mut World) {
    let claimed = Digest::sha256(b"something else");
    let path = format!("/v2/team/app/blobs/uploads/?digest={claimed}");
    let request = world.request(&admin(), "POST", &path).body("content");
    Answer::of(request).await.error(400, "DIGEST_INVALID");
    let location = world.session(&admin(), "team/app").await;
    assert_eq!(patch(world, &location, None, "content").await.status, 202);
    world
        .send(&admin(), "PUT", &location)
        .await
        .error(400, "DIGEST_INVALID");
    let malformed = format!("{location}?digest=sha256:zz");
    world
        .send(&admin(), "PUT", &malformed)
        .await
        .error(400, "DIGEST_INVALID");
    finish(world, &location, &claimed, "")
        .await
        .error(400, "DIGEST_INVALID");
    world
        .get(&admin(), &location)
        .await
        .error(404, "BLOB_UPLOAD_UNKNOWN");
    for digest in [claimed, Digest::sha256(b"content")] {
        let path = format!("/v2/team/app/blobs/{digest}");
        assert_eq!(world.send(&admin(), "HEAD", &path).await.status, 404);
    }
    let store = world.store().await;
    assert!(
        store.list_uploads().await.unwrap().is_empty(),
        "staged bytes are gone"
    );
    assert!(store.list(None, 1).await.unwrap().is_empty());
}

/// Begins a chunk, and leaves the rest to the caller.
async fn begun(world: &World, location: &str, headers: &str, body: &str) -> TcpStream {
    begun_with(world, "PATCH", location, headers, body).await
}

async fn begun_with(
    world: &World,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> TcpStream {
    use base64::Engine as _;
    let credential = base64::engine::general_purpose::STANDARD.encode(format!("admin:{PASSWORD}"));
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {credential}\r\n{headers}\r\n\r\n{body}",
        world.address()
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

/// Sends a request whose body breaks off.
async fn broken(world: &World, method: &str, path: &str, headers: &str, body: &str) {
    let stream = begun_with(world, method, path, headers, body).await;
    // The bytes are on their way; then the client dies.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    drop(stream);
}

pub(crate) async fn a_broken_body_keeps_what_arrived(world: &mut World) {
    for headers in ["content-length: 100", "transfer-encoding: chunked"] {
        let location = world.session(&admin(), "team/app").await;
        let body = if headers.starts_with("content") {
            "abcd"
        } else {
            "4\r\nabcd\r\n"
        };
        broken(world, "PATCH", &location, headers, body).await;
        eventually(async || {
            let status = world.get(&admin(), &location).await;
            assert_eq!(status.status, 204);
            (status.header("range") == "0-3").then_some(())
        })
        .await;
        let digest = Digest::sha256(b"abcd");
        // Also a broken last request is no end.
        let path = format!("{location}?digest={digest}");
        broken(world, "PUT", &path, headers, body).await;
        eventually(async || {
            let status = world.get(&admin(), &location).await;
            assert_eq!(status.status, 204, "the session lives");
            (status.header("range") == "0-7").then_some(())
        })
        .await;
        let whole = Digest::sha256(b"abcdabcd!");
        assert_eq!(finish(world, &location, &whole, "!").await.status, 201);
        assert_eq!(content(world, &whole).await, "abcdabcd!");
    }
}

pub(crate) async fn a_session_is_bound_to_its_repository_and_owner(world: &mut World) {
    world.push_blob(&admin(), "team/other", b"x").await;
    let location = world.session(&admin(), "team/app").await;
    let writer = world.robot("writer", "team/app", "write").await;
    let id = location.rsplit('/').next().unwrap();
    let digest = Digest::sha256(b"abcd");
    for (who, path) in [
        (&writer, location.clone()),
        (&admin(), format!("/v2/team/other/blobs/uploads/{id}")),
        (&admin(), "/v2/team/app/blobs/uploads/not-an-id".to_owned()),
    ] {
        for method in ["GET", "PATCH", "PUT", "DELETE"] {
            let path = format!("{path}?digest={digest}");
            let request = world.request(who, method, &path).body("abcd");
            Answer::of(request).await.error(404, "BLOB_UPLOAD_UNKNOWN");
        }
    }
    let status = world.get(&admin(), &location).await;
    assert_eq!((status.status, status.header("range")), (204, "0-0"));
    // Asking about an upload makes no repository.
    let path = format!("/v2/team/new/blobs/uploads/{id}");
    world.get(&admin(), &path).await.error(404, "NAME_UNKNOWN");
    world
        .get(&admin(), "/v2/team/new/tags/list")
        .await
        .error(404, "NAME_UNKNOWN");
}

pub(crate) async fn a_cancelled_session_is_gone(world: &mut World) {
    let location = world.session(&admin(), "team/app").await;
    assert_eq!(patch(world, &location, None, "abcd").await.status, 202);
    assert_eq!(world.send(&admin(), "DELETE", &location).await.status, 204);
    for method in ["DELETE", "GET"] {
        world
            .send(&admin(), method, &location)
            .await
            .error(404, "BLOB_UPLOAD_UNKNOWN");
    }
}

pub(crate) async fn two_writers_of_one_session_lose_nothing(world: &mut World) {
    let location = world.session(&admin(), "team/app").await;
    let chunk = "x".repeat(200_000);
    let range = format!("0-{}", chunk.len() - 1);
    let attempts = (0..6).map(|_| patch(world, &location, Some(&range), &chunk));
    let answers = futures::future::join_all(attempts).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(
        accepted,
        1,
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 202 | 416))
    );
    let digest = Digest::sha256(chunk.as_bytes());
    assert_eq!(finish(world, &location, &digest, "").await.status, 201);
}

pub(crate) async fn an_end_that_comes_before_its_last_chunk_has_is_told_to_wait(world: &mut World) {
    let location = world.session(&admin(), "team/app").await;
    let digest = Digest::sha256(b"abcdefgh");
    let mut stream = begun(world, &location, "content-length: 8", "abcd").await;
    eventually(async || {
        let metrics = world.get(&admin(), "/metrics").await.text();
        metrics
            .contains("tidegate_uploads_in_flight 1")
            .then_some(())
    })
    .await;
    finish(world, &location, &digest, "")
        .await
        .error(416, "BLOB_UPLOAD_INVALID");
    stream.write_all(b"efgh").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 202");
    assert_eq!(finish(world, &location, &digest, "").await.status, 201);
    assert_eq!(content(world, &digest).await, "abcdefgh");
}

pub(crate) async fn a_body_that_lies_about_its_length_is_never_a_blob(world: &mut World) {
    let digest = Digest::sha256(b"abcd");
    // More than was announced belongs to the next request, and is none.
    let location = world.session(&admin(), "team/app").await;
    let mut stream = begun(world, &location, "content-length: 4", "abcdefgh").await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 202");
    let status = world.get(&admin(), &location).await;
    assert_eq!(status.header("range"), "0-3");
    assert_eq!(finish(world, &location, &digest, "").await.status, 201);
    // A range that says another length than the body has, or says it twice.
    for headers in [
        "content-length: 4\r\ncontent-range: 0-7",
        "content-length: 4\r\ncontent-range: 0-1",
        "content-length: 4\r\ncontent-length: 8",
        "content-length: 4\r\ntransfer-encoding: chunked",
        "content-length: -4",
        "content-length: 18446744073709551616",
    ] {
        let location = world.session(&admin(), "team/app").await;
        // No length of a chunk, should it be read as chunks.
        let mut stream = begun(world, &location, headers, "wxyz\r\n").await;
        let mut answer = [0; 10];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 4", "{headers}");
        let status = world.get(&admin(), &location).await;
        assert_eq!(status.header("range"), "0-0", "{headers}");
    }
}

/// What hyper sends back to a raw request, for tests that need the bytes.
pub(crate) async fn raw(world: &World, request: &str) -> String {
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
