//! Upstreams, cached tags and mirrors.

use std::time::Duration;

use catalog::{
    Actor, Catalog, CatalogError, CredentialChange, MirrorFilter, MirrorRun, NewMirror,
    RepositoryState, UpstreamSettings,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("an instant")
}

fn by() -> Actor {
    Actor::named("admin")
}

fn settings(url: &str, namespace: Option<&str>) -> UpstreamSettings {
    UpstreamSettings {
        url: url.to_owned(),
        username: Some("me".to_owned()),
        secret: Some(SecretString::from("secret".to_owned())),
        realms: vec!["https://auth.example".to_owned()],
        namespace: namespace.map(str::to_owned),
        prefix: "team".to_owned(),
        allow: vec!["a/*".to_owned()],
        deny: Vec::new(),
        ttl: Duration::from_mins(10),
        keep: Some(Duration::from_hours(24)),
        signed_in_read: true,
    }
}

pub(crate) async fn an_upstream_comes_back_as_it_was_written(catalog: Catalog) {
    let written = settings("https://r.example", Some("hub"));
    let made = catalog
        .create_upstream("hub", &written, &by(), at(0))
        .await
        .unwrap();
    let found = catalog.upstream_of_namespace("hub").await.unwrap().unwrap();
    assert_eq!(found.id, made.id);
    let read = &found.settings;
    assert_eq!(read.url, written.url);
    assert_eq!(read.realms, written.realms);
    assert_eq!(read.allow, written.allow);
    assert_eq!((read.ttl, read.keep), (written.ttl, written.keep));
    assert_eq!(read.secret.as_ref().unwrap().expose_secret(), "secret");
    assert!(!format!("{found:?}").contains("\"secret\""), "{found:?}");
    for (name, namespace) in [("hub", None), ("other", Some("hub"))] {
        let again = catalog
            .create_upstream(
                name,
                &settings("https://s.example", namespace),
                &by(),
                at(1),
            )
            .await;
        assert!(matches!(again, Err(CatalogError::Conflict(_))), "{name}");
    }
    assert_eq!(catalog.list_audit(None, 10).await.unwrap().len(), 1);
}

pub(crate) async fn a_secret_goes_with_the_address_it_was_given_for(catalog: Catalog) {
    let first = settings("https://r.example", None);
    catalog
        .create_upstream("hub", &first, &by(), at(0))
        .await
        .unwrap();
    let update = async |settings: UpstreamSettings, change: CredentialChange| {
        let updated = catalog
            .update_upstream("hub", &settings, &change, &by(), at(1))
            .await
            .unwrap()
            .unwrap();
        let has = updated.upstream.settings.secret.is_some();
        (has, updated.dropped_credential)
    };
    let renamed = UpstreamSettings {
        prefix: String::new(),
        ..first.clone()
    };
    assert_eq!(update(renamed, CredentialChange::Keep).await, (true, false));
    let moved = settings("https://evil.example", None);
    assert_eq!(update(moved, CredentialChange::Keep).await, (false, true));
    let given = CredentialChange::Set(Some(("me".into(), SecretString::from("new".to_owned()))));
    assert_eq!(update(first.clone(), given).await, (true, false));
    let realms = UpstreamSettings {
        realms: vec!["https://evil.example".into()],
        ..first.clone()
    };
    assert_eq!(update(realms, CredentialChange::Keep).await, (false, true));
    let none = CredentialChange::Set(None);
    assert_eq!(update(first, none).await, (false, false));
}

pub(crate) async fn a_mirror_remembers_how_it_went(catalog: Catalog) {
    let upstream = catalog
        .create_upstream("hub", &settings("https://r.example", None), &by(), at(0))
        .await
        .unwrap();
    let new = NewMirror {
        repository: "copies/app".parse().unwrap(),
        upstream: upstream.id,
        source: "app".to_owned(),
        filter: MirrorFilter {
            tags: vec!["v*".into()],
            newest: Some(3),
            ..MirrorFilter::default()
        },
        cron: Some("0 3 * * *".to_owned()),
        enabled: true,
    };
    let made = catalog.create_mirror(&new, &by(), at(0)).await.unwrap();
    assert_eq!(made.settings.filter, new.filter);
    assert!(matches!(
        catalog.create_mirror(&new, &by(), at(0)).await,
        Err(CatalogError::Conflict(_))
    ));
    assert_eq!(catalog.mirrors_behind_since().await.unwrap(), Some(at(0)));
    for (outcome, second, behind) in [("ok", 10, 10), ("failed", 20, 10)] {
        let run = MirrorRun {
            finished_at: at(second),
            outcome: outcome.to_owned(),
            report: "{}".to_owned(),
        };
        catalog.mirror_finished(made.id, &run).await.unwrap();
        let found = catalog.mirror(&new.repository).await.unwrap().unwrap();
        assert_eq!(found.last, Some(run));
        assert_eq!(found.succeeded_at, Some(at(behind)));
        assert_eq!(
            catalog.mirrors_behind_since().await.unwrap(),
            Some(at(behind))
        );
    }
    let held = catalog.delete_upstream("hub", &by(), at(30)).await;
    assert!(matches!(held, Err(CatalogError::Conflict(_))));
    catalog
        .delete_mirror(&new.repository, &by(), at(30))
        .await
        .unwrap()
        .unwrap();
    assert!(catalog.delete_upstream("hub", &by(), at(31)).await.unwrap());
    assert!(!catalog.delete_upstream("hub", &by(), at(32)).await.unwrap());
}

pub(crate) async fn unused_cached_tags_are_found_below_their_namespace(catalog: Catalog) {
    let tag = "v1".parse().unwrap();
    let mut repositories = Vec::new();
    for name in ["hub/app", "hubble/app", "hub2/app"] {
        let repository = catalog
            .ensure_copy(
                &name.parse().unwrap(),
                RepositoryState::Proxy,
                &Actor::named("cache of hub"),
                at(0),
            )
            .await
            .unwrap();
        catalog
            .tag_checked(repository.id, &tag, at(0))
            .await
            .unwrap();
        repositories.push(repository.id);
    }
    let unused = async |before| {
        let found = catalog
            .unused_cached_tags("hub", at(before), 10)
            .await
            .unwrap();
        found
            .into_iter()
            .map(|cached| cached.repository)
            .collect::<Vec<_>>()
    };
    assert_eq!(unused(0).await, []);
    assert_eq!(unused(1).await, [repositories[0]]);
    let noted = at(100).checked_sub(SignedDuration::from_secs(50)).unwrap();
    catalog
        .tag_used(repositories[0], &tag, at(100), noted)
        .await
        .unwrap();
    assert_eq!(unused(100).await, []);
    // What was noted a moment ago is not written again.
    catalog
        .tag_used(repositories[0], &tag, at(200), at(50))
        .await
        .unwrap();
    assert_eq!(unused(101).await, [repositories[0]]);
    assert_eq!(catalog.uncached_repository_in("hub").await.unwrap(), None);
    catalog
        .ensure_copy(
            &"hub/own".parse().unwrap(),
            RepositoryState::Normal,
            &by(),
            at(0),
        )
        .await
        .unwrap();
    let own = catalog.uncached_repository_in("hub").await.unwrap();
    assert_eq!(own.unwrap().as_str(), "hub/own");
}
