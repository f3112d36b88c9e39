//! Sources: each kind gives the same image, and damaged ones are named.

use image::testkit::{docker_archive, oci_archive, oci_layout_files, write_files};
use rstest::rstest;

use crate::world::{AS_OF, World, sample_image};

fn findings(world: &World, source: &str) -> serde_json::Value {
    let run = world
        .run(&[
            "scan",
            source,
            "--advisories",
            "known.tgdb",
            "--as-of",
            AS_OF,
            "-o",
            "json",
        ])
        .ends_with(0);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    document["matches"]["findings"].clone()
}

#[test]
fn every_kind_of_archive_gives_the_same_findings() {
    let world = World::with_sample();
    world.write("image.oci.tar", oci_archive(&[sample_image()]));
    write_files(
        &world.path("layout"),
        &oci_layout_files(&[sample_image()], false),
    );
    let expected = findings(&world, "docker-archive:image.tar");
    assert_eq!(expected.as_array().map(Vec::len), Some(3));
    assert_eq!(findings(&world, "oci-archive:image.oci.tar"), expected);
    assert_eq!(findings(&world, "oci:layout"), expected);
    assert_eq!(findings(&world, "image.tar"), expected);
}

#[test]
fn a_folder_is_an_image_without_layers() {
    let world = World::with_sample();
    world.write(
        "root/etc/os-release",
        "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
    );
    world.write(
        "root/var/lib/dpkg/status",
        "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.11-1~deb12u2\n\n",
    );
    world
        .run(&[
            "scan",
            "dir:root",
            "--advisories",
            "known.tgdb",
            "--as-of",
            AS_OF,
            "--fail-on",
            "kev",
        ])
        .ends_with(2)
        .shows("1 package");
}

#[rstest]
#[case::nothing_there("docker-archive:absent.tar", 1, "error: cannot read `absent.tar`")]
#[case::no_such_folder("dir:absent", 1, "absent")]
#[case::a_file_is_no_folder("dir:image.tar", 64, "is not a folder")]
#[case::the_wrong_prefix("oci-archive:image.tar", 1, "has no `")]
#[case::a_foreign_transport(
    "docker-daemon:debian",
    64,
    "the transport `docker-daemon:` is not supported"
)]
#[case::no_path("docker-archive:", 64, "names no path")]
#[case::no_such_image("docker-archive:image.tar:other:1", 64, "holds no image")]
#[case::no_name("docker://UPPER", 64, "neither an existing path nor an image name")]
fn a_source_that_cannot_be_opened_is_named_with_a_hint(
    #[case] source: &str,
    #[case] exit: i32,
    #[case] message: &str,
) {
    let world = World::new();
    world.write("image.tar", docker_archive(&[sample_image()]));
    world
        .run(&["scan", source])
        .ends_with(exit)
        .says(message)
        .says("hint: ");
}

#[test]
fn a_layer_that_is_not_what_the_manifest_promises_ends_the_scan() {
    let world = World::new();
    let image = sample_image();
    let blob = format!("blobs/sha256/{}", image.layers[0].digest().hex());
    let mut files = oci_layout_files(&[image], false);
    for (path, bytes) in &mut files {
        if *path == blob {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
    }
    write_files(&world.path("layout"), &files);
    world
        .run(&["scan", "oci:layout"])
        .ends_with(1)
        .says("error: cannot read layer 0")
        .says("wrong digest")
        .says("hint: The image is damaged");
}

#[test]
fn what_could_not_be_read_is_said_and_never_counts_as_a_pass() {
    let world = World::with_sample();
    let mut image = sample_image();
    let whole = image.layers[1].bytes.clone();
    // The stored blob has the digest that the manifest promises; it is its content that ends too early.
    image.layers[1].bytes.truncate(whole.len() / 2);
    world.write("broken.oci.tar", oci_archive(&[image]));
    let args = [
        "scan",
        "oci-archive:broken.oci.tar",
        "--advisories",
        "known.tgdb",
        "--as-of",
        AS_OF,
    ];
    world
        .run(&args)
        .ends_with(0)
        .shows("Not everything could be read:");
    let gated: Vec<&str> = args.into_iter().chain(["--fail-on", "critical"]).collect();
    world.run(&gated).ends_with(1).says(
        "error: the thresholds could not be evaluated: not everything in the image could be read",
    );
}

#[test]
fn an_archive_cut_in_half_is_named() {
    let world = World::new();
    let archive = docker_archive(&[sample_image()]);
    world.write("half.tar", &archive[..archive.len() / 2]);
    let run = world.run(&["scan", "docker-archive:half.tar"]).ends_with(1);
    assert!(
        run.stderr.starts_with("error: `half.tar`"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_registry_that_does_not_answer_is_named() {
    World::new()
        .run(&["scan", "docker://127.0.0.1:1/a/b:c"])
        .ends_with(1)
        .says("error: cannot read `127.0.0.1:1/a/b:c`")
        .says("cause: ");
}
