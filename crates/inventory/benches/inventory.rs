//! What an analysis and a merge cost, on synthetic layers.
//!
//! The base layer has the shape of a Debian image with Python and Node: 570 packages with their file lists, 48,000
//! entries, 300 Python and 600 npm packages, most of them owned by a Debian package. The stack of the merge is that of
//! the specification's target: 30 layers that rewrite a database of 2,000 packages.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use evidence::LayerInfo;
use image::Limits;
use inventory::{Layer, LayerReport};
use oci::Digest;

const PACKAGES: usize = 570;
const FILES_PER_PACKAGE: usize = 80;

fn analysis(criterion: &mut Criterion) {
    let tar = debian();
    let limits = Limits::default();
    let report = inventory::analyse_layer(tar.as_slice(), &limits);
    let stored = report.encode();
    let mut group = criterion.benchmark_group("debian layer");
    group.sample_size(20);
    group.bench_function(
        format!("analyse {} MiB of tar", tar.len() >> 20),
        |bencher| {
            bencher.iter(|| inventory::analyse_layer(black_box(tar.as_slice()), &limits));
        },
    );
    group.bench_function(
        format!("decode {} KiB of report", stored.len() >> 10),
        |bencher| {
            bencher.iter(|| LayerReport::decode(black_box(&stored)));
        },
    );
    group.bench_function("merge", |bencher| {
        bencher.iter(|| merge(black_box(std::slice::from_ref(&report))));
    });
    group.finish();
}

fn merging(criterion: &mut Criterion) {
    let limits = Limits::default();
    let reports: Vec<LayerReport> = (0..30)
        .map(|layer| {
            let mut tar = Tar::default();
            tar.file("var/lib/dpkg/status", status(2_000, layer).as_bytes());
            inventory::analyse_layer(tar.finish().as_slice(), &limits)
        })
        .collect();
    criterion.bench_function("merge 30 layers of 2,000 packages", |bencher| {
        bencher.iter(|| merge(black_box(&reports)));
    });
}

fn merge(reports: &[LayerReport]) -> evidence::Inventory {
    let layers: Vec<Layer<'_>> = reports
        .iter()
        .map(|report| Layer {
            info: LayerInfo {
                digest: Digest::sha256(b"layer"),
                diff_id: None,
                size_bytes: 0,
                created_by: None,
            },
            report,
        })
        .collect();
    inventory::merge(&layers, None)
}

fn debian() -> Vec<u8> {
    let mut tar = Tar::default();
    for link in ["bin", "lib", "lib64", "sbin"] {
        tar.symlink(link, &format!("usr/{link}"));
    }
    tar.file("usr/lib/os-release", b"ID=debian\nVERSION_ID=\"12\"\n");
    tar.file("var/lib/dpkg/status", status(PACKAGES, 0).as_bytes());
    let content = vec![b'x'; 3_000];
    for package in 0..PACKAGES {
        let mut list = String::from("/.\n/usr\n/usr/share\n");
        let mut own = |tar: &mut Tar, path: String, content: &[u8]| {
            let _ = writeln!(list, "/{path}");
            tar.file(&path, content);
        };
        for file in 0..FILES_PER_PACKAGE {
            own(
                &mut tar,
                format!("usr/share/package-{package}/data/file-{file}"),
                &content,
            );
        }
        if package % 2 == 0 {
            let path = format!("usr/lib/python3/dist-packages/p{package}-1.dist-info/METADATA");
            own(
                &mut tar,
                path,
                format!("Name: p{package}\nVersion: 1.{package}\n\ntext\n").as_bytes(),
            );
        } else {
            for copy in ["a", "b"] {
                let path = format!("usr/lib/node_modules/n{package}{copy}/package.json");
                let json = format!(
                    r#"{{"name":"n{package}{copy}","version":"1.0.{package}","license":"MIT"}}"#
                );
                own(&mut tar, path, json.as_bytes());
            }
        }
        tar.file(
            &format!("var/lib/dpkg/info/package-{package}.list"),
            list.as_bytes(),
        );
    }
    tar.finish()
}

/// A database whose packages are upgraded one in fifty each round.
fn status(packages: usize, round: usize) -> String {
    let mut status = String::new();
    for package in 0..packages {
        let revision = if package % 50 == round { round + 1 } else { 1 };
        let _ = write!(
            status,
            "Package: package-{package}\nStatus: install ok installed\nPriority: optional\nSection: libs\n\
             Installed-Size: 100\nMaintainer: Someone <someone@example.invalid>\nArchitecture: amd64\n\
             Source: source-{package}\nVersion: 1.2.{package}-{revision}\nDepends: libc6 (>= 2.36), zlib1g\n\
             Description: a package of a benchmark\n It has a folded description\n of two lines.\n\n"
        );
    }
    status
}

#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn file(&mut self, path: &str, content: &[u8]) {
        self.header(path, b'0', "", content.len());
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    fn symlink(&mut self, path: &str, target: &str) {
        self.header(path, b'2', target, 0);
    }

    fn header(&mut self, path: &str, kind: u8, link: &str, size: usize) {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        put(0, path);
        put(100, "0000644\0");
        put(124, &format!("{size:011o}\0"));
        put(148, "        ");
        put(157, link);
        put(257, "ustar\u{0}00");
        header[156] = kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend(header);
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

criterion_group!(benches, analysis, merging);
criterion_main!(benches);
