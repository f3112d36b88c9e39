//! How often a request goes to the database: the part of its price that does not depend on the machine.
//!
//! What is counted are the ways to the database, as its driver logs them: a batch is one. Opening and ending transactions
//! is not counted, since idle workers do that too, and neither is what the server does by itself.
//!
//! A number that rises is a push that got slower: find out what asks anew before changing the table.

use std::time::{Duration, Instant};

use crate::samples::application;
use crate::serve::{Server, Site};
use crate::wire::{Answer, blob_path, manifest_path, push_image};

/// The driver's line about one way to the database.
const TRIP: &str = "sqlx::query: summary=";
/// So long nothing is heard once the work after a request is done.
const QUIET: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_mins(1);

/// What a server does whether somebody asks or not.
const ITS_OWN: [&str; 14] = [
    "\"BEGIN",
    "\"COMMIT",
    "\"ROLLBACK",
    "\"RELEASE",
    "\"SAVEPOINT",
    "\"WITH picked",
    "FROM schedule",
    "FROM upstream",
    "FROM mirror",
    "FROM job",
    "UPDATE job",
    "FROM upload WHERE expires_at",
    "FROM trash",
    "pull_stat",
];

/// Returns the ways to the database so far, one line each.
fn trips(server: &Server) -> Vec<String> {
    let log = server.log();
    let trips = log.lines().filter(|line| line.contains(TRIP));
    trips
        .filter(|line| !ITS_OWN.iter().any(|own| line.contains(own)))
        .map(str::to_owned)
        .collect()
}

/// Waits until nothing is asked any more.
fn settle(server: &Server) -> usize {
    let deadline = Instant::now() + PATIENCE;
    let (mut count, mut since) = (trips(server).len(), Instant::now());
    while since.elapsed() < QUIET {
        assert!(Instant::now() < deadline, "it never rests");
        std::thread::sleep(Duration::from_millis(20));
        let now = trips(server).len();
        if now != count {
            (count, since) = (now, Instant::now());
        }
    }
    count
}

#[track_caller]
fn check(server: &Server, what: &str, expected: usize, request: impl FnOnce() -> Answer) {
    let before = settle(server);
    let answer = request();
    assert!(answer.status < 300, "{what}: {}", answer.text());
    let after = settle(server);
    let asked = trips(server)[before..].join("\n");
    assert_eq!(after - before, expected, "{what} asked:\n{asked}");
}

#[test]
fn a_request_goes_to_the_database_as_often_as_written_here() {
    let site = Site::new().with_option("--log-level", "info,sqlx::query=debug");
    let server = site.start();
    let image = application();
    push_image(&server, "team/app", "1.0", &image);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    // Another manifest of the same content, as a new build of it is.
    let text = String::from_utf8(image.manifest()).expect("JSON");
    let renewed = text.replacen('{', "{\"annotations\":{\"mark\":\"renewed\"},", 1);
    let put = |tag: &str, body: &str| {
        server
            .request("PUT", &manifest_path("team/app", tag))
            .header("Content-Type", kind)
            .body(body)
            .send()
    };
    let get = |method: &str, path: &str| server.request(method, path).send();
    let by_tag = manifest_path("team/app", "1.0");
    get("GET", &by_tag).expect(200);
    get("GET", &blob_path("team/app", &image.layers[0].digest())).expect(200);

    check(&server, "a new manifest", 0, || put("2.0", &renewed));
    check(&server, "a new tag", 0, || put("3.0", &renewed));
    check(&server, "the same again", 0, || put("3.0", &renewed));
    get("GET", &by_tag).expect(200);
    check(&server, "GET of a manifest", 0, || get("GET", &by_tag));
    check(&server, "HEAD of a manifest", 0, || get("HEAD", &by_tag));
    let layer = blob_path("team/app", &image.layers[0].digest());
    get("GET", &layer).expect(200);
    check(&server, "GET of a blob", 0, || get("GET", &layer));
    check(&server, "HEAD of a blob", 0, || get("HEAD", &layer));

    let bytes = b"a blob that nobody has seen";
    let digest = oci::Digest::sha256(bytes);
    let mut place = String::new();
    check(&server, "opening an upload", 0, || {
        let answer = server
            .request("POST", "/v2/team/app/blobs/uploads/")
            .send()
            .expect(202);
        answer
            .header("Location")
            .expect("a place")
            .clone_into(&mut place);
        answer
    });
    check(&server, "a chunk", 0, || {
        server.request("PATCH", &place).body(bytes).send()
    });
    check(&server, "closing an upload", 0, || {
        server
            .request("PUT", &format!("{place}?digest={digest}"))
            .send()
    });
    server.stop();
}
