//! What may not change: immutable tags, and closed repositories and systems.

use catalog::{
    Catalog, CatalogError, NewImmutabilityRule, PutError, Referenced, RepositoryState,
    RestoreError, Scope, Sparse, TagCause,
};

use crate::given::{app, at, blob, by, digest_of, image, pushed_image, put, tag, tags, try_put};
use crate::tag_life::{put_labelled, rule};

pub(crate) async fn rules_of_every_scope_make_tags_immutable(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let first = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1", "v10", "dev"]), 1).await;
    blob(&catalog, id, &dev, "[2]").await;
    let second = image("[2]", &[], "");
    for (scope, rule) in [
        (Scope::System, rule(Some("app"), Some("regex:v[0-9]"))),
        (Scope::Namespace("app".into()), rule(None, Some("v1"))),
        (Scope::Repository(id), rule(Some("a*"), Some("v1"))),
    ] {
        let number = catalog
            .add_immutability_rule(&scope, &rule, &by("ops"), at(2))
            .await
            .unwrap();
        let push = async |name: &str, minute| {
            try_put(&catalog, id, &second, &tags(&[name]), Sparse::Index, minute).await
        };
        assert!(
            matches!(push("v1", 3).await, Err(PutError::Immutable(_))),
            "{scope}"
        );
        for refused in [
            catalog
                .delete_tag(id, &tag("v1"), &by("dev"), at(3))
                .await
                .map(drop),
            catalog
                .end_tag(id, &tag("v1"), TagCause::Prune, &by("dev"), at(3))
                .await
                .map(drop),
            catalog
                .end_tag(id, &tag("v1"), TagCause::Mirror, &by("dev"), at(3))
                .await
                .map(drop),
            catalog
                .delete_manifest(
                    id,
                    &digest_of(&first),
                    Referenced::Refuse,
                    &by("dev"),
                    at(3),
                )
                .await
                .map(drop),
            catalog
                .set_tag_expiry(id, &tag("v1"), Some(at(9)), &by("dev"), at(3))
                .await
                .map(drop),
        ] {
            assert!(
                matches!(refused, Err(CatalogError::Immutable(_))),
                "{scope} {refused:?}"
            );
        }
        let same = put(&catalog, id, &first, &tags(&["v1"]), 3).await;
        assert!(same.moved.is_empty());
        assert!(push("v10", 3).await.is_ok(), "patterns are anchored");
        put(&catalog, id, &first, &tags(&["v10"]), 4).await;
        assert!(
            !catalog
                .delete_immutability_rule(
                    &Scope::Namespace("other".into()),
                    number,
                    &by("ops"),
                    at(4)
                )
                .await
                .unwrap()
        );
        assert!(
            catalog
                .delete_immutability_rule(&scope, number, &by("ops"), at(4))
                .await
                .unwrap()
        );
        assert!(push("v1", 5).await.is_ok(), "{scope}");
        put(&catalog, id, &first, &tags(&["v1"]), 6).await;
    }
}

pub(crate) async fn a_label_makes_a_tag_immutable(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let rule = NewImmutabilityRule {
        label: Some("release".into()),
        label_value: Some("yes".parse().unwrap()),
        ..NewImmutabilityRule::default()
    };
    catalog
        .add_immutability_rule(&Scope::System, &rule, &by("ops"), at(1))
        .await
        .unwrap();
    for content in ["[1]", "[2]", "[3]"] {
        blob(&catalog, id, &dev, content).await;
    }
    let plain = image("[1]", &[], "");
    let labelled = image("[2]", &[], "");
    let annotated = image("[3]", &[], r#","annotations":{"release":"yes"}"#);
    let push = async |body: &str, name: &str, value: &str, minute| {
        put_labelled(
            &catalog,
            id,
            body,
            &tags(&[name]),
            &[("release", value)],
            minute,
        )
        .await
    };
    push(&plain, "a", "no", 2).await.unwrap();
    push(&labelled, "a", "yes", 3).await.unwrap();
    assert!(matches!(
        push(&plain, "a", "no", 4).await,
        Err(PutError::Immutable(_))
    ));
    put(&catalog, id, &annotated, &tags(&["b"]), 5).await;
    assert!(matches!(
        push(&plain, "b", "no", 6).await,
        Err(PutError::Immutable(_))
    ));
}

pub(crate) async fn an_expiring_tag_is_not_made_immutable_and_no_immutable_tag_expires(
    catalog: Catalog,
) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["a"]), 1).await;
    catalog
        .set_tag_expiry(id, &tag("a"), Some(at(50)), &by("dev"), at(2))
        .await
        .unwrap();
    let refused = catalog
        .set_immutable(id, &tag("a"), true, &by("dev"), at(3))
        .await;
    assert!(
        matches!(refused, Err(CatalogError::Expiring(_))),
        "{refused:?}"
    );

    let fixed = rule(None, Some("v*"));
    catalog
        .add_immutability_rule(&Scope::System, &fixed, &by("ops"), at(3))
        .await
        .unwrap();
    let labels = [("quay.expires-after", "1h")];
    put_labelled(&catalog, id, &body, &tags(&["v1"]), &labels, 4)
        .await
        .unwrap();
    put_labelled(&catalog, id, &body, &tags(&["v1"]), &labels, 5)
        .await
        .unwrap();
    let later = catalog
        .resolve_tag(id, &tag("v1"), at(10_000))
        .await
        .unwrap();
    assert_eq!(later, Some(digest_of(&body)));
}

pub(crate) async fn nothing_changes_in_a_closed_repository_or_system(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["v1"]), 1).await;
    let config = oci::Digest::sha256(b"[1]");
    catalog
        .delete_tag(id, &tag("v1"), &by("dev"), at(2))
        .await
        .unwrap();
    put(&catalog, id, &body, &tags(&["v2"]), 2).await;
    let refusals = async || {
        let pushed = try_put(&catalog, id, &body, &tags(&["v3"]), Sparse::Index, 4).await;
        assert!(matches!(pushed, Err(PutError::ReadOnly(_))), "{pushed:?}");
        for refused in [
            catalog
                .delete_tag(id, &tag("v2"), &by("dev"), at(4))
                .await
                .map(drop),
            catalog
                .delete_manifest(id, &digest_of(&body), Referenced::Refuse, &by("dev"), at(4))
                .await
                .map(drop),
            catalog
                .set_immutable(id, &tag("v2"), true, &by("dev"), at(4))
                .await
                .map(drop),
            catalog
                .set_tag_expiry(id, &tag("v2"), Some(at(9)), &by("dev"), at(4))
                .await
                .map(drop),
            catalog
                .unlink_blob(id, &config, Referenced::Refuse, &by("dev"), at(4))
                .await
                .map(drop),
            catalog
                .purge_history(id, &tag("v1"), &[1], &by("dev"), at(4))
                .await
                .map(drop),
        ] {
            assert!(
                matches!(refused, Err(CatalogError::ReadOnly(_))),
                "{refused:?}"
            );
        }
        assert!(
            catalog
                .manifest(id, &digest_of(&body))
                .await
                .unwrap()
                .is_some()
        );
    };
    let restore = async || {
        let digest = digest_of(&body);
        let by = by("dev");
        catalog
            .restore_tag(id, &tag("v1"), &digest, Sparse::Index, &by, at(4))
            .await
    };
    let no_restore = async || {
        let restored = restore().await;
        let read_only = |error: &RestoreError| {
            matches!(error, RestoreError::Catalog(CatalogError::ReadOnly(_)))
        };
        assert!(restored.as_ref().is_err_and(read_only), "{restored:?}");
    };
    for state in [RepositoryState::ReadOnly, RepositoryState::Proxy] {
        catalog
            .set_repository_state(id, state, &by("ops"), at(3))
            .await
            .unwrap();
        refusals().await;
        no_restore().await;
    }
    // What an upstream broke is brought back in its mirror; nothing else is changed there.
    catalog
        .set_repository_state(id, RepositoryState::Mirror, &by("ops"), at(3))
        .await
        .unwrap();
    refusals().await;
    assert_eq!(restore().await.unwrap(), None);
    catalog
        .set_repository_state(id, RepositoryState::Normal, &by("ops"), at(5))
        .await
        .unwrap();
    assert!(
        catalog
            .set_system_read_only(true, &by("ops"), at(5))
            .await
            .unwrap()
    );
    assert!(
        !catalog
            .set_system_read_only(true, &by("ops"), at(5))
            .await
            .unwrap()
    );
    refusals().await;
    no_restore().await;
    assert!(
        catalog
            .set_system_read_only(false, &by("ops"), at(6))
            .await
            .unwrap()
    );
    put(&catalog, id, &body, &tags(&["v3"]), 7).await;
}
