//! Attacks on the way out: addresses in every spelling, names that change their mind, redirects.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request};
use rstest::rstest;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use super::addresses::why_not_public;
use super::error::Refused;
use super::guard::Resolver;
use super::{AllowList, Outbound, OutboundError, OutboundSettings, basic};

fn allowing(list: &str) -> OutboundSettings {
    OutboundSettings {
        allow: list.parse().expect("a list"),
        ..OutboundSettings::default()
    }
}

/// A resolver that answers from a table; each name has the answers of its first question, its second, and so on.
fn resolver(table: &[(&'static str, &[&[&str]])]) -> (Resolver, Arc<AtomicUsize>) {
    let table: Vec<(&str, Vec<Vec<IpAddr>>)> = table
        .iter()
        .map(|(name, answers)| {
            let answers = answers
                .iter()
                .map(|answer| answer.iter().map(|ip| ip.parse().expect("an ip")).collect());
            (*name, answers.collect())
        })
        .collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let resolver: Resolver = Arc::new(move |name| {
        let turn = counted.fetch_add(1, Ordering::SeqCst);
        let found = table
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, answers)| answers[turn.min(answers.len() - 1)].clone())
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
        Box::pin(std::future::ready(found))
    });
    (resolver, asked)
}

/// A server that gives one scripted answer to every request and remembers the requests.
struct Scripted {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn new(answer: impl Fn(SocketAddr) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, answer) = (seen.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                        match stream.read(&mut buffer).await {
                            Ok(0) | Err(_) => return,
                            Ok(n) => request.extend_from_slice(&buffer[..n]),
                        }
                    }
                    let request = String::from_utf8_lossy(&request).into_owned();
                    seen.lock().expect("no panic").push(request);
                    let _ = stream.write_all(answer(address).as_bytes()).await;
                });
            }
        });
        Self { address, requests }
    }

    fn url(&self, host: &str) -> Url {
        let text = format!("http://{host}:{}/start", self.address.port());
        text.parse().expect("an address")
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn get(url: Url) -> Request {
    let mut request = Request::new(Method::GET, url);
    let secret = basic("me", &SecretString::from("canary".to_owned()));
    request.headers_mut().insert(AUTHORIZATION, secret);
    request
}

fn ok(_: SocketAddr) -> String {
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok".to_owned()
}

fn redirect(status: u16, to: &str) -> String {
    format!(
        "HTTP/1.1 {status} Elsewhere\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

#[rstest]
#[case("0.0.0.0")]
#[case("10.1.2.3")]
#[case("100.64.0.1")]
#[case("100.100.100.200")]
#[case("127.0.0.1")]
#[case("127.255.0.9")]
#[case("168.63.129.16")]
#[case("169.254.169.254")]
#[case("172.16.0.1")]
#[case("172.31.255.255")]
#[case("192.0.0.192")]
#[case("192.168.1.1")]
#[case("198.18.0.1")]
#[case("224.0.0.1")]
#[case("240.0.0.1")]
#[case("255.255.255.255")]
#[case("::")]
#[case("::1")]
#[case("::ffff:127.0.0.1")]
#[case("::ffff:10.0.0.1")]
#[case("::127.0.0.1")]
#[case("64:ff9b::a00:1")]
#[case("64:ff9b::a9fe:a9fe")]
#[case("64:ff9b:1::1")]
#[case("2002:7f00:1::")]
#[case("2001::1")]
#[case("2001:db8::1")]
#[case("3fff::1")]
#[case("100::1")]
#[case("fc00::1")]
#[case("fd00:ec2::254")]
#[case("fe80::1")]
#[case("fec0::1")]
#[case("ff02::1")]
#[case("5f00::1")]
fn a_private_address_is_private(#[case] address: &str) {
    assert!(why_not_public(address.parse().expect("an ip")).is_some());
}

#[rstest]
#[case("1.1.1.1")]
#[case("100.63.255.255")]
#[case("100.128.0.0")]
#[case("172.15.255.255")]
#[case("172.32.0.0")]
#[case("192.167.255.255")]
#[case("223.255.255.255")]
#[case("::ffff:1.1.1.1")]
#[case("64:ff9b::101:101")]
#[case("2002:101:101::1")]
#[case("2606:4700::1111")]
#[case("2a00:1450::1")]
fn a_public_address_is_public(#[case] address: &str) {
    assert_eq!(why_not_public(address.parse().expect("an ip")), None);
}

#[rstest]
#[case("http://127.0.0.1/")]
#[case("http://2130706433/")]
#[case("http://0x7f000001/")]
#[case("http://0177.0.0.1/")]
#[case("http://127.1/")]
#[case("http://0/")]
#[case("http://%31%32%37.0.0.1/")]
#[case("http://127.0.0.1./")]
#[case("http://[::1]/")]
#[case("http://[::]/")]
#[case("http://[::ffff:7f00:1]/")]
#[case("http://[::127.0.0.1]/")]
#[case("http://[64:ff9b::127.0.0.1]/")]
#[case("http://[fe80::1]/")]
#[case("http://169.254.169.254/latest/meta-data/")]
#[case("http://2852039166/")]
#[case("http://0xa9.0xfe.0251.254/")]
#[case("http://localhost/")]
#[case("http://LOCALHOST./")]
#[case("http://a.localhost/")]
#[tokio::test]
async fn every_spelling_of_a_private_address_is_refused(#[case] url: &str) {
    // No name may be needed: the resolver knows none.
    let (resolver, asked) = resolver(&[]);
    let outbound = Outbound::with_resolver(&OutboundSettings::default(), resolver).expect("made");
    let url: Url = url.parse().expect("an address");
    let refused = outbound.send(get(url.clone())).await;
    assert!(
        matches!(refused, Err(OutboundError::Refused(_))),
        "{refused:?}"
    );
    let refused = outbound.follow(get(url)).await;
    assert!(
        matches!(refused, Err(OutboundError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[rstest]
#[case(
    "ftp://example.com/",
    "an address begins with `http://` or `https://`, not with `ftp:`"
)]
#[case(
    "file:///etc/passwd",
    "an address begins with `http://` or `https://`, not with `file:`"
)]
#[case(
    "http://user:secret@example.com/",
    "an address holds no user name and no password"
)]
fn what_is_no_plain_web_address_is_refused(#[case] url: &str, #[case] words: &str) {
    let outbound = Outbound::new(&OutboundSettings::default()).expect("made");
    let refused = outbound.check(&url.parse().expect("an address"));
    assert_eq!(refused.expect_err("refused").to_string(), words);
}

#[tokio::test]
async fn a_name_that_leads_to_private_addresses_is_refused_in_words() {
    let (resolver, _) = resolver(&[("inner.example", &[&["10.0.0.8", "fd00::8"]])]);
    let outbound = Outbound::with_resolver(&OutboundSettings::default(), resolver).expect("made");
    let url: Url = "http://inner.example/".parse().expect("an address");
    let refused = outbound.send(get(url)).await.expect_err("refused");
    assert_eq!(
        refused.to_string(),
        "`inner.example` is a private address; the setting `outbound_allow` can list it"
    );
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_connected_to_where_it_was_checked() {
    let server = Scripted::new(ok).await;
    // First the listed address, then, had anybody asked again, one that would be refused; and the other way round.
    let (turns, asked) = resolver(&[("shifty.example", &[&["127.0.0.1"], &["10.0.0.1"]])]);
    let outbound = Outbound::with_resolver(&allowing("127.0.0.0/8"), turns).expect("made");
    let answer = outbound.send(get(server.url("shifty.example"))).await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert_eq!(
        asked.load(Ordering::SeqCst),
        1,
        "resolved once, not again for the connection"
    );
    let refused = outbound.send(get(server.url("shifty.example"))).await;
    assert!(
        matches!(refused, Err(OutboundError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn of_several_addresses_only_the_open_ones_are_used() {
    let server = Scripted::new(ok).await;
    let (resolver, _) = resolver(&[("both.example", &[&["10.255.255.1", "127.0.0.1"]])]);
    let outbound = Outbound::with_resolver(&allowing("127.0.0.1"), resolver).expect("made");
    let answer = outbound.send(get(server.url("both.example"))).await;
    assert_eq!(answer.expect("an answer").status(), 200);
}

#[rstest]
#[case("10.0.0.0/8", "in.example", "10.1.1.1", true)]
#[case("10.0.0.0/8", "in.example", "11.1.1.1", true)]
#[case("10.0.0.0/16", "in.example", "10.1.1.1", false)]
#[case("in.example", "in.example", "10.1.1.1", true)]
#[case("IN.example", "in.example", "10.1.1.1", true)]
#[case("in.example", "not-in.example", "10.1.1.1", false)]
#[case("*.example", "in.example", "10.1.1.1", true)]
#[case("*.example", "example", "10.1.1.1", false)]
#[case("*.ample", "in.example", "10.1.1.1", false)]
#[case("10.0.0.0/8", "in.example", "::ffff:10.1.1.1", true)]
// A name's owner may not lead us to the machine's credentials.
#[case("in.example", "in.example", "169.254.169.254", false)]
#[case("in.example", "in.example", "::ffff:169.254.169.254", false)]
#[case("in.example, 169.254.0.0/16", "in.example", "169.254.169.254", true)]
#[tokio::test]
async fn the_setting_opens_what_it_lists_and_nothing_else(
    #[case] list: &str,
    #[case] name: &'static str,
    #[case] address: &str,
    #[case] is_open: bool,
) {
    let address: IpAddr = address.parse().expect("an ip");
    let guard = super::guard::Guard::new(
        list.parse().expect("a list"),
        Arc::new(move |_| Box::pin(std::future::ready(Ok(vec![address])))),
        None,
    );
    let resolved = reqwest::dns::Resolve::resolve(&guard, name.parse().expect("a name")).await;
    assert_eq!(resolved.is_ok(), is_open);
    if let Err(error) = resolved {
        assert!(error.downcast_ref::<Refused>().is_some());
    }
}

#[rstest]
#[case("")]
#[case("10.0.0.0/8, fd00::/8 127.0.0.1/32,registry.internal,*.corp.internal")]
fn a_list_is_read_and_written(#[case] text: &str) {
    let list: AllowList = text.parse().expect("a list");
    let again: AllowList = list.to_string().parse().expect("a list");
    assert_eq!(again, list);
}

#[rstest]
#[case("10.0.0.0/33")]
#[case("fd00::/129")]
#[case("10.0.0")]
#[case("a..b")]
#[case("*")]
#[case("*example")]
#[case("https://example.com")]
#[case("example.com:5000")]
fn what_is_neither_network_nor_host_is_named(#[case] text: &str) {
    let refused = text.parse::<AllowList>().expect_err("refused");
    assert!(
        refused
            .to_string()
            .starts_with(&format!("`{text}` is neither"))
    );
}

#[tokio::test]
async fn send_follows_nothing() {
    let server = Scripted::new(|_| redirect(302, "http://10.0.0.1/")).await;
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let answer = outbound.send(get(server.url("127.0.0.1"))).await;
    assert_eq!(answer.expect("an answer").status(), 302);
}

#[rstest]
#[case(301, "http://10.0.0.1/")]
#[case(302, "http://169.254.169.254/latest/")]
#[case(303, "http://[::ffff:10.0.0.1]/")]
#[case(307, "http://inner.example/")]
#[case(308, "//192.168.0.1/")]
#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused(#[case] status: u16, #[case] to: &'static str) {
    let server = Scripted::new(move |_| redirect(status, to)).await;
    let (resolver, _) = resolver(&[("inner.example", &[&["10.0.0.2"]])]);
    let outbound = Outbound::with_resolver(&allowing("127.0.0.1"), resolver).expect("made");
    let refused = outbound.follow(get(server.url("127.0.0.1"))).await;
    assert!(
        matches!(refused, Err(OutboundError::Refused(_))),
        "{refused:?}"
    );
}

#[rstest]
#[case(
    "http://user:secret@127.0.0.1/",
    "an address holds no user name and no password"
)]
#[case(
    "gopher://127.0.0.1/",
    "an address begins with `http://` or `https://`, not with `gopher:`"
)]
#[case("http://[", "`127.0.0.1` redirects to an address that cannot be read")]
#[tokio::test]
async fn an_odd_redirect_is_refused_in_words(#[case] to: &'static str, #[case] words: &str) {
    let server = Scripted::new(move |_| redirect(302, to)).await;
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let refused = outbound.follow(get(server.url("127.0.0.1"))).await;
    assert_eq!(refused.expect_err("refused").to_string(), words);
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let second = Scripted::new(ok).await;
    let there = second.url("127.0.0.1").to_string();
    let first = Scripted::new(move |_| redirect(307, &there)).await;
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let answer = outbound
        .follow(get(first.url("127.0.0.1")))
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(*answer.url(), second.url("127.0.0.1"));
    assert!(
        first.requests()[0]
            .to_lowercase()
            .contains("authorization: basic")
    );
    assert!(
        !second.requests()[0]
            .to_lowercase()
            .contains("authorization")
    );
}

#[tokio::test]
async fn credentials_that_were_dropped_do_not_come_back() {
    // There and back again: the first origin redirects to the second, which redirects to the first.
    let back = Arc::new(Mutex::new(String::new()));
    let target = back.clone();
    let second = Scripted::new(move |_| redirect(302, &target.lock().expect("no panic"))).await;
    let there = second.url("127.0.0.1").to_string();
    let first = Scripted::new(move |_| redirect(302, &there)).await;
    first
        .url("127.0.0.1")
        .as_str()
        .clone_into(&mut back.lock().expect("no panic"));
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let refused = outbound.follow(get(first.url("127.0.0.1"))).await;
    assert!(
        matches!(refused, Err(OutboundError::TooManyRedirects(_))),
        "{refused:?}"
    );
    let requests = first.requests();
    assert_eq!(requests.len() + second.requests().len(), 6);
    assert!(requests[0].to_lowercase().contains("authorization"));
    assert!(!requests[1].to_lowercase().contains("authorization"));
}

#[tokio::test]
async fn a_redirect_within_an_origin_keeps_credentials() {
    let hops = AtomicUsize::new(0);
    let server = Scripted::new(move |address| match hops.fetch_add(1, Ordering::SeqCst) {
        0 => redirect(302, "/next"),
        _ => ok(address),
    })
    .await;
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let answer = outbound.follow(get(server.url("127.0.0.1"))).await;
    assert_eq!(answer.expect("an answer").url().path(), "/next");
    assert!(
        server.requests()[1]
            .to_lowercase()
            .contains("authorization")
    );
}

#[tokio::test]
async fn a_write_is_not_redirected() {
    let server = Scripted::new(|_| redirect(307, "/next")).await;
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let mut request = get(server.url("127.0.0.1"));
    *request.method_mut() = Method::POST;
    let refused = outbound.follow(request).await;
    assert!(
        matches!(refused, Err(OutboundError::RedirectedWrite(_))),
        "{refused:?}"
    );
}

#[rstest]
#[case("content-length: 5000\r\n")]
#[case("")]
#[tokio::test]
async fn a_body_has_a_cap_whether_it_says_its_length_or_not(#[case] header: &'static str) {
    let server = Scripted::new(move |_| {
        format!(
            "HTTP/1.1 200 OK\r\n{header}connection: close\r\n\r\n{}",
            "x".repeat(5000)
        )
    })
    .await;
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let answer = outbound
        .send(get(server.url("127.0.0.1")))
        .await
        .expect("an answer");
    let refused = answer.bytes(4999).await.expect_err("too large");
    assert_eq!(refused.to_string(), "`127.0.0.1` sent more than 4999 bytes");
    let answer = outbound
        .send(get(server.url("127.0.0.1")))
        .await
        .expect("an answer");
    assert_eq!(answer.bytes(5000).await.expect("a body").len(), 5000);
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_outage() {
    let server = Scripted::new(|_| {
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nhalf".to_owned()
    })
    .await;
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let answer = outbound
        .send(get(server.url("127.0.0.1")))
        .await
        .expect("an answer");
    let error = answer.bytes(100).await.expect_err("half a body");
    assert!(error.is_outage(), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_longer_than_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let mut request = get(format!("http://{address}/").parse().expect("an address"));
    *request.timeout_mut() = Some(Duration::from_millis(50));
    let error = outbound.send(request).await.expect_err("no answer");
    assert!(matches!(error, OutboundError::TimedOut(_)), "{error:?}");
    drop(listener);
}

#[tokio::test]
async fn an_error_holds_neither_query_nor_credentials() {
    let outbound = Outbound::new(&allowing("127.0.0.1")).expect("made");
    let url: Url = "http://127.0.0.1:1/?token=canary"
        .parse()
        .expect("an address");
    let error = outbound.send(get(url)).await.expect_err("nobody listens");
    let shown = format!("{error:?} {}", crate::error::chain(&error));
    assert!(!shown.contains("canary"), "{shown}");
    assert!(error.is_outage(), "{error:?}");
}

#[test]
fn a_secret_header_is_marked() {
    let value: HeaderValue = basic("me", &SecretString::from("canary".to_owned()));
    assert_eq!(format!("{value:?}"), "Sensitive");
}

#[test]
fn certificates_that_are_none_stop_the_start() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let settings = OutboundSettings {
        ca_file: Some(file.path().to_owned()),
        ..OutboundSettings::default()
    };
    let refused = Outbound::new(&settings).expect_err("no certificate");
    assert!(
        refused
            .to_string()
            .ends_with("holds no PEM certificate that can be used")
    );
}

#[tokio::test]
async fn a_proxy_is_used_when_it_is_set_and_only_then() {
    let proxy = Scripted::new(ok).await;
    let address = format!("http://someone:canary@127.0.0.1:{}", proxy.address.port());
    let settings = OutboundSettings {
        proxy: Some(SecretString::from(address)),
        ..OutboundSettings::default()
    };
    let outbound = Outbound::new(&settings).expect("made");
    let url: Url = "http://public.example/x".parse().expect("an address");
    let answer = outbound.send(Request::new(Method::GET, url)).await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert!(proxy.requests()[0].starts_with("GET http://public.example/x "));
    // A private address is refused before the proxy hears of it.
    let url: Url = "http://10.0.0.1/".parse().expect("an address");
    let refused = outbound.send(Request::new(Method::GET, url)).await;
    assert!(
        matches!(refused, Err(OutboundError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(proxy.requests().len(), 1);
}
