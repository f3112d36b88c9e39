//! The disk fails under a running server: what it says, what it keeps, and that it goes on once the disk is well.
//!
//! A call at a step is made to fail ([`failpoint`]), or the disk is really full ([`full`]).

mod full;

pub(crate) use full::{inside, on_small_disk};

use oci::Digest;
use rstest::rstest;

use crate::crash::ends_clean;
use crate::samples::{application, noise};
use crate::serve::{Engine, Server, Site};
use crate::wire::{Answer, blob_path, manifest_path, open_upload, push_blob, push_image};

const NO_SPACE: i32 = 28;
const QUOTA: i32 = 122;
const IO: i32 = 5;
const TOO_MANY_FILES: i32 = 24;

/// More than the store writes at once.
const CHUNK: usize = 600 << 10;

/// A server whose disk can be told to fail, with an image that was there before.
struct Ill {
    site: Site,
    server: Server,
    pushes: u8,
}

impl Ill {
    fn new() -> Self {
        let site = Site::on(Engine::Sqlite);
        let armed = site.world.path("armed").display().to_string();
        let site = site.with_variable(failpoint::VARIABLE, &armed);
        let server = site.start();
        push_image(&server, "other/app", "1.0", &application());
        Self {
            site,
            server,
            pushes: 0,
        }
    }

    fn fails(&self, step: &str, number: i32) {
        self.site
            .world
            .write("armed", format!("fail {step} {number}"));
    }

    fn heals(&self) {
        self.site.world.write("armed", "");
    }

    /// Content that nobody pushed before.
    fn content(&mut self) -> Vec<u8> {
        self.pushes += 1;
        let mut bytes = noise(CHUNK + 5000);
        bytes[0] = self.pushes;
        bytes
    }

    fn assert_others_unharmed(&self) {
        let image = application();
        let answer = self.server.get(&manifest_path("other/app", "1.0"));
        assert!(answer.expect(200).body == image.manifest());
        let layer = &image.layers[0];
        let answer = self.server.get(&blob_path("other/app", &layer.digest()));
        assert!(answer.expect(200).body == layer.bytes);
    }

    fn assert_there(&self, digest: &Digest, bytes: &[u8]) {
        let answer = self.server.get(&blob_path("team/app", digest)).expect(200);
        assert!(answer.body == bytes, "another blob");
    }
}

/// Checks that a fault is told as what it is, without internals.
#[track_caller]
fn assert_told(answer: &Answer, number: i32) {
    let (code, message) = answer.error();
    let expected = match number {
        NO_SPACE | QUOTA => (507, "storage is full"),
        _ => (500, "internal error, incident "),
    };
    assert_eq!((answer.status, code.as_str()), (expected.0, "UNKNOWN"));
    assert!(message.contains(expected.1), "{message}");
    assert!(message.contains("incident "), "{message}");
    assert!(!message.contains('/'), "no path: {message}");
}

/// A push in two chunks, up to the first answer that is no success.
struct Push {
    /// Where it goes on, if it was opened.
    place: Option<String>,
    acknowledged: usize,
    refused: Option<Answer>,
}

fn push(server: &Server, bytes: &[u8], digest: &Digest) -> Push {
    let mut push = Push {
        place: None,
        acknowledged: 0,
        refused: None,
    };
    let opened = server.request("POST", "/v2/team/app/blobs/uploads/").send();
    if opened.status != 202 {
        push.refused = Some(opened);
        return push;
    }
    let place = opened.header("Location").expect("a place").to_owned();
    push.place = Some(place.clone());
    let (first, rest) = bytes.split_at(CHUNK);
    let answer = server.request("PATCH", &place).body(first).send();
    if answer.status != 202 {
        push.refused = Some(answer);
        return push;
    }
    push.acknowledged = first.len();
    let path = format!("{place}?digest={digest}");
    let answer = server.request("PUT", &path).body(rest).send();
    if answer.status != 201 {
        push.refused = Some(answer);
    }
    push
}

/// Goes on where the server says the upload stands, or begins again where it says that there is none.
fn go_on(server: &Server, push: &Push, bytes: &[u8], digest: &Digest) -> bool {
    let place = match &push.place {
        Some(place) => place.clone(),
        None => open_upload(server, "team/app"),
    };
    let status = server.get(&place).expect(204);
    let range = status.header("Range").expect("a range");
    let last: usize = range.trim_start_matches("0-").parse().expect("a number");
    let stands = if last == 0 { 0 } else { last + 1 };
    assert!(
        stands >= push.acknowledged,
        "{stands} of {} acknowledged bytes",
        push.acknowledged
    );
    let path = format!("{place}?digest={digest}");
    let answer = server.request("PUT", &path).body(&bytes[stands..]).send();
    if answer.status == 404 {
        assert_eq!(answer.error().0, "BLOB_UPLOAD_UNKNOWN");
        push_blob(server, "team/app", bytes);
        return false;
    }
    answer.expect(201);
    true
}

#[test]
fn every_call_may_fail_and_the_push_goes_on_once_the_disk_is_well() {
    let mut ill = Ill::new();
    let of_writing = [
        ("staged.create", true),
        ("staged.open", true),
        ("staged.write", true),
        ("staged.sync", true),
        ("staged.directory-sync", true),
        ("object.sync", true),
        ("object.fan-out-sync", true),
        ("object.rename", true),
        // The object is there, and nobody knows whether its name will stay: it begins again.
        ("directory.sync", false),
    ];
    for (step, goes_on) in of_writing {
        for number in [NO_SPACE, QUOTA, IO, TOO_MANY_FILES] {
            let bytes = ill.content();
            let digest = Digest::sha256(&bytes);
            // A sync of what is in a directory is made once for each; objects lie anywhere.
            let mut failed = None;
            ill.fails(step, number);
            for _ in 0..if step == "object.fan-out-sync" { 50 } else { 1 } {
                let push = push(&ill.server, &bytes, &digest);
                if push.refused.is_some() {
                    failed = Some(push);
                    break;
                }
            }
            let Some(failed) = failed else {
                panic!("nothing gets to `{step}`");
            };
            let answer = failed.refused.as_ref().expect("a refusal");
            assert_told(answer, number);
            ill.server.get("/healthz").expect(200);
            ill.assert_others_unharmed();
            if step != "object.fan-out-sync" {
                ill.server.get(&blob_path("team/app", &digest)).expect(404);
            }

            ill.heals();
            let went_on = go_on(&ill.server, &failed, &bytes, &digest);
            assert_eq!(went_on, goes_on, "{step}, {number}");
            ill.assert_there(&digest, &bytes);
        }
    }
    ends_clean(ill.server, &ill.site);
}

#[test]
fn a_write_that_takes_less_than_it_is_given_is_continued() {
    let mut ill = Ill::new();
    let bytes = ill.content();
    let digest = Digest::sha256(&bytes);
    ill.site.world.write("armed", "short staged.write");
    assert!(push(&ill.server, &bytes, &digest).refused.is_none());
    ill.heals();
    ill.assert_there(&digest, &bytes);
    ends_clean(ill.server, &ill.site);
}

#[test]
fn bytes_that_nobody_was_promised_give_their_room_back_at_once() {
    let mut ill = Ill::new();
    let bytes = ill.content();
    ill.fails("staged.write", NO_SPACE);
    let failed = push(&ill.server, &bytes, &Digest::sha256(&bytes));
    assert_told(&failed.refused.expect("a refusal"), NO_SPACE);
    let staged = |(path, size): &(std::path::PathBuf, u64)| {
        path.display().to_string().contains("/uploads/") && *size > 0
    };
    let left: Vec<_> = ill.site.blob_files().into_iter().filter(staged).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_upload_that_cannot_be_cut_waits_for_a_disk_that_can() {
    let mut ill = Ill::new();
    let bytes = ill.content();
    let digest = Digest::sha256(&bytes);
    ill.fails("staged.sync", IO);
    let failed = push(&ill.server, &bytes, &digest);
    assert_told(failed.refused.as_ref().expect("a refusal"), IO);
    ill.fails("staged.cut", IO);
    let place = failed.place.as_deref().expect("a place");
    let answer = ill.server.request("PATCH", place).body("again").send();
    assert_told(&answer, IO);
    ill.heals();
    assert!(go_on(&ill.server, &failed, &bytes, &digest));
    ill.assert_there(&digest, &bytes);
    ends_clean(ill.server, &ill.site);
}

#[test]
fn an_upload_that_cannot_be_read_again_is_hashed_otherwise_later() {
    let mut ill = Ill::new();
    let bytes = ill.content();
    let digest = Digest::compute(oci::Algorithm::Sha512, &bytes);
    ill.fails("staged.read", IO);
    let failed = push(&ill.server, &bytes, &digest);
    assert_told(failed.refused.as_ref().expect("a refusal"), IO);
    ill.heals();
    assert!(go_on(&ill.server, &failed, &bytes, &digest));
    ill.assert_there(&digest, &bytes);
    ends_clean(ill.server, &ill.site);
}

#[rstest]
#[case::not_opened("object.open", TOO_MANY_FILES)]
#[case::not_read("object.read", IO)]
fn an_object_that_cannot_be_read_is_a_fault_and_never_missing(
    #[case] step: &str,
    #[case] number: i32,
) {
    let ill = Ill::new();
    let layer = application().layers[0].clone();
    let path = blob_path("other/app", &layer.digest());
    ill.fails(step, number);
    assert_told(&ill.server.get(&path), number);
    let part = ill
        .server
        .request("GET", &path)
        .header("Range", "bytes=1-2");
    assert_told(&part.send(), number);
    ill.heals();
    ill.assert_others_unharmed();
}

#[test]
fn an_object_that_stops_being_readable_ends_the_answer_early() {
    let ill = Ill::new();
    let bytes = noise(8 << 20);
    let digest = push_blob(&ill.server, "team/app", &bytes);
    let request = ill.server.request("GET", &blob_path("team/app", &digest));
    let mut exchange = request.begin(0, b"");
    let first = exchange.read_some(1 << 10);
    assert!(first.starts_with(b"HTTP/1.1 200"));
    ill.fails("object.read", IO);
    let whole = [first, exchange.rest()].concat();
    let head = whole.windows(4).position(|window| window == b"\r\n\r\n");
    let body = &whole[head.expect("a head") + 4..];
    assert!(body.len() < bytes.len(), "the answer looks whole");
    assert!(bytes.starts_with(body), "what came is right");
    ill.heals();
    ill.assert_there(&digest, &bytes);
}

#[test]
fn an_object_that_cannot_be_deleted_is_deleted_later() {
    let ill = Ill::new();
    let digest = push_blob(&ill.server, "team/app", b"not for long");
    ill.fails("object.delete", IO);
    let path = blob_path("team/app", &digest);
    ill.server.request("DELETE", &path).send().expect(202);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(catalog::testkit::let_time_pass(&ill.site.catalog()));
    ill.server
        .request("POST", "/api/v1/gc/run")
        .send()
        .expect(202);
    ill.heals();
    ends_clean(ill.server, &ill.site);
}

#[test]
fn an_upload_that_cannot_be_deleted_is_given_up_all_the_same() {
    let ill = Ill::new();
    let place = open_upload(&ill.server, "team/app");
    ill.fails("staged.delete", IO);
    let answer = ill.server.request("DELETE", &place).send();
    assert_told(&answer, IO);
    ill.heals();
    let again = ill.server.request("DELETE", &place).send().expect(404);
    assert_eq!(again.error().0, "BLOB_UPLOAD_UNKNOWN");
    // What lies there without a session goes with the next start.
    ill.server.stop();
    let server = ill.site.start();
    ends_clean(server, &ill.site);
}

/// What the replay of power failures in `blobs` is about is what the server does: nothing is told before it is durable.
#[test]
fn a_row_follows_the_bytes_it_promises() {
    let site = Site::on(Engine::Sqlite);
    let trace = site.world.path("trace").display().to_string();
    let site = site.with_variable(failpoint::TRACE_VARIABLE, &trace);
    let server = site.start();
    server.get("/healthz").expect(200);
    let bytes = noise(CHUNK + 5000);
    let already = site.world.read("trace").lines().count();
    assert!(
        push(&server, &bytes, &Digest::sha256(&bytes))
            .refused
            .is_none()
    );
    let trace = site.world.read("trace");
    let mut done: Vec<&str> = trace
        .lines()
        .skip(already)
        .filter_map(|line| line.strip_prefix("after "))
        .filter(|name| {
            let step = failpoint::Step::ALL
                .iter()
                .find(|step| step.name() == *name);
            !step.expect("a step").leaves_nothing()
        })
        .collect();
    // A chunk is written in one batch or more.
    done.dedup();
    assert_eq!(
        done,
        [
            "upload.row",
            "staged.create",
            "staged.write",
            "staged.sync",
            "staged.directory-sync",
            "upload.advance",
            "staged.write",
            "object.sync",
            "object.fan-out-sync",
            "object.rename",
            "directory.sync",
            "blob.publish",
        ]
    );
}

#[test]
fn a_server_that_ran_out_of_descriptors_goes_on_when_there_are_some() {
    let site = Site::on(Engine::Sqlite).with_wrapper(&["prlimit", "--nofile=96:96"]);
    let server = site.start();
    push_image(&server, "other/app", "1.0", &application());
    let idle: Vec<std::net::TcpStream> = (0..200)
        .map(|_| std::net::TcpStream::connect(server.host()).expect("a place in the queue"))
        .collect();
    server.wait_for("every place for a connection is taken");
    drop(idle);
    let image = application();
    push_image(&server, "team/app", "1.0", &image);
    let answer = server.get(&manifest_path("other/app", "1.0")).expect(200);
    assert!(answer.body == image.manifest());
    ends_clean(server, &site);
}
