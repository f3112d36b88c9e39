//! What holds for every extractor of the registry, those to come included.

use std::io::Write;

use evidence::{Coverage, Diagnostic, Package};
use image::{FileLimits, Limits};
use proptest::prelude::*;

use crate::layer::{Tar, codes, merge, metadata, package_json};
use crate::samples::SAMPLES;

/// For each extractor a path it wants and a file it reads something from. A new extractor fails here until it has one.
fn sample(name: &str) -> (&'static str, Vec<u8>) {
    let database = include_bytes!("../../src/rpm/testdata/rpmdb.sqlite").to_vec();
    let (path, content): (&str, Vec<u8>) = match name {
        "os-release" => ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n".into()),
        "passwd" => ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n".into()),
        "dpkg-status" => (
            "var/lib/dpkg/status",
            include_bytes!("../../src/dpkg/testdata/status").to_vec(),
        ),
        "dpkg-status-d" => (
            "var/lib/dpkg/status.d/base",
            "Package: base\nVersion: 12\nArchitecture: amd64\n".into(),
        ),
        "dpkg-files" => (
            "var/lib/dpkg/info/six.list",
            "/usr/lib/python3/six.dist-info/METADATA\n".into(),
        ),
        "dnf-history" => (
            "var/lib/dnf/history.sqlite",
            include_bytes!("../../src/rpm/testdata/history.sqlite").to_vec(),
        ),
        "redhat-content" => (
            "root/buildinfo/content_manifests/ubi9-container-9.2-755.json",
            r#"{"content_sets":["rhel-9-for-x86_64-baseos-rpms"]}"#.into(),
        ),
        "redhat-labels" => (
            "root/buildinfo/labels.json",
            r#"{"com.redhat.component":"ubi9-container"}"#.into(),
        ),
        "cos" => (
            "etc/cos-package-info.json",
            r#"{"installedPackages":[{"category":"sys-libs","name":"zlib","version":"17162.336.17"}]}"#.into(),
        ),
        "snap" => ("snap/core/1/meta/snap.yaml", "name: core\nversion: 16-2.61.4\n".into()),
        "flatpak" => (
            "var/lib/flatpak/app/x/current/active/export/share/metainfo/x.metainfo.xml",
            "<id>org.gimp.GIMP</id><release version=\"2.10.38\">".into(),
        ),
        "spack" => (
            "opt/spack/libelf/.spack/spec.json",
            r#"{"spec":{"nodes":[{"name":"libelf","version":"0.8.13"}]}}"#.into(),
        ),
        "opkg" => (
            "usr/lib/opkg/status",
            "Package: ubus\nVersion: 2024.10.20-r1\nStatus: install user installed\n\n".into(),
        ),
        "chisel" => (
            "var/lib/chisel/manifest.wall",
            image::testkit::zstd(
                concat!(
                    "{\"jsonwall\":\"1.0\",\"schema\":\"1.0\",\"count\":2}\n",
                    "{\"kind\":\"package\",\"name\":\"openssl\",\"version\":\"3.0.13-0ubuntu3.5\",\"arch\":\"amd64\"}\n",
                    "{\"kind\":\"path\",\"path\":\"/usr/six.dist-info/METADATA\",\"slices\":[\"openssl_bins\"]}\n",
                )
                .as_bytes(),
            ),
        ),
        "alpm" => (
            "var/lib/pacman/local/gmp-6.2.1-2/desc",
            "%NAME%\ngmp\n\n%VERSION%\n6.2.1-2\n\n%ARCH%\nx86_64\n".into(),
        ),
        "alpm-files" => (
            "var/lib/pacman/local/six-1.16.0-9/files",
            "%FILES%\nusr/lib/python3/six.dist-info/METADATA\n".into(),
        ),
        "portage" => (
            "var/db/pkg/sys-libs/zlib-1.3/CONTENTS",
            "dir /usr\nobj /usr/lib/libz.so 376c02bd3b22804df8fdfdc895e7dbfb 1649284374\n".into(),
        ),
        "portage-details" => ("var/db/pkg/sys-libs/zlib-1.3/LICENSE", "|| ( ZLIB MIT )\n".into()),
        "apk" => (
            "lib/apk/db/installed",
            include_bytes!("../../src/apk/testdata/installed").to_vec(),
        ),
        "rpm-sqlite" => ("var/lib/rpm/rpmdb.sqlite", database),
        "rpm-wal" => ("var/lib/rpm/rpmdb.sqlite-wal", "frames".into()),
        "rpm-ndb" => (
            "usr/lib/sysimage/rpm/Packages.db",
            include_bytes!("../../src/rpm/testdata/Packages.db").to_vec(),
        ),
        "rpm-bdb" => (
            "var/lib/rpm/Packages",
            include_bytes!("../../src/rpm/testdata/Packages").to_vec(),
        ),
        "rpm-manifest" => (
            "var/lib/rpmmanifest/container-manifest-2",
            "bash\t5.1.8-1.cm2\t0\t0\tMicrosoft Corporation\t(none)\t1\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\n"
                .into(),
        ),
        "python" => (
            "site-packages/six-1.dist-info/METADATA",
            metadata("six", "1").into_bytes(),
        ),
        "npm" => (
            "app/node_modules/ms/package.json",
            package_json("ms", "2.1.3").into_bytes(),
        ),
        "java-archive" => ("srv/app-1.0.jar", jar()),
        "java-properties" => (
            "webapps/a/META-INF/maven/org.acme/app/pom.properties",
            "version=1.0\ngroupId=org.acme\nartifactId=app\n".into(),
        ),
        "classifier" => (
            "usr/local/sbin/nginx",
            [b"\x7fELF".as_slice(), &[0; 80], b"nginx/1.25.3\0"].concat(),
        ),
        "runtime-files" => ("opt/java/release", "JAVA_VERSION=\"17.0.9\"\n".into()),
        "go" => ("usr/bin/app", go_program()),
        "rust" => ("usr/bin/tool", rust_program()),
        other => {
            let mut samples = SAMPLES.iter();
            let sample = samples.find(|(extractor, _, _)| *extractor == other);
            let (_, path, content) =
                sample.unwrap_or_else(|| panic!("the extractor `{other}` has no sample: add one"));
            (path, content.as_bytes().to_vec())
        }
    };
    (path, content)
}

/// Extractors that read a path and no bytes.
const BY_PATH: [&str; 1] = ["python-archive"];
/// Extractors that hold no whole file.
const IN_PART: [&str; 3] = ["python-archive", "rpm-wal", "wordpress"];
/// A jar with a descriptor and another jar inside, as another program writes it.
pub(crate) fn jar() -> Vec<u8> {
    let inner = zip_of(&[("META-INF/MANIFEST.MF", b"Implementation-Version: 2.0\n")]);
    zip_of(&[
        (
            "META-INF/maven/org.acme/app/pom.properties",
            b"version=1.0\ngroupId=org.acme\nartifactId=app\n",
        ),
        ("lib/inner.jar", &inner),
    ])
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(content).expect("written to memory");
    }
    zip.finish().expect("written to memory").into_inner()
}

/// Build information as the linker of Go 1.18 and later writes it.
pub(crate) fn go_program() -> Vec<u8> {
    let modules = "mod\texample.com/app\tv1.0.0\t\ndep\tgithub.com/a/b\tv1.2.3\t\n";
    let begin = *b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
    let end = *b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
    let mut file = b"\x7fELF".to_vec();
    file.resize(96, 0);
    file.extend(b"\xff Go buildinf:\x08\x02");
    file.extend([0; 16]);
    file.extend(b"\x08go1.21.5");
    file.push(modules.len() as u8 + 32);
    file.extend([&begin, modules.as_bytes(), &end].concat());
    file
}

/// A list of crates as `cargo auditable` writes it.
pub(crate) fn rust_program() -> Vec<u8> {
    let list = r#"{"packages":[{"name":"time","version":"0.3.1"},{"name":"cc","version":"1.0.83","kind":"build"}]}"#;
    let mut file = b"\x7fELF".to_vec();
    file.resize(96, 0);
    let mut compressed = flate2::write::ZlibEncoder::new(file, flate2::Compression::fast());
    compressed
        .write_all(list.as_bytes())
        .expect("written to memory");
    compressed.finish().expect("written to memory")
}

fn parse(name: &str, content: &[u8]) -> (Vec<Package>, Vec<Diagnostic>) {
    let (path, _) = sample(name);
    inventory::parse_with(name, path.as_bytes(), content).expect("a registered extractor")
}

#[test]
fn every_extractor_takes_an_empty_file() {
    for extractor in inventory::extractors() {
        let (packages, _) = parse(extractor.name, b"");
        // Portage's packages are directories; one that brought no files has an empty list of them.
        let by_path = BY_PATH.contains(&extractor.name) || extractor.name == "portage";
        assert!(packages.is_empty() || by_path, "{}", extractor.name);
    }
}

#[test]
fn every_extractor_takes_its_sample_cut_anywhere_and_invents_nothing() {
    for extractor in inventory::extractors() {
        let (_, whole) = sample(extractor.name);
        let (all, _) = parse(extractor.name, &whole);
        for end in 0..whole.len() {
            let (part, _) = parse(extractor.name, &whole[..end]);
            assert!(part.len() <= all.len(), "{} cut at {end}", extractor.name);
        }
    }
}

#[test]
fn a_file_over_its_limit_is_named_and_makes_the_coverage_partial() {
    let limits = Limits {
        file_bytes: FileLimits {
            rpm_database: 600,
            executable: 10,
            archive: 10,
            package_text: 10,
            document: 10,
        },
        ..Limits::default()
    };
    for extractor in inventory::extractors() {
        if IN_PART.contains(&extractor.name) {
            continue;
        }
        let (path, content) = sample(extractor.name);
        let bytes = Tar::default().file(path, content).bytes();
        let report = inventory::analyse_layer(bytes.as_slice(), &limits);
        let inventory = merge(&[report], None);
        assert!(
            codes(&inventory).contains(&"limit.file"),
            "{}",
            extractor.name
        );
        assert_eq!(inventory.coverage, Coverage::Partial, "{}", extractor.name);
    }
}

/// Bytes as a hostile author would choose them: the sample with pieces overwritten, repeated, cut.
fn hostile(sample: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = sample.len();
    let edits = proptest::collection::vec((0..length, 0..length, any::<u8>(), 0..3_u8), 0..12);
    edits.prop_map(move |edits| {
        let mut bytes = sample.clone();
        for (at, other, byte, what) in edits {
            let at = at.min(bytes.len().saturating_sub(1));
            match what {
                0 => bytes[at..]
                    .iter_mut()
                    .take(1)
                    .for_each(|place| *place = byte),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.extend_from_within(..other.min(bytes.len()).min(512)),
            }
        }
        bytes
    })
}

#[test]
fn no_extractor_panics_on_random_or_damaged_bytes() {
    for extractor in inventory::extractors() {
        let (_, whole) = sample(extractor.name);
        let random = proptest::collection::vec(any::<u8>(), 0..600);
        let mut runner = proptest::test_runner::TestRunner::default();
        runner
            .run(&prop_oneof![random, hostile(whole)], |bytes| {
                parse(extractor.name, &bytes);
                Ok(())
            })
            .unwrap_or_else(|failure| panic!("{}: {failure}", extractor.name));
    }
}
