//! A server in this process with a world around it: a data directory, a database, people, images, advisories.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use blobs::testkit::Seaweed;
use catalog::testkit::{Postgres, Sqlite};
use image::testkit::{TarBuilder, TestImage, TestLayer};
use jiff::Timestamp;
use oci::Digest;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use server::{Clock, Networks, RegistryRules, Running, Settings, Storage};

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The administrator's password; no log may ever hold it.
pub(crate) const PASSWORD: &str = "canary-password-6Jq";

/// A running server.
pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) data: tempfile::TempDir,
    client: reqwest::Client,
    server: Option<Running>,
    settings: Settings,
    _files: Option<Sqlite>,
}

/// An empty place in the bucket of this test binary's S3 server.
async fn bucket() -> Storage {
    Storage::S3(Seaweed::shared().await.config())
}

/// A credential.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    Nobody,
    Basic(String, String),
    Bearer(String),
}

impl World {
    /// Metadata in SQLite, blobs in files.
    pub(crate) async fn sqlite() -> Self {
        Self::on_sqlite(Storage::Files).await
    }

    /// Metadata in PostgreSQL, blobs in files.
    pub(crate) async fn postgres() -> Self {
        Self::on_postgres(Storage::Files).await
    }

    /// Metadata in SQLite, blobs in an S3 bucket.
    pub(crate) async fn sqlite_s3() -> Self {
        Self::on_sqlite(bucket().await).await
    }

    /// Metadata in PostgreSQL, blobs in an S3 bucket: everything that replicas share.
    pub(crate) async fn postgres_s3() -> Self {
        Self::on_postgres(bucket().await).await
    }

    /// Metadata in SQLite, blobs where it is said.
    pub(crate) async fn sqlite_in(storage: Storage) -> Self {
        Self::on_sqlite(storage).await
    }

    /// Metadata in the database of this address.
    pub(crate) async fn at(database: &str, storage: Storage) -> Self {
        Self::start(database.to_owned(), None, storage).await
    }

    async fn on_sqlite(storage: Storage) -> Self {
        let files = Sqlite::new();
        let url = files.url();
        Self::start(url, Some(files), storage).await
    }

    async fn on_postgres(storage: Storage) -> Self {
        let url = Postgres::shared().await.database().await;
        Self::start(url, None, storage).await
    }

    async fn start(database: String, files: Option<Sqlite>, storage: Storage) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let settings = Settings {
            data: data.path().join("data"),
            storage,
            blob_redirect: false,
            listen: "127.0.0.1:0".parse().expect("an address"),
            database: SecretString::from(database),
            external_url: None,
            policy: None,
            advisories: data.path().join("advisories.db"),
            metrics_listen: None,
            admin_password: Some(SecretString::from(PASSWORD.to_owned())),
            // Receivers of webhooks listen here; every other private address stays refused.
            outbound: server::OutboundSettings {
                allow: "127.0.0.1/32".parse().expect("a network"),
                ..server::OutboundSettings::default()
            },
            trusted_proxies: Networks::default(),
            registry: RegistryRules::default(),
            verify: server::VerifyRules::default(),
            audit: server::AuditRules::default(),
            sign_in: server::SignInSettings::default(),
        };
        let server = server::start(settings.clone(), Clock::System)
            .await
            .expect("a server");
        Self {
            base: format!("http://{}", server.address),
            data,
            client: client(None),
            server: Some(server),
            settings,
            _files: files,
        }
    }

    /// Stops the server; requests under way end first.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop_token().cancel();
            server.wait().await;
        }
    }

    /// Returns what stops the server, and what waits until it has.
    pub(crate) fn take_server(&mut self) -> Running {
        self.server.take().expect("a running server")
    }

    /// Starts another server over the same data beside this one.
    pub(crate) async fn replica(&self) -> Running {
        server::start(self.settings.clone(), Clock::System)
            .await
            .expect("a second server")
    }

    /// Stops the server and starts another over the same data.
    pub(crate) async fn restart(&mut self, clock: Clock) {
        self.stop().await;
        let server = server::start(self.settings.clone(), clock)
            .await
            .expect("a server");
        self.base = format!("http://{}", server.address);
        self.client = client(None);
        self.server = Some(server);
    }

    /// Starts the server again with other settings.
    pub(crate) async fn reconfigure(&mut self, clock: Clock, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        self.restart(clock).await;
    }

    /// Starts the server anew with a list of what it may connect to.
    pub(crate) async fn may_reach(&mut self, list: &str) {
        self.settings.outbound.allow = list.parse().expect("a list");
        self.restart(Clock::System).await;
    }

    /// Starts another replica over the same database and store, and returns a world that speaks to it.
    pub(crate) async fn other_replica(&self) -> Self {
        let server = server::start(self.settings.clone(), Clock::System)
            .await
            .expect("a replica");
        Self {
            base: format!("http://{}", server.address),
            data: tempfile::tempdir().expect("a directory"),
            client: client(None),
            server: Some(server),
            settings: self.settings.clone(),
            _files: None,
        }
    }

    /// Opens the store as the server does.
    pub(crate) async fn store(&self) -> blobs::Store {
        match &self.settings.storage {
            Storage::Files => blobs::Store::open_fs(&self.settings.data.join("blobs")).await,
            Storage::S3(config) => blobs::Store::open_s3(config).await,
        }
        .expect("a store")
    }

    /// Returns the settings.
    pub(crate) fn seen_settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the settings, to be changed before a restart.
    pub(crate) fn settings(&mut self) -> &mut Settings {
        &mut self.settings
    }

    pub(crate) fn database(&self) -> &str {
        self.settings.database.expose_secret()
    }

    pub(crate) fn data_directory(&self) -> PathBuf {
        self.settings.data.clone()
    }

    pub(crate) fn address(&self) -> &str {
        self.base.strip_prefix("http://").expect("a plain address")
    }

    /// Begins a request. The path is sent as it is, without any normalisation that a test would not see.
    pub(crate) fn request(&self, who: &Who, method: &str, path: &str) -> RequestBuilder {
        self.request_with(&self.client, who, method, path)
    }

    /// Begins a request that comes from another address of this machine, such as `127.0.0.2`.
    pub(crate) fn request_from(
        &self,
        address: &str,
        who: &Who,
        method: &str,
        path: &str,
    ) -> RequestBuilder {
        let address = address.parse().expect("an address");
        self.request_with(&client(Some(address)), who, method, path)
    }

    fn request_with(
        &self,
        client: &reqwest::Client,
        who: &Who,
        method: &str,
        path: &str,
    ) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let request = client.request(method, url);
        match who {
            Who::Nobody => request,
            Who::Basic(name, secret) => request.basic_auth(name, Some(secret)),
            Who::Bearer(token) => request.bearer_auth(token),
        }
    }

    pub(crate) async fn send(&self, who: &Who, method: &str, path: &str) -> Answer {
        Answer::of(self.request(who, method, path)).await
    }

    pub(crate) async fn get(&self, who: &Who, path: &str) -> Answer {
        self.send(who, "GET", path).await
    }

    /// Gets a registry token for the scopes.
    pub(crate) async fn token(&self, who: &Who, scopes: &[&str]) -> Who {
        let scopes: Vec<String> = scopes
            .iter()
            .map(|scope| format!("scope={scope}"))
            .collect();
        let answer = self
            .get(
                who,
                &format!("/token?service=tidegate&{}", scopes.join("&")),
            )
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Who::Bearer(answer.json()["token"].as_str().expect("a token").to_owned())
    }

    /// Makes a robot with a role on a repository.
    pub(crate) async fn robot(&self, name: &str, repository: &str, role: &str) -> Who {
        let body =
            json!({ "name": name, "permissions": [{ "repository": repository, "role": role }] });
        let answer = Answer::of(self.request(&admin(), "POST", "/api/v1/robots").json(&body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let made = answer.json();
        let text = |field: &str| made[field].as_str().expect("a text").to_owned();
        Who::Basic(text("name"), text("token"))
    }

    /// Publishes a policy, named by its own text.
    pub(crate) async fn publish(&self, name: &str, policy: &str) {
        let path = format!("/api/v1/policies/{name}");
        let request = self.request(&admin(), "PUT", &path).body(policy.to_owned());
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Opens an upload session and returns its location.
    pub(crate) async fn session(&self, who: &Who, repository: &str) -> String {
        let answer = self
            .send(who, "POST", &format!("/v2/{repository}/blobs/uploads/"))
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.header("location").to_owned()
    }

    pub(crate) async fn push_blob(&self, who: &Who, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let request = self.request(who, "POST", &path).body(bytes.to_vec());
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        digest
    }

    /// Puts a manifest and returns the answer.
    pub(crate) async fn put(
        &self,
        who: &Who,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Answer {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let request = self
            .request(who, "PUT", &path)
            .header("content-type", media_type)
            .body(bytes.to_vec());
        Answer::of(request).await
    }

    /// Pushes an image with its blobs and returns its manifest's digest.
    pub(crate) async fn push_image(
        &self,
        repository: &str,
        tag: &str,
        image: &TestImage,
    ) -> Digest {
        for layer in &image.layers {
            self.push_blob(&admin(), repository, &layer.bytes).await;
        }
        self.push_blob(&admin(), repository, &image.config()).await;
        let answer = self
            .put(&admin(), repository, tag, IMAGE, &image.manifest())
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Digest::sha256(&image.manifest())
    }

    /// Waits until the image's report is there and returns it.
    pub(crate) async fn report(&self, repository: &str, digest: &Digest) -> Value {
        let path = format!("/api/v1/repositories/{repository}/-/manifests/{digest}/report");
        eventually(async || {
            let answer = self.get(&admin(), &path).await;
            (answer.status == 200).then(|| answer.json())
        })
        .await
    }

    /// Returns the verdict on a tag as the API tells it.
    pub(crate) async fn verdict(&self, repository: &str, tag: &str) -> Value {
        let answer = self
            .get(
                &admin(),
                &format!("/api/v1/repositories/{repository}/-/tags/{tag}"),
            )
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["verdict"].clone()
    }

    /// Imports a Debian tracker that knows one vulnerability per (source package, CVE, fixed version).
    pub(crate) fn import(&self, known: &[(&str, &str, &str)], built_at: Timestamp) {
        let mut tracker = json!({});
        for (package, id, fixed) in known {
            tracker[package][id] = json!({ "releases": { "bookworm": {
                "status": "resolved", "repositories": { "bookworm": fixed },
                "fixed_version": fixed, "urgency": "high" } } });
        }
        let feed = write(
            self.data.path(),
            "tracker.json",
            tracker.to_string().as_bytes(),
        );
        let mut builder = advisories::Builder::new(advisories::Limits::default());
        builder.add_path(&feed).expect("a feed");
        builder
            .finish(&self.data.path().join("advisories.db"), built_at)
            .expect("a snapshot");
    }

    /// Imports and waits until the server uses it.
    pub(crate) async fn import_now(&self, known: &[(&str, &str, &str)]) {
        let id = |answer: &Answer| answer.json()["snapshot"]["id"].clone();
        let before = id(&self.get(&admin(), "/api/v1/advisories").await);
        self.import(known, now());
        eventually(async || {
            let answer = self.get(&admin(), "/api/v1/advisories").await;
            (id(&answer) != before).then_some(())
        })
        .await;
    }
}

/// The one client of the tests. It follows nothing and keeps nothing.
fn client(from: Option<std::net::IpAddr>) -> reqwest::Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one client of these tests, to this machine only"
    )]
    let builder = reqwest::Client::builder();
    builder
        .local_address(from)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .expect("a client")
}

pub(crate) fn admin() -> Who {
    Who::Basic("admin".to_owned(), PASSWORD.to_owned())
}

/// The machine's time: advisories are dated relative to it.
pub(crate) fn now() -> Timestamp {
    Clock::System.now()
}

/// Asks until there is an answer, for ten seconds at most.
pub(crate) async fn eventually<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "it did not happen"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let mut file = tempfile::NamedTempFile::new_in(directory).expect("a file");
    file.write_all(bytes).expect("written");
    let path = directory.join(name);
    file.persist(&path).expect("in place");
    path
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        Self::read(request.send().await.expect("an answer")).await
    }

    pub(crate) async fn read(response: reqwest::Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.expect("a body").to_vec(),
        }
    }

    /// Returns a header, or the empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("a plain header"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Checks that this is one registry error and returns it.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        let body = self.json();
        let errors = body["errors"].as_array().expect("a list of errors");
        assert_eq!(errors.len(), 1, "{body}");
        assert_eq!(errors[0]["code"], code, "{body}");
        errors[0].clone()
    }
}

/// A layer of a Debian 12 with one package.
pub(crate) fn debian(package: &str, version: &str) -> TestLayer {
    let status = format!(
        "Package: {package}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n"
    );
    TestLayer::gzip(
        &TarBuilder::new()
            .file(
                "etc/os-release",
                "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
            )
            .file("var/lib/dpkg/status", status)
            .finish(),
    )
}

/// A layer with one file, of no interest to anybody.
pub(crate) fn plain(content: &str) -> TestLayer {
    TestLayer::gzip(&TarBuilder::new().file("srv/file", content).finish())
}

/// An image of one Debian layer.
pub(crate) fn image_with(package: &str, version: &str) -> TestImage {
    TestImage::new(vec![debian(package, version)])
}

/// An index over manifests, each with its platform; an empty platform is left out.
pub(crate) fn index_of(children: &[(&[u8], &str)]) -> Vec<u8> {
    let manifests: Vec<Value> = children
        .iter()
        .map(|(bytes, platform)| {
            let mut child =
                json!({ "mediaType": IMAGE, "digest": Digest::sha256(bytes), "size": bytes.len() });
            if let Some((os, architecture)) = platform.split_once('/') {
                child["platform"] = json!({ "os": os, "architecture": architecture });
            }
            child
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    index.to_string().into_bytes()
}

/// An artifact about a subject, whose configuration is `{}`.
pub(crate) fn artifact(
    artifact_type: &str,
    subject: Option<&[u8]>,
    layers: &[(&str, &[u8])],
) -> Vec<u8> {
    let layers: Vec<Value> = layers
        .iter()
        .map(|(media_type, bytes)| json!({ "mediaType": media_type, "digest": Digest::sha256(bytes), "size": bytes.len() }))
        .collect();
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": IMAGE, "artifactType": artifact_type,
        "config": { "mediaType": EMPTY, "digest": Digest::sha256(b"{}"), "size": 2 },
        "layers": layers,
    });
    if let Some(subject) = subject {
        manifest["subject"] =
            json!({ "mediaType": IMAGE, "digest": Digest::sha256(subject), "size": subject.len() });
    }
    manifest.to_string().into_bytes()
}
