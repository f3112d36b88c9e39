//! Deleting objects as collection does, a thousand in one call: the target is 500 a second with files and 1,000 keys a
//! second in a bucket.

use std::time::{Duration, Instant};

use blobs::testkit::Seaweed;
use blobs::{ObjectKey, Resume, Session, Staged, Store};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::{StreamExt as _, TryStreamExt as _};
use oci::{Algorithm, DigestHasher};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// Objects of one deletion, as collection takes them.
const OBJECTS: usize = 1_000;
/// Uploads at the same time, while the objects are made.
const UPLOADS: usize = 16;

async fn object(store: &Store) -> ObjectKey {
    let session = Session {
        upload: Uuid::new_v4(),
        key: ObjectKey::new(Uuid::new_v4()),
        staged: Staged::default(),
    };
    store.begin(session.upload).await.expect("a new upload");
    let locked = store.lock(session.upload).await.expect("its lock");
    let from = Resume {
        session: session.clone(),
        offset: 0,
        hasher: DigestHasher::new(Algorithm::Sha256),
        expected_bytes: None,
    };
    let mut writer = locked.resume(from).await.expect("a writer");
    writer
        .write(Bytes::from_static(&[7; 1024]))
        .await
        .expect("room");
    let sealed = writer.seal().await.expect("a sealed upload");
    sealed.commit().await.expect("an object");
    session.key
}

async fn objects(store: &Store) -> Vec<ObjectKey> {
    futures::stream::iter(0..OBJECTS)
        .map(|_| async { Ok::<_, std::convert::Infallible>(object(store).await) })
        .buffer_unordered(UPLOADS)
        .try_collect()
        .await
        .expect("objects")
}

/// Times deletions only: what is deleted has to be made each time.
fn deletions(runtime: &Runtime, store: &Store, rounds: u64) -> Duration {
    let mut taken = Duration::ZERO;
    for _ in 0..rounds {
        let keys = runtime.block_on(objects(store));
        let started = Instant::now();
        runtime.block_on(store.delete_all(&keys)).expect("deleted");
        taken += started.elapsed();
    }
    taken
}

fn deletion(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory on the disk");
    let stores = [
        (
            "files",
            runtime
                .block_on(Store::open_fs(root.path()))
                .expect("a store"),
        ),
        (
            "bucket",
            runtime.block_on(async { Seaweed::shared().await.store().await }),
        ),
    ];
    let mut group = c.benchmark_group("delete 1,000 objects");
    group.throughput(Throughput::Elements(OBJECTS as u64));
    group.sample_size(10);
    group.warm_up_time(Duration::from_secs(1));
    for (name, store) in &stores {
        group.bench_function(*name, |b| {
            b.iter_custom(|rounds| deletions(&runtime, store, rounds));
        });
    }
    group.finish();
}

criterion_group!(benches, deletion);
criterion_main!(benches);
