//! What the server stands on fails: the bucket ([`bucket`]), the database ([`database`]), the clock ([`clock`]).
//!
//! After each: what was acknowledged is there, nothing wrong was served, the push goes on, and the check of everything
//! finds no fault.

mod bucket;
mod clock;
mod database;

use oci::Digest;
use server::admin::{Admin, CheckOptions};

use crate::world::{Answer, World, admin, now};

/// Checks everything that is stored, byte by byte.
async fn assert_sound(world: &World) {
    let settings = world.seen_settings();
    let admin = Admin::open(&settings.database).await.expect("a catalog");
    let options = CheckOptions {
        is_deep: true,
        sparse: server::Sparse::default(),
        may_delete_referenced: false,
    };
    let report = admin
        .check(&settings.storage, &settings.data, options, now())
        .await
        .expect("a check");
    admin.close().await;
    assert!(!report.has_faults(), "{:#?}", report.findings);
}

/// Checks that a fault is told as one, without internals, and not as the client's mistake.
#[track_caller]
fn assert_fault(answer: &Answer) {
    let error = answer.error(answer.status, "UNKNOWN");
    let message = error["message"].as_str().expect("a sentence");
    assert!(matches!(answer.status, 500 | 503), "{answer:?}");
    assert!(message.contains("incident "), "{message}");
}

async fn blob(world: &World, digest: &Digest) -> Answer {
    let path = format!("/v2/team/app/blobs/{digest}");
    world.get(&admin(), &path).await
}

/// Where the server says that an upload stands.
async fn offset(world: &World, location: &str) -> Option<usize> {
    let status = world.get(&admin(), location).await;
    if status.status == 404 {
        return None;
    }
    assert_eq!(status.status, 204, "{status:?}");
    let last: usize = status
        .header("range")
        .trim_start_matches("0-")
        .parse()
        .expect("a number");
    Some(if last == 0 { 0 } else { last + 1 })
}
