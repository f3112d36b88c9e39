//! What is used, what may be, and the end of a repository.

use catalog::{
    Advance, Catalog, CatalogError, DeleteRepositoryError, NewQuota, PutError, Referenced,
    RepositoryId, RestoreWindow, Scope, Sparse, Staging,
};
use oci::{Digest, MidState};

use crate::given::{
    account, app, at, blob, by, digest_of, image, pushed_image, put, repository, tag, tags,
    try_put, upload,
};

fn namespace(name: &str) -> Scope {
    Scope::Namespace(name.to_owned())
}

fn quota(limit_bytes: u64) -> NewQuota {
    NewQuota {
        limit_bytes,
        warn_percent: 80,
        refuses: true,
    }
}

/// Checks that the figures are those of the rows, before and after folding.
async fn check_figures(catalog: &Catalog, scopes: &[Scope]) -> Vec<u64> {
    let figures = async || {
        let mut figures = Vec::new();
        for scope in scopes {
            figures.push(catalog.used_bytes(scope).await.unwrap());
        }
        figures
    };
    let pending = figures().await;
    catalog.recompute_usage(at(50)).await.unwrap();
    assert_eq!(figures().await, pending, "counting anew with rows pending");
    catalog.fold_usage(at(50)).await.unwrap();
    assert_eq!(figures().await, pending, "folding");
    catalog.recompute_usage(at(50)).await.unwrap();
    assert_eq!(
        figures().await,
        pending,
        "counting anew with nothing pending"
    );
    pending
}

pub(crate) async fn a_blob_counts_once_in_its_namespace(catalog: Catalog) {
    let dev = account(&catalog, "dev").await.principal();
    let mut ids = Vec::new();
    for name in ["team/a", "team/b", "other/c"] {
        ids.push(repository(&catalog, name, &dev).await.id);
    }
    for id in &ids {
        blob(&catalog, *id, &dev, "ten bytes!").await;
        blob(&catalog, *id, &dev, "ten bytes!").await;
    }
    let scopes = [Scope::System, namespace("team"), namespace("other")];
    assert_eq!(check_figures(&catalog, &scopes).await, [10, 10, 10]);
    let digest = Digest::sha256(b"ten bytes!");
    let unlink = async |id: RepositoryId| {
        catalog
            .unlink_blob(id, &digest, Referenced::Refuse, &by("dev"), at(2))
            .await
            .unwrap();
    };
    unlink(ids[0]).await;
    assert_eq!(check_figures(&catalog, &scopes).await, [10, 10, 10]);
    unlink(ids[1]).await;
    assert_eq!(check_figures(&catalog, &scopes).await, [10, 0, 10]);
    unlink(ids[2]).await;
    assert_eq!(check_figures(&catalog, &scopes).await, [0, 0, 0]);
}

pub(crate) async fn what_is_counted_is_what_is_there_under_simultaneous_pushes(catalog: Catalog) {
    let dev = account(&catalog, "dev").await.principal();
    let mut ids = Vec::new();
    for name in ["team/a", "team/b", "other/c"] {
        ids.push(repository(&catalog, name, &dev).await.id);
    }
    let tasks: Vec<_> = (0..6_usize)
        .map(|worker| {
            let (catalog, dev, ids) = (catalog.clone(), dev.clone(), ids.clone());
            tokio::spawn(async move {
                for step in 0..6_usize {
                    let id = ids[(worker + step) % ids.len()];
                    let config = format!("[{}]", (worker * 5 + step * 3) % 4);
                    let body = pushed_image(&catalog, id, &dev, &config, &tags(&["t"]), 1).await;
                    if (worker + step) % 3 == 0 {
                        let digest = digest_of(&body);
                        catalog
                            .delete_manifest(id, &digest, Referenced::Refuse, &by("dev"), at(2))
                            .await
                            .unwrap();
                    }
                    if step % 2 == 0 {
                        catalog.fold_usage(at(3)).await.unwrap();
                    } else if worker == 0 {
                        catalog.recompute_usage(at(3)).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let scopes = [Scope::System, namespace("team"), namespace("other")];
    let figures = check_figures(&catalog, &scopes).await;
    assert!(figures.iter().all(|bytes| *bytes > 0), "{figures:?}");
}

pub(crate) async fn a_quota_refuses_what_is_too_much_and_warns_before(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let first = image("[1]", &[], "");
    let second = image("[2]", &[], "");
    for content in ["[1]", "[2]"] {
        blob(&catalog, id, &dev, content).await;
    }
    let size = first.len() as u64;
    catalog
        .set_quota(&namespace("app"), &quota(2 * size), &by("ops"), at(1))
        .await
        .unwrap();
    let pushed = try_put(&catalog, id, &first, &tags(&["a"]), Sparse::Index, 2)
        .await
        .unwrap();
    assert_eq!(pushed.near_quota, None);
    let refused = try_put(&catalog, id, &second, &tags(&["b"]), Sparse::Index, 3).await;
    let Err(PutError::OverQuota(used)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (used.used_bytes, used.limit_bytes),
        (2 * size + 6, 2 * size)
    );
    assert_eq!(
        catalog.manifest(id, &digest_of(&second)).await.unwrap(),
        None
    );
    let again = try_put(&catalog, id, &first, &tags(&["c"]), Sparse::Index, 4).await;
    assert!(again.is_ok(), "what is there already takes no more room");
    assert_eq!(catalog.quota_against_upload(id).await.unwrap(), None);

    let lifted = async || {
        let scope = namespace("app");
        catalog
            .delete_quota(&scope, &by("ops"), at(5))
            .await
            .unwrap()
    };
    assert!(lifted().await);
    assert!(!lifted().await);
    catalog
        .set_quota(&Scope::System, &quota(1), &by("ops"), at(5))
        .await
        .unwrap();
    let refused = try_put(&catalog, id, &second, &tags(&["b"]), Sparse::Index, 6).await;
    assert!(matches!(refused, Err(PutError::OverQuota(used)) if used.scope == Scope::System));
    let full = catalog.quota_against_upload(id).await.unwrap();
    assert_eq!(full.map(|used| used.scope), Some(Scope::System));
    let mut soft = quota(1);
    soft.refuses = false;
    catalog
        .set_quota(&Scope::System, &soft, &by("ops"), at(7))
        .await
        .unwrap();
    let warned = try_put(&catalog, id, &second, &tags(&["b"]), Sparse::Index, 8)
        .await
        .unwrap();
    assert_eq!(
        warned.near_quota.map(|used| used.scope),
        Some(Scope::System)
    );
}

pub(crate) async fn what_is_being_uploaded_counts_before_it_is_there(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let near = repository(&catalog, "app/near", &dev).await.id;
    let far = repository(&catalog, "far", &dev).await.id;
    catalog
        .set_quota(&namespace("app"), &quota(100), &by("ops"), at(1))
        .await
        .unwrap();
    let upload = upload(&catalog, near, &dev, "key").await;
    let arrived = async |version, durable_bytes| {
        let to = Advance {
            offset: durable_bytes,
            hash_state: MidState(Vec::new()),
            staging: Staging::default(),
            expires_at: at(90),
        };
        assert!(catalog.advance_upload(upload, version, &to).await.unwrap());
    };
    arrived(0, 99).await;
    assert_eq!(catalog.quota_against_upload(id).await.unwrap(), None);
    arrived(1, 100).await;
    let full = catalog.quota_against_upload(id).await.unwrap().unwrap();
    assert_eq!((full.used_bytes, full.limit_bytes), (100, 100));
    assert_eq!(full.scope, namespace("app"), "of the whole namespace");
    assert_eq!(catalog.quota_against_upload(far).await.unwrap(), None);
    let mut soft = quota(100);
    soft.refuses = false;
    catalog
        .set_quota(&namespace("app"), &soft, &by("ops"), at(2))
        .await
        .unwrap();
    assert_eq!(catalog.quota_against_upload(id).await.unwrap(), None);
}

pub(crate) async fn a_deleted_repository_frees_its_name_and_leaves_nothing(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1", "v2"]), 1).await;
    catalog
        .set_immutable(id, &tag("v1"), true, &by("ops"), at(2))
        .await
        .unwrap();
    let refused = catalog.delete_repository(id, &by("ops"), at(2)).await;
    assert!(
        matches!(refused, Err(DeleteRepositoryError::Immutable(_))),
        "{refused:?}"
    );
    catalog
        .set_immutable(id, &tag("v1"), false, &by("ops"), at(2))
        .await
        .unwrap();
    let rule = catalog::NewImmutabilityRule {
        tag: Some("v2".parse().unwrap()),
        ..catalog::NewImmutabilityRule::default()
    };
    let scope = Scope::Repository(id);
    let number = catalog
        .add_immutability_rule(&scope, &rule, &by("ops"), at(2))
        .await
        .unwrap();
    let refused = catalog.delete_repository(id, &by("ops"), at(2)).await;
    assert!(matches!(refused, Err(DeleteRepositoryError::Immutable(t)) if t == tag("v2")));
    catalog
        .delete_immutability_rule(&scope, number, &by("ops"), at(2))
        .await
        .unwrap();
    catalog
        .set_restore_window("app", RestoreWindow::None, &by("ops"), at(2))
        .await
        .unwrap();
    assert!(
        !catalog.remove_repository_rows(id, 10, at(3)).await.unwrap(),
        "a living repository loses nothing"
    );
    assert!(
        catalog
            .manifest(id, &digest_of(&body))
            .await
            .unwrap()
            .is_some()
    );

    catalog
        .delete_repository(id, &by("ops"), at(3))
        .await
        .unwrap();
    let again = catalog.delete_repository(id, &by("ops"), at(3)).await;
    assert!(matches!(again, Err(DeleteRepositoryError::NotFound)));
    let late = try_put(&catalog, id, &body, &tags(&["v3"]), Sparse::Index, 4).await;
    assert!(
        matches!(late, Err(PutError::Catalog(CatalogError::RepositoryGone))),
        "{late:?}"
    );
    let fresh = repository(&catalog, "app", &dev).await;
    assert_ne!(fresh.id, id, "the name is free at once, under a new id");
    pushed_image(&catalog, fresh.id, &dev, "[1]", &tags(&["v1"]), 5).await;
    let mut rounds = 0;
    while catalog.remove_repository_rows(id, 1, at(6)).await.unwrap() {
        rounds += 1;
        assert!(rounds < 50);
    }
    assert!(rounds >= 2, "in chunks");
    assert_eq!(catalog.manifest(id, &digest_of(&body)).await.unwrap(), None);
    assert!(
        catalog
            .repository_history(id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(catalog.list_permissions(id).await.unwrap().is_empty());
    let scopes = [Scope::System, namespace("app")];
    let figures = check_figures(&catalog, &scopes).await;
    let left = body.len() as u64 + "[1]".len() as u64 + "a layer".len() as u64;
    assert_eq!(figures, [left, left], "the new repository's alone");
    assert!(
        catalog
            .resolve_tag(fresh.id, &tag("v1"), at(7))
            .await
            .unwrap()
            .is_some()
    );
}

pub(crate) async fn pulls_are_added_up_by_day(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    let pull = |pulls, minute, name: Option<&str>| catalog::PullCount {
        repository: id,
        digest: digest_of(&body),
        tag: name.map(tag),
        pulls,
        last: at(minute),
    };
    let gone = catalog::PullCount {
        repository: RepositoryId(9_999),
        ..pull(1, 1, None)
    };
    catalog
        .add_pulls(&[pull(2, 5, Some("v1")), pull(1, 3, None), gone])
        .await
        .unwrap();
    catalog
        .add_pulls(&[pull(3, 4, Some("v1")), pull(1, 24 * 60 + 5, None)])
        .await
        .unwrap();
    let days = catalog.pulls_of(id, &digest_of(&body), 10).await.unwrap();
    let shown: Vec<_> = days
        .iter()
        .map(|day| (day.tag.clone(), day.pulls, day.last))
        .collect();
    assert_eq!(
        shown,
        [
            (None, 1, at(24 * 60 + 5)),
            (None, 1, at(3)),
            (Some(tag("v1")), 5, at(5)),
        ]
    );
    let candidates = catalog.tag_candidates(id, None, 10, at(6)).await.unwrap();
    assert_eq!(candidates[0].pulled_at, Some(at(24 * 60 + 5)));
    assert_eq!(catalog.forget_pulls(days[0].day).await.unwrap(), 2);
}

pub(crate) async fn the_nearest_policy_is_in_force(catalog: Catalog) {
    let (_, id) = app(&catalog).await;
    let name = "app".parse().unwrap();
    let in_force = async || {
        let found = catalog.retention_for(id, &name).await.unwrap();
        found.map(|policy| (policy.body, policy.enabled))
    };
    assert_eq!(in_force().await, None);
    assert!(!catalog.has_retention().await.unwrap());
    for (scope, body) in [
        (Scope::System, "{\"a\":1}"),
        (namespace("app"), "{\"b\":1}"),
        (Scope::Repository(id), "{\"c\":1}"),
    ] {
        catalog
            .set_retention(&scope, body, true, &by("ops"), at(1))
            .await
            .unwrap();
        assert_eq!(in_force().await, Some((body.to_owned(), true)));
    }
    catalog
        .set_retention(&Scope::Repository(id), "{}", false, &by("ops"), at(2))
        .await
        .unwrap();
    assert_eq!(
        in_force().await,
        Some(("{}".to_owned(), false)),
        "off is off"
    );
    assert!(
        catalog
            .delete_retention(&Scope::Repository(id), &by("ops"), at(3))
            .await
            .unwrap()
    );
    assert_eq!(in_force().await, Some(("{\"b\":1}".to_owned(), true)));
}

pub(crate) async fn what_follows_is_no_candidate(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let amd = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1-amd64"]), 1).await;
    let multi = crate::given::index(&[(&amd, "amd64")]);
    put(&catalog, id, &multi, &tags(&["v1"]), 2).await;
    let signature = format!(
        "sha256-{}.sig",
        digest_of(&multi).as_str().split_once(':').unwrap().1
    );
    let list = signature.trim_end_matches(".sig").to_owned();
    blob(&catalog, id, &dev, "[3]").await;
    put(
        &catalog,
        id,
        &image("[3]", &[], ""),
        &tags(&[&signature, &list]),
        3,
    )
    .await;
    let referrer = image("[3]", &[], &crate::given::subject(&multi));
    put(&catalog, id, &referrer, &tags(&["attached"]), 3).await;
    let candidates = catalog.tag_candidates(id, None, 10, at(4)).await.unwrap();
    let free: Vec<_> = candidates
        .iter()
        .filter(|candidate| !candidate.follows)
        .map(|candidate| candidate.tag.as_str())
        .collect();
    assert_eq!(free, ["v1"]);
    assert_eq!(candidates.len(), 5);
    assert!(
        catalog
            .untagged_manifests(id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    catalog
        .delete_tag(id, &tag("v1"), &by("dev"), at(5))
        .await
        .unwrap();
    let untagged = catalog.untagged_manifests(id, None, 10).await.unwrap();
    assert_eq!(untagged.len(), 1);
    assert_eq!(untagged[0].untagged_at, Some(at(5)));
}

pub(crate) async fn nothing_below_an_immutable_tag_is_taken_away(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let amd = pushed_image(&catalog, id, &dev, "[1]", &[], 1).await;
    let multi = crate::given::index(&[(&amd, "amd64")]);
    put(&catalog, id, &multi, &tags(&["v1"]), 2).await;
    catalog
        .set_immutable(id, &tag("v1"), true, &by("ops"), at(3))
        .await
        .unwrap();
    let config = Digest::sha256(b"[1]");
    let delete_child = async || {
        let digest = digest_of(&amd);
        catalog
            .delete_manifest(id, &digest, Referenced::Allow, &by("dev"), at(4))
            .await
            .map(drop)
    };
    let delete_blob = async || {
        catalog
            .unlink_blob(id, &config, Referenced::Allow, &by("dev"), at(4))
            .await
            .map(drop)
    };
    assert!(matches!(delete_child().await, Err(CatalogError::Immutable(t)) if t == tag("v1")));
    assert!(matches!(delete_blob().await, Err(CatalogError::Immutable(t)) if t == tag("v1")));
    catalog
        .set_immutable(id, &tag("v1"), false, &by("ops"), at(5))
        .await
        .unwrap();
    delete_blob().await.unwrap();
    delete_child().await.unwrap();
}
