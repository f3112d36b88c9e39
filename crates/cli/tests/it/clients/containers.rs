//! podman and buildah: what they push is what they pull.

use image::testkit::docker_archive;
use oci::Digest;
use rstest::rstest;

use crate::samples::application;
use crate::serve::{Engine, Site};
use crate::tools::Tools;
use crate::wire::manifest_path;

const POLICY: &str = "--signature-policy=policy.json";

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn podman_gets_back_the_image_it_pushed(#[case] engine: Engine) {
    let server = Site::on(engine).start();
    let tools = Tools::of_admin(&server);
    let image = application();
    let id = Digest::sha256(&image.config());
    tools.world.write("image.tar", docker_archive(&[image]));
    tools
        .podman(&["load", "--quiet", POLICY, "--input", "image.tar"])
        .done();

    let name = server.image("team/app:podman");
    let push = [
        "push",
        "--quiet",
        "--tls-verify=false",
        "--digestfile=pushed",
        POLICY,
    ];
    tools
        .podman(&[&push[..], &["localhost/team/app:1.0", &name]].concat())
        .done();
    let pushed = tools.world.read("pushed");
    let stored = server.get(&manifest_path("team/app", "podman")).expect(200);
    assert_eq!(Digest::sha256(&stored.body).as_str(), pushed);

    tools.podman(&["rmi", "--all", "--force"]).done();
    let pull = ["pull", "--quiet", "--tls-verify=false", POLICY];
    assert_eq!(
        tools.podman(&[&pull[..], &[&name]].concat()).done(),
        id.hex()
    );
    let format = "--format={{.Id}} {{.Digest}}";
    let facts = tools.podman(&["image", "inspect", format, &name]).done();
    assert_eq!(facts, format!("{} {pushed}", id.hex()));
    server.stop();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn buildah_builds_pushes_and_gets_back_its_image(#[case] engine: Engine) {
    let server = Site::on(engine).start();
    let tools = Tools::of_admin(&server);
    tools
        .world
        .write("context/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    let container = tools.buildah(&["from", "scratch"]).done();
    tools.buildah(&["copy", &container, "context", "/"]).done();
    tools
        .buildah(&[
            "config",
            "--user=1000",
            "--label=made.by=buildah",
            &container,
        ])
        .done();
    let commit = ["commit", "--quiet", "--timestamp=0", POLICY];
    let id = tools
        .buildah(&[&commit[..], &[&container, "localhost/made:1"]].concat())
        .done();

    let name = server.image("team/made:1");
    let target = format!("docker://{name}");
    let push = [
        "push",
        "--quiet",
        "--tls-verify=false",
        "--digestfile=pushed",
        POLICY,
    ];
    tools
        .buildah(&[&push[..], &["localhost/made:1", &target]].concat())
        .done();
    let pushed = tools.world.read("pushed");

    tools.buildah(&["rm", "--all"]).done();
    tools.buildah(&["rmi", "--all", "--force"]).done();
    let pull = ["pull", "--quiet", "--tls-verify=false", POLICY];
    assert_eq!(tools.buildah(&[&pull[..], &[&name]].concat()).done(), id);
    let listed = tools
        .buildah(&["images", "--no-trunc", "--format={{.Digest}} {{.ID}}"])
        .done();
    assert!(listed.contains(&pushed) && listed.contains(&id), "{listed}");
    server.stop();
}
