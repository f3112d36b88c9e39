//! The classes of attack that registries have suffered from.

use oci::Digest;
use serde_json::json;

use crate::uploads::raw;
use crate::world::{Answer, IMAGE, Who, World, admin, image_with};

pub(crate) async fn odd_names_are_answers_and_never_faults(world: &mut World) {
    world
        .push_image("team/app", "1", &image_with("zlib1g", "1"))
        .await;
    let Who::Basic(name, secret) = admin() else {
        unreachable!()
    };
    let credential = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("{name}:{secret}"))
    };
    let long = "a/".repeat(200);
    let digest = Digest::sha256(b"x");
    for path in [
        "/v2/../../etc/passwd/manifests/1",
        "/v2/%2e%2e/%2e%2e/etc/manifests/1",
        "/v2/..%2f..%2fetc%2fpasswd/manifests/1",
        "/v2/team%2fapp/manifests/1",
        "/v2//_catalog",
        "/v2/_catalog/",
        "/v2/team/app;x=1/manifests/1",
        "/v2/team/app%00/manifests/1",
        "/v2/team/app/manifests/%00",
        "/v2/team/app/manifests/..%2f..%2f1",
        "/v2/team/app/manifests/1%0d%0aset-cookie:x",
        "/v2/team/\u{e4}pp/manifests/1",
        "/v2/TEAM/app/manifests/1",
        "/v2/team//app/manifests/1",
        "/v2/team/app//manifests/1",
        "/v2/team/app/blobs/../../../../etc/passwd",
        "/v2/team/app/blobs/uploads/../../../x",
        "/v2/blobs/uploads/",
        "/v2/manifests/manifests/manifests",
        "/v2/tags/list",
        "/v2/_oci/ext/discover",
        "/v2/team/app/referrers/",
        &format!("/v2/{long}x/manifests/1"),
        &format!("/v2/team/app/manifests/{}", "a".repeat(129)),
        &format!("/v2/team/app/tags/list?n={}", u64::MAX),
        "/v2/team/app/tags/list?n=-1",
        "/v2/team/app/tags/list?last=%ff%fe%00",
        &format!("/v2/team/app/referrers/{digest}?artifactType=%00&last=x"),
        "/r/../../etc/-/tags",
        "/r/team/app/-/t/%2e%2e",
        "/assets/../../../../etc/passwd",
        "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/d/%00",
        "/api/v1/repositories/../robots",
        "/api/v1/repositories/team/app/-/tags/%00",
        "/api/v1/decisions/%00",
        "/api/v1/policies/%00",
        "/api/v1/repositories?q=%00&cursor=%00",
        "/token?scope=%00&scope=repository:%00:pull&service=%00",
    ] {
        for method in ["GET", "PUT", "DELETE", "POST", "BREW"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Basic {credential}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
                world.address()
            );
            let answer = raw(world, &request).await;
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(
                !status.is_empty() && !status.starts_with('5'),
                "{method} {path}: {answer}"
            );
            assert!(!answer.contains("root:x:0:0"), "{method} {path}");
            assert!(
                !answer.to_lowercase().contains("\r\nset-cookie:x"),
                "{method} {path}"
            );
        }
    }
    // The image is still there: nothing of all that meant it.
    assert_eq!(
        world.get(&admin(), "/v2/team/app/manifests/1").await.status,
        200
    );
}

pub(crate) async fn robots_make_neither_repositories_nor_robots(world: &mut World) {
    let writer = &world.robot("writer", "team/app", "write").await;
    let answer = world
        .send(writer, "POST", "/v2/team/new/blobs/uploads/")
        .await;
    answer.error(404, "NAME_UNKNOWN");
    let body = json!({ "name": "x", "permissions": [] });
    let request = world.request(writer, "POST", "/api/v1/robots").json(&body);
    assert_eq!(Answer::of(request).await.status, 403);
}

pub(crate) async fn unknown_and_forbidden_are_the_same_answer(world: &mut World) {
    let image = image_with("zlib1g", "1");
    let digest = world.push_image("team/private", "1", &image).await;
    world.report("team/private", &digest).await;
    world.push_blob(&admin(), "team/app", b"x").await;
    let stranger = world.robot("stranger", "team/app", "admin").await;
    let token = world
        .token(
            &stranger,
            &[
                "repository:team/private:pull,push",
                "repository:team/missing:pull,push",
            ],
        )
        .await;
    let layer = image.layers[0].digest();
    for (method, path) in [
        ("GET", "/v2/NAME/tags/list".to_owned()),
        ("GET", "/v2/NAME/manifests/1".to_owned()),
        ("HEAD", "/v2/NAME/manifests/1".to_owned()),
        ("GET", format!("/v2/NAME/manifests/{digest}")),
        ("GET", format!("/v2/NAME/blobs/{layer}")),
        ("GET", format!("/v2/NAME/referrers/{digest}")),
        ("POST", "/v2/NAME/blobs/uploads/".to_owned()),
        ("PUT", "/v2/NAME/manifests/1".to_owned()),
        ("DELETE", "/v2/NAME/manifests/1".to_owned()),
        (
            "POST",
            format!("/v2/team/app/blobs/uploads/?mount={layer}&from=NAME"),
        ),
        ("GET", "/api/v1/repositories/NAME/-/tags".to_owned()),
        ("GET", "/r/NAME/-/tags".to_owned()),
    ] {
        for who in [&stranger, &token, &Who::Nobody] {
            let mut seen = Vec::new();
            for name in ["team/private", "team/missing"] {
                let answer = world.send(who, method, &path.replace("NAME", name)).await;
                let mut headers: Vec<String> = answer
                    .headers
                    .iter()
                    .filter(|(name, _)| {
                        !matches!(
                            name.as_str(),
                            "x-request-id" | "date" | "docker-upload-uuid"
                        )
                    })
                    .map(|(key, value)| format!("{key}: {}", value.to_str().unwrap()))
                    .map(|header| header.replace(name, "NAME"))
                    .map(|header| {
                        if header.starts_with("location: /v2/") {
                            "location".into()
                        } else {
                            header
                        }
                    })
                    .collect();
                headers.sort();
                let encoded = name.replace('/', "%2F");
                let body = answer
                    .text()
                    .replace(name, "NAME")
                    .replace(&encoded, "NAME");
                seen.push((answer.status, headers, body));
            }
            assert_eq!(seen[0], seen[1], "{who:?} {method} {path}");
        }
    }
}

pub(crate) async fn a_nul_is_never_a_fault(world: &mut World) {
    world.push_blob(&admin(), "team/app", b"{}").await;
    for who in [
        Who::Basic("a\0b".into(), "x\0".into()),
        Who::Basic("a+\0".into(), "x".into()),
        Who::Basic("admin".into(), "\0".into()),
    ] {
        world.get(&who, "/v2/").await.error(401, "UNAUTHORIZED");
    }
    for field in ["artifactType", "annotations"] {
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE,
            "config": { "mediaType": "application/x\0y", "digest": Digest::sha256(b"{}"), "size": 2 },
            "layers": [{ "mediaType": "a/b\0", "digest": Digest::sha256(b"{}"), "size": 2 }],
        });
        manifest[field] = match field {
            "annotations" => json!({ "k\0": "v\0" }),
            _ => json!("application/z\0"),
        };
        let answer = world
            .put(
                &admin(),
                "team/app",
                "1",
                IMAGE,
                manifest.to_string().as_bytes(),
            )
            .await;
        assert!(
            matches!(answer.status, 201 | 400),
            "{field}: {}",
            answer.text()
        );
    }
    let form = world
        .request(&Who::Nobody, "POST", "/token")
        .body("grant_type=password&username=%00&password=%00");
    assert_eq!(Answer::of(form).await.status, 401);
}

/// Rows of uploads are what any replica trusts to go on with. Damaged ones end in an answer: nothing panics, no byte is
/// served under another digest, nothing appears outside the store, and the next upload is none the worse.
pub(crate) async fn a_tampered_upload_is_an_error_and_nothing_else(world: &mut World) {
    let digest = Digest::sha256(b"hello world");
    for damage in 0..catalog::testkit::UPLOAD_DAMAGES.len() {
        let at = catalog::testkit::UPLOAD_DAMAGES[damage].0;
        let repository = format!("team/app{damage}");
        let location = world.session(&admin(), &repository).await;
        let chunk = world.request(&admin(), "PATCH", &location).body("hello");
        assert_eq!(Answer::of(chunk).await.status, 202);
        let id = location.rsplit('/').next().unwrap();
        catalog::testkit::damage_upload(world.database(), id, damage).await;

        let told = world.get(&admin(), &location).await;
        let chunk = world.request(&admin(), "PATCH", &location).body(" world");
        let appended = Answer::of(chunk).await;
        let finish = format!("{location}?digest={digest}");
        let finished = world.send(&admin(), "PUT", &finish).await;
        for answer in [&told, &appended, &finished] {
            let text = answer.text();
            assert!(
                answer.status < 500 || text.contains("internal error, incident "),
                "{at}: {text}"
            );
            for inside in [
                "tidegate-escaped",
                "noise",
                "md5",
                "nonsense",
                "upload SET",
                "panicked",
            ] {
                assert!(!text.contains(inside), "{at}: {text}");
            }
        }
        let read = world
            .get(&admin(), &format!("/v2/{repository}/blobs/{digest}"))
            .await;
        match finished.status {
            201 => assert_eq!(read.body, b"hello world", "{at}"),
            400..600 => assert_eq!(read.status, 404, "{at}: {}", read.text()),
            other => panic!("{at}: {other}"),
        }
        let escaped = std::path::Path::new("/tmp/tidegate-escaped");
        assert!(!escaped.try_exists().unwrap(), "{at}");
        let ended = world.send(&admin(), "DELETE", &location).await;
        assert!((200..600).contains(&ended.status), "{at}");
        // The row is no harm to others: the next upload of the same content succeeds.
        world
            .push_blob(&admin(), "team/whole", b"hello world")
            .await;
        let whole = world
            .get(&admin(), &format!("/v2/team/whole/blobs/{digest}"))
            .await;
        assert_eq!(whole.body, b"hello world", "{at}");
    }
}

/// Scopes are asked for by anybody; no number of them is more than an answer.
pub(crate) async fn a_flood_of_scopes_is_an_answer(world: &mut World) {
    let scope = "scope=repository:team/app:pull&";
    let many = |count: usize| scope.repeat(count);
    for (method, query, body, expected) in [
        ("GET", many(1_000), String::new(), 400),
        ("POST", String::new(), many(10_000), 400),
        ("POST", String::new(), many(100_000), 413),
        (
            "GET",
            format!("scope={}", "repository:a:pull+".repeat(3_000)),
            String::new(),
            400,
        ),
        (
            "GET",
            format!("scope=repository:{}:pull", "a/".repeat(20_000)),
            String::new(),
            200,
        ),
        (
            "GET",
            format!("scope=repository:a:{}", "pull,".repeat(10_000)),
            String::new(),
            200,
        ),
    ] {
        let form = "grant_type=password&username=admin&password=";
        let body = if method == "POST" {
            format!("{form}{}&{body}", crate::world::PASSWORD)
        } else {
            body
        };
        let request = world
            .request(&admin(), method, &format!("/token?{query}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, expected, "{method}: {:.300}", answer.text());
        assert!(
            answer.body.len() < 100_000,
            "{method}: the answer grows too"
        );
    }
}
