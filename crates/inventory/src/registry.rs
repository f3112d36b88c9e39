//! The table of extractors, and the automaton that finds the one a path is for.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use evidence::{Diagnostic, Package};

use crate::executable::{self, Probe};
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::{
    alpm, apk, beam, bitnami, classifier, cocoapods, conan, conda, cos, cran, dart, dotnet, dpkg,
    flatpak, go, haskell, java, julia, lua, merge, npm, os_release, passwd, php, portage, python,
    redhat, rpm, ruby, rust, snap, spack, swift, wordpress,
};

/// All extractors; the lines are sorted. Adding one: its folder, and one line here.
const EXTRACTORS: &[&Extractor] = &[
    &alpm::EXTRACTOR,
    &alpm::FILES,
    &apk::EXTRACTOR,
    &beam::EXTRACTOR,
    &beam::LOCK,
    &bitnami::EXTRACTOR,
    &classifier::EXTRACTOR,
    &classifier::FILES,
    &cocoapods::LOCK,
    &conan::LOCK,
    &conda::EXTRACTOR,
    &cos::EXTRACTOR,
    &cran::EXTRACTOR,
    &dart::LOCK,
    &dotnet::EXTRACTOR,
    &dotnet::LOCK,
    &dpkg::CHISEL,
    &dpkg::FILE_LIST,
    &dpkg::OPKG,
    &dpkg::STATUS,
    &dpkg::STATUS_DIRECTORY,
    &flatpak::EXTRACTOR,
    &go::EXTRACTOR,
    &go::REQUIREMENTS,
    &haskell::LOCK,
    &java::ARCHIVE,
    &java::PROPERTIES,
    &julia::EXTRACTOR,
    &julia::LOCK,
    &lua::EXTRACTOR,
    &npm::EXTRACTOR,
    &npm::LOCK,
    &os_release::EXTRACTOR,
    &passwd::EXTRACTOR,
    &php::INSTALLED,
    &php::LOCK,
    &php::PEAR,
    &portage::DETAILS,
    &portage::EXTRACTOR,
    &python::ARCHIVE,
    &python::EXTRACTOR,
    &python::LOCK,
    &python::ORIGIN,
    &python::RECORD,
    &redhat::CONTENT,
    &redhat::LABELS,
    &rpm::BERKELEY,
    &rpm::DNF_HISTORY,
    &rpm::MANIFEST,
    &rpm::NDB,
    &rpm::SQLITE,
    &rpm::WAL,
    &ruby::EXTRACTOR,
    &ruby::LOCK,
    &rust::EXTRACTOR,
    &rust::LOCK,
    &snap::EXTRACTOR,
    &spack::EXTRACTOR,
    &swift::LOCK,
    &wordpress::EXTRACTOR,
];

/// Names the set of extractors and their versions; a stored report of another set is not used.
///
/// Sixteen hexadecimal digits: a hash over name and version of each.
pub const ANALYSER_VERSION: &str = match std::str::from_utf8(&VERSION_DIGITS) {
    Ok(text) => text,
    Err(_) => panic!("digits are ASCII"),
};

const VERSION_DIGITS: [u8; 16] = {
    let (mut digits, mut index) = ([0; 16], 0);
    while index < digits.len() {
        let digit = version_of(EXTRACTORS) >> (60 - 4 * index) & 0xf;
        digits[index] = b"0123456789abcdef"[digit as usize];
        index += 1;
    }
    digits
};

/// Nobody chooses these names to collide, so a hash that a compiler can evaluate is enough.
///
/// # Source
/// FNV-1a of 64 bits (draft-eastlake-fnv). Each name is followed by its version and a byte that no name has.
const fn version_of(extractors: &[&Extractor]) -> u64 {
    const fn add(hash: u64, byte: u8) -> u64 {
        (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
    }
    let (mut hash, mut index) = (0xcbf2_9ce4_8422_2325, 0);
    while index < extractors.len() {
        let name = extractors[index].name.as_bytes();
        let mut letter = 0;
        while letter < name.len() {
            hash = add(hash, name[letter]);
            letter += 1;
        }
        hash = add(add(hash, extractors[index].version), 0xff);
        index += 1;
    }
    hash
}

/// One extractor, as others may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtractorInfo {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: u8,
}

/// Returns the extractors in the order of the table.
pub fn extractors() -> impl Iterator<Item = ExtractorInfo> {
    EXTRACTORS.iter().map(|extractor| ExtractorInfo {
        name: extractor.name,
        version: extractor.version,
    })
}

/// Reads one file with the named extractor, as the analysis of a layer would, for fuzzers and conformance tests.
/// Returns `None` when there is no such extractor.
pub fn parse_with(
    name: &str,
    path: &[u8],
    content: &[u8],
) -> Option<(Vec<Package>, Vec<Diagnostic>)> {
    let extractor = EXTRACTORS.iter().find(|extractor| extractor.name == name)?;
    let mut notes = Notes::new(path);
    let rows = (extractor.parse)(&File { path, content }, &mut notes);
    Some((merge::packages_of(path, &rows), notes.into_list()))
}

/// Returns the extractor that wants a path. The first of the table wins; the tests hold that no two want one path.
pub(crate) fn interested(path: &[u8]) -> Option<&'static Extractor> {
    INTEREST.find(path)
}

/// Returns the probes for an executable at a path.
pub(crate) fn probes(path: &[u8]) -> Vec<Box<dyn Probe>> {
    EXTRACTORS
        .iter()
        .filter_map(|extractor| match extractor.wanted {
            Wanted::Executable(probe) => Some(probe(path)),
            _ => None,
        })
        .collect()
}

/// Returns whether an operating system package that owns `path` answers for what a language extractor finds there.
pub(crate) fn is_ownable(path: &[u8]) -> bool {
    interested(path).map_or_else(|| executable::may_be(path), |extractor| extractor.ownable)
}

struct Interest {
    automaton: AhoCorasick,
    /// The extractor of each pattern.
    extractors: Vec<&'static Extractor>,
}

static INTEREST: LazyLock<Interest> = LazyLock::new(|| {
    let (patterns, extractors): (Vec<&str>, Vec<&Extractor>) = EXTRACTORS
        .iter()
        .flat_map(|extractor| {
            extractor
                .literals
                .iter()
                .map(move |text| (*text, *extractor))
        })
        .unzip();
    Interest {
        automaton: AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(patterns)
            .expect("a dozen short patterns are far below the automaton's limits"),
        extractors,
    }
});

impl Interest {
    fn find(&self, path: &[u8]) -> Option<&'static Extractor> {
        self.automaton
            .find_overlapping_iter(path)
            .map(|found| self.extractors[found.pattern().as_usize()])
            .find(|extractor| (extractor.accepts)(path))
    }
}

#[cfg(test)]
#[path = "../tests/it/samples.rs"]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<&str>) {
        let found = interested(path.as_bytes()).map(|extractor| extractor.name);
        assert_eq!(found, expected, "{path}");
        let wanting = EXTRACTORS
            .iter()
            .filter(|extractor| (extractor.accepts)(path.as_bytes()))
            .count();
        assert_eq!(wanting, usize::from(expected.is_some()), "{path}");
    }

    #[test]
    fn each_path_goes_to_the_one_extractor_that_reads_it() {
        check("etc/os-release", Some("os-release"));
        check("usr/lib/os-release", Some("os-release"));
        check("opt/etc/os-release", None);
        check("etc/passwd", Some("passwd"));
        check("etc/passwd-", None);
        check("var/lib/dpkg/status", Some("dpkg-status"));
        check("chroot/var/lib/dpkg/status", Some("dpkg-status"));
        check("var/lib/dpkg/status-old", None);
        check("var/lib/dpkg/status.d/base-files", Some("dpkg-status-d"));
        check(
            "var/lib/dpkg/status.d/base-files.md5sums",
            Some("dpkg-files"),
        );
        check("var/lib/dpkg/status.d/base-files.preinst", None);
        check("var/lib/dpkg/status.d/deeper/base-files", None);
        check("var/lib/dpkg/info/libc6:amd64.list", Some("dpkg-files"));
        check("var/lib/dpkg/info/zlib1g.md5sums", Some("dpkg-files"));
        check("var/lib/dpkg/info/zlib1g.postinst", None);
        check("var/lib/dnf/history.sqlite", Some("dnf-history"));
        check("root/buildinfo/labels.json", Some("redhat-labels"));
        check(
            "root/buildinfo/Dockerfile-ubi9-9.2-755",
            Some("redhat-labels"),
        );
        check("usr/share/buildinfo/labels.json", Some("redhat-labels"));
        check(
            "usr/share/buildinfo/content-sets.json",
            Some("redhat-content"),
        );
        check("srv/image/buildinfo/labels.json", None);
        check("usr/lib/opkg/status", Some("opkg"));
        check("usr/lib/opkg/info/ubus.list", Some("dpkg-files"));
        check("usr/lib/opkg/info/ubus.control", None);
        check("var/lib/chisel/manifest.wall", Some("chisel"));
        check("var/lib/pacman/local/gmp-6.2.1-2/desc", Some("alpm"));
        check("var/lib/pacman/local/gmp-6.2.1-2/mtree", Some("alpm-files"));
        check("var/db/pkg/sys-libs/zlib-1.3/CONTENTS", Some("portage"));
        check("var/db/pkg/sys-libs/zlib-1.3/SLOT", Some("portage-details"));
        check("lib/apk/db/installed", Some("apk"));
        check("usr/lib/apk/db/installed", Some("apk"));
        check("lib/apk/db/installed.new", None);
        check("var/lib/rpm/rpmdb.sqlite", Some("rpm-sqlite"));
        check("usr/lib/sysimage/rpm/rpmdb.sqlite", Some("rpm-sqlite"));
        check("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", Some("rpm-wal"));
        check("var/lib/rpm/Packages", Some("rpm-bdb"));
        check("usr/lib/sysimage/rpm/Packages.db", Some("rpm-ndb"));
        check(
            "var/lib/rpmmanifest/container-manifest-2",
            Some("rpm-manifest"),
        );
        check("srv/rpm/Packages", None);
        check(
            "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA",
            Some("python"),
        );
        check(
            "usr/lib/python3/dist-packages/six.egg-info/PKG-INFO",
            Some("python"),
        );
        check(
            "usr/lib/python3/dist-packages/argparse.egg-info",
            Some("python"),
        );
        check("x.egg/EGG-INFO/PKG-INFO", Some("python"));
        check("site-packages/X.DIST-INFO/METADATA", Some("python"));
        check("usr/share/METADATA", None);
        check(
            "usr/share/python-wheels/pip-24.0-py3-none-any.whl",
            Some("python-archive"),
        );
        check("opt/eggs/six-1.16.0-py3.11.egg", Some("python-archive"));
        check(
            "site-packages/six-1.dist-info/RECORD",
            Some("python-record"),
        );
        check("srv/requirements.txt", Some("python-lock"));
        check("srv/uv.lock", Some("python-lock"));
        check("app/node_modules/ms/package.json", Some("npm"));
        check("app/node_modules/@babel/parser/package.json", Some("npm"));
        check("app/node_modules/ms/dist/package.json", None);
        check("app/package.json", None);
        check(
            "app/node_modules/a/node_modules/b/package.json",
            Some("npm"),
        );
        check("app/node_modules/a/test/node_modules/b/package.json", None);
        check("app/package-lock.json", Some("npm-lock"));
        check("app/bun.lock", Some("npm-lock"));
        check("app/node_modules/a/yarn.lock", None);
    }

    #[test]
    fn each_sample_of_a_language_lies_where_its_extractor_looks() {
        for (extractor, path, _) in super::samples::SAMPLES {
            check(path, Some(extractor));
        }
    }

    #[test]
    fn every_wanted_path_contains_a_literal_of_its_extractor() {
        for extractor in EXTRACTORS {
            let by_path = !matches!(extractor.wanted, Wanted::Executable(_));
            assert_eq!(
                by_path,
                !extractor.literals.is_empty(),
                "{}",
                extractor.name
            );
        }
    }

    #[test]
    fn the_version_follows_every_name_and_every_version() {
        let renamed = Extractor {
            name: "apk2",
            ..copy(EXTRACTORS[0])
        };
        let raised = Extractor {
            version: EXTRACTORS[0].version + 1,
            ..copy(EXTRACTORS[0])
        };
        let rest = &EXTRACTORS[1..];
        let sets = [
            EXTRACTORS.to_vec(),
            rest.to_vec(),
            [&[&renamed], rest].concat(),
            [&[&raised], rest].concat(),
        ];
        let versions: std::collections::BTreeSet<u64> =
            sets.iter().map(|set| version_of(set)).collect();
        assert_eq!(versions.len(), sets.len());
        assert_eq!(ANALYSER_VERSION, format!("{:016x}", version_of(EXTRACTORS)));
    }

    #[test]
    fn no_name_comes_twice() {
        let names: std::collections::BTreeSet<&str> =
            extractors().map(|extractor| extractor.name).collect();
        assert_eq!(names.len(), EXTRACTORS.len());
    }

    fn copy(extractor: &Extractor) -> Extractor {
        Extractor { ..*extractor }
    }
}
