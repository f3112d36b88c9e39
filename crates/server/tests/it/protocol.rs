//! The protocol beside the specification: what operators switch, what clients rely on, signatures, proxies, overload.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::Digest;
use serde_json::json;
use server::Clock;
use tokio::io::AsyncWriteExt as _;

use crate::world::{Answer, IMAGE, INDEX, Who, World, admin, image_with, index_of};

pub(crate) async fn deletion_can_be_switched_off(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    world
        .reconfigure(Clock::System, |settings| settings.registry.deletion = false)
        .await;
    for path in [
        "manifests/1".to_owned(),
        format!("manifests/{digest}"),
        format!("blobs/{}", image.layers[0].digest()),
    ] {
        let path = format!("/v2/team/app/{path}");
        let answer = world.send(&admin(), "DELETE", &path).await;
        answer.error(405, "UNSUPPORTED");
        assert_eq!(world.send(&admin(), "HEAD", &path).await.status, 200);
        // Whoever may not delete does not learn of the switch.
        let answer = world.send(&Who::Nobody, "DELETE", &path).await;
        answer.error(401, "UNAUTHORIZED");
    }
    let location = world.session(&admin(), "team/app").await;
    assert_eq!(world.send(&admin(), "DELETE", &location).await.status, 204);
}

pub(crate) async fn a_type_that_is_not_accepted_is_404_only_where_that_is_asked_for(
    world: &mut World,
) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    let index = index_of(&[(&image.manifest(), "linux/amd64")]);
    let answer = world.put(&admin(), "team/app", "all", INDEX, &index).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let ask = async |world: &World, reference: &str, accept: &[&str]| {
        let path = format!("/v2/team/app/manifests/{reference}");
        let mut statuses = Vec::new();
        for method in ["GET", "HEAD"] {
            let request = world.request(&admin(), method, &path);
            let request = accept
                .iter()
                .fold(request, |r, accept| r.header("accept", *accept));
            statuses.push(Answer::of(request).await.status);
        }
        assert_eq!(statuses[0], statuses[1], "{reference} {accept:?}");
        statuses[0]
    };
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let cases: [(&str, &[&str], u16); 10] = [
        ("1", &[IMAGE], 200),
        ("1", &[docker, IMAGE], 200),
        ("1", &[&format!("{docker}, {IMAGE};q=0.5, text/html")], 200),
        ("1", &["*/*"], 200),
        ("1", &["application/*"], 200),
        ("1", &[], 200),
        ("1", &[docker], 404),
        ("1", &["text/*", &format!("{IMAGE};q=0")], 404),
        ("all", &[docker, IMAGE], 404),
        (digest.as_str(), &[docker], 200),
    ];
    for (reference, accept, _) in cases {
        assert_eq!(
            ask(world, reference, accept).await,
            200,
            "{reference} {accept:?}"
        );
    }
    world
        .reconfigure(Clock::System, |settings| {
            settings.registry.accept_404 = true;
        })
        .await;
    for (reference, accept, expected) in cases {
        assert_eq!(
            ask(world, reference, accept).await,
            expected,
            "{reference} {accept:?}"
        );
    }
}

pub(crate) async fn content_in_use_can_be_deleted_where_that_is_allowed(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    let index = index_of(&[(&image.manifest(), "linux/amd64")]);
    let answer = world.put(&admin(), "team/app", "all", INDEX, &index).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let layer = format!("/v2/team/app/blobs/{}", image.layers[0].digest());
    let child = format!("/v2/team/app/manifests/{digest}");
    for path in [&layer, &child] {
        let answer = world.send(&admin(), "DELETE", path).await;
        answer.error(405, "DENIED");
    }
    world
        .reconfigure(Clock::System, |settings| {
            settings.registry.delete_referenced = true;
        })
        .await;
    for path in [&layer, &child] {
        let answer = world.send(&admin(), "DELETE", path).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(world.send(&admin(), "HEAD", path).await.status, 404);
    }
    let index = world.get(&admin(), "/v2/team/app/manifests/all").await;
    assert_eq!(index.status, 200, "what held it is still there");
}

pub(crate) async fn a_blob_has_a_largest_size(world: &mut World) {
    world
        .reconfigure(Clock::System, |settings| {
            settings.registry.max_blob_bytes = 1_000;
        })
        .await;
    let whole = vec![7; 1_000];
    world.push_blob(&admin(), "team/app", &whole).await;
    let large = vec![7; 1_001];
    let digest = Digest::sha256(&large);
    let path = format!("/v2/team/app/blobs/uploads/?digest={digest}");
    let request = world.request(&admin(), "POST", &path).body(large.clone());
    Answer::of(request).await.error(413, "SIZE_INVALID");
    let location = world.session(&admin(), "team/app").await;
    let first = world
        .request(&admin(), "PATCH", &location)
        .body(vec![7; 600]);
    assert_eq!(Answer::of(first).await.status, 202);
    // Said beforehand, or found on the way.
    let said = world
        .request(&admin(), "PATCH", &location)
        .body(vec![7; 401]);
    Answer::of(said).await.error(413, "SIZE_INVALID");
    let pieces = [300, 300].map(|len| Ok::<_, std::io::Error>(vec![7; len]));
    let unsaid = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let unsaid = world.request(&admin(), "PATCH", &location).body(unsaid);
    Answer::of(unsaid).await.error(413, "SIZE_INVALID");
    let path = format!("/v2/team/app/blobs/{digest}");
    assert_eq!(world.send(&admin(), "HEAD", &path).await.status, 404);
}

pub(crate) async fn chunks_have_a_wished_size(world: &mut World) {
    let start = "/v2/team/app/blobs/uploads/";
    let answer = world.send(&admin(), "POST", start).await;
    assert_eq!(answer.header("oci-chunk-min-length"), "");
    world
        .reconfigure(Clock::System, |settings| {
            settings.registry.chunk_min_bytes = 5 << 20;
        })
        .await;
    let answer = world.send(&admin(), "POST", start).await;
    assert_eq!(answer.header("oci-chunk-min-length"), "5242880");
    // A wish and no more.
    let location = answer.header("location").to_owned();
    let request = world.request(&admin(), "PATCH", &location).body("small");
    assert_eq!(Answer::of(request).await.status, 202);
}

pub(crate) async fn one_request_too_many_is_told_to_come_back(world: &mut World) {
    let location = world.session(&admin(), "team/app").await;
    world
        .reconfigure(Clock::System, |settings| settings.registry.max_requests = 1)
        .await;
    let (mut sender, body) = tokio::io::duplex(64);
    let body = reqwest::Body::wrap_stream(futures::stream::unfold(body, async |mut body| {
        use tokio::io::AsyncReadExt as _;
        let mut buffer = vec![0; 64];
        let read = body.read(&mut buffer).await.unwrap();
        buffer.truncate(read);
        (read > 0).then_some((Ok::<_, std::io::Error>(buffer), body))
    }));
    let slow = world.request(&admin(), "PATCH", &location).body(body);
    let slow = tokio::spawn(Answer::of(slow));
    // More than the pipe holds: when it is written, the request is on its way and has the one place.
    sender.write_all(&[b'x'; 512]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let refused = crate::world::eventually(async || {
        let answer = world.get(&admin(), "/v2/").await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    refused.error(429, "TOOMANYREQUESTS");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() <= 60);
    // Health is not part of the crowd.
    assert_eq!(world.get(&Who::Nobody, "/healthz").await.status, 200);
    drop(sender);
    assert_eq!(slow.await.unwrap().status, 202);
    assert_eq!(world.get(&admin(), "/v2/").await.status, 200);
}

pub(crate) async fn only_a_listed_proxy_is_believed(world: &mut World) {
    let ask = async |world: &World| {
        let request = world
            .request(&Who::Nobody, "GET", "/v2/team/app/tags/list")
            .header("x-forwarded-host", "registry.example:8443")
            .header("x-forwarded-proto", "https")
            .header("forwarded", "host=evil.example;proto=https");
        Answer::of(request)
            .await
            .header("www-authenticate")
            .to_owned()
    };
    let said = |base: &str, host: &str| {
        format!(
            "Bearer realm=\"{base}/token\",service=\"{host}\",scope=\"repository:team/app:pull\""
        )
    };
    for networks in ["", "192.0.2.0/24"] {
        world
            .reconfigure(Clock::System, |settings| {
                settings.trusted_proxies = networks.parse().unwrap();
            })
            .await;
        assert_eq!(ask(world).await, said(&world.base, world.address()));
    }
    world
        .reconfigure(Clock::System, |settings| {
            settings.trusted_proxies = "127.0.0.0/8".parse().unwrap();
        })
        .await;
    let expected = said("https://registry.example:8443", "registry.example:8443");
    assert_eq!(ask(world).await, expected);
    // A host is quoted back: only what a host can be.
    let request = world
        .request(&Who::Nobody, "GET", "/v2/")
        .header("x-forwarded-host", "evil\",x=\"");
    let challenge = Answer::of(request).await;
    assert!(
        challenge
            .header("www-authenticate")
            .contains(world.address())
    );
}

pub(crate) async fn a_name_must_fit_behind_the_host(world: &mut World) {
    let room = 255 - world.address().len() - 1;
    for (len, status) in [(room, 404), (room + 1, 400), (255, 400)] {
        let path = format!("/v2/{}/tags/list", "a".repeat(len));
        assert_eq!(world.get(&admin(), &path).await.status, status, "{len}");
    }
}

pub(crate) async fn signatures_are_kept_beside_their_manifest(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    let reader = world.robot("reader", "team/app", "read").await;
    let path = format!("/extensions/v2/team/app/signatures/{digest}");
    let lookaside = |number: u32| {
        format!(
            "/lookaside/team/app@{}/signature-{number}",
            digest.as_str().replace(':', "=")
        )
    };
    let entry = |name: &str, content: &[u8]| json!({ "schemaVersion": 2, "type": "atomic", "name": format!("{digest}@{name}"), "content": STANDARD.encode(content) });
    let put = async |who: &Who, path: &str, entry: &serde_json::Value| {
        Answer::of(world.request(who, "PUT", path).json(entry)).await
    };
    let none = world.get(&reader, &path).await;
    assert_eq!(
        (none.status, none.json()),
        (200, json!({ "signatures": [] }))
    );
    assert_eq!(none.header("x-registry-supports-signatures"), "1");

    let first = entry(&"a".repeat(32), b"one");
    let second = entry(&"0".repeat(32), b"two");
    for sent in [&first, &second, &first] {
        assert_eq!(put(&admin(), &path, sent).await.status, 201);
    }
    let listed = world.get(&reader, &path).await.json();
    assert_eq!(listed, json!({ "signatures": [first, second] }));
    for (number, content) in [(1, "one"), (2, "two")] {
        let answer = world.get(&reader, &lookaside(number)).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, content));
    }
    // Whoever may not read, and what is not there, look alike.
    for (who, path) in [
        (&reader, lookaside(3)),
        (&Who::Nobody, lookaside(1)),
        (&reader, lookaside(1).replace("team/app", "team/none")),
    ] {
        let answer = world.get(who, &path).await;
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{path}");
    }
    put(&reader, &path, &first).await.error(403, "DENIED");
    put(&Who::Nobody, &path, &first)
        .await
        .error(401, "UNAUTHORIZED");
    let taken = entry(&"a".repeat(32), b"other");
    put(&admin(), &path, &taken).await.error(409, "DENIED");
    let absent = Digest::sha256(b"absent");
    let elsewhere = format!("/extensions/v2/team/app/signatures/{absent}");
    // A signature of one image is none of another.
    put(&admin(), &elsewhere, &first)
        .await
        .error(400, "MANIFEST_INVALID");
    let mut fitting = first.clone();
    fitting["name"] = json!(format!("{absent}@{}", "a".repeat(32)));
    put(&admin(), &elsewhere, &fitting)
        .await
        .error(404, "MANIFEST_UNKNOWN");
    for (field, value) in [
        ("schemaVersion", json!(1)),
        ("type", json!("other")),
        ("name", json!("x")),
        ("content", json!("not base64!")),
        ("content", json!("")),
    ] {
        let mut wrong = entry(&"b".repeat(32), b"x");
        wrong[field] = value;
        put(&admin(), &path, &wrong)
            .await
            .error(400, "MANIFEST_INVALID");
    }
    let large = entry(&"c".repeat(32), &vec![0; 1 << 20]);
    put(&admin(), &path, &large)
        .await
        .error(413, "SIZE_INVALID");
    for number in 0..3 {
        let large = entry(&format!("{number:032x}1")[1..], &vec![0; 700_000]);
        let answer = put(&admin(), &path, &large).await;
        assert_eq!(
            answer.status,
            if number < 2 { 201 } else { 403 },
            "{}",
            answer.text()
        );
    }
    // They are hidden with their manifest, and are there again when the same bytes are.
    let signed = world.get(&reader, &path).await.body;
    let manifest = format!("/v2/team/app/manifests/{digest}");
    assert_eq!(world.send(&admin(), "DELETE", &manifest).await.status, 202);
    assert!(world.get(&reader, &path).await.body == b"{\"signatures\":[]}");
    assert_eq!(world.get(&reader, &lookaside(1)).await.status, 404);
    put(&admin(), &path, &first)
        .await
        .error(404, "MANIFEST_UNKNOWN");
    world.push_image("team/app", "1", &image).await;
    assert!(world.get(&reader, &path).await.body == signed);
    let extensions = world.get(&reader, "/v2/_oci/ext/discover").await;
    assert_eq!(extensions.status, 200);
    assert_eq!(extensions.json()["extensions"][0]["name"], "_oci/ext");
    world
        .get(&Who::Nobody, "/v2/_oci/ext/discover")
        .await
        .error(401, "UNAUTHORIZED");
}

/// What each client does and what it stumbles over, as the project's specification collects it (§1.6).
pub(crate) async fn every_client_finds_what_it_relies_on(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/app", "1", &image).await;
    let layer = image.layers[0].digest();
    for (who, status) in [(Who::Nobody, 401), (admin(), 200)] {
        let ping = world.get(&who, "/v2/").await;
        assert_eq!(ping.status, status);
        assert_eq!(
            ping.header("docker-distribution-api-version"),
            "registry/2.0"
        );
        assert_eq!(ping.header("x-registry-supports-signatures"), "1");
    }
    let send = async |method: &str, path: &str, headers: &[(&str, &str)], body: &'static str| {
        let mut request = world.request(&admin(), method, path).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    };
    // docker: asks for a blob before it sends one, then mounts with a source it cannot know to exist.
    let blob = format!("/v2/team/app/blobs/{layer}");
    let head = send("HEAD", &blob, &[], "").await;
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, image.layers[0].bytes.len().to_string().as_str())
    );
    let mount = format!("/v2/team/new/blobs/uploads/?mount={layer}&from=library/none");
    assert_eq!(send("POST", &mount, &[], "").await.status, 202);
    // containerd: any type is welcome, the digest comes with HEAD, a mirror is told whom it stands for.
    let path = format!("/v2/team/app/manifests/{digest}?ns=docker.io");
    let head = send(
        "HEAD",
        &path,
        &[("accept", "application/vnd.oci.image.index.v1+json, */*")],
        "",
    )
    .await;
    assert_eq!(
        (head.status, head.header("docker-content-digest")),
        (200, digest.as_str())
    );
    assert_ne!(head.header("content-length"), "");
    let part = send(
        "GET",
        &format!("{blob}?ns=docker.io"),
        &[
            ("accept-encoding", "zstd;q=1.0, gzip;q=0.8"),
            ("range", "bytes=1-"),
        ],
        "",
    )
    .await;
    assert_eq!((part.status, part.header("content-encoding")), (206, ""));
    assert_eq!(part.body, image.layers[0].bytes[1..]);
    // podman, skopeo, buildah: a session, one body of unknown length without a place, an empty end.
    let location = world.session(&admin(), "team/app").await;
    let pieces = ["strea", "med"].map(|piece| Ok::<_, std::io::Error>(piece.to_owned()));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let streamed = Answer::of(world.request(&admin(), "PATCH", &location).body(body)).await;
    assert_eq!(streamed.status, 202);
    let finish = format!(
        "{}?digest={}",
        streamed.header("location"),
        Digest::sha256(b"streamed")
    );
    assert_eq!(
        send(
            "PUT",
            &finish,
            &[("content-type", "application/octet-stream")],
            ""
        )
        .await
        .status,
        201
    );
    let token = world
        .get(
            &admin(),
            "/token?scope=repository:team/app:pull&account=admin&client_id=x",
        )
        .await
        .json();
    assert!(token["expires_in"].as_i64().unwrap() >= 60);
    // go-containerregistry: a location may not lead to another host, a manifest has a type.
    assert!(location.starts_with("/v2/team/app/blobs/uploads/"));
    assert_ne!(
        world
            .get(&admin(), "/v2/team/app/manifests/1")
            .await
            .header("content-type"),
        ""
    );
    // oras, helm, notation: the referrers of a digest of zeros tell whether there is such a list at all.
    for repository in ["team/app", "team/never"] {
        let path = format!("/v2/{repository}/referrers/sha256:{}", "0".repeat(64));
        let probe = world.get(&admin(), &path).await;
        assert_eq!((probe.status, probe.header("content-type")), (200, INDEX));
    }
}
