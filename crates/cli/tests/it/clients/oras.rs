//! oras: artifacts that are no images, with their referrers.

use rstest::rstest;
use serde_json::{Value, json};

use crate::samples::{application, noise};
use crate::serve::{Engine, PASSWORD, Server, Site};
use crate::tools::Tools;
use crate::wire::{manifest_path, push_image};

const SBOM: &str = "application/spdx+json";

fn oras(tools: &Tools, server: &Server, words: &[&str]) -> Value {
    tools
        .world
        .write("oras_client.py", include_str!("oras_client.py"));
    let python = crate::tools::from_pypi("python");
    let all = [&["oras_client.py", server.host(), PASSWORD], words].concat();
    let said = tools.run(&python, "python3-venv", &all).done();
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[rstest]
#[case(Engine::Sqlite, "")]
#[case(Engine::Postgres, "")]
#[case(Engine::Sqlite, "chunked")]
fn a_file_comes_back_as_it_was(#[case] engine: Engine, #[case] how: &str) {
    let server = Site::on(engine).start();
    let tools = Tools::new();
    let bytes = noise(3_500_000);
    tools.world.write("model.bin", &bytes);
    let mut words = vec!["push", "team/model:1", "model.bin", "application/x-model"];
    words.extend((!how.is_empty()).then_some(how));
    let pushed = oras(&tools, &server, &words);
    let stored = server.get(&manifest_path("team/model", "1")).expect(200);
    assert_eq!(
        stored.header("docker-content-digest"),
        pushed["digest"].as_str()
    );
    assert_eq!(stored.json()["annotations"]["from"], "oras");

    let files = oras(&tools, &server, &["pull", "team/model:1", "back"]);
    assert_eq!(files.as_array().map(Vec::len), Some(1));
    let back = fs_err::read(tools.path("back/model.bin")).expect("the file");
    assert!(back == bytes, "another content came back");
    server.stop();
}

#[test]
fn an_sbom_refers_to_its_image() {
    let server = Site::new().start();
    let tools = Tools::new();
    let image = application();
    let digest = push_image(&server, "team/app", "1.0", &image);
    tools
        .world
        .write("sbom.json", r#"{"spdxVersion": "SPDX-2.3"}"#);
    let media_type = oci::media_type::OCI_MANIFEST;
    let subject = format!("{media_type} {digest} {}", image.manifest().len());
    let words = ["push", "team/app:sbom", "sbom.json", SBOM, &subject];
    let pushed = oras(&tools, &server, &words);
    assert_eq!(pushed["subject"], digest.as_str());

    let list = server
        .get(&format!("/v2/team/app/referrers/{digest}"))
        .expect(200)
        .json();
    assert_eq!(list["manifests"][0]["digest"], pushed["digest"]);
    assert_eq!(list["manifests"][0]["annotations"]["from"], "oras");
}

#[test]
fn a_chart_is_pushed_listed_pulled_and_deleted() {
    let server = Site::new().start();
    let tools = Tools::new();
    tools.world.write("chart.tgz", noise(2_000));
    tools
        .world
        .write("chart.json", r#"{"name": "shop", "version": "1.2.3"}"#);
    let chart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let config = "config=chart.json:application/vnd.cncf.helm.config.v1+json";
    // A version's `+build` arrives as `_build`.
    for version in ["1.2.3", "1.2.3_build.7"] {
        let target = format!("charts/shop:{version}");
        oras(
            &tools,
            &server,
            &["push", &target, "chart.tgz", chart, config],
        );
    }
    let all = oras(&tools, &server, &["tags", "charts/shop"]);
    assert_eq!(all, json!(["1.2.3", "1.2.3_build.7"]));
    oras(&tools, &server, &["pull", "charts/shop:1.2.3", "back"]);
    assert_eq!(
        fs_err::read(tools.path("back/chart.tgz")).expect("the chart"),
        noise(2_000)
    );
    // Both tags name one manifest, and the library deletes by digest.
    let gone = oras(&tools, &server, &["delete", "charts/shop", "1.2.3"]);
    assert_eq!(gone, json!(true));
    let all = oras(&tools, &server, &["tags", "charts/shop"]);
    assert_eq!(all, json!([]));
}
