//! What lists of people and of usage sum up.

use catalog::{Catalog, NewQuota, Role, Scope, SubjectId};

use crate::given::{account, at, blob, by, repository};

pub(crate) async fn the_roles_of_a_subject_end_with_their_repositories(catalog: Catalog) {
    let dev = account(&catalog, "dev").await.principal();
    let reader = account(&catalog, "reader").await.principal();
    for (name, role) in [("dev/b", Role::Read), ("dev/a", Role::Write)] {
        repository(&catalog, name, &dev).await;
        let name = name.parse().unwrap();
        catalog
            .grant(&name, &reader, role, &by("dev"), at(1))
            .await
            .unwrap();
    }
    let subject = SubjectId::try_from(reader.id).unwrap();
    let roles = async |limit| {
        let given = catalog.roles_given_to(subject, limit).await.unwrap();
        let words = given
            .into_iter()
            .map(|(name, role)| format!("{name} {role}"));
        words.collect::<Vec<_>>()
    };
    assert_eq!(roles(10).await, ["dev/a write", "dev/b read"]);
    assert_eq!(roles(1).await, ["dev/a write"]);
    let gone = repository(&catalog, "dev/a", &dev).await;
    catalog
        .delete_repository(gone.id, &by("dev"), at(2))
        .await
        .unwrap();
    assert_eq!(roles(10).await, ["dev/b read"]);
}

pub(crate) async fn namespaces_are_listed_with_what_they_use_and_may_use(catalog: Catalog) {
    let dev = account(&catalog, "dev").await.principal();
    let (big, small) = (
        repository(&catalog, "dev/small", &dev).await,
        repository(&catalog, "dev/tiny", &dev).await,
    );
    let shared = "s".repeat(100);
    blob(&catalog, big.id, &dev, &shared).await;
    blob(&catalog, small.id, &dev, &shared).await;
    blob(&catalog, big.id, &dev, &"b".repeat(50)).await;
    let quota = NewQuota {
        limit_bytes: 1_000,
        warn_percent: 80,
        refuses: true,
    };
    let scope = Scope::Namespace("other".to_owned());
    catalog
        .set_quota(&scope, &quota, &by("admin"), at(1))
        .await
        .unwrap();
    let uses = catalog.namespace_uses("", 10).await.unwrap();
    let words: Vec<_> = uses
        .iter()
        .map(|one| (one.namespace.as_str(), one.used_bytes, one.quota.is_some()))
        .collect();
    assert_eq!(words, [("dev", 150, false), ("other", 0, true)]);
    assert!(uses[0].folded_at.is_none());
    catalog.fold_usage(at(2)).await.unwrap();
    let uses = catalog.namespace_uses("", 1).await.unwrap();
    assert_eq!((uses[0].used_bytes, uses[0].folded_at), (150, Some(at(2))));
    assert_eq!(catalog.namespace_uses("dev", 10).await.unwrap().len(), 1);

    // What two repositories share counts in both.
    let words = |uses: Vec<catalog::RepositoryUse>| {
        let words = uses
            .into_iter()
            .map(|one| format!("{} {}", one.name, one.bytes));
        words.collect::<Vec<_>>()
    };
    let first = catalog.repository_uses("dev", None, 1).await.unwrap();
    let after = first[0].name.clone();
    assert_eq!(words(first), ["dev/small 150"]);
    let next = catalog
        .repository_uses("dev", Some(&after), 10)
        .await
        .unwrap();
    assert_eq!(words(next), ["dev/tiny 100"]);
    let largest = catalog.largest_repositories("dev", 10).await.unwrap();
    assert_eq!(words(largest), ["dev/small 150", "dev/tiny 100"]);
    assert!(
        catalog
            .largest_repositories("other", 10)
            .await
            .unwrap()
            .is_empty()
    );
}
