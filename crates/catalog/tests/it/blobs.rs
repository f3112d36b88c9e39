//! Uploads, blobs and the right to read them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catalog::{
    Advance, Catalog, CatalogError, NewBlob, Principal, Published, Referenced, Staging,
    UnlinkOutcome,
};
use oci::{Algorithm, Digest, DigestHasher, MidState};
use uuid::Uuid;

use crate::given::{
    account, app, at, blob, by, publish, pushed_image, repository, superuser, upload,
};

pub(crate) async fn an_upload_is_bound_to_its_repository_and_principal(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let other = account(&catalog, "other").await.principal();
    let elsewhere = repository(&catalog, "elsewhere", &dev).await.id;
    let upload = upload(&catalog, id, &dev, "o/1").await;

    assert!(
        catalog
            .upload(upload, id, dev.id, at(1))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        catalog
            .upload(upload, elsewhere, dev.id, at(1))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        catalog.upload(upload, id, other.id, at(1)).await.unwrap(),
        None
    );
    let mut closed = Vec::new();
    for principal in [other.id, dev.id, dev.id] {
        let gone = catalog.close_upload(upload, id, principal).await.unwrap();
        closed.push(gone.is_some_and(|gone| gone.id == upload));
    }
    assert_eq!(closed, [false, true, false]);
}

pub(crate) async fn only_one_of_two_writers_advances(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let upload = upload(&catalog, id, &dev, "o/1").await;
    let mut hasher = DigestHasher::new(Algorithm::Sha256);
    hasher.update(b"12345");
    let state = hasher.state();
    let to = Advance {
        offset: 5,
        hash_state: state.clone(),
        staging: Staging {
            multipart_id: Some("m".to_owned()),
            parts: "5\n\"a\"".to_owned(),
            tail: Some("t/1".to_owned()),
        },
        expires_at: at(90),
    };
    let late = Advance {
        offset: 9,
        hash_state: MidState(vec![0; 3]),
        staging: Staging::default(),
        expires_at: at(95),
    };
    assert!(catalog.advance_upload(upload, 0, &to).await.unwrap());
    assert!(!catalog.advance_upload(upload, 0, &late).await.unwrap());

    let found = catalog
        .upload(upload, id, dev.id, at(80))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.offset, found.version), (5, 1));
    assert_eq!(found.hash_state, Some(state));
    assert_eq!(found.staging, to.staging);
    assert_eq!(found.expires_at, at(90));
}

pub(crate) async fn an_expired_upload_is_gone_and_taken_once(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let upload = upload(&catalog, id, &dev, "o/1").await;
    assert_eq!(
        catalog.upload(upload, id, dev.id, at(60)).await.unwrap(),
        None
    );
    assert_eq!(catalog.take_expired_uploads(at(59), 10).await.unwrap(), []);
    let stray = uuid::Uuid::new_v4();
    let unknown = catalog.unknown_uploads(&[upload, stray]).await.unwrap();
    assert_eq!(unknown, [stray]);
    let taken = catalog.take_expired_uploads(at(60), 10).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].id, taken[0].object_key.as_str()), (upload, "o/1"));
    assert_eq!(catalog.take_expired_uploads(at(60), 10).await.unwrap(), []);
}

pub(crate) async fn a_published_blob_is_readable_in_its_repository_only(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let elsewhere = repository(&catalog, "elsewhere", &dev).await.id;
    assert_eq!(
        publish(&catalog, id, &dev, "content", "o/1").await,
        Published::New
    );
    let digest = Digest::sha256(b"content");
    let found = catalog.blob_in_repo(id, &digest).await.unwrap().unwrap();
    assert_eq!((found.size_bytes, found.object_key.as_str()), (7, "o/1"));
    assert_eq!(
        catalog.blob_in_repo(elsewhere, &digest).await.unwrap(),
        None
    );
    assert!(
        found.kept_until.is_some(),
        "the repository keeps it a while"
    );
    let of_nobody = catalog::Blob {
        kept_until: None,
        ..found
    };
    assert_eq!(catalog.blob(&digest).await.unwrap(), Some(of_nobody));
}

pub(crate) async fn a_second_object_of_the_same_digest_goes_to_the_trash(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    publish(&catalog, id, &dev, "content", "o/1").await;
    let kept = publish(&catalog, id, &dev, "content", "o/2").await;
    assert_eq!(
        kept,
        Published::Kept {
            discard: "o/2".into()
        }
    );
    let found = catalog
        .blob_in_repo(id, &Digest::sha256(b"content"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.object_key, "o/1");
    let discarded = catalog.discarded(10, at(2)).await.unwrap();
    assert_eq!(
        (discarded.len(), discarded[0].object_key.as_str()),
        (1, "o/2")
    );
    catalog
        .postpone_discarded(&discarded, "no such bucket", at(2))
        .await
        .unwrap();
    assert_eq!(catalog.discarded(10, at(2)).await.unwrap(), []);
    assert_eq!(catalog.discarded(10, at(3)).await.unwrap()[0].attempts, 1);
    catalog.forget_discarded(&discarded).await.unwrap();
    assert_eq!(catalog.discarded(10, at(3)).await.unwrap(), []);
}

pub(crate) async fn publishing_without_a_session_shows_nothing(catalog: Catalog) {
    let (_, id) = app(&catalog).await;
    let digest = Digest::sha256(b"content");
    let lost = NewBlob {
        repository: id,
        digest: &digest,
        size_bytes: 7,
        object_key: "o/1",
        upload: Uuid::new_v4(),
    };
    let refused = catalog.publish_blob(&lost, &by("dev"), at(1)).await;
    assert!(matches!(refused, Err(CatalogError::Conflict(_))));
    assert_eq!(catalog.blob(&digest).await.unwrap(), None);
}

pub(crate) async fn simultaneous_publishers_keep_one_object(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let tasks: Vec<_> = (0..6)
        .map(|n| {
            let (catalog, dev) = (catalog.clone(), dev.clone());
            tokio::spawn(
                async move { publish(&catalog, id, &dev, "content", &format!("o/{n}")).await },
            )
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        new += usize::from(task.await.unwrap() == Published::New);
    }
    assert_eq!(new, 1);
    let kept = catalog
        .blob(&Digest::sha256(b"content"))
        .await
        .unwrap()
        .unwrap()
        .object_key;
    let trash = catalog.discarded(10, at(9)).await.unwrap();
    assert_eq!(trash.len(), 5);
    assert!(trash.iter().all(|object| object.object_key != kept));
}

pub(crate) async fn a_mount_needs_the_source_to_have_the_blob(catalog: Catalog) {
    let (dev, from) = app(&catalog).await;
    let to = repository(&catalog, "copy", &dev).await.id;
    let digest = blob(&catalog, from, &dev, "content").await;
    let absent = Digest::sha256(b"absent");
    assert!(
        !catalog
            .mount_blob(from, to, &absent, &by("dev"), at(2))
            .await
            .unwrap()
    );
    assert!(
        catalog
            .mount_blob(from, to, &digest, &by("dev"), at(2))
            .await
            .unwrap()
    );
    assert!(catalog.blob_in_repo(to, &digest).await.unwrap().is_some());
}

pub(crate) async fn an_anonymous_mount_uses_only_what_the_viewer_may_pull(catalog: Catalog) {
    let (dev, from) = app(&catalog).await;
    let admin = superuser(&catalog).await;
    let other = account(&catalog, "other").await.principal();
    let to = repository(&catalog, "copy", &other).await.id;
    let digest = blob(&catalog, from, &dev, "content").await;
    assert!(
        !catalog
            .mount_blob_from_any(&other, to, &digest, &by("dev"), at(2))
            .await
            .unwrap()
    );
    assert_eq!(catalog.blob_in_repo(to, &digest).await.unwrap(), None);
    assert!(
        catalog
            .mount_blob_from_any(&dev, to, &digest, &by("dev"), at(2))
            .await
            .unwrap()
    );
    let third = repository(&catalog, "third", &other).await.id;
    assert!(
        catalog
            .mount_blob_from_any(&admin, third, &digest, &by("dev"), at(2))
            .await
            .unwrap()
    );
}

/// How long the answer takes must not tell that somebody else has the content: the same statements run for what is
/// hidden and for what is nowhere, and only whoever may pull it costs a transaction more.
pub(crate) async fn an_anonymous_mount_asks_the_same_whether_hidden_or_nowhere(catalog: Catalog) {
    let (dev, from) = app(&catalog).await;
    let other = account(&catalog, "other").await.principal();
    let to = repository(&catalog, "copy", &other).await.id;
    let hidden = blob(&catalog, from, &dev, "content").await;
    let nowhere = Digest::sha256(b"nowhere");
    let [reads, writes] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
    let count = |counter: &Arc<AtomicU64>| -> catalog::OnWait {
        let counter = Arc::clone(counter);
        Arc::new(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
        })
    };
    let catalog = catalog.observed(count(&reads), count(&writes));
    let mount = async |viewer: &Principal, digest: &Digest| {
        reads.store(0, Ordering::Relaxed);
        writes.store(0, Ordering::Relaxed);
        let mounted = catalog
            .mount_blob_from_any(viewer, to, digest, &by("dev"), at(2))
            .await
            .unwrap();
        let statements = (
            reads.load(Ordering::Relaxed),
            writes.load(Ordering::Relaxed),
        );
        (mounted, statements)
    };
    assert_eq!(mount(&other, &hidden).await, (false, (1, 0)));
    assert_eq!(mount(&other, &nowhere).await, (false, (1, 0)));
    assert_eq!(mount(&dev, &nowhere).await, (false, (1, 0)));
    assert_eq!(mount(&dev, &hidden).await, (true, (1, 1)));
}

pub(crate) async fn missing_blobs_are_named_in_order(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let there = blob(&catalog, id, &dev, "content").await;
    let mut asked: Vec<Digest> = (0..700_u32)
        .map(|n| Digest::sha256(&n.to_be_bytes()))
        .collect();
    let absent = asked.clone();
    asked.insert(300, there);
    assert_eq!(catalog.missing_blobs(id, &asked).await.unwrap(), absent);
    assert!(catalog.missing_blobs(id, &[]).await.unwrap().is_empty());
}

pub(crate) async fn a_referenced_blob_cannot_leave(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "{}", &[], 1).await;
    let loose = blob(&catalog, id, &dev, "loose").await;
    let layer = Digest::sha256(b"a layer");
    let by = by("dev");
    assert_eq!(
        catalog
            .unlink_blob(id, &layer, Referenced::Refuse, &by, at(2))
            .await
            .unwrap(),
        UnlinkOutcome::Referenced {
            by: Digest::sha256(body.as_bytes())
        }
    );
    assert!(catalog.blob_in_repo(id, &layer).await.unwrap().is_some());
    assert_eq!(
        catalog
            .unlink_blob(id, &loose, Referenced::Refuse, &by, at(2))
            .await
            .unwrap(),
        UnlinkOutcome::Unlinked
    );
    assert_eq!(
        catalog
            .unlink_blob(id, &loose, Referenced::Refuse, &by, at(2))
            .await
            .unwrap(),
        UnlinkOutcome::NotFound
    );
    assert_eq!(catalog.blob_in_repo(id, &loose).await.unwrap(), None);
}

pub(crate) async fn only_an_unpublished_object_is_discarded(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    publish(&catalog, id, &dev, "x", "o/1").await;
    for key in ["o/1", "o/2", "o/2"] {
        catalog.discard_unpublished(key, at(1)).await.unwrap();
    }
    let discarded = catalog.discarded(10, at(9)).await.unwrap();
    assert_eq!(
        (discarded.len(), discarded[0].object_key.as_str()),
        (1, "o/2")
    );
}
