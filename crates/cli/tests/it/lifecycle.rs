//! Starting and stopping: what is said, what is kept, what a running request gets.

use std::io::Read as _;
use std::net::TcpListener;

use rstest::rstest;

use crate::samples::{application, large};
use crate::serve::{PASSWORD, Site};
use crate::wire::{Request, blob_path, manifest_path, push_image};

/// The password that a start shows.
fn shown_password(log: &str) -> Option<&str> {
    let (_, rest) = log.split_once("The password of `admin` is ")?;
    rest.split_whitespace().next()
}

#[test]
fn a_password_is_made_and_shown_on_the_first_start_only() {
    let site = Site::without_password();
    let server = site.start();
    server.wait_for("The password of `admin` is ");
    let first = server.stop();
    let password = shown_password(&first).expect("shown").to_owned();
    assert!(password.len() >= 16, "{first}");

    let server = site.start();
    Request::new(server.host(), "GET", "/api/v1/repositories")
        .by("admin", &password)
        .send()
        .expect(200);
    let second = server.stop();
    assert_eq!(shown_password(&second), None, "{second}");
    assert!(!second.contains(&password), "{second}");
}

#[test]
fn a_given_password_is_never_shown() {
    let site = Site::new();
    let server = site.start();
    server.get("/api/v1/repositories").expect(200);
    let log = server.stop();
    assert!(!log.contains(PASSWORD), "{log}");
    assert_eq!(shown_password(&log), None, "{log}");
}

#[test]
fn a_first_start_that_fails_does_not_use_up_the_password() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let site = Site::without_password();
    site.clone_with("--listen", &address)
        .run()
        .ends_with(1)
        .says(&format!("error: cannot listen on {address}"));
    let server = site.start();
    server.wait_for("The password of `admin` is ");
}

#[test]
fn a_second_start_keeps_everything() {
    let site = Site::new();
    let server = site.start();
    let image = application();
    push_image(&server, "team/app", "1.0", &image);
    server.stop();

    let server = site.start();
    let answer = server.get(&manifest_path("team/app", "1.0")).expect(200);
    assert_eq!(answer.body, image.manifest());
    for layer in &image.layers {
        let answer = server
            .get(&blob_path("team/app", &layer.digest()))
            .expect(200);
        assert_eq!(answer.body, layer.bytes);
    }
    let robots = server.get("/api/v1/robots").expect(200).json();
    assert_eq!(robots["items"], serde_json::json!([]));
}

#[test]
fn a_stop_lets_a_running_pull_end_whole() {
    let site = Site::new();
    let server = site.start();
    // More than every buffer between the two ends, so that the server still has most of it when it is asked to stop.
    let image = large(48 << 20);
    let layer = &image.layers[0];
    push_image(&server, "team/large", "1.0", &image);
    let path = blob_path("team/large", &layer.digest());
    let mut pull = server.request("GET", &path).begin(0, b"");
    let mut got = pull.read_some(1 << 10);
    server.terminate();
    server.wait_for("stopping");

    got.extend(pull.rest());
    let end = got.windows(4).position(|window| window == b"\r\n\r\n");
    let body = &got[end.expect("a head") + 4..];
    assert_eq!(body.len(), layer.bytes.len());
    assert!(body == layer.bytes, "the bytes are others");
    server.ended();
}

#[rstest]
#[case::busy_port("--listen", "BUSY", 1, "error: cannot listen on ")]
#[case::no_address("--listen", "somewhere", 64, "`listen` is `somewhere`")]
#[case::no_database("--database", "mysql://x", 64, "`database`")]
#[case::no_policy(
    "--policy",
    "absent.yaml",
    1,
    "error: cannot read the policy `absent.yaml`"
)]
#[case::no_file("--config", "absent.toml", 64, "`absent.toml`")]
fn what_hinders_a_start_is_said_in_a_sentence(
    #[case] option: &str,
    #[case] value: &str,
    #[case] exit: i32,
    #[case] message: &str,
) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let value = if value == "BUSY" { &address } else { value };
    Site::new()
        .clone_with(option, value)
        .run()
        .ends_with(exit)
        .says(message);
}

#[test]
fn an_unknown_variable_hinders_a_start() {
    Site::new()
        .with_variable("TIDEGATE_LISTENS", "127.0.0.1:1")
        .run()
        .ends_with(64)
        .says("error: unknown environment variable `TIDEGATE_LISTENS`")
        .says("hint: Did you mean `TIDEGATE_LISTEN`?");
}

#[test]
fn an_unknown_key_hinders_a_start() {
    let site = Site::new().with_option("--config", "tidegate.toml");
    site.world
        .write("tidegate.toml", "# ours\ndatabse = \"sqlite:x\"\n");
    site.run()
        .ends_with(64)
        .says("error: `tidegate.toml`, line 2: unknown key `databse`")
        .says("hint: Did you mean `database`?");
}

#[test]
fn a_policy_with_an_unknown_key_hinders_a_start_and_names_its_line() {
    let text = crate::samples::policy("enforce").replace("  mode:", "  moode:");
    Site::new()
        .with_policy(&text)
        .run()
        .ends_with(1)
        .says("error: the policy `policy.yaml` is not usable")
        .says("moode");
}

#[test]
fn logs_in_json_are_json() {
    let site = Site::new().with_option("--log-format", "json");
    let server = site.start();
    server.get("/api/v1/repositories").expect(200);
    let log = server.stop();
    let events: Vec<&str> = log.lines().filter(|line| line.starts_with('{')).collect();
    assert!(!events.is_empty(), "{log}");
    for event in events {
        let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
        assert!(event["fields"]["message"].is_string(), "{event}");
    }
    let mut colour = log.bytes();
    assert!(!colour.any(|byte| byte == 0x1b), "{log}");
}

#[test]
fn connections_that_say_nothing_do_not_hold_up_a_stop() {
    let server = Site::new().start();
    let mut idle = std::net::TcpStream::connect(server.host()).expect("it listens");
    server.get("/healthz").expect(200);
    server.stop();
    let mut rest = Vec::new();
    // Closed or reset: either way nobody is left at the other end.
    let _ = idle.read_to_end(&mut rest);
    assert!(rest.is_empty());
}
