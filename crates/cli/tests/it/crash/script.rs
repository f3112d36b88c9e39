//! What is done to a server, and the books about what it acknowledged.

use std::collections::BTreeMap;

use oci::{Digest, media_type};
use serde_json::json;

use super::collect_until_idle;
use crate::samples::noise;
use crate::serve::{Server, Site};
use crate::wire::{Answer, Request, blob_path, manifest_path};

const ONE: &str = "crash/one";
const TWO: &str = "crash/two";
/// A layer, and its first chunk: more than the store writes at once.
const OF_FILES: (usize, usize) = (700 << 10, 600 << 10);
/// The same for a bucket: more than one part of a multipart upload.
const OF_BUCKET: (usize, usize) = ((16 << 20) + 4321, (16 << 20) + 99);

/// A blob or tag: the repository, and the digest or name.
type Place = (&'static str, String);

/// What has been acknowledged, and what was under way when the server died.
#[derive(Default)]
pub(super) struct Books {
    blobs: BTreeMap<Place, Vec<u8>>,
    tags: BTreeMap<Place, Vec<u8>>,
    under_way: Option<Change>,
    upload: Option<Upload>,
}

/// One request that changes something.
enum Change {
    Blob(Place, Vec<u8>),
    NoBlob(Place),
    Tags(Vec<Place>, Vec<u8>),
    NoTag(Place),
    /// A deletion by digest, with the tags that end with it.
    NoManifest(Place),
    /// Nothing that anybody sees.
    Nothing,
}

/// An upload in chunks: where it goes on, what was acknowledged, and what it becomes.
struct Upload {
    path: String,
    acknowledged: usize,
    /// Whether the request that ends it has been sent.
    is_ending: bool,
    bytes: Vec<u8>,
}

impl Books {
    /// Sends a request and enters what its answer acknowledges. `None` when none came.
    #[track_caller]
    fn send(&mut self, change: Change, request: Request, status: u16) -> Option<Answer> {
        self.under_way = Some(change);
        let answer = request.attempt()?.expect(status);
        if let Some(change) = self.under_way.take() {
            self.enter(change);
        }
        Some(answer)
    }

    fn enter(&mut self, change: Change) {
        match change {
            Change::Blob(place, bytes) => {
                self.blobs.insert(place, bytes);
            }
            Change::NoBlob(place) => {
                self.blobs.remove(&place);
            }
            Change::Tags(places, bytes) => {
                let tags = places.into_iter().map(|place| (place, bytes.clone()));
                self.tags.extend(tags);
            }
            Change::NoTag(place) | Change::NoManifest(place) => {
                self.tags.remove(&place);
            }
            Change::Nothing => {}
        }
    }

    /// Checks that what was acknowledged is there, and that the change under way happened whole or not at all.
    pub(super) fn check(&mut self, server: &Server) {
        if let Some(change) = self.under_way.take()
            && happened(server, &change)
        {
            self.enter(change);
        }
        for ((repository, digest), bytes) in &self.blobs {
            let path = format!("/v2/{repository}/blobs/{digest}");
            let answer = server.get(&path).expect(200);
            assert!(answer.body == *bytes, "{path} has other bytes");
        }
        for ((repository, tag), bytes) in &self.tags {
            let path = manifest_path(repository, tag);
            let answer = server.get(&path).expect(200);
            assert!(answer.body == *bytes, "{path} has other bytes");
        }
    }

    /// Continues the upload in chunks where the server says it stands.
    pub(super) fn go_on(&mut self, server: &Server) {
        let Some(upload) = self.upload.take() else {
            return;
        };
        let digest = Digest::sha256(&upload.bytes);
        let status = server.get(&upload.path);
        if status.status == 404 {
            // Only what has become a blob may be gone: an acknowledged chunk is a promise.
            if upload.acknowledged > 0 {
                server.get(&blob_path(ONE, &digest)).expect(200);
            }
            return;
        }
        let range = status.expect(204);
        let range = range.header("Range").expect("a range").to_owned();
        let last: usize = range.trim_start_matches("0-").parse().expect("a number");
        let stands = if last == 0 { 0 } else { last + 1 };
        assert!(
            stands >= upload.acknowledged,
            "{stands} of {} acknowledged bytes",
            upload.acknowledged
        );
        let path = format!("{}?digest={digest}", upload.path);
        let rest = &upload.bytes[stands..];
        let answer = server.request("PUT", &path).body(rest).send();
        if upload.is_ending && answer.status == 404 {
            // Its bytes had become an object that nothing names: it is refused, and begins again.
            assert_eq!(answer.error().0, "BLOB_UPLOAD_UNKNOWN");
            return;
        }
        answer.expect(201);
        self.enter(Change::Blob((ONE, digest.to_string()), upload.bytes));
    }

    /// Blobs that no tag leads to may go from now on.
    fn forget_untagged(&mut self) {
        let tags: Vec<(&'static str, String)> = self
            .tags
            .iter()
            .map(|((repository, _), bytes)| {
                (*repository, String::from_utf8_lossy(bytes).into_owned())
            })
            .collect();
        self.blobs.retain(|(repository, digest), _| {
            tags.iter()
                .any(|(tagged, manifest)| tagged == repository && manifest.contains(digest))
        });
    }
}

/// Returns whether a change that nobody acknowledged happened; half of one fails the test.
fn happened(server: &Server, change: &Change) -> bool {
    match change {
        Change::Blob((repository, digest), bytes) => {
            let answer = server.get(&format!("/v2/{repository}/blobs/{digest}"));
            if answer.status != 404 {
                assert!(answer.expect(200).body == *bytes, "half a blob");
                return true;
            }
            false
        }
        Change::NoBlob((repository, digest)) => {
            let path = format!("/v2/{repository}/blobs/{digest}");
            let answer = server.get(&path);
            assert!([200, 404].contains(&answer.status), "{}", answer.text());
            answer.status == 404
        }
        Change::Tags(places, bytes) => {
            let there: Vec<bool> = places
                .iter()
                .map(|(repository, tag)| {
                    let answer = server.get(&manifest_path(repository, tag));
                    assert!([200, 404].contains(&answer.status), "{}", answer.text());
                    answer.status == 200 && answer.body == *bytes
                })
                .collect();
            let all = there.iter().all(|&is_there| is_there);
            assert!(all || !there.contains(&true), "half of the tags");
            all
        }
        Change::NoTag((repository, tag)) | Change::NoManifest((repository, tag)) => {
            let answer = server.get(&manifest_path(repository, tag));
            assert!([200, 404].contains(&answer.status), "{}", answer.text());
            answer.status == 404
        }
        Change::Nothing => false,
    }
}

/// Runs the script once. Content differs from round to round. `None` when the server died on the way.
pub(super) fn run(server: &Server, site: &Site, round: u64, books: &mut Books) -> Option<()> {
    let (layer_bytes, chunk_bytes) = if site.has_bucket() {
        OF_BUCKET
    } else {
        OF_FILES
    };
    let mut layer = noise(layer_bytes);
    layer[..8].copy_from_slice(&round.to_le_bytes());
    let config = format!("{{\"architecture\":\"amd64\",\"os\":\"linux\",\"author\":\"{round}\"}}");
    let extra = format!("extra {round}").into_bytes();

    push_in_chunks(server, &layer, chunk_bytes, books)?;
    push_whole(server, ONE, config.as_bytes(), books)?;
    push_whole(server, ONE, &extra, books)?;
    // The same content once more: one of the two objects goes.
    push_whole(server, TWO, &layer, books)?;
    let mounted = Digest::sha256(config.as_bytes());
    let path = format!("/v2/{TWO}/blobs/uploads/?mount={mounted}&from={ONE}");
    let change = Change::Blob((TWO, mounted.to_string()), config.clone().into_bytes());
    books.send(change, server.request("POST", &path), 201)?;

    let image = manifest(config.as_bytes(), &layer, "");
    put(server, ONE, &image, &["latest", "other"], books)?;
    put(server, TWO, &image, &["latest"], books)?;
    let doomed = manifest(config.as_bytes(), &layer, "doomed");
    put(server, ONE, &doomed, &["doomed"], books)?;

    give_an_upload_up(server, books)?;
    let path = manifest_path(ONE, "other");
    let change = Change::NoTag((ONE, "other".to_owned()));
    books.send(change, server.request("DELETE", &path), 202)?;
    let path = manifest_path(ONE, Digest::sha256(&doomed));
    let change = Change::NoManifest((ONE, "doomed".to_owned()));
    books.send(change, server.request("DELETE", &path), 202)?;
    let extra = Digest::sha256(&extra);
    let change = Change::NoBlob((ONE, extra.to_string()));
    books.send(
        change,
        server.request("DELETE", &blob_path(ONE, &extra)),
        202,
    )?;

    books.forget_untagged();
    collect_until_idle(server, site)
}

fn push_in_chunks(
    server: &Server,
    bytes: &[u8],
    chunk_bytes: usize,
    books: &mut Books,
) -> Option<()> {
    let path = format!("/v2/{ONE}/blobs/uploads/");
    let opened = books.send(Change::Nothing, server.request("POST", &path), 202)?;
    let path = opened.header("Location").expect("a place").to_owned();
    books.upload = Some(Upload {
        path: path.clone(),
        acknowledged: 0,
        is_ending: false,
        bytes: bytes.to_vec(),
    });
    let (first, rest) = bytes.split_at(chunk_bytes);
    let request = server.request("PATCH", &path).body(first);
    books.send(Change::Nothing, request, 202)?;
    if let Some(upload) = &mut books.upload {
        upload.acknowledged = first.len();
    }
    if let Some(upload) = &mut books.upload {
        upload.is_ending = true;
    }
    let digest = Digest::sha256(bytes);
    let request = server
        .request("PUT", &format!("{path}?digest={digest}"))
        .body(rest);
    let change = Change::Blob((ONE, digest.to_string()), bytes.to_vec());
    books.send(change, request, 201)?;
    books.upload = None;
    Some(())
}

fn push_whole(
    server: &Server,
    repository: &'static str,
    bytes: &[u8],
    books: &mut Books,
) -> Option<()> {
    let digest = Digest::sha256(bytes);
    let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
    let change = Change::Blob((repository, digest.to_string()), bytes.to_vec());
    let request = server.request("POST", &path).body(bytes);
    books.send(change, request, 201).map(drop)
}

fn put(
    server: &Server,
    repository: &'static str,
    bytes: &[u8],
    tags: &[&str],
    books: &mut Books,
) -> Option<()> {
    let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
    let path = manifest_path(repository, Digest::sha256(bytes));
    let request = server
        .request("PUT", &format!("{path}?{}", query.join("&")))
        .header("Content-Type", media_type::OCI_MANIFEST)
        .body(bytes);
    let places = tags.iter().map(|&tag| (repository, tag.to_owned()));
    let change = Change::Tags(places.collect(), bytes.to_vec());
    books.send(change, request, 201).map(drop)
}

fn give_an_upload_up(server: &Server, books: &mut Books) -> Option<()> {
    let path = format!("/v2/{ONE}/blobs/uploads/");
    let opened = books.send(Change::Nothing, server.request("POST", &path), 202)?;
    let path = opened.header("Location").expect("a place").to_owned();
    let request = server.request("PATCH", &path).body("given up");
    books.send(Change::Nothing, request, 202)?;
    books.send(Change::Nothing, server.request("DELETE", &path), 204)?;
    Some(())
}

fn manifest(config: &[u8], layer: &[u8], note: &str) -> Vec<u8> {
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": {
            "mediaType": media_type::OCI_CONFIG,
            "digest": Digest::sha256(config),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": Digest::sha256(layer),
            "size": layer.len(),
        }],
        "annotations": { "note": note },
    })
    .to_string()
    .into_bytes()
}
