//! Secrets and hostile texts: what goes in somewhere and must come out nowhere, or in one line.
//!
//! One server with a secret of every kind is used, misused and made to fail, at the most talkative level of its log.
//! Everything that it, the commands and the system say is searched. Answers that hand a secret over for the first time
//! are the only ones left out.
//!
//! Adding a secret: plant it in [`Planted`]. Adding an output: [`Told::add`].

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use blobs::testkit::Seaweed;
use oci::{Digest, media_type};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::samples::application;
use crate::serve::{Engine, Server, Site};
use crate::wire::{Answer, Request, push_image};

const DATABASE: &str = "canary-database-1Aa";
const ADMIN: &str = "canary-admin-2Bb";
const PERSON: &str = "canary-person-3Cc";
const WRONG: &str = "canary-wrong-4Dd";
const CLIENT: &str = "canary-client-5Ee";
const DIRECTORY: &str = "canary-directory-6Ff";
const WEBHOOK: &str = "canary-webhook-7Gg";
const ADDRESS: &str = "canary-address-8Hh";
const UPSTREAM: &str = "canary-upstream-9Ii";

/// Every output, by where it was seen.
#[derive(Default)]
struct Told(Vec<(String, String)>);

impl Told {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    /// Sends a request and keeps the whole answer.
    fn ask(&mut self, place: &str, request: Request) -> Answer {
        let answer = request.send();
        self.add(place, answer.whole());
        answer
    }

    /// Sends a request and keeps what comes back as it is, whether that is one body or a stream.
    fn keep(&mut self, place: &str, request: Request) {
        let bytes = request.begin(0, b"").rest();
        self.add(place, String::from_utf8_lossy(&bytes));
    }

    /// Searches every output for every secret, in each form in which secrets travel. `shown` is where one may be seen.
    fn hides(&self, secrets: &[String], shown: Option<&str>) {
        let mut found = Vec::new();
        for secret in secrets {
            let basic = format!("admin:{secret}");
            for form in [
                secret.clone(),
                STANDARD.encode(secret),
                URL_SAFE_NO_PAD.encode(secret),
                STANDARD.encode(&basic),
            ] {
                let searched = self.0.iter();
                let searched = searched
                    .filter(|(place, _)| shown.is_none_or(|shown| !place.starts_with(shown)));
                for (place, text) in searched {
                    if let Some(at) = text.find(&form) {
                        let around: String = text[..at].chars().rev().take(80).collect();
                        let before: String = around.chars().rev().collect();
                        found.push(format!("{form} in {place}, after: {before}"));
                    }
                }
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

fn site() -> Site {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let s3 = runtime.block_on(async { Seaweed::shared().await.config() });
    let key = s3.credentials.clone().expect("a key");
    let database = Site::on(Engine::Postgres).catalog();
    let site = Site::without_password()
        .with_variable("TIDEGATE_ADMIN_PASSWORD", ADMIN)
        .with_variable(
            "TIDEGATE_DATABASE",
            &format!("{database}&password={DATABASE}"),
        )
        .with_variable(
            "TIDEGATE_STORAGE",
            &format!("s3://{}/{}", s3.bucket, s3.prefix),
        )
        .with_variable("TIDEGATE_S3_ENDPOINT", &s3.endpoint.expect("an address"))
        .with_variable("TIDEGATE_S3_REGION", &s3.region)
        .with_variable("TIDEGATE_S3_ACCESS_KEY_ID", &key.access_key_id)
        .with_variable(
            "TIDEGATE_S3_SECRET_ACCESS_KEY",
            key.secret_access_key.expose_secret(),
        )
        .with_variable("TIDEGATE_OUTBOUND_ALLOW", "127.0.0.1/32")
        .with_variable("TIDEGATE_SIGN_IN", "sign-in.toml")
        .with_variable("TIDEGATE_LOG_LEVEL", "trace")
        .with_variable("TIDEGATE_LOG_FORMAT", "json");
    site.world.write("client-secret", CLIENT);
    site.world.write("bind-password", DIRECTORY);
    // Nobody listens there: every use is a failure that is told.
    site.world.write(
        "sign-in.toml",
        "[[oidc]]\nid = \"sso\"\nname = \"SSO\"\nissuer = \"http://127.0.0.1:9\"\nclient_id = \"x\"\n\
         client_secret_file = \"client-secret\"\n\
         [ldap]\nname = \"Directory\"\nurl = \"ldap://127.0.0.1:9\"\nallow_plaintext = true\n\
         bind_dn = \"cn=x\"\nbind_password_file = \"bind-password\"\nuser_base = \"dc=x\"\n",
    );
    site
}

fn request(server: &Server, method: &str, path: &str) -> Request {
    Request::new(server.host(), method, path).by("admin", ADMIN)
}

fn with_json(server: &Server, method: &str, path: &str, body: &Value) -> Request {
    request(server, method, path)
        .header("Content-Type", "application/json")
        .body(body.to_string())
}

/// Pushes an image with the canary's password.
fn push(server: &Server) {
    let image = application();
    let blobs = image.layers.iter().map(|layer| layer.bytes.clone());
    for bytes in blobs.chain([image.config()]) {
        let digest = Digest::sha256(&bytes);
        let path = format!("/v2/team/app/blobs/uploads/?digest={digest}");
        request(server, "POST", &path)
            .body(bytes)
            .send()
            .expect(201);
    }
    request(server, "PUT", "/v2/team/app/manifests/1.0")
        .header("Content-Type", media_type::OCI_MANIFEST)
        .body(image.manifest())
        .send()
        .expect(201);
}

fn form(server: &Server, path: &str, body: &str) -> Request {
    Request::new(server.host(), "POST", path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body)
}

/// Makes what hands out secrets, and returns them.
fn mint(server: &Server, told: &mut Told) -> Vec<String> {
    let text = |answer: &Answer, field: &str| {
        let value = answer.json()[field].as_str().map(str::to_owned);
        value.unwrap_or_else(|| panic!("no {field}: {}", answer.text()))
    };
    let person = json!({ "name": "dev", "password": PERSON });
    told.ask(
        "a new user",
        with_json(server, "POST", "/api/v1/users", &person),
    );
    let label = json!({ "label": "canary label" });
    let token = with_json(server, "POST", "/api/v1/me/tokens", &label).send();
    let robot = json!({ "name": "ci", "permissions": [] });
    let robot = with_json(server, "POST", "/api/v1/robots", &robot).send();
    let granted = format!(
        "grant_type=password&username=admin&password={ADMIN}&access_type=offline&service=tidegate\
         &scope=repository:team/app:pull"
    );
    let granted = form(server, "/token", &granted).send();
    let page = Request::new(server.host(), "GET", "/sign-in").send();
    let cookie = page.header("set-cookie").expect("a cookie");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let csrf = page.text();
    let (_, csrf) = csrf.split_once("name=\"csrf\" value=\"").expect("a token");
    let csrf = csrf.split('"').next().expect("a value");
    let signed_in = form(
        server,
        "/sign-in",
        &format!("csrf={csrf}&username=admin&password={ADMIN}"),
    )
    .header("Cookie", &cookie)
    .send()
    .expect(303);
    let session = signed_in.header("set-cookie").expect("a session");
    let session = session.split(';').next().expect("a pair").to_owned();
    for path in [
        "/",
        "/images",
        "/r/team/app/-/tags",
        "/r/team/app/-/t/1.0",
        "/feeds",
        "/nothing",
    ] {
        let page = Request::new(server.host(), "GET", path).header("Cookie", &session);
        told.ask(&format!("the page {path}"), page);
    }
    let (_, session) = session.split_once('=').expect("a value");
    vec![
        text(&token, "token"),
        text(&robot, "token"),
        text(&granted, "token"),
        text(&granted, "refresh_token"),
        session.to_owned(),
    ]
}

/// Uses what has a secret, and everything fails.
fn fail(server: &Server, told: &mut Told, minted: &[String]) {
    let wrong = |user: &str| Request::new(server.host(), "GET", "/v2/").by(user, WRONG);
    told.ask("a wrong password", wrong("admin"));
    told.ask("a name for the directory", wrong("somebody"));
    let begin = Request::new(server.host(), "GET", "/sign-in/sso");
    told.ask("a provider that is away", begin);
    let in_the_address = format!(
        "/token?account=admin&password={ADMIN}&refresh_token={}",
        minted[3]
    );
    told.ask(
        "secrets in an address",
        Request::new(server.host(), "GET", &in_the_address),
    );
    for token in minted {
        let bearer = Request::new(server.host(), "GET", "/v2/team/app/tags/list")
            .header("Authorization", &format!("Bearer {token}x"));
        told.ask("a damaged token", bearer);
    }
    let webhook = json!({ "name": "x", "url": format!("http://127.0.0.1:9/{ADDRESS}?token={ADDRESS}"), "secret": WEBHOOK });
    // The answer shows the secret once.
    let made = with_json(server, "POST", "/api/v1/webhooks", &webhook).send();
    let id = made.expect(201).json()["id"].clone();
    told.ask(
        "its test",
        request(server, "POST", &format!("/api/v1/webhooks/{id}/test")),
    );
    let upstream = json!({
        "name": "hub", "url": "http://127.0.0.1:9", "namespace": "hub",
        "credential": { "username": "admin", "secret": UPSTREAM },
    });
    told.ask(
        "an upstream",
        with_json(server, "POST", "/api/v1/upstreams", &upstream),
    );
    told.ask(
        "a pull through it",
        request(server, "GET", "/v2/hub/app/manifests/1"),
    );
    let mirror = json!({ "upstream": "hub", "source": "app", "repository": "copies/app" });
    told.ask(
        "a mirror",
        with_json(server, "POST", "/api/v1/mirrors", &mirror),
    );
    told.ask(
        "its run",
        request(server, "POST", "/api/v1/mirrors/copies/app/-/run"),
    );
    for (path, body) in [
        (
            "/api/v1/users",
            json!({ "name": "x", "password": PERSON, "unknown": true }),
        ),
        (
            "/api/v1/users",
            json!({ "name": "x", "password": [PERSON] }),
        ),
        (
            "/api/v1/webhooks",
            json!({ "name": "x", "url": "x", "secret": WEBHOOK }),
        ),
        (
            "/api/v1/upstreams",
            json!({ "url": "x", "credential": { "secret": UPSTREAM } }),
        ),
    ] {
        let answer = told.ask(
            &format!("a refused body at {path}"),
            with_json(server, "POST", path, &body),
        );
        assert!((400..500).contains(&answer.status), "{}", answer.text());
    }
    server.wait_for("an event could not be delivered");
}

/// Reads everything that can be read.
fn read(server: &Server, told: &mut Told) {
    let description = request(server, "GET", "/api/v1/openapi.json").send().json();
    let paths = description["paths"].as_object().expect("paths");
    let mut read = 0;
    for (path, methods) in paths {
        if methods.get("get").is_none() {
            continue;
        }
        let name = match path.split('/').nth(3) {
            Some("repositories") => "team/app/-",
            Some("mirrors") => "copies/app/-",
            Some("robots") => "admin+ci",
            _ => "hub",
        };
        let mut filled = path.replace("{name}", name).replace("{tag}", "1.0");
        filled = filled
            .replace("{scope}", "system")
            .replace("{user}", "dev")
            .replace("{id}", "1");
        for parameter in ["{namespace}", "{organization}", "{team}", "{digest}"] {
            filled = filled.replace(parameter, "team");
        }
        told.keep(path, request(server, "GET", &filled));
        read += 1;
    }
    assert!(read > 25, "{read} addresses were read");
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/api/v1/audit/export?format=csv",
        "/api/v1/jobs?state=dead",
        "/v2/_catalog",
    ] {
        told.keep(path, request(server, "GET", path));
    }
}

/// What the commands say, and what every user of the machine can see of the process.
fn look_from_outside(site: &Site, server: &Server, told: &mut Told) {
    for words in [
        &["config", "show"][..],
        &["config", "show", "--origin"],
        &["config", "check"],
        &["admin", "user", "list"],
        &["admin", "robot", "list"],
        &["admin", "fsck"],
    ] {
        let mut command = site.world.command(words);
        command.envs(site.variables().iter().map(|(name, value)| (name, value)));
        let run = command.output().expect("it starts");
        told.add(format!("{words:?}"), String::from_utf8_lossy(&run.stdout));
        told.add(format!("{words:?}"), String::from_utf8_lossy(&run.stderr));
    }
    let line = fs_err::read(format!("/proc/{}/cmdline", server.pid())).expect("a process");
    assert!(line.starts_with(env!("CARGO_BIN_EXE_tidegate").as_bytes()));
    told.add("the list of processes", String::from_utf8_lossy(&line));
}

/// Starts that fail, each because of what a secret stands beside.
fn fail_to_start(site: &Site, told: &mut Told) {
    let unreachable = format!("postgres://tidegate:{DATABASE}@127.0.0.1:9/x");
    let in_the_query = format!("postgres://tidegate@127.0.0.1:9/x?password={DATABASE}");
    for (option, value) in [
        ("--database", unreachable.as_str()),
        ("--database", in_the_query.as_str()),
        ("--database", &format!("postgres://tidegate:{DATABASE}@[/x")),
        (
            "--database",
            &format!("postgress://tidegate:{DATABASE}@h/x"),
        ),
        ("--s3-endpoint", "http://127.0.0.1:9"),
    ] {
        let run = site.clone_with(option, value).run();
        assert_ne!(run.exit, 0);
        told.add(format!("a start with {option}"), run.stdout + &run.stderr);
    }
    let mut show = site
        .world
        .command(&["config", "show", "--database", &in_the_query]);
    let run = show.output().expect("it starts");
    told.add(
        "a password in a query",
        String::from_utf8_lossy(&run.stdout),
    );
}

#[test]
fn no_secret_comes_out_anywhere() {
    let site = site();
    let server = site.start();
    let mut told = Told::default();
    push(&server);
    let minted = mint(&server, &mut told);
    fail(&server, &mut told, &minted);
    read(&server, &mut told);
    look_from_outside(&site, &server, &mut told);
    let log = server.stop();
    for said in [
        "credential refused",
        "an event could not be delivered",
        "/api/v1/webhooks",
    ] {
        assert!(log.contains(said), "nothing was said of `{said}`");
    }
    told.add("the log", log);
    fail_to_start(&site, &mut told);
    let mut secrets = minted;
    let key = site
        .variables()
        .iter()
        .find(|(name, _)| name == "TIDEGATE_S3_SECRET_ACCESS_KEY");
    secrets.push(key.expect("a key").1.clone());
    secrets.extend(
        [
            DATABASE, ADMIN, PERSON, WRONG, CLIENT, DIRECTORY, WEBHOOK, UPSTREAM,
        ]
        .map(str::to_owned),
    );
    told.hides(&secrets, None);
    // Whoever may change a webhook sees its address, as they gave it.
    told.hides(&[ADDRESS.to_owned()], Some("/api/v1/webhooks"));
}

/// A receiver whose answers try to be lines of the log.
fn forging_receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut asked = [0; 4 << 10];
            let _ = stream.read(&mut asked);
            let body = "no\r\nforged-line: x\u{1b}[31m";
            let answer = format!(
                "HTTP/1.1 500 no\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn hostile_texts_are_one_line_of_the_log_each() {
    let receiver = forging_receiver();
    for format in ["json", "text"] {
        let site = Site::new()
            .with_variable("TIDEGATE_OUTBOUND_ALLOW", "127.0.0.1/32")
            .with_option("--log-format", format)
            .with_option("--log-level", "debug");
        let server = site.start();
        push_image(&server, "team/app", "1.0", &application());
        let forged = "x\nforged-line: x\r\u{1b}[31m\u{2028}forged-line";
        let encoded = "x%0aforged-line:%20x%0d%1b%5b31m";
        for path in [
            format!("/{encoded}"),
            format!("/v2/{encoded}/manifests/1"),
            format!("/v2/team/app/manifests/{encoded}"),
            format!("/v2/team/app/tags/list?last={encoded}"),
            format!("/token?client_id={encoded}&offline_token=true&scope={encoded}"),
            format!("/api/v1/audit?actor={encoded}"),
            format!("/sign-in?return={encoded}"),
        ] {
            server
                .request("GET", &path)
                .header("User-Agent", "x\tforged-line")
                .send();
        }
        Request::new(server.host(), "GET", "/v2/")
            .by(forged, "wrong")
            .send()
            .expect(401);
        for (method, path, body) in [
            ("POST", "/api/v1/users", json!({ "name": forged })),
            (
                "POST",
                "/api/v1/organizations",
                json!({ "name": "house", "email": forged }),
            ),
            (
                "PATCH",
                "/api/v1/repositories/team/app/-",
                json!({ "description": forged }),
            ),
            ("POST", "/api/v1/me/tokens", json!({ "label": forged })),
            ("PUT", "/api/v1/policies/house", json!({ "name": forged })),
            (
                "POST",
                "/api/v1/webhooks",
                json!({ "name": forged, "url": receiver }),
            ),
            (
                "POST",
                "/api/v1/upstreams",
                json!({ "name": "hub", "url": receiver, "namespace": "hub", "prefix": forged }),
            ),
            (
                "POST",
                "/api/v1/upstreams",
                json!({ "name": "hub", "url": receiver, "namespace": "hub" }),
            ),
        ] {
            let request = server.request(method, path);
            let request = request.header("Content-Type", "application/json");
            request.body(body.to_string()).send();
        }
        let webhook = json!({ "name": "x", "url": receiver });
        let made = server.request("POST", "/api/v1/webhooks");
        let made = made.header("Content-Type", "application/json");
        let made = made.body(webhook.to_string()).send().expect(201).json();
        let test = format!("/api/v1/webhooks/{}/test", made["id"]);
        server.request("POST", &test).send().expect(202);
        server.get("/v2/hub/app/manifests/1");
        server.wait_for("an event could not be delivered");
        let log = server.stop();
        assert!(!log.contains('\u{1b}'), "{log}");
        let events = log
            .lines()
            .filter(|line| !line.starts_with("Tidegate serves "));
        let mut seen = 0;
        for line in events {
            seen += 1;
            if format == "json" {
                let event: Value = serde_json::from_str(line).expect("one event is one line");
                assert!(event["fields"].is_object(), "{event}");
            } else {
                let instant = line.split_whitespace().next().unwrap_or_default();
                assert!(
                    instant.parse::<jiff::Timestamp>().is_ok(),
                    "no event: {line}"
                );
            }
        }
        assert!(seen > 20, "{log}");
    }
}
