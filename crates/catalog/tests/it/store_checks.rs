//! Quarantine: what is known to be missing or damaged is read by nobody and comes back by a new upload.

use catalog::{
    BlobRow, Catalog, CheckProgress, Fault, Generation, Published, PutError, Sparse, StoreCheck,
};

use crate::given::{app, at, by, image, publish, put, repository, try_put};

async fn row(catalog: &Catalog, content: &str) -> BlobRow {
    let digest = oci::Digest::sha256(content.as_bytes());
    catalog.blob_row(&digest).await.unwrap().unwrap()
}

async fn generation(catalog: &Catalog) -> Generation {
    let name = "app".parse().unwrap();
    catalog.repository_now(&name).await.unwrap().0
}

pub(crate) async fn a_quarantined_blob_is_not_had_and_a_new_upload_heals_it(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let copy = repository(&catalog, "copy", &dev).await.id;
    publish(&catalog, id, &dev, "{}", "o/1").await;
    let body = image("{}", &[], "");
    put(&catalog, id, &body, &[], 1).await;
    let (row, before) = (row(&catalog, "{}").await, generation(&catalog).await);
    assert!(
        catalog
            .quarantine(&row, Fault::Damaged, "its hash is x", at(2))
            .await
            .unwrap()
    );

    let after = generation(&catalog).await;
    assert_ne!(
        before.repository, after.repository,
        "nobody may rely on memory"
    );
    let found = catalog
        .blob_in_repo(id, &row.digest)
        .await
        .unwrap()
        .unwrap();
    assert!(found.is_quarantined && !found.is_condemned);
    let digests = std::slice::from_ref(&row.digest);
    assert_eq!(catalog.missing_blobs(id, digests).await.unwrap(), digests);
    assert!(
        !catalog
            .mount_blob(id, copy, &row.digest, &by("dev"), at(3))
            .await
            .unwrap()
    );
    let refused = try_put(&catalog, id, &body, &[], Sparse::Index, 3).await;
    assert!(matches!(refused, Err(PutError::Missing(_))), "{refused:?}");
    let findings = catalog.store_findings("", 10).await.unwrap();
    assert_eq!(findings.len(), 1);
    let finding = &findings[0];
    assert_eq!(
        (finding.fault, finding.detail.as_str()),
        (Fault::Damaged, "its hash is x")
    );
    assert_eq!(catalog.store_faults().await.unwrap(), [(Fault::Damaged, 1)]);

    let healed = publish(&catalog, id, &dev, "{}", "o/2").await;
    assert_eq!(
        healed,
        Published::Revived {
            discard: "o/1".into()
        }
    );
    let found = catalog
        .blob_in_repo(id, &row.digest)
        .await
        .unwrap()
        .unwrap();
    assert!(!found.is_quarantined && found.object_key == "o/2");
    assert_eq!(catalog.store_findings("", 10).await.unwrap(), []);
    put(&catalog, id, &body, &[], 4).await;
}

pub(crate) async fn only_the_object_that_was_looked_at_is_judged(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    publish(&catalog, id, &dev, "content", "o/1").await;
    let row = row(&catalog, "content").await;
    let other = BlobRow {
        object_key: "o/2".into(),
        ..row.clone()
    };
    assert!(
        !catalog
            .quarantine(&other, Fault::Missing, "gone", at(2))
            .await
            .unwrap()
    );
    assert!(
        catalog
            .quarantine(&row, Fault::Missing, "gone", at(2))
            .await
            .unwrap()
    );
    let digests = std::slice::from_ref(&row.digest);
    assert_eq!(catalog.once_missing(digests).await.unwrap(), digests);
    assert!(!catalog.release(&other).await.unwrap());
    assert!(catalog.is_quarantined(&row.digest).await.unwrap());
    assert!(catalog.release(&row).await.unwrap());
    assert!(!catalog.release(&row).await.unwrap(), "once is enough");
    assert!(!catalog.is_quarantined(&row.digest).await.unwrap());
    assert_eq!(catalog.store_faults().await.unwrap(), []);
}

pub(crate) async fn a_collected_blob_takes_its_finding_along(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    publish(&catalog, id, &dev, "content", "o/1").await;
    let row = row(&catalog, "content").await;
    assert!(
        catalog
            .quarantine(&row, Fault::Missing, "gone", at(2))
            .await
            .unwrap()
    );
    for minutes in [25, 26, 27] {
        for pass in catalog::Pass::ALL {
            catalog.collect(pass, 10, at(minutes * 60)).await.unwrap();
        }
    }
    assert_eq!(catalog.blob_row(&row.digest).await.unwrap(), None);
    assert_eq!(catalog.store_findings("", 10).await.unwrap(), []);
}

pub(crate) async fn what_a_row_names_is_never_discarded_as_unknown(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    publish(&catalog, id, &dev, "content", "o/blob").await;
    crate::given::upload(&catalog, id, &dev, "o/upload").await;
    let objects = ["o/blob", "o/upload", "o/unknown"].map(|key| (key.to_owned(), 5));
    assert_eq!(catalog.discard_unknown(&objects, at(2)).await.unwrap(), 1);
    assert_eq!(
        catalog.discard_unknown(&objects, at(2)).await.unwrap(),
        0,
        "it is there already"
    );
    let discarded = catalog.discarded(10, at(3)).await.unwrap();
    assert_eq!(discarded.len(), 1);
    assert_eq!(
        (discarded[0].object_key.as_str(), discarded[0].size_bytes),
        ("o/unknown", 5)
    );
}

pub(crate) async fn a_round_remembers_where_it_is(catalog: Catalog) {
    assert_eq!(
        catalog.check_progress(StoreCheck::Verify).await.unwrap(),
        None
    );
    let mut progress = CheckProgress::begun_at(at(1));
    progress.position = "sha256:7".into();
    (
        progress.objects,
        progress.unknown_objects,
        progress.unknown_bytes,
    ) = (3, 1, 9);
    catalog
        .put_check_progress(StoreCheck::Reconcile, &progress)
        .await
        .unwrap();
    let found = catalog.check_progress(StoreCheck::Reconcile).await.unwrap();
    assert_eq!(found.as_ref(), Some(&progress));
    progress.ended_at = Some(at(2));
    catalog
        .put_check_progress(StoreCheck::Reconcile, &progress)
        .await
        .unwrap();
    let found = catalog.check_progress(StoreCheck::Reconcile).await.unwrap();
    assert_eq!(found, Some(progress));
    let report = catalog.reclaimable(at(3)).await.unwrap();
    let unknown = report.causes.last().unwrap();
    assert_eq!(unknown.cause, catalog::ReclaimCause::UnknownObjects);
    assert_eq!((unknown.count, unknown.bytes), (1, 9));
}
