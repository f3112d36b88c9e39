//! Who may not: the words that reach the terminal.

use crate::samples::{application, write_layout};
use crate::serve::{Server, Site};
use crate::tools::Tools;
use crate::wire::{manifest_path, push_image};

const POLICY: &str = "--signature-policy=policy.json";

/// Creates a robot and returns its name and token.
fn robot(server: &Server, name: &str, repository: &str, role: &str) -> (String, String) {
    let wanted = serde_json::json!({
        "name": name,
        "permissions": [{ "repository": repository, "role": role }],
    });
    let answer = server
        .request("POST", "/api/v1/robots")
        .header("Content-Type", "application/json")
        .body(wanted.to_string())
        .send()
        .expect(201)
        .json();
    let text = |field: &str| answer[field].as_str().expect("text").to_owned();
    (text("name"), text("token"))
}

#[test]
fn a_wrong_password_is_called_that_by_every_client() {
    let server = Site::new().start();
    push_image(&server, "team/app", "1.0", &application());
    let tools = Tools::of(&server, "admin", "not the password");
    let name = server.image("team/app:1.0");
    let source = format!("docker://{name}");
    let pull = ["pull", "--quiet", "--tls-verify=false", POLICY, &name];
    for said in [
        tools.copy(&[], &source, "dir:back").refused(),
        tools.podman(&pull).refused(),
        tools.buildah(&pull).refused(),
    ] {
        assert!(said.contains("invalid username/password"), "{said}");
    }
    let login = [
        "login",
        "--tls-verify=false",
        "--username=admin",
        "--password=wrong",
        server.host(),
    ];
    let said = tools.podman(&login).refused();
    assert!(said.contains("invalid username/password"), "{said}");
}

#[test]
fn without_credentials_nobody_learns_whether_an_image_exists() {
    let server = Site::new().start();
    push_image(&server, "team/app", "1.0", &application());
    let tools = Tools::new();
    tools.world.write("auth.json", "{}");
    let said = |name: &str| {
        let source = format!("docker://{}", server.image(name));
        let said = tools.copy(&[], &source, "dir:back").refused();
        said.replace(name, "NAME").replace("team/other", "team/app")
    };
    let (there, missing) = (said("team/app:1.0"), said("team/other:1.0"));
    assert!(there.contains("unauthorized: sign in first"), "{there}");
    let words = |text: &str| text.split_once("msg=").map(|(_, words)| words.to_owned());
    assert_eq!(words(&there), words(&missing));
}

#[test]
fn a_robot_that_may_read_cannot_push_and_is_told_so() {
    let server = Site::new().start();
    push_image(&server, "team/app", "1.0", &application());
    let (name, token) = robot(&server, "reader", "team/app", "read");
    let tools = Tools::of(&server, &name, &token);
    let target = format!("docker://{}", server.image("team/app:2.0"));

    tools
        .copy(
            &[],
            &format!("docker://{}", server.image("team/app:1.0")),
            "dir:back",
        )
        .done();
    write_layout(
        &tools.world,
        "layout",
        "source",
        &crate::samples::harmless(),
    );
    let by_skopeo = tools.copy(&[], "oci:layout:source", &target).refused();
    tools
        .podman(&["pull", "--quiet", POLICY, "oci:layout:source"])
        .done();
    let image = tools.podman(&["images", "--quiet"]).done();
    let push = ["push", "--quiet", "--tls-verify=false", POLICY, &image];
    let by_podman = tools.podman(&[&push[..], &[&target]].concat()).refused();
    let by_buildah = tools.buildah(&[&push[..], &[&target]].concat()).refused();
    for said in [by_skopeo, by_podman, by_buildah] {
        assert!(said.contains("denied"), "{said}");
    }
    server.get(&manifest_path("team/app", "2.0")).expect(404);
}

#[test]
fn a_robot_that_may_write_pushes_to_its_repository_and_to_no_other() {
    let server = Site::new().start();
    let (name, token) = robot(&server, "builder", "team/app", "write");
    let tools = Tools::of(&server, &name, &token);
    write_layout(&tools.world, "layout", "source", &application());
    let target = |name: &str| format!("docker://{}", server.image(name));
    tools
        .copy(&[], "oci:layout:source", &target("team/app:1.0"))
        .done();
    tools.copy(&[], &target("team/app:1.0"), "dir:back").done();
    let said = tools
        .copy(&[], "oci:layout:source", &target("other/app:1.0"))
        .refused();
    assert!(
        said.contains("denied") || said.contains("not known"),
        "{said}"
    );
    server.get(&manifest_path("other/app", "1.0")).expect(404);
}
