//! Running the server: health, metrics, stopping, crashes, logs.

use std::cell::Cell;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::Digest;
use tokio::io::AsyncWriteExt as _;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

use crate::gate::no_telnet;
use crate::world::{Answer, PASSWORD, Who, World, admin, image_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_and_metrics_are_told() {
    let mut world = World::sqlite().await;
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = world.get(&Who::Nobody, path).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, text));
    }
    let metrics = world.get(&Who::Nobody, "/metrics").await;
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    for name in [
        "tidegate_requests_total",
        "tidegate_uploads_in_flight 0",
        "tidegate_blob_received_bytes_total",
    ] {
        assert!(metrics.text().contains(name), "{name}: {}", metrics.text());
    }
    assert!(!metrics.text().contains("team/app"), "no names in labels");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_directory_and_the_database_are_their_owners_alone() {
    let mut world = World::sqlite().await;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&world.data_directory()), 0o700);
    let database = world.database().strip_prefix("sqlite:").unwrap();
    assert_eq!(mode(std::path::Path::new(database)), 0o600);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_a_running_upload_end() {
    let mut world = World::sqlite().await;
    let location = world.session(&admin(), "team/app").await;
    let (mut sender, body) = tokio::io::duplex(64);
    let body = reqwest::Body::wrap_stream(futures::stream::unfold(body, async |mut body| {
        use tokio::io::AsyncReadExt as _;
        let mut buffer = vec![0; 64];
        let read = body.read(&mut buffer).await.unwrap();
        buffer.truncate(read);
        (read > 0).then_some((Ok::<_, std::io::Error>(buffer), body))
    }));
    let digest = Digest::sha256(b"first second");
    let path = format!("{location}?digest={digest}");
    let upload = tokio::spawn(Answer::of(world.request(&admin(), "PUT", &path).body(body)));
    sender.write_all(b"first ").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let server = world.take_server();
    server.stop_token().cancel();
    let stopped = tokio::spawn(server.wait());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!stopped.is_finished(), "it waits for the upload");
    sender.write_all(b"second").await.unwrap();
    drop(sender);
    assert_eq!(upload.await.unwrap().status, 201);
    tokio::time::timeout(Duration::from_secs(10), stopped)
        .await
        .unwrap()
        .unwrap();
    world.restart(server::Clock::System).await;
    let path = format!("/v2/team/app/blobs/{digest}");
    assert_eq!(world.get(&admin(), &path).await.text(), "first second");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_of_a_lost_session_are_swept_at_start() {
    let mut world = World::sqlite().await;
    let location = world.session(&admin(), "team/app").await;
    let request = world.request(&admin(), "PATCH", &location).body("kept");
    assert_eq!(Answer::of(request).await.status, 202);
    let staged = world.data_directory().join("blobs/uploads");
    let stray = crate::world::write(&staged, "0190a5f0-0000-4000-8000-000000000000", b"lost");
    world.restart(server::Clock::System).await;
    crate::world::eventually(async || (!stray.try_exists().unwrap()).then_some(())).await;
    let status = world.get(&admin(), &location).await;
    assert_eq!((status.status, status.header("range")), (204, "0-3"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_of_the_database_is_never_an_allow() {
    let mut world = World::sqlite().await;
    world.publish("house", &no_telnet("enforce")).await;
    let digest = world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    world.report("team/app", &digest).await;
    assert_eq!(
        world.get(&admin(), "/v2/team/app/manifests/1").await.status,
        200
    );
    catalog::testkit::break_policies(world.database()).await;
    for path in [
        "/v2/team/app/manifests/1".to_owned(),
        format!("/v2/team/app/manifests/{digest}"),
    ] {
        let error = world.get(&admin(), &path).await.error(500, "UNKNOWN");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("internal error, incident "),
            "{message}"
        );
    }
    world.stop().await;
}

/// A writer that tests can read.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

thread_local! {
    static IS_LISTENED_TO: Cell<bool> = const { Cell::new(false) };
}

/// A subscriber for the whole binary that hears one thread only. One set for a thread would miss what other tests'
/// threads have seen first: the library remembers that nobody listens.
struct OneThread<S>(S);

impl<S: Subscriber> Subscriber for OneThread<S> {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        IS_LISTENED_TO.get() && self.0.enabled(metadata)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.0.new_span(attributes)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.0.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.0.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn enter(&self, span: &Id) {
        self.0.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.0.exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.0.clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        self.0.try_close(span)
    }
}

#[test]
fn no_secret_is_logged() {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(OneThread(subscriber)).unwrap();
    // One thread, so that everything this server logs comes here.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    IS_LISTENED_TO.set(true);
    let secrets = runtime.block_on(use_secrets());
    IS_LISTENED_TO.set(false);
    let log = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    for said in [
        "path=/token",
        "path=/v2/team/app/tags/list",
        "credential refused",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
}

/// Sends every kind of secret everywhere it could be sent, and returns them.
async fn use_secrets() -> Vec<String> {
    let mut world = World::sqlite().await;
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let robot = world.robot("ci", "team/app", "read").await;
    let token = world.token(&robot, &["repository:team/app:pull"]).await;
    for who in [&robot, &token, &admin()] {
        assert_eq!(world.get(who, "/v2/team/app/tags/list").await.status, 200);
    }
    let (Who::Basic(_, robot_secret), Who::Bearer(token)) = (robot, token) else {
        panic!("a robot and its token");
    };
    let wrong = "canary-wrong-9Zx";
    let refused = Who::Basic("admin".into(), wrong.into());
    assert_eq!(world.get(&refused, "/v2/").await.status, 401);
    let in_query = format!("/token?username=admin&password={wrong}&token={token}");
    world.get(&Who::Nobody, &in_query).await;
    let form = format!("grant_type=password&username=admin&password={PASSWORD}");
    Answer::of(world.request(&Who::Nobody, "POST", "/token").body(form)).await;
    let form = format!("csrf=x&username=admin&password={PASSWORD}");
    Answer::of(world.request(&Who::Nobody, "POST", "/sign-in").body(form)).await;
    world.get(&Who::Bearer(format!("{token}x")), "/v2/").await;
    world.stop().await;
    vec![PASSWORD.to_owned(), wrong.to_owned(), robot_secret, token]
}
