//! What the cases start from.

use catalog::{
    Account, Actor, Catalog, NewAccount, NewBlob, NewRobot, NewSecret, NewUpload, Principal,
    Published, PutError, PutManifest, PutOutcome, Repository, RepositoryId, Sparse, Writer,
};
use jiff::{SignedDuration, Timestamp};
use oci::{Algorithm, Digest, Manifest, Tag};
use uuid::Uuid;

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The instant `minutes` after the suite's beginning of time.
pub(crate) fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-24T06:00:00Z".parse().expect("an instant");
    start + SignedDuration::from_mins(minutes)
}

pub(crate) fn by(name: &str) -> Actor {
    Actor::named(name)
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().expect("a tag")
}

pub(crate) fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| tag(text)).collect()
}

pub(crate) async fn account(catalog: &Catalog, name: &str) -> Account {
    catalog
        .create_account(
            &NewAccount {
                name,
                password_hash: Some("hash"),
                ..NewAccount::default()
            },
            &by("system"),
            at(0),
        )
        .await
        .expect("an account")
}

pub(crate) async fn superuser(catalog: &Catalog) -> Principal {
    catalog
        .create_account(
            &NewAccount {
                name: "admin",
                password_hash: Some("hash"),
                superuser: true,
                ..NewAccount::default()
            },
            &by("system"),
            at(0),
        )
        .await
        .expect("an account")
        .principal()
}

pub(crate) async fn repository(catalog: &Catalog, name: &str, creator: &Principal) -> Repository {
    let name = name.parse().expect("a repository name");
    catalog
        .ensure_repository(&name, creator, &by(&creator.name), at(0))
        .await
        .expect("a repository")
}

/// A repository `app` whose creator is `dev`.
pub(crate) async fn app(catalog: &Catalog) -> (Principal, RepositoryId) {
    let dev = account(catalog, "dev").await.principal();
    let id = repository(catalog, "app", &dev).await.id;
    (dev, id)
}

pub(crate) async fn upload(
    catalog: &Catalog,
    repository: RepositoryId,
    principal: &Principal,
    key: &str,
) -> Uuid {
    let id = Uuid::new_v4();
    let upload = NewUpload {
        id,
        repository,
        principal: principal.id,
        object_key: key.to_owned(),
        algorithm: Algorithm::Sha256,
        expires_at: at(60),
    };
    catalog
        .create_upload(&upload, at(0))
        .await
        .expect("an upload");
    id
}

/// Publishes content as a blob and returns its digest.
pub(crate) async fn blob(
    catalog: &Catalog,
    repository: RepositoryId,
    principal: &Principal,
    content: &str,
) -> Digest {
    let digest = Digest::sha256(content.as_bytes());
    publish(
        catalog,
        repository,
        principal,
        content,
        &Uuid::new_v4().to_string(),
    )
    .await;
    digest
}

pub(crate) async fn publish(
    catalog: &Catalog,
    repository: RepositoryId,
    principal: &Principal,
    content: &str,
    key: &str,
) -> Published {
    let id = upload(catalog, repository, principal, key).await;
    let digest = Digest::sha256(content.as_bytes());
    let new = NewBlob {
        repository,
        digest: &digest,
        size_bytes: content.len() as u64,
        object_key: key,
        upload: id,
    };
    catalog
        .publish_blob(&new, &by("dev"), at(1))
        .await
        .expect("a published blob")
}

fn descriptor(media_type: &str, content: &str, more: &str) -> String {
    format!(
        r#"{{"mediaType":"{media_type}","digest":"{}","size":{}{more}}}"#,
        Digest::sha256(content.as_bytes()),
        content.len()
    )
}

/// The body of an image with this configuration and these layers; `more` are further fields.
pub(crate) fn image(config: &str, layers: &[&str], more: &str) -> String {
    let layers: Vec<String> = layers
        .iter()
        .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer, ""))
        .collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{},"layers":[{}]{more}}}"#,
        descriptor("application/vnd.oci.image.config.v1+json", config, ""),
        layers.join(",")
    )
}

/// The body of an index over these image bodies, one architecture each.
pub(crate) fn index(children: &[(&str, &str)]) -> String {
    let children: Vec<String> = children
        .iter()
        .map(|(body, architecture)| {
            let platform =
                format!(r#","platform":{{"os":"linux","architecture":"{architecture}"}}"#);
            descriptor(IMAGE, body, &platform)
        })
        .collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
        children.join(",")
    )
}

/// The `subject` field that refers to a body.
pub(crate) fn subject(body: &str) -> String {
    format!(r#","subject":{}"#, descriptor(IMAGE, body, ""))
}

pub(crate) fn digest_of(body: &str) -> Digest {
    Digest::sha256(body.as_bytes())
}

pub(crate) async fn try_put(
    catalog: &Catalog,
    repository: RepositoryId,
    body: &str,
    tags: &[Tag],
    sparse: Sparse,
    minutes: i64,
) -> Result<PutOutcome, PutError> {
    let manifest = Manifest::parse(body.as_bytes(), "").expect("a manifest");
    let put = PutManifest {
        repository,
        digest: &digest_of(body),
        bytes: body.as_bytes(),
        manifest: &manifest,
        tags,
        sparse,
        jobs: &[],
        labels: &std::collections::BTreeMap::new(),
        writer: Writer::Person,
    };
    catalog.put_manifest(put, &by("dev"), at(minutes)).await
}

pub(crate) async fn put(
    catalog: &Catalog,
    repository: RepositoryId,
    body: &str,
    tags: &[Tag],
    minutes: i64,
) -> PutOutcome {
    try_put(catalog, repository, body, tags, Sparse::Index, minutes)
        .await
        .expect("a stored manifest")
}

/// Publishes an image's blobs, stores it under `tags` and returns its body.
pub(crate) async fn pushed_image(
    catalog: &Catalog,
    repository: RepositoryId,
    principal: &Principal,
    config: &str,
    tags: &[Tag],
    minutes: i64,
) -> String {
    blob(catalog, repository, principal, config).await;
    blob(catalog, repository, principal, "a layer").await;
    let body = image(config, &["a layer"], "");
    put(catalog, repository, &body, tags, minutes).await;
    body
}

/// A secret with a hash of one repeated byte.
pub(crate) fn secret(byte: u8) -> NewSecret {
    NewSecret {
        id: Uuid::new_v4(),
        sha256: [byte; 32],
    }
}

/// A robot that never ends.
pub(crate) fn new_robot(name: &str, byte: u8) -> NewRobot<'_> {
    NewRobot {
        name,
        description: "",
        expires_at: None,
        secret: secret(byte),
    }
}
