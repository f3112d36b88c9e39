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
const TRIP: &str = "::query: summary=";
/// So long nothing is heard once the work after a request is done.
const QUIET: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_mins(1);

/// What each request costs, in ways to the database.
const EXPECTED: [(&str, usize); 10] = [
    ("a new manifest", 7),
    ("a new tag", 10),
    ("the same again", 10),
    ("GET of a manifest", 3),
    ("HEAD of a manifest", 3),
    ("GET of a blob", 3),
    ("HEAD of a blob", 2),
    ("opening an upload", 4),
    ("a chunk", 5),
    ("closing an upload", 7),
];

/// What a server does whether somebody asks or not.
const ITS_OWN: [&str; 14] = [
    "\"BEGIN IMMEDIATE\"",
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

/// Returns how often the database was asked for a request and what it left to do.
#[track_caller]
fn count(server: &Server, request: impl FnOnce() -> Answer) -> usize {
    let before = settle(server);
    let answer = request();
    assert!(answer.status < 300, "{}", answer.text());
    settle(server) - before
}

#[test]
fn a_request_goes_to_the_database_as_often_as_written_here() {
    let site = Site::new().with_option("--log-level", "info,sqlx=debug");
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
    let mut counts = Vec::new();
    let by_tag = manifest_path("team/app", "1.0");
    get("GET", &by_tag).expect(200);
    get("GET", &blob_path("team/app", &image.layers[0].digest())).expect(200);

    counts.push(("a new manifest", count(&server, || put("2.0", &renewed))));
    counts.push(("a new tag", count(&server, || put("3.0", &renewed))));
    counts.push(("the same again", count(&server, || put("3.0", &renewed))));
    get("GET", &by_tag).expect(200);
    counts.push(("GET of a manifest", count(&server, || get("GET", &by_tag))));
    counts.push((
        "HEAD of a manifest",
        count(&server, || get("HEAD", &by_tag)),
    ));
    let layer = blob_path("team/app", &image.layers[0].digest());
    get("GET", &layer).expect(200);
    counts.push(("GET of a blob", count(&server, || get("GET", &layer))));
    counts.push(("HEAD of a blob", count(&server, || get("HEAD", &layer))));

    let bytes = b"a blob that nobody has seen";
    let digest = oci::Digest::sha256(bytes);
    let mut place = String::new();
    counts.push((
        "opening an upload",
        count(&server, || {
            let answer = server
                .request("POST", "/v2/team/app/blobs/uploads/")
                .send()
                .expect(202);
            answer
                .header("Location")
                .expect("a place")
                .clone_into(&mut place);
            answer
        }),
    ));
    counts.push((
        "a chunk",
        count(&server, || {
            server.request("PATCH", &place).body(bytes).send()
        }),
    ));
    counts.push((
        "closing an upload",
        count(&server, || {
            server
                .request("PUT", &format!("{place}?digest={digest}"))
                .send()
        }),
    ));
    server.stop();
    assert_eq!(counts, EXPECTED);
}
