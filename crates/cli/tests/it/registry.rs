//! `docker://`: a registry on this machine, as small as a registry can be.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use assert_cmd::Command;
use image::testkit::TestImage;
use oci::{Digest, media_type};

use crate::world::{AS_OF, Run, World, sample_image};

/// Answers by path: status, media type and body.
type Answers = BTreeMap<String, (u16, &'static str, Vec<u8>)>;

/// The answers of a registry that holds one image as `a/b:1`.
fn holding(image: &TestImage) -> Answers {
    let manifest = image.manifest();
    let digest = Digest::sha256(&manifest);
    let mut answers = Answers::new();
    for reference in ["1", digest.as_str()] {
        answers.insert(
            format!("/v2/a/b/manifests/{reference}"),
            (200, media_type::OCI_MANIFEST, manifest.clone()),
        );
    }
    let blobs = image
        .layers
        .iter()
        .map(|layer| layer.bytes.clone())
        .chain([image.config()]);
    for blob in blobs {
        let path = format!("/v2/a/b/blobs/{}", Digest::sha256(&blob));
        answers.insert(path, (200, "application/octet-stream", blob));
    }
    answers.insert("/v2/".to_owned(), (200, "application/json", b"{}".to_vec()));
    answers
}

/// Serves the answers to anybody.
fn serve(answers: Answers) -> String {
    serve_to(None, answers)
}

/// Serves the answers on a loopback port for as long as the test runs, and returns the host. With a `login`
/// (`user:password` in base64), only to those who send it.
fn serve_to(login: Option<&'static str>, answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = answers.clone();
            std::thread::spawn(move || answer(stream, login, &answers));
        }
    });
    host
}

/// Answers one request and closes. Whoever speaks TLS here gets nothing.
fn answer(mut stream: TcpStream, login: Option<&str>, answers: &Answers) {
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut request = Vec::new();
    while let Ok(count) = lines.read_until(b'\n', &mut request) {
        if count == 0 || request.ends_with(b"\r\n\r\n") || !request.is_ascii() {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request);
    let mut words = text.split(' ');
    let (Some("GET" | "HEAD"), Some(path)) = (words.next(), words.next()) else {
        return;
    };
    let missing = (404, "application/json", b"{}".to_vec());
    let refused = (401, "application/json", b"{}".to_vec());
    let is_known = login.is_none_or(|login| text.contains(&format!("Basic {login}\r\n")));
    let (status, media_type, body) = if is_known {
        answers.get(path).unwrap_or(&missing)
    } else {
        &refused
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
         WWW-Authenticate: Basic realm=\"test\"\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A client that has gone away is the client's business.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
}

fn scan(world: &World, host: &str) -> Run {
    scan_command(world, host)
        .output()
        .expect("it starts")
        .into()
}

fn scan_command(world: &World, host: &str) -> Command {
    let source = format!("docker://{host}/a/b:1");
    world.command(&[
        "scan",
        &source,
        "--advisories",
        "known.tgdb",
        "--as-of",
        AS_OF,
        "-o",
        "json",
    ])
}

#[test]
fn an_image_in_a_registry_has_the_findings_of_the_same_image_in_a_file() {
    let world = World::with_sample();
    let host = serve(holding(&sample_image()));
    let remote: serde_json::Value =
        serde_json::from_str(&scan(&world, &host).ends_with(0).stdout).expect("JSON");
    let local: serde_json::Value =
        serde_json::from_str(&world.scan(&["-o", "json"]).ends_with(0).stdout).expect("JSON");
    assert_eq!(remote["matches"]["findings"], local["matches"]["findings"]);
    assert_eq!(
        remote["subject"]["digest"],
        Digest::sha256(&sample_image().manifest()).as_str()
    );
}

#[test]
fn a_layer_that_is_something_else_ends_the_scan() {
    let world = World::with_sample();
    let image = sample_image();
    let mut answers = holding(&image);
    let path = format!("/v2/a/b/blobs/{}", image.layers[1].digest());
    let (_, _, body) = answers.get_mut(&path).expect("a layer");
    body[20] ^= 1;
    scan(&world, &serve(answers))
        .ends_with(1)
        .says("error: cannot read layer 1");
}

#[test]
fn a_refusal_has_its_own_exit_code() {
    let world = World::with_sample();
    let mut answers = holding(&sample_image());
    let refusal = br#"{"errors":[{"code":"DENIED","message":"no","detail":null}]}"#;
    for (path, answer) in &mut answers {
        if path.contains("manifests") {
            *answer = (403, "application/json", refusal.to_vec());
        }
    }
    scan(&world, &serve(answers))
        .ends_with(4)
        .says("refuses to give")
        .says("hint: Log in");
}

#[test]
fn an_image_that_is_not_there_could_not_be_evaluated() {
    let world = World::with_sample();
    scan(&world, &serve(Answers::new()))
        .ends_with(1)
        .says("error: cannot read `127.0.0.1");
}

#[test]
fn credentials_are_taken_from_the_file_that_is_named() {
    let world = World::with_sample();
    let host = serve_to(Some("bWU6cGFzcw=="), holding(&sample_image()));
    scan(&world, &host).ends_with(4).says("without credentials");

    world.write(
        "auth.json",
        format!(r#"{{"auths":{{"{host}":{{"auth":"bWU6cGFzcw=="}}}}}}"#),
    );
    let run: Run = scan_command(&world, &host)
        .env("REGISTRY_AUTH_FILE", "auth.json")
        .output()
        .expect("it starts")
        .into();
    run.ends_with(0);

    world.write(
        "auth.json",
        format!(r#"{{"auths":{{"{host}":{{"auth":"bWU6d3Jvbmc="}}}}}}"#),
    );
    let run: Run = scan_command(&world, &host)
        .env("REGISTRY_AUTH_FILE", "auth.json")
        .output()
        .expect("it starts")
        .into();
    run.ends_with(4).says("with the credentials at hand");
}

#[test]
fn credentials_are_asked_of_a_helper() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::with_sample();
    let host = serve_to(Some("bWU6cGFzcw=="), holding(&sample_image()));
    world.write(".docker/config.json", r#"{"credsStore":"sample"}"#);
    let script = format!(
        "#!/bin/sh\nread host\n[ \"$1 $host\" = \"get {host}\" ] && echo '{{\"Username\":\"me\",\"Secret\":\"pass\"}}'\n"
    );
    world.write("bin/docker-credential-sample", script);
    let program = world.path("bin/docker-credential-sample");
    fs_err::set_permissions(program, PermissionsExt::from_mode(0o755)).expect("a program");
    let path = format!("{}:/usr/bin:/bin", world.path("bin").display());
    let run: Run = scan_command(&world, &host)
        .env("PATH", path)
        .output()
        .expect("it starts")
        .into();
    run.ends_with(0);
}
