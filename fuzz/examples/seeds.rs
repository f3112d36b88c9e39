//! Writes the inputs that fuzzing starts from: `cargo run --example seeds DIRECTORY` makes one folder per target.
//!
//! All are made here, from nothing foreign. A seed is worth its place when random bytes would not get where it does.

use std::io::{Cursor, Write};
use std::path::PathBuf;

use image::testkit::{
    TarBuilder, TestImage, TestLayer, docker_archive, docker_save_archive, gzip, oci_archive, zstd,
};
use serde_json::json;

type Seeds = Vec<Vec<u8>>;

/// How `fuzz::layer` is asked to treat the rest: as it is, or as a tar whose checksums are put right.
const AS_IT_IS: u8 = 0;
const TAR: u8 = 1;
const GZIP: u8 = 2;
const ZSTD: u8 = 3;

const RPM_DATABASE: &[u8] = include_bytes!("../../crates/inventory/src/rpm/testdata/rpmdb.sqlite");
const OS_RELEASE: &str =
    "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME='Debian 12'\n";
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/srv:/bin/false\n";
const DPKG: &str = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl-src (3.0.9-1)\n\
    Version: 1:3.0.10-1+b1\nDescription: keys\n and IVs\n\nPackage: pam\nStatus: deinstall ok config-files\nVersion: 1\n";
const FILE_LIST: &str = "/.\n/usr\n/usr/lib/python3/six-1.16.0.dist-info/METADATA\n";
const APK: &str = "P:musl\nV:1.2.4-r2\nA:x86_64\no:musl-src\nL:MIT AND Apache-2.0\nF:lib\nR:ld-musl-x86_64.so.1\n\nP:zlib\nV:1.3-r0\n";
const METADATA: &str = "Metadata-Version: 2.1\nName: Six_Pack\nVersion: 1.16.0\nLicense: MIT\nClassifier: License :: OSI Approved\n\nText\n";
const PACKAGE_JSON: &str = r#"{"name": "@scope/ms", "version": "2.1.3", "license": "(MIT OR Apache-2.0)", "licenses": [{"type": "MIT"}]}"#;

const TRACKER: &str = r#"{"openssl": {
  "CVE-2023-5363": {"description": "keys", "releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.15-1"}, "fixed_version": "3.0.11-1", "urgency": "high"}}},
  "TEMP-0000000-ABCDEF": {"releases": {"bookworm": {"status": "undetermined", "repositories": {}, "urgency": "unimportant"}}}},
 "pam": {"CVE-2024-10041": {"releases": {"bookworm": {"status": "open", "repositories": {"bookworm": "1.5.2-6"}, "urgency": "not yet assigned", "nodsa": "Minor", "nodsa_reason": "postponed"}}}}}"#;
const ADVISORY_LIST: &str = "[24 Oct 2023] DSA-5532-1 openssl - security update\n\t{CVE-2023-5363}\n\t[bookworm] - openssl 3.0.11-1~deb12u2\n";
const KEV: &str = r#"{"title": "catalogue", "catalogVersion": "2026.11.20", "dateReleased": "2026-11-20T00:00:00.0000Z", "count": 1,
 "vulnerabilities": [{"cveID": "CVE-2023-5363", "dateAdded": "2023-11-01", "dueDate": "2023-11-22", "knownRansomwareCampaignUse": "Known"}]}"#;
const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-11-23T00:00:00+0000\ncve,epss,percentile\nCVE-2023-5363,0.5,0.97\n";
const OSV: &str = r#"{"id": "GHSA-xxxx-0001-aaaa", "modified": "2024-01-01T00:00:00Z", "published": "2023-10-20T00:00:00Z", "aliases": ["CVE-2023-5363"],
 "summary": "keys", "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
 "affected": [{"package": {"ecosystem": "PyPI", "name": "six"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.17"}]}], "versions": ["1.16.0"]},
  {"package": {"ecosystem": "Debian:12", "name": "openssl"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "3.0.10-1"}]}]},
  {"package": {"ecosystem": "npm", "name": "ms"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "2.0.0"}, {"limit": "2.2.0"}]}]}],
 "database_specific": {"severity": "HIGH"}}"#;
const OSV_YAML: &str = "id: PYSEC-2023-74\ndetails: headers\naffected:\n- package:\n    name: requests\n    ecosystem: PyPI\n  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: 2.3.0\n    - fixed: 2.31.0\naliases:\n- CVE-2023-32681\nmodified: \"2023-06-05T01:13:00Z\"\n";

fn main() -> std::io::Result<()> {
    let Some(root) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(std::io::Error::other("usage: seeds DIRECTORY"));
    };
    let all: [(&str, Seeds); 18] = [
        ("layer_walk", layers()),
        ("layer_report", layers()),
        ("report_decode", reports()),
        ("extractors", evidence_files()),
        ("binaries", binaries()),
        ("languages", languages()),
        ("merge", pairs()),
        ("image_sources", archives()),
        ("feeds", feeds()),
        ("snapshot_open", changes()),
        ("policy", policies()),
        ("manifest", manifests()),
        ("versions", versions()),
        ("names", names()),
        ("config", vec![image().config()]),
        ("addresses", addresses()),
        ("tokens", tokens()),
        ("outbound", outbound()),
    ];
    for (target, seeds) in all {
        let folder = root.join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}

/// Tars: one of a Debian image, one of an Alpine image above it, one of every odd form of header.
fn tars() -> [Vec<u8>; 4] {
    let debian = TarBuilder::new()
        .dir("usr")
        .symlink("lib", "usr/lib")
        .file("etc/os-release", OS_RELEASE)
        .file("etc/passwd", PASSWD)
        .file("var/lib/dpkg/status", DPKG)
        .file("var/lib/dpkg/info/openssl.list", FILE_LIST)
        .file("usr/lib/python3/six-1.16.0.dist-info/METADATA", METADATA)
        .executable("usr/bin/openssl", b"\x7fELF");
    let above = TarBuilder::new()
        .file("lib/apk/db/installed", APK)
        .file("app/node_modules/ms/package.json", PACKAGE_JSON)
        .hardlink(
            "b/node_modules/ms/package.json",
            "app/node_modules/ms/package.json",
        )
        .file("var/lib/dpkg/status.d/tzdata", DPKG)
        .whiteout("etc/passwd")
        .opaque("usr/lib");
    let odd = TarBuilder::new()
        .global(&[("comment", "all")])
        .pax(&[
            ("path", "a/b"),
            ("size", "3"),
            ("mtime", "1.5"),
            ("SCHILY.xattr.security.capability", "\x01"),
        ])
        .file("short", "abc")
        .long_name("n".repeat(200))
        .file("cut", "abc")
        .long_link("t".repeat(200))
        .symlink("link", "cut")
        .sparse_gnu("sparse", 5000, &[(0, b"ab"), (4096, b"cd")])
        .sparse_pax_0_1("sparse", 5000, &[(0, b"ab"), (4096, b"cd")])
        .sparse_pax_1_0("sparse", 5000, &[(0, b"ab"), (4096, b"cd")])
        .fifo("pipe")
        .char_device("tty", 5, 0);
    let rpm = TarBuilder::new().file("var/lib/rpm/rpmdb.sqlite", RPM_DATABASE);
    [debian, above, odd, rpm].map(TarBuilder::finish)
}

fn behind(first: u8, rest: &[u8]) -> Vec<u8> {
    [&[first], rest].concat()
}

fn layers() -> Seeds {
    let mut seeds = Vec::new();
    for tar in tars() {
        seeds.extend([TAR, GZIP, ZSTD].map(|how| behind(how, &tar)));
        seeds.extend([gzip(&tar), zstd(&tar)].map(|stored| behind(AS_IT_IS, &stored)));
    }
    seeds
}

fn reports() -> Seeds {
    let encode =
        |tar: Vec<u8>| inventory::analyse_layer(tar.as_slice(), &fuzz::small_limits()).encode();
    tars().map(encode).to_vec()
}

fn pairs() -> Seeds {
    let [debian, above, odd, _] = tars().map(|tar| behind(TAR, &tar));
    [(&debian, &above), (&above, &debian), (&debian, &odd)]
        .map(|(base, top)| {
            let at = u16::try_from(base.len()).expect("seeds are short");
            [&at.to_le_bytes(), base.as_slice(), top].concat()
        })
        .to_vec()
}

/// What each reader looks for, as the target puts it into a whole file, and the whole file as it is.
fn binaries() -> Seeds {
    let modules = "path\ta\nmod\ta\t(devel)\t\ndep\tb.c/d\tv1.2.3\th1:x\n=>\te\tv2.0.0\t\nbuild\t-ldflags=\"-X main.version=1.2.3\"\n";
    let crates = r#"{"packages":[{"name":"a","version":"0.1.0","root":true},{"name":"cc","version":"1.0.83","kind":"build"}]}"#;
    let jar = "Manifest-Version: 1.0\nImplementation-Title: a-b\nImplementation-Version: 1.0\n c\n\0\
        <project><parent><version>1</version></parent><groupId>g</groupId><artifactId>app</artifactId><version>${v}</version>\
        <properties><v>2</v></properties></project>";
    let redis = "\0\x37.0.151790282056000000000\0";
    let held = [redis, modules, jar, crates];
    let mut seeds = Seeds::new();
    for (index, ((extractor, _), content)) in fuzz::binary::BINARIES.iter().zip(held).enumerate() {
        let place = u8::try_from(index * 2).expect("a short table");
        seeds.push(behind(place + 1, content.as_bytes()));
        seeds.push(behind(
            place,
            &fuzz::binary::whole(extractor, content.as_bytes()),
        ));
    }
    seeds
}

fn evidence_files() -> Seeds {
    let samples: [(&str, &str, &[u8]); 11] = [
        ("os-release", "etc/os-release", OS_RELEASE.as_bytes()),
        ("passwd", "etc/passwd", PASSWD.as_bytes()),
        ("dpkg-status", "var/lib/dpkg/status", DPKG.as_bytes()),
        (
            "dpkg-status-d",
            "var/lib/dpkg/status.d/tzdata",
            DPKG.as_bytes(),
        ),
        (
            "dpkg-files",
            "var/lib/dpkg/info/openssl.list",
            FILE_LIST.as_bytes(),
        ),
        ("apk", "lib/apk/db/installed", APK.as_bytes()),
        ("rpm-sqlite", "var/lib/rpm/rpmdb.sqlite", RPM_DATABASE),
        (
            "rpm-wal",
            "var/lib/rpm/rpmdb.sqlite-wal",
            b"\x37\x7f\x06\x82",
        ),
        ("rpm-other", "var/lib/rpm/Packages", b"\0\0\0\0"),
        (
            "python",
            "usr/lib/python3/six-1.16.0.dist-info/METADATA",
            METADATA.as_bytes(),
        ),
        (
            "npm",
            "app/node_modules/ms/package.json",
            PACKAGE_JSON.as_bytes(),
        ),
    ];
    let mut seeds = Vec::new();
    for (name, path, content) in samples {
        let place = inventory::extractors().position(|extractor| extractor.name == name);
        let place = u8::try_from(place.expect("an extractor of the table")).expect("a short table");
        seeds.push([&[place], path.as_bytes(), b"\n", content].concat());
    }
    seeds
}

fn languages() -> Seeds {
    (0..)
        .zip(fuzz::LANGUAGES)
        .map(|(place, (_, _, content))| behind(place, content.as_bytes()))
        .collect()
}

fn image() -> TestImage {
    let [debian, above, ..] = tars();
    let mut image = TestImage::new(vec![TestLayer::gzip(&debian), TestLayer::tar(above)])
        .named("payments/api:2.3.7")
        .on("linux/arm/v7");
    image.process = json!({ "User": "web:web", "Env": ["A=b"], "ExposedPorts": { "22/tcp": {} }, "Labels": { "a": "b" },
        "Entrypoint": ["/bin/sh"], "Cmd": null, "Healthcheck": { "Test": ["NONE"] } });
    image.history =
        json!([{ "created_by": "COPY . /" }, { "created_by": "ENV A=b", "empty_layer": true }]);
    image
}

fn archives() -> Seeds {
    let images = [image()];
    vec![
        behind(0, &docker_archive(&images)),
        behind(0, &docker_save_archive(&images[0])),
        behind(1, &oci_archive(&images)),
        behind(2, &gzip(&docker_archive(&images))),
        behind(3, &gzip(&oci_archive(&images))),
    ]
}

fn feeds() -> Seeds {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, document) in [("a.json", OSV), ("b.yaml", OSV_YAML)] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(document.as_bytes())
            .expect("written to memory");
    }
    let mut seeds: Seeds = [TRACKER, ADVISORY_LIST, KEV, EPSS, OSV, OSV_YAML]
        .map(|feed| feed.as_bytes().to_vec())
        .to_vec();
    seeds.push(gzip(EPSS.as_bytes()));
    seeds.push(zip.finish().expect("written to memory").into_inner());
    seeds
}

/// Changes to a snapshot: behind a right checksum in its head and its description, behind a wrong one in its tables.
fn changes() -> Seeds {
    let places: [(u8, u32); 6] = [(1, 16), (1, 20), (1, 24), (1, 70), (0, 64), (0, 4096 + 9)];
    places
        .map(|(seal, at)| [&[seal], &at.to_le_bytes()[..3], &[0xff]].concat())
        .to_vec()
}

fn policies() -> Seeds {
    let mut seeds = vec![gate::STARTER_YAML.as_bytes().to_vec()];
    seeds.extend(gate::conditions().iter().map(|condition| {
        format!(
            "apiVersion: tidegate/v1\nkind: Policy\nmetadata: {{name: a, owner: b}}\nspec:\n  mode: enforce\n  doors: {{pull: audit}}\n  \
             scope: {{repositories: [\"a/**\"]}}\n  rules:\n    - {}\n",
            condition.example
        )
        .into_bytes()
    }));
    seeds
}

fn manifests() -> Seeds {
    let index = json!({ "schemaVersion": 2, "mediaType": oci::media_type::OCI_INDEX, "artifactType": "a/b",
        "manifests": [{ "mediaType": oci::media_type::OCI_MANIFEST, "size": 3, "digest": oci::Digest::sha256(b"abc"),
            "platform": { "os": "linux", "architecture": "arm", "variant": "v7" } }],
        "annotations": { "a": "b" } });
    let of = |media_type: &str, body: &[u8]| [media_type.as_bytes(), b"\n", body].concat();
    vec![
        of(oci::media_type::OCI_MANIFEST, &image().manifest()),
        of("", &image().manifest()),
        of(oci::media_type::OCI_INDEX, index.to_string().as_bytes()),
        of(
            oci::media_type::DOCKER_MANIFEST,
            b"{\"schemaVersion\": 2, \"subject\": null}",
        ),
    ]
}

fn versions() -> Seeds {
    [
        "1:1.0~rc1-1\n1.0-1\n1.0-1+b1",
        "1!1.0.post1.dev2\n1.0a1\n1.0+local.1",
        "1.2.3-alpha.1+build\n1.2.3\n1.2",
        "1.2_rc1-r3\n1.2_p1\n1.2a",
        "0:1.0^git1-1\n1.0~beta-1.el9\n1.0-1",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn names() -> Seeds {
    let digest = oci::Digest::sha256(b"");
    let sha512 = oci::Digest::compute(oci::Algorithm::Sha512, b"");
    [
        "repository:payments/api:pull,push,delete",
        "repository(plugin):h:5000/a:*",
        "r.example.com:5000/a__b/c-d:v1",
        "localhost/a",
        "acme/web-*\nacme/web-shop",
        "a/**b\na/c/b",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([
        digest.to_string(),
        sha512.to_string(),
        format!("a/b:1@{digest}"),
    ])
    .map(String::into_bytes)
    .collect()
}

fn addresses() -> Seeds {
    let digest = oci::Digest::sha256(b"");
    let escaped = digest.to_string().replace(':', "%3A");
    let addresses = [
        format!("team/app/blobs/{digest}"),
        format!("team/app/blobs/{escaped}"),
        "team/app/blobs/uploads/".to_owned(),
        "team/app/blobs/uploads/0190a5f0-0000-4000-8000-000000000000".to_owned(),
        "blobs/manifests/manifests/v1".to_owned(),
        format!("team/app/referrers/{digest}"),
        "tags/list/tags/list".to_owned(),
        "_catalog".to_owned(),
        "..%2f..%2fetc/manifests/v1".to_owned(),
    ];
    let ranges = [
        "bytes=0-3",
        "bytes=-3",
        "bytes=4-",
        "0-9",
        "10-18446744073709551615",
    ];
    // A size in the fuzzer's own layout: numbers are taken from the front, eight bytes each.
    addresses
        .iter()
        .zip(ranges.iter().cycle())
        .map(|(address, range)| {
            [
                &10_u64.to_le_bytes(),
                format!("{range}\n{address}").as_bytes(),
            ]
            .concat()
        })
        .collect()
}

fn tokens() -> Seeds {
    let claims = r#"{"iss":"tidegate","aud":"tidegate-registry","sub":"a:1","exp":1795000300,"nbf":1794999970,"iat":1795000000,"jti":"00000000-0000-4000-8000-000000000000","epoch":1,"access":[{"type":"repository","name":"team/app","actions":["pull"]}]}"#;
    let scopes = "repository:team/*:pull,push\nregistry:catalog:*\n\nteam/app";
    [
        r#"{"alg":"EdDSA","typ":"JWT","kid":"$KID"}"#,
        r#"{"alg":"none","kid":"$KID"}"#,
        r#"{"alg":"HS256","kid":"../$KID","jwk":{"kty":"oct","k":"AA"}}"#,
    ]
    .map(|header| format!("{header}\n\n{claims}\n\n{scopes}").into_bytes())
    .to_vec()
}

fn outbound() -> Seeds {
    let texts = [
        "https://hooks.example/a?b#c",
        "http://0x7f000001/",
        "http://[::ffff:10.0.0.1]:80/",
        "http://u:p@2130706433/",
        "LOCALHOST.:5000",
        "10.0.0.0/8, fd00::/8 *.internal registry.internal 127.0.0.1",
    ];
    let addresses = [
        [0; 16],
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1],
        [0x20, 0x02, 169, 254, 169, 254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    texts
        .iter()
        .zip(addresses.iter().cycle())
        .map(|(text, address)| [address, text.as_bytes()].concat())
        .collect()
}
