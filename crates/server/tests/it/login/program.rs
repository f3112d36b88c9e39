//! A provider that somebody else wrote: the program `oidc-provider-mock`, which `scripts/setup test` installs.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use server::{Clock, SignInSettings};

use super::browser::Browser;
use crate::world::{Answer, Who, World, write};

/// Ends the program with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        println!("the provider ended: {ended:?}");
    }
}

fn executable() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"),
        PathBuf::from,
    );
    cache.join("tidegate-tools/python/bin/oidc-provider-mock")
}

fn start(port: u16) -> Program {
    let claims = r#"{"sub":"u-7","preferred_username":"erin","email":"erin@example.com"}"#;
    let child = Command::new(executable())
        .args(["--port", &port.to_string(), "--require-nonce", "true"])
        .args(["--user-claims", claims])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("scripts/setup test installs the program");
    let program = Program(child);
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it does not listen"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    program
}

pub(crate) async fn a_provider_of_another_maker_is_understood(world: &mut World) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let _program = start(port);
    let text = format!(
        "[[oidc]]\nid = \"sso\"\nname = \"SSO\"\nissuer = \"http://127.0.0.1:{port}\"\nclient_id = \"tidegate\"\n\
         client_secret_file = \"client-secret\"\n"
    );
    write(world.data.path(), "client-secret", b"secret");
    let file = write(world.data.path(), "sign-in.toml", text.as_bytes());
    let sign_in = SignInSettings::load(&file).unwrap();
    world
        .reconfigure(Clock::System, |settings| {
            settings.sign_in = sign_in;
            settings.outbound.allow = "127.0.0.1".parse().unwrap();
        })
        .await;
    let mut browser = Browser::default();
    let begun = browser.get(world, "/sign-in/sso?return=/feeds").await;
    assert_eq!(begun.status, 303, "{}", begun.text());
    let consent = world
        .request(&Who::Nobody, "POST", begun.header("location"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("sub=u-7");
    let consent = Answer::of(consent).await;
    assert_eq!(consent.status, 302, "{}", consent.text());
    let answer = browser.get(world, consent.header("location")).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(answer.header("location"), "/feeds");
    assert!(browser.is_known_as(world, "erin").await);
}
