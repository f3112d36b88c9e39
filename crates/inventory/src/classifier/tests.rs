//! Every row of the table against what real programs contain.

use super::*;
use crate::executable::Scanner;

fn read(path: &str, content: &[u8]) -> Vec<String> {
    let mut read = Vec::new();
    for size in [content.len().max(1), 70_000] {
        let mut scanner = Scanner::new(vec![probe(path.as_bytes())]);
        for piece in content.chunks(size) {
            scanner.piece(piece);
        }
        let groups = scanner.finish(&mut Notes::default());
        let rows = groups.iter().flat_map(|group| &group.rows);
        read.push(
            rows.map(|row| format!("{} {}", row.name, row.version))
                .collect::<Vec<_>>(),
        );
    }
    read.dedup();
    assert_eq!(read.len(), 1, "{read:?}");
    read.remove(0)
}

#[test]
fn every_class_reads_its_sample_wherever_it_is() {
    for class in CLASSES {
        let (name, sample, version) = class.sample;
        for gap in [0, 65_530, 66_560, 300_000] {
            let program = [&vec![0xcc; gap], sample, &[0xcc; 2_000]].concat();
            let expected = format!("{} {version}", class.product);
            assert_eq!(
                read(&format!("usr/bin/{name}"), &program),
                [expected],
                "{gap}"
            );
        }
    }
}

#[test]
fn a_file_of_another_name_is_not_looked_into() {
    let (_, sample, _) = CLASSES[0].sample;
    assert!(read("usr/bin/other", sample).is_empty());
    assert!(is_known(b"usr/local/bin/python3.12"));
    assert!(is_known(b"usr/lib/libpython3.12.so.1.0"));
    assert!(!is_known(b"usr/lib/libpython.a"));
    assert!(!is_known(b"usr/bin/"));
}

#[test]
fn the_version_of_something_else_inside_is_not_taken() {
    assert!(read("usr/bin/python3.11", b"\x7fELF\0\x33.40.1\0").is_empty());
    assert!(read("usr/bin/mysqld", b"\x7fELF\0\x38.0.35\0").is_empty());
    assert!(read("usr/bin/redis-server", b"\x7fELF\0\x35.1.5\0").is_empty());
}

#[test]
fn the_packages_that_bring_a_program_answer_for_it() {
    for (owner, product, expected) in [
        ("python3.11-minimal", "python", true),
        ("libssl3", "openssl", true),
        ("perl-base", "perl", true),
        ("openjdk-17-jre-headless", "java", true),
        ("golang-1.19-go", "go", true),
        ("apache2-bin", "httpd", true),
        ("my-company-tools", "python", false),
        ("nginx-core", "redis", false),
    ] {
        assert_eq!(answers(owner, product), expected, "{owner} {product}");
    }
}
