//! A catalog with the objects it names: what there is, read from the tables themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use catalog::testkit::open;
use catalog::{Actor, Catalog, NewBlob, NewUpload, Pass, Principal, Published, RepositoryId};
use jiff::Timestamp;
use oci::{Algorithm, Digest};
use sqlx::Row as _;
use uuid::Uuid;

/// A manifest or a blob in a repository.
pub(crate) type Place = (i64, String);

/// A catalog, its tables, and a store that is a set of keys.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pool: sqlx::AnyPool,
    objects: Arc<Mutex<BTreeSet<String>>>,
}

/// What the tables say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) manifests: BTreeSet<Place>,
    pub(crate) links: BTreeSet<Place>,
    /// Digest to object key.
    pub(crate) blobs: BTreeMap<String, String>,
    pub(crate) bodies: BTreeSet<String>,
    pub(crate) objects: BTreeSet<String>,
    /// Tags that lead somewhere.
    pub(crate) tags: BTreeSet<Place>,
    pub(crate) reviews: i64,
    pub(crate) trash: i64,
}

impl World {
    pub(crate) async fn new(url: &str) -> Self {
        Self {
            catalog: Catalog::connect(url).await.unwrap(),
            pool: open(url).await,
            objects: Arc::default(),
        }
    }

    pub(crate) async fn close(self) {
        self.pool.close().await;
        self.catalog.close().await;
    }

    pub(crate) async fn state(&self) -> State {
        let mut state = State {
            objects: self.objects.lock().unwrap().clone(),
            ..State::default()
        };
        let rows = |sql: &'static str| sqlx::query(sql).fetch_all(&self.pool);
        let place = |row: &sqlx::any::AnyRow| (row.get::<i64, _>(0), row.get::<String, _>(1));
        for row in rows("SELECT repository_id, digest FROM manifest")
            .await
            .unwrap()
        {
            state.manifests.insert(place(&row));
        }
        for row in rows("SELECT repository_id, digest FROM repo_blob")
            .await
            .unwrap()
        {
            state.links.insert(place(&row));
        }
        for row in rows("SELECT digest, object_key FROM blob").await.unwrap() {
            state.blobs.insert(row.get(0), row.get(1));
        }
        for row in rows("SELECT digest FROM manifest_body").await.unwrap() {
            state.bodies.insert(row.get(0));
        }
        for row in rows("SELECT repository_id, name FROM tag WHERE live_name IS NOT NULL")
            .await
            .unwrap()
        {
            state.tags.insert(place(&row));
        }
        state.reviews = rows("SELECT COUNT(*) FROM gc_review").await.unwrap()[0].get(0);
        state.trash = rows("SELECT COUNT(*) FROM trash").await.unwrap()[0].get(0);
        state
    }

    /// Returns when a tag last ended.
    pub(crate) async fn tag_end(&self, repository: i64, tag: &str) -> Timestamp {
        const END: &str = "SELECT MAX(end_us) FROM tag WHERE repository_id = $1 AND name = $2";
        let row = sqlx::query(END).bind(repository).bind(tag.to_owned());
        let row = row.fetch_one(&self.pool).await.unwrap();
        Timestamp::from_microsecond(row.get(0)).unwrap()
    }

    /// Returns the bytes of all blobs.
    pub(crate) async fn blob_bytes(&self) -> u64 {
        const BYTES: &str = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM blob";
        let row = sqlx::query(BYTES).fetch_one(&self.pool).await.unwrap();
        u64::try_from(row.get::<i64, _>(0)).unwrap()
    }

    pub(crate) fn has_object(&self, key: &str) -> bool {
        self.objects.lock().unwrap().contains(key)
    }

    /// Uploads content as a client does: a session, an object under a fresh key, the row.
    pub(crate) async fn publish(
        &self,
        repository: RepositoryId,
        principal: &Principal,
        content: &str,
        now: Timestamp,
    ) -> Published {
        let (id, key) = (Uuid::new_v4(), Uuid::new_v4().to_string());
        let upload = NewUpload {
            id,
            repository,
            principal: principal.id,
            object_key: key.clone(),
            algorithm: Algorithm::Sha256,
            expires_at: now + jiff::SignedDuration::from_hours(1),
        };
        self.catalog.create_upload(&upload, now).await.unwrap();
        self.objects.lock().unwrap().insert(key.clone());
        let digest = Digest::sha256(content.as_bytes());
        let new = NewBlob {
            repository,
            digest: &digest,
            size_bytes: content.len() as u64,
            object_key: &key,
            upload: id,
        };
        let by = Actor::named(&principal.name);
        self.catalog.publish_blob(&new, &by, now).await.unwrap()
    }

    /// Deletes discarded objects; with `dies`, the process ends before it can say so.
    pub(crate) async fn empty_trash(&self, limit: u32, now: Timestamp, dies: bool) -> u64 {
        let discarded = self.catalog.discarded(limit, now).await.unwrap();
        for object in &discarded {
            self.objects.lock().unwrap().remove(&object.object_key);
        }
        if !dies {
            self.catalog.forget_discarded(&discarded).await.unwrap();
        }
        discarded.len() as u64
    }

    /// Runs every pass until none finds anything due.
    pub(crate) async fn collect_all(&self, now: Timestamp) {
        loop {
            let mut found = 0;
            for pass in Pass::ALL {
                found += self.catalog.collect(pass, 100, now).await.unwrap().reviewed;
            }
            found += self.empty_trash(100, now, false).await;
            if found == 0 {
                return;
            }
        }
    }

    /// Lets everything run down that no tag keeps: protections, windows and graces end one after another.
    pub(crate) async fn run_down(&self, mut now: Timestamp) -> Timestamp {
        for _ in 0..8 {
            now += jiff::SignedDuration::from_hours(15 * 24);
            self.collect_all(now).await;
        }
        for _ in 0..8 {
            now += jiff::SignedDuration::from_mins(20);
            self.collect_all(now).await;
        }
        now
    }
}

impl State {
    /// What must hold at every moment: a right leads to a blob, a blob to an object, a manifest to a body.
    #[track_caller]
    pub(crate) fn is_whole(&self, what: &str) {
        for (_, digest) in &self.links {
            assert!(
                self.blobs.contains_key(digest),
                "{what}: a right to a blob that is gone"
            );
        }
        for key in self.blobs.values() {
            assert!(
                self.objects.contains(key),
                "{what}: a blob whose object is gone"
            );
        }
        for (_, digest) in &self.manifests {
            assert!(
                self.bodies.contains(digest),
                "{what}: a manifest without its bytes"
            );
        }
    }
}
