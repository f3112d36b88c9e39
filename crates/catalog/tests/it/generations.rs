//! Whatever could make something that was read lately untrue moves a counter.

use catalog::{Catalog, Generation, Role};
use oci::RepositoryName;

use crate::given::{account, at, blob, by, new_robot, pushed_image, repository, tags};

struct Watch<'a> {
    catalog: &'a Catalog,
    name: RepositoryName,
    last: Generation,
}

impl<'a> Watch<'a> {
    async fn on(catalog: &'a Catalog, name: &str) -> Self {
        let name: RepositoryName = name.parse().unwrap();
        let (last, _) = catalog.repository_now(&name).await.unwrap();
        Self {
            catalog,
            name,
            last,
        }
    }

    /// Returns which counters moved since the last look: people, policies, repository.
    async fn moved(&mut self) -> [bool; 3] {
        let (now, _) = self.catalog.repository_now(&self.name).await.unwrap();
        let last = std::mem::replace(&mut self.last, now);
        [
            now.people != last.people,
            now.policies != last.policies,
            now.repository != last.repository,
        ]
    }
}

const PEOPLE: [bool; 3] = [true, false, false];
const POLICIES: [bool; 3] = [false, true, false];
const REPOSITORY: [bool; 3] = [false, false, true];
const NOTHING: [bool; 3] = [false; 3];

pub(crate) async fn rights_and_policies_move_the_counters_of_all(catalog: Catalog) {
    let dev = account(&catalog, "dev").await;
    let app = repository(&catalog, "dev/app", &dev.principal()).await;
    let mut watch = Watch::on(&catalog, "dev/app").await;
    assert_eq!(watch.moved().await, NOTHING);

    let other = account(&catalog, "other").await;
    assert_eq!(watch.moved().await, PEOPLE, "an account");
    let robot = catalog
        .create_robot(dev.id, &new_robot("ci", 7), &by("dev"), at(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(watch.moved().await, PEOPLE, "a robot");
    catalog
        .grant(&app.name, &robot.principal(), Role::Read, &by("dev"), at(1))
        .await
        .unwrap();
    assert_eq!(watch.moved().await, PEOPLE, "a grant");
    let presented = catalog.credential_by_secret(&[7; 32], at(2)).await.unwrap();
    let credential = presented.unwrap().id;
    assert_eq!(watch.moved().await, NOTHING, "a look at a credential");
    catalog
        .touch_credentials(&[credential], at(3))
        .await
        .unwrap();
    assert_eq!(watch.moved().await, NOTHING, "a use");
    catalog
        .revoke(app.id, &robot.principal(), &by("dev"), at(4))
        .await
        .unwrap();
    assert_eq!(watch.moved().await, PEOPLE, "a revocation");
    catalog
        .disable_account(other.id, &by("dev"), at(5))
        .await
        .unwrap();
    assert_eq!(watch.moved().await, PEOPLE, "a disabled account");
    catalog
        .set_visibility(app.id, catalog::Visibility::Public, &by("dev"), at(5))
        .await
        .unwrap();
    assert_eq!(watch.moved().await, PEOPLE, "another visibility");
    catalog
        .publish_policy("house", "text", &by("dev"), at(6))
        .await
        .unwrap();
    assert_eq!(watch.moved().await, POLICIES, "a policy");
}

pub(crate) async fn tags_manifests_and_lost_blobs_move_their_repository_alone(catalog: Catalog) {
    let dev = account(&catalog, "dev").await.principal();
    let app = repository(&catalog, "dev/app", &dev).await;
    let other = repository(&catalog, "dev/other", &dev).await;
    let mut watch = Watch::on(&catalog, "dev/app").await;
    let mut beside = Watch::on(&catalog, "dev/other").await;

    let lonely = blob(&catalog, app.id, &dev, "lonely").await;
    let body = pushed_image(&catalog, app.id, &dev, "config", &tags(&["1"]), 2).await;
    assert_eq!(watch.moved().await, REPOSITORY, "a pushed image");
    let digest = crate::given::digest_of(&body);
    catalog
        .delete_tag(app.id, &tags(&["1"])[0], &by("dev"), at(3))
        .await
        .unwrap();
    assert_eq!(watch.moved().await, REPOSITORY, "a deleted tag");
    catalog
        .delete_manifest(
            app.id,
            &digest,
            catalog::Referenced::Refuse,
            &by("dev"),
            at(4),
        )
        .await
        .unwrap();
    assert_eq!(watch.moved().await, REPOSITORY, "a deleted manifest");
    assert_eq!(beside.moved().await, NOTHING, "another repository");

    // Only the one who loses a right has to look again.
    blob(&catalog, other.id, &dev, "lonely").await;
    beside.moved().await;
    catalog
        .unlink_blob(
            app.id,
            &lonely,
            catalog::Referenced::Refuse,
            &by("dev"),
            at(5),
        )
        .await
        .unwrap();
    assert_eq!(watch.moved().await, REPOSITORY, "a link that went");
    assert_eq!(beside.moved().await, NOTHING, "the link that stayed");
}
