//! The store on each backend: one suite, instantiated by a line.
//!
//! Adding a backend: a function that makes an empty store of it, and one line at the end of this file. What only files
//! can do wrong is in `fs` and `power`, what only an object store can in `s3`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod fs;
mod power;
mod s3;
mod suite;

use blobs::Store;
use blobs::testkit::Seaweed;

/// An empty store, and what must live as long as it.
struct Backend {
    store: Store,
    root: tempfile::TempDir,
}

async fn fs_backend() -> Backend {
    let root = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open_fs(root.path()).await.expect("a store");
    Backend { store, root }
}

async fn s3_backend() -> Backend {
    Backend {
        store: Seaweed::shared().await.store().await,
        root: tempfile::tempdir().expect("a temporary directory"),
    }
}

macro_rules! blob_conformance {
    ($name:ident, $backend:path) => {
        blob_conformance!($name, $backend:
            what_is_written_comes_back_whole,
            chunks_of_every_size_make_the_same_object,
            nothing_is_visible_before_the_commit,
            an_upload_continues_from_its_checkpoint,
            bytes_beyond_the_checkpoint_are_cut_off,
            an_upload_that_lost_durable_bytes_says_so,
            a_second_writer_is_refused_while_the_first_is_at_work,
            whoever_waited_for_the_lock_finds_the_bytes_untouched,
            an_aborted_upload_is_gone,
            another_algorithm_is_computed_at_the_end,
            every_range_inside_the_object_is_served,
            a_range_outside_the_object_is_refused,
            deleting_twice_succeeds,
            many_objects_are_deleted_at_once,
            objects_are_listed_in_order_by_pages,
            an_unknown_key_is_not_found,
            concurrent_uploads_do_not_mix,
            an_object_is_read_synchronously_too,
        );
    };
    ($name:ident, $backend:path: $($case:ident,)+) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let backend = $backend().await;
                    crate::suite::$case(backend.store.clone()).await;
                    drop(backend);
                }
            )+
        }
    };
}

blob_conformance!(fs_store, crate::fs_backend);
blob_conformance!(s3_store, crate::s3_backend);
