//! `tidegate admin webhook`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rstest::rstest;

use super::End::{Does, Misused, Nothing, Refuses, Shows};
use super::{admin, document, walk};
use crate::serve::{Engine, Site};

/// A running server looks for work every few seconds.
const PATIENCE: Duration = Duration::from_mins(1);

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn webhooks_are_added_tested_and_removed(#[case] engine: Engine) {
    let site = Site::on(engine);
    site.world.write("secret.txt", "sixteen letters or more\n");
    site.world.write("short.txt", "short\n");
    walk(
        &site,
        &[
            ("webhook list", Nothing),
            (
                "repository create team/app",
                Does("repository team/app created", &["repository.create"]),
            ),
            (
                "webhook add deploy https://hooks.example.com/a --namespace team --event push --secret-file secret.txt",
                Does("1", &["webhook.create"]),
            ),
            (
                "webhook add chat https://hooks.example.com/b --repository team/app --format slack",
                Does("2", &["webhook.create"]),
            ),
            (
                "webhook add x https://hooks.example.com/ --repository team/none",
                Refuses("there is no repository `team/none`"),
            ),
            (
                "webhook add x https://hooks.example.com/ --namespace a/b",
                Refuses("`a/b` cannot be the name"),
            ),
            (
                "webhook add x https://hooks.example.com/ --namespace team --repository team/app",
                Misused("--repository"),
            ),
            (
                "webhook add x https://hooks.example.com/ --event nonsense",
                Refuses("`events`: there is no kind of that name"),
            ),
            (
                "webhook add x https://hooks.example.com/ --format xml",
                Refuses("`format` is `cloudevents` or `slack`"),
            ),
            (
                "webhook add x https://hooks.example.com/ --secret-file short.txt",
                Refuses("`secret` is 16 to 256"),
            ),
            ("webhook add x https://127.0.0.1/", Refuses("`url`: ")),
            ("webhook list", Shows("deploy")),
            ("webhook list --repository team/app", Shows("chat")),
            ("webhook list --namespace other", Nothing),
            ("webhook deliveries 1", Nothing),
            ("webhook test 1", Does("is on its way", &["webhook.test"])),
            (
                "webhook test 9",
                Refuses(
                    "there is no webhook 9, `tidegate admin webhook list` shows those there are",
                ),
            ),
            ("webhook deliveries 1 --state pending", Shows("ping")),
            ("webhook deliveries 1 --state dead", Nothing),
            (
                "webhook deliveries 1 --state lost",
                Misused("expected pending, delivered or dead"),
            ),
            ("webhook deliveries 9", Refuses("there is no webhook 9")),
            (
                "webhook redeliver 1 4711",
                Refuses("webhook 1 has no delivery 4711 that is over"),
            ),
        ],
    );
    // A secret in a file is not printed, nor is any in lists.
    let listed = document(&site, &["webhook", "list"]).to_string();
    assert!(!listed.contains("sixteen letters"), "{listed}");
    let deliveries = document(&site, &["webhook", "deliveries", "1"]);
    assert_eq!(deliveries[0]["state"], "pending", "{deliveries}");
    walk(
        &site,
        &[
            (
                "webhook remove 1",
                Does("webhook 1 deleted", &["webhook.delete"]),
            ),
            ("webhook remove 1", Refuses("there is no webhook 1")),
        ],
    );
}

#[test]
fn a_secret_is_drawn_and_printed_once() {
    let site = Site::new();
    let made = admin(
        &site,
        &["webhook", "add", "all", "https://hooks.example.com/"],
    )
    .ends_with(0);
    let lines: Vec<&str> = made.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", made.stdout);
    assert_eq!(lines[0], "1");
    assert!(lines[1].len() >= 32, "{}", made.stdout);
    let listed = document(&site, &["webhook", "list"]).to_string();
    assert!(!listed.contains(lines[1]), "{listed}");
}

/// A running server sends what the console queues, and sends it again.
#[test]
fn what_is_queued_here_is_sent_by_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = told.send(answer(&stream));
        }
    });
    let site = Site::new().with_variable("TIDEGATE_OUTBOUND_ALLOW", "127.0.0.1");
    let server = site.start();
    admin(&site, &["webhook", "add", "all", &address]).ends_with(0);
    walk(
        &site,
        &[("webhook test 1", Does("is on its way", &["webhook.test"]))],
    );
    let request = heard.recv_timeout(PATIENCE).expect("a request");
    assert!(request.starts_with("POST /hook "), "{request}");
    let delivered = delivered(&site);
    let again = format!("webhook redeliver 1 {}", delivered["id"]);
    walk(
        &site,
        &[(&again, Does("is on its way again", &["webhook.redeliver"]))],
    );
    heard.recv_timeout(PATIENCE).expect("a second request");
    server.stop();
}

/// Waits until the server has written down that the ping arrived.
fn delivered(site: &Site) -> serde_json::Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let list = document(
            site,
            &["webhook", "deliveries", "1", "--state", "delivered"],
        );
        if let Some(first) = list.get(0) {
            return first.clone();
        }
        assert!(Instant::now() < deadline, "nothing is delivered");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Takes a request and accepts it. Returns its head.
fn answer(mut stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a head");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .expect("a reader");
    head
}
