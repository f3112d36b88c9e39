use std::io::Read as _;
use std::path::{Path, PathBuf};

use image::testkit::{
    TarBuilder, TestImage, TestLayer, docker_archive, docker_save_archive, gzip, oci_archive,
    oci_layout_files, write_files, zstd,
};
use image::{
    ImageSource, Limits, Selector, SourceError, SourceSpec, SpecError, VerifyError, check_diff_ids,
    open, walk_layer,
};
use rstest::rstest;

use crate::record::{Recorder, WHOLE, codes, contents};

fn layer(name: &str) -> Vec<u8> {
    TarBuilder::new()
        .file(name, format!("content of {name}"))
        .finish()
}

fn image() -> TestImage {
    TestImage::new(vec![
        TestLayer::tar(layer("base")),
        TestLayer::gzip(&layer("middle")),
        TestLayer::zstd(&layer("top")),
    ])
    .named("app:1")
}

fn save(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    write_files(directory, &[(name.to_owned(), bytes.to_vec())]);
    directory.join(name)
}

/// Opens, reads every layer in the given order, and returns the paths found, by layer.
#[track_caller]
fn read_all(source: &ImageSource, order: &[usize]) -> Vec<String> {
    let mut found = vec![String::new(); source.layers.len()];
    let mut computed = vec![None; source.layers.len()];
    for index in order {
        let mut recorder = Recorder::new(WHOLE);
        let walk = walk_layer(
            source.open_layer(*index).unwrap(),
            &Limits::default(),
            &mut recorder,
        );
        assert_eq!(codes(&walk), [] as [&str; 0], "{:?}", walk.diagnostics);
        assert_eq!(walk.blob_bytes, source.layers[*index].size);
        computed[*index] = walk.diff_id;
        let (path, content) = contents(&recorder.seen).remove(0);
        assert_eq!(content, format!("content of {path}").into_bytes());
        found[*index] = path;
    }
    assert_eq!(check_diff_ids(&source.parsed_config, &computed), []);
    found
}

#[track_caller]
fn check(spec: &SourceSpec, expected: &[&str]) -> ImageSource {
    let source = open(spec, None).unwrap();
    let upwards: Vec<usize> = (0..source.layers.len()).collect();
    let downwards: Vec<usize> = upwards.iter().rev().copied().collect();
    for order in [upwards, downwards, source.stored_order()] {
        assert_eq!(read_all(&source, &order), expected);
    }
    source
}

type Wrap = fn(&[u8]) -> Vec<u8>;

#[rstest]
#[case::plain(|bytes: &[u8]| bytes.to_vec())]
#[case::gzip(gzip)]
#[case::zstd(zstd)]
fn every_archive_gives_its_layers(#[case] wrap: Wrap) {
    let directory = tempfile::tempdir().unwrap();
    let image = image();
    let expected = ["base", "middle", "top"];

    let path = save(
        directory.path(),
        "docker.tar",
        &wrap(&docker_archive(std::slice::from_ref(&image))),
    );
    let source = check(&SourceSpec::DockerArchive(path, None), &expected);
    assert_eq!(source.name.as_deref(), Some("app:1"));
    assert!(source.manifest.is_none());
    assert_eq!(source.config.bytes, image.config());

    let path = save(
        directory.path(),
        "save.tar",
        &wrap(&docker_save_archive(&image)),
    );
    check(&SourceSpec::DockerArchive(path.clone(), None), &expected);
    check(&SourceSpec::OciArchive(path, None), &expected);

    let path = save(
        directory.path(),
        "oci.tar",
        &wrap(&oci_archive(std::slice::from_ref(&image))),
    );
    let source = check(&SourceSpec::OciArchive(path, None), &expected);
    let manifest = source.manifest.expect("an OCI image has a manifest");
    assert_eq!(manifest.bytes, image.manifest());
    assert_eq!(manifest.digest, oci::Digest::sha256(&image.manifest()));
    assert_eq!(source.layers[1].digest, Some(image.layers[1].digest()));
}

#[test]
fn a_layout_gives_its_layers() {
    let directory = tempfile::tempdir().unwrap();
    write_files(directory.path(), &oci_layout_files(&[image()], false));
    check(
        &SourceSpec::OciLayout(directory.path().into(), None),
        &["base", "middle", "top"],
    );
}

#[test]
fn a_layer_that_is_a_link_to_another_is_read_through_it() {
    let directory = tempfile::tempdir().unwrap();
    let same = TestLayer::tar(layer("same"));
    let image = TestImage::new(vec![same.clone(), TestLayer::tar(layer("other")), same]);
    for (name, bytes) in [
        ("a.tar", docker_archive(std::slice::from_ref(&image))),
        ("a.tgz", gzip(&docker_archive(std::slice::from_ref(&image)))),
    ] {
        let path = save(directory.path(), name, &bytes);
        check(
            &SourceSpec::DockerArchive(path, None),
            &["same", "other", "same"],
        );
    }
}

#[test]
fn one_of_several_images_must_be_named() {
    let directory = tempfile::tempdir().unwrap();
    let images = [
        TestImage::new(vec![TestLayer::tar(layer("first"))]).named("first:latest"),
        TestImage::new(vec![TestLayer::tar(layer("second"))]).named("second:2"),
    ];
    let docker = save(directory.path(), "d.tar", &docker_archive(&images));
    let oci = save(directory.path(), "o.tar", &oci_archive(&images));
    let docker = |selector| SourceSpec::DockerArchive(docker.clone(), selector);
    let oci = |selector| SourceSpec::OciArchive(oci.clone(), selector);
    let name = |name: &str| Some(Selector::Name(name.to_owned()));
    for spec in [docker(None), oci(None)] {
        let error = open(&spec, None).unwrap_err();
        assert!(matches!(&error, SourceError::Ambiguous { available, .. } if available.len() == 2));
        assert!(error.hint().is_some());
    }
    for spec in [docker(name("third")), oci(name("third"))] {
        assert!(matches!(
            open(&spec, None),
            Err(SourceError::NoSuchImage { .. })
        ));
    }
    check(&docker(name("second:2")), &["second"]);
    check(&docker(name("first")), &["first"]);
    check(&oci(name("second:2")), &["second"]);
    let digest = oci::Digest::sha256(&images[1].manifest());
    check(&oci(Some(Selector::Digest(digest))), &["second"]);
    let digest = oci::Digest::sha256(&images[0].config());
    check(&docker(Some(Selector::Digest(digest))), &["first"]);
}

fn platforms() -> Vec<TestImage> {
    [
        "linux/amd64",
        "linux/arm/v7",
        "linux/arm64/v8",
        "linux/arm64",
        "linux/s390x",
    ]
    .iter()
    .map(|platform| {
        TestImage::new(vec![TestLayer::tar(layer(&platform.replace('/', "-")))]).on(platform)
    })
    .collect()
}

#[rstest]
#[case(Some("linux/arm64"), Ok("linux-arm64"))]
#[case(Some("linux/arm64/v8"), Ok("linux-arm64-v8"))]
#[case(Some("linux/arm"), Ok("linux-arm-v7"))]
#[case(Some("linux/s390x"), Ok("linux-s390x"))]
#[case(Some("windows/amd64"), Err("has no image for windows/amd64"))]
#[case(Some("amd64"), Err("is not a platform"))]
#[case(Some("linux//v7"), Err("is not a platform"))]
fn an_index_gives_the_image_of_the_platform(
    #[case] platform: Option<&str>,
    #[case] expected: Result<&str, &str>,
) {
    for nested in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        write_files(directory.path(), &oci_layout_files(&platforms(), nested));
        let spec = SourceSpec::OciLayout(directory.path().into(), None);
        match (open(&spec, platform), expected) {
            (Ok(source), Ok(path)) => assert_eq!(read_all(&source, &[0]), [path]),
            (Err(error), Err(needle)) => assert!(error.to_string().contains(needle), "{error}"),
            (opened, expected) => panic!("{opened:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn the_machine_s_own_platform_is_the_default_and_the_only_image_needs_no_platform() {
    let directory = tempfile::tempdir().unwrap();
    write_files(directory.path(), &oci_layout_files(&platforms(), true));
    let spec = SourceSpec::OciLayout(directory.path().into(), None);
    let source = open(&spec, None).unwrap();
    let expected = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    assert_eq!(source.parsed_config.architecture, expected);

    let only = TestImage::new(vec![TestLayer::tar(layer("x"))]).on("linux/mips64le");
    let directory = tempfile::tempdir().unwrap();
    write_files(directory.path(), &oci_layout_files(&[only], true));
    let spec = SourceSpec::OciLayout(directory.path().into(), None);
    assert_eq!(
        open(&spec, None).unwrap().parsed_config.architecture,
        "mips64le"
    );
    assert!(matches!(
        open(&spec, Some("linux/amd64")),
        Err(SourceError::NoSuchPlatform { .. })
    ));
}

#[test]
fn a_document_that_is_not_what_it_is_named_for_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let image = image();
    let manifest = oci::Digest::sha256(&image.manifest());
    let config = oci::Digest::sha256(&image.config());
    for digest in [manifest, config] {
        let mut files = oci_layout_files(std::slice::from_ref(&image), false);
        let blob = files
            .iter_mut()
            .find(|(path, _)| path.ends_with(digest.hex()))
            .unwrap();
        let at = blob.1.len() / 2;
        blob.1[at] ^= 1;
        write_files(directory.path(), &files);
        let spec = SourceSpec::OciLayout(directory.path().into(), None);
        let error = open(&spec, None).unwrap_err();
        let SourceError::Verify {
            source: VerifyError::Digest { expected, .. },
            ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(*expected, digest);
    }
}

#[test]
fn a_layer_that_is_not_what_it_is_named_for_fails_while_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let image = image();
    let digest = image.layers[0].digest();
    let mut files = oci_layout_files(&[image], false);
    let blob = files
        .iter_mut()
        .find(|(path, _)| path.ends_with(digest.hex()))
        .unwrap();
    blob.1[600] ^= 1;
    write_files(directory.path(), &files);
    let source = open(&SourceSpec::OciLayout(directory.path().into(), None), None).unwrap();
    let error = source
        .open_layer(0)
        .unwrap()
        .read_to_end(&mut Vec::new())
        .unwrap_err();
    let error: VerifyError = error.downcast().expect("named");
    assert!(matches!(error, VerifyError::Digest { .. }));
}

#[test]
fn an_archive_cut_anywhere_is_an_error_or_a_named_diagnostic() {
    let directory = tempfile::tempdir().unwrap();
    let big = TarBuilder::new().file("big", vec![7; 300_000]).finish();
    let image = TestImage::new(vec![TestLayer::tar(big.clone()), TestLayer::gzip(&big)]);
    for (kind, archive) in [
        ("docker", docker_archive(std::slice::from_ref(&image))),
        ("oci", oci_archive(std::slice::from_ref(&image))),
        (
            "docker",
            gzip(&docker_archive(std::slice::from_ref(&image))),
        ),
        ("oci", gzip(&oci_archive(std::slice::from_ref(&image)))),
    ] {
        for twentieth in 0..20 {
            let path = save(
                directory.path(),
                "cut.tar",
                &archive[..archive.len() * twentieth / 20],
            );
            let spec = if kind == "docker" {
                SourceSpec::DockerArchive(path, None)
            } else {
                SourceSpec::OciArchive(path, None)
            };
            let error = open(&spec, None).expect_err("the documents come last or the table is cut");
            let named = matches!(
                error,
                SourceError::Truncated { .. }
                    | SourceError::BadArchive { .. }
                    | SourceError::MissingMember { .. }
            );
            assert!(named, "{twentieth}/20 of {kind}: {error:?}");
            assert!(error.hint().is_some());
        }
    }
}

#[test]
fn a_truncated_archive_names_the_member_and_both_sizes() {
    let directory = tempfile::tempdir().unwrap();
    let archive = docker_archive(&[image()]);
    let path = save(directory.path(), "cut.tar", &archive[..700]);
    let error = open(&SourceSpec::DockerArchive(path, None), None).unwrap_err();
    let SourceError::Truncated {
        member,
        expected_bytes,
        found_bytes,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(member, "0-0/layer.tar");
    assert_eq!(expected_bytes, layer("base").len() as u64);
    assert_eq!(found_bytes, 700 - 512);
}

#[rstest]
#[case::no_json(b"{".as_slice(), "is not usable")]
#[case::no_image(b"[]", "lists no image")]
#[case::no_config(br#"[{"Layers":[]}]"#, "missing field")]
#[case::missing_config(br#"[{"Config":"x.json","Layers":[]}]"#, "has no `x.json`")]
#[case::escaping_config(
    br#"[{"Config":"../../etc/passwd","Layers":[]}]"#,
    "has no `../../etc/passwd`"
)]
fn a_docker_manifest_that_is_wrong_is_an_error(#[case] manifest: &[u8], #[case] needle: &str) {
    let directory = tempfile::tempdir().unwrap();
    let archive = TarBuilder::new().file("manifest.json", manifest).finish();
    let path = save(directory.path(), "a.tar", &archive);
    let error = open(&SourceSpec::DockerArchive(path, None), None).unwrap_err();
    assert!(error.to_string().contains(needle), "{error}");
}

#[test]
fn a_missing_file_a_directory_and_another_file_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let text = save(directory.path(), "text", b"hello");
    let missing = directory.path().join("missing");
    for path in [&missing, &text, &directory.path().to_owned()] {
        for spec in [
            SourceSpec::DockerArchive(path.clone(), None),
            SourceSpec::OciArchive(path.clone(), None),
        ] {
            assert!(matches!(
                open(&spec, None),
                Err(SourceError::Read { .. } | SourceError::BadArchive { .. })
            ));
        }
    }
    assert!(matches!(
        open(&SourceSpec::OciLayout(missing, None), None),
        Err(SourceError::Read { .. })
    ));
    assert!(matches!(
        open(&SourceSpec::Directory(text), None),
        Err(SourceError::NotAnArchive { .. })
    ));
}

#[rstest]
#[case("docker-archive:x.tar", "docker-archive:x.tar")]
#[case("docker-archive:x.tar:a/b:1", "docker-archive:x.tar:a/b:1")]
#[case("oci-archive:/tmp/none/x.tar:v1", "oci-archive:/tmp/none/x.tar:v1")]
#[case("oci:dir", "oci:dir")]
#[case("oci:dir:", "oci:dir")]
#[case("dir:/", "dir:/")]
#[case("dir:a:b", "dir:a:b")]
#[case("docker://debian:12", "docker://debian:12")]
#[case("debian", "docker://debian:latest")]
#[case("127.0.0.1:5000/a/b:c", "docker://127.0.0.1:5000/a/b:c")]
fn a_source_is_read_as_it_is_written(#[case] text: &str, #[case] expected: &str) {
    let spec: SourceSpec = text.parse().unwrap();
    assert_eq!(spec.to_string(), expected);
}

#[test]
fn a_selector_is_a_name_or_a_digest() {
    let digest = oci::Digest::sha256(b"");
    let spec: SourceSpec = format!("oci:dir@{digest}").parse().unwrap();
    assert_eq!(
        spec,
        SourceSpec::OciLayout("dir".into(), Some(Selector::Digest(digest)))
    );
    let spec: SourceSpec = "oci-archive:f.tar:tag".parse().unwrap();
    assert_eq!(
        spec,
        SourceSpec::OciArchive("f.tar".into(), Some(Selector::Name("tag".into())))
    );
}

#[rstest]
#[case("")]
#[case("docker-archive:")]
#[case("oci::tag")]
#[case("dir:")]
#[case("docker://")]
#[case("docker://UPPER")]
#[case("containers-storage:x")]
#[case("https://example.com/a")]
#[case("oci:dir@sha256:12")]
#[case("no such file.tar")]
fn a_text_that_names_no_source_is_refused_with_a_hint(#[case] text: &str) {
    let error = text.parse::<SourceSpec>().unwrap_err();
    assert!(error.hint().ends_with('.'), "{error}");
}

#[test]
fn an_existing_path_is_told_by_what_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    save(directory.path(), "d.tar", &docker_archive(&[image()]));
    save(
        directory.path(),
        "d.tar.gz",
        &gzip(&docker_archive(&[image()])),
    );
    save(directory.path(), "o:1.tar", &oci_archive(&[image()]));
    save(directory.path(), "text", b"hello");
    save(directory.path(), "empty", b"");
    save(directory.path(), "other.tar", &layer("x"));
    write_files(&path("layout"), &oci_layout_files(&[image()], false));
    save(&path("root"), "etc/os-release", b"");
    save(&path("root"), "usr/bin/x", b"");
    save(&path("odd"), "x", b"");
    let parse = |name: &str| path(name).to_str().unwrap().parse::<SourceSpec>();
    assert_eq!(
        parse("d.tar").unwrap(),
        SourceSpec::DockerArchive(path("d.tar"), None)
    );
    assert_eq!(
        parse("d.tar.gz").unwrap(),
        SourceSpec::DockerArchive(path("d.tar.gz"), None)
    );
    assert_eq!(
        parse("o:1.tar").unwrap(),
        SourceSpec::OciArchive(path("o:1.tar"), None)
    );
    assert_eq!(
        parse("layout").unwrap(),
        SourceSpec::OciLayout(path("layout"), None)
    );
    assert_eq!(parse("root").unwrap(), SourceSpec::Directory(path("root")));
    for odd in ["text", "empty", "other.tar", "odd"] {
        assert!(
            matches!(parse(odd), Err(SpecError::Unrecognised { .. })),
            "{odd}"
        );
    }
    let with_colon: SourceSpec = format!("oci-archive:{}:app:1", path("o:1.tar").display())
        .parse()
        .unwrap();
    assert_eq!(
        with_colon,
        SourceSpec::OciArchive(path("o:1.tar"), Some(Selector::Name("app:1".into())))
    );
}
