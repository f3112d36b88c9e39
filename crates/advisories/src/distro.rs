//! Which release a distribution's name and version mean, and where its statements stand.
//!
//! A release is named by a *scope*, `debian/bookworm` or `pypi/`: the first part of every package key. An unknown
//! distribution has no scope: it is never guessed from `ID_LIKE`, because a derivative rebuilds, holds back and
//! renumbers packages.
//!
//! Adding a distribution: one row in [`FAMILIES`] with its `os-release` id, its OSV ecosystem, and whether OSV names
//! its binary or its source packages.

use evidence::{Distro, Package, PackageType};
use jiff::Timestamp;

/// Whether a feed names the packages that are installed or the sources they are built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameBasis {
    Source,
    Binary,
}

/// How a distribution writes its release in the OSV ecosystem's suffix and in `VERSION_ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReleaseStyle {
    /// A Debian release: the number in OSV, the code name in the scope.
    Debian,
    /// Major and minor: `v3.20` or `22.04:LTS` in OSV, `3.20.3` or `22.04` in `VERSION_ID`.
    MajorMinor,
    /// The major number alone.
    Major,
    /// One rolling stream.
    Rolling,
}

/// A distribution whose advisories can be matched.
#[derive(Debug)]
pub(crate) struct Family {
    /// `ID` of os-release; the first part of the scope.
    id: &'static str,
    /// The ecosystem's name in OSV, without its suffix.
    pub osv: &'static str,
    /// The kind of its packages.
    pub kind: PackageType,
    /// What its statements name.
    pub basis: NameBasis,
    style: ReleaseStyle,
}

const FAMILIES: [Family; 7] = [
    family(
        "debian",
        "Debian",
        PackageType::Deb,
        NameBasis::Source,
        ReleaseStyle::Debian,
    ),
    family(
        "ubuntu",
        "Ubuntu",
        PackageType::Deb,
        NameBasis::Source,
        ReleaseStyle::MajorMinor,
    ),
    family(
        "alpine",
        "Alpine",
        PackageType::Apk,
        NameBasis::Source,
        ReleaseStyle::MajorMinor,
    ),
    family(
        "wolfi",
        "Wolfi",
        PackageType::Apk,
        NameBasis::Source,
        ReleaseStyle::Rolling,
    ),
    family(
        "chainguard",
        "Chainguard",
        PackageType::Apk,
        NameBasis::Source,
        ReleaseStyle::Rolling,
    ),
    family(
        "almalinux",
        "AlmaLinux",
        PackageType::Rpm,
        NameBasis::Binary,
        ReleaseStyle::Major,
    ),
    family(
        "rocky",
        "Rocky Linux",
        PackageType::Rpm,
        NameBasis::Source,
        ReleaseStyle::Major,
    ),
];

const fn family(
    id: &'static str,
    osv: &'static str,
    kind: PackageType,
    basis: NameBasis,
    style: ReleaseStyle,
) -> Family {
    Family {
        id,
        osv,
        kind,
        basis,
        style,
    }
}

/// One Debian release: number, code name, and the end of long-term support in seconds of Unix time.
///
/// # Source
/// wiki.debian.org/LTS and the release announcements.
struct DebianRelease {
    number: &'static str,
    codename: &'static str,
    lts_end: Option<i64>,
}

const DEBIAN: [DebianRelease; 10] = [
    debian("7", "wheezy", Some(1_527_811_200)),  // 2018-06-01
    debian("8", "jessie", Some(1_593_561_600)),  // 2020-07-01
    debian("9", "stretch", Some(1_656_633_600)), // 2022-07-01
    debian("10", "buster", Some(1_719_792_000)), // 2024-07-01
    debian("11", "bullseye", Some(1_788_220_800)), // 2026-09-01
    debian("12", "bookworm", Some(1_846_022_400)), // 2028-07-01
    debian("13", "trixie", Some(1_909_094_400)), // 2030-07-01
    debian("14", "forky", None),
    debian("15", "duke", None),
    debian("", "sid", None),
];

const fn debian(
    number: &'static str,
    codename: &'static str,
    lts_end: Option<i64>,
) -> DebianRelease {
    DebianRelease {
        number,
        codename,
        lts_end,
    }
}

/// A release whose statements may be in a snapshot.
#[derive(Debug)]
pub(crate) struct Release {
    /// The distribution.
    pub family: &'static Family,
    /// Where its statements stand: `debian/bookworm`.
    pub scope: String,
    /// The first instant without support, if known.
    pub lifecycle_end: Option<Timestamp>,
}

/// Returns the releases that an image's `os-release` may mean, the likeliest first.
///
/// Most images have one. Debian's testing and unstable write the same `os-release`, so both are named.
pub(crate) fn releases(distro: &Distro) -> Vec<Release> {
    let Some(family) = FAMILIES.iter().find(|family| family.id == distro.id) else {
        return Vec::new();
    };
    let version = distro.version_id.as_deref();
    let plain = |release: String| Release {
        family,
        scope: format!("{}/{release}", family.id),
        lifecycle_end: None,
    };
    match family.style {
        ReleaseStyle::Rolling => vec![plain(String::new())],
        ReleaseStyle::Major => version
            .map(|v| plain(major(v).to_owned()))
            .into_iter()
            .collect(),
        ReleaseStyle::MajorMinor => version
            .and_then(major_minor)
            .map(plain)
            .into_iter()
            .collect(),
        ReleaseStyle::Debian => debian_releases(distro)
            .into_iter()
            .map(|release| Release {
                family,
                scope: format!("debian/{}", release.codename),
                lifecycle_end: release
                    .lts_end
                    .and_then(|second| Timestamp::from_second(second).ok()),
            })
            .collect(),
    }
}

fn debian_releases(distro: &Distro) -> Vec<&'static DebianRelease> {
    let by_codename = distro
        .codename
        .as_deref()
        .and_then(|name| DEBIAN.iter().find(|release| release.codename == name));
    let by_number = distro
        .version_id
        .as_deref()
        .and_then(|version| {
            DEBIAN
                .iter()
                .find(|release| release.number == major(version))
        })
        .filter(|release| !release.number.is_empty());
    let pretty = distro.pretty_name.as_deref().unwrap_or_default();
    let mut found: Vec<&'static DebianRelease> = by_codename.or(by_number).into_iter().collect();
    // "Debian GNU/Linux forky/sid": testing and unstable cannot be told apart from inside.
    if distro.version_id.is_none() && pretty.ends_with("/sid") {
        found.extend(DEBIAN.iter().filter(|release| {
            release.codename == "sid" || pretty.contains(&format!(" {}/", release.codename))
        }));
        found.dedup_by_key(|release| release.codename);
    }
    found
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or_default()
}

fn major_minor(version: &str) -> Option<String> {
    let mut parts = version.trim_start_matches('v').split(['.', ':']);
    let (major, minor) = (parts.next()?, parts.next()?);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (is_number(major) && is_number(minor)).then(|| format!("{major}.{minor}"))
}

/// An OSV ecosystem whose records can be matched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OsvScope {
    /// Where its statements stand.
    pub scope: String,
    /// The kind of its packages.
    pub kind: PackageType,
}

/// Returns where the statements of an OSV ecosystem (`PyPI`, `Debian:12`, `Alpine:v3.20`) stand, if they can be used.
pub(crate) fn osv_scope(ecosystem: &str) -> Option<OsvScope> {
    let (name, suffix) = ecosystem.split_once(':').unwrap_or((ecosystem, ""));
    let language = |kind: PackageType| OsvScope {
        scope: language_scope(kind),
        kind,
    };
    match name {
        "PyPI" => return Some(language(PackageType::PyPi)),
        "npm" => return Some(language(PackageType::Npm)),
        "Go" => return Some(language(PackageType::Golang)),
        "crates.io" => return Some(language(PackageType::Cargo)),
        _ => {}
    }
    let family = FAMILIES.iter().find(|family| family.osv == name)?;
    let release = match family.style {
        ReleaseStyle::Rolling => String::new(),
        ReleaseStyle::Major if suffix.is_empty() => return None,
        ReleaseStyle::Major => major(suffix).to_owned(),
        // `Ubuntu:Pro:22.04:LTS` is another archive, which a standard image does not have.
        ReleaseStyle::MajorMinor => major_minor(suffix)?,
        ReleaseStyle::Debian => DEBIAN
            .iter()
            .find(|release| !suffix.is_empty() && release.number == suffix)?
            .codename
            .to_owned(),
    };
    Some(OsvScope {
        scope: format!("{}/{release}", family.id),
        kind: family.kind,
    })
}

/// Returns where the statements about a language's packages stand.
pub(crate) fn language_scope(kind: PackageType) -> String {
    format!("{}/", kind.as_str())
}

/// Returns the feed's name for a scope, as a finding's origin shows it: `osv:PyPI`.
pub(crate) fn osv_feed(scope: &str) -> String {
    let id = scope.split('/').next().unwrap_or_default();
    let name = match id {
        "pypi" => "PyPI",
        "npm" => "npm",
        "golang" => "Go",
        "cargo" => "crates.io",
        _ => FAMILIES
            .iter()
            .find(|family| family.id == id)
            .map_or(id, |family| family.osv),
    };
    format!("osv:{name}")
}

/// Returns the name and version of a package that a family's statements are about.
///
/// An rpm source name carries no epoch; the binary's epoch is taken for it.
pub(crate) fn subject(package: &Package, basis: NameBasis) -> (&str, String) {
    if basis == NameBasis::Binary {
        return (&package.name, package.version.clone());
    }
    let version = package.source_version();
    let epoch = package.version.split_once(':').map(|(epoch, _)| epoch);
    let version = match (package.kind, epoch) {
        (PackageType::Rpm, Some(epoch)) if !version.contains(':') => format!("{epoch}:{version}"),
        _ => version.to_owned(),
    };
    (package.source_name(), version)
}

/// Returns the name of a package as advisories write it.
///
/// # Source
/// PEP 503, "Normalized names"; other ecosystems compare names exactly.
pub(crate) fn normal_name(kind: PackageType, name: &str) -> String {
    if kind != PackageType::PyPi {
        return name.to_owned();
    }
    let mut normal = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !normal.is_empty() {
            normal.push('-');
        }
        normal.push_str(&part.to_ascii_lowercase());
    }
    normal
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn scopes(
        id: &str,
        version: Option<&str>,
        codename: Option<&str>,
        pretty: &str,
    ) -> Vec<String> {
        releases(&Distro {
            id: id.into(),
            version_id: version.map(Into::into),
            codename: codename.map(Into::into),
            pretty_name: Some(pretty.into()),
            ..Distro::default()
        })
        .into_iter()
        .map(|release| release.scope)
        .collect()
    }

    #[rstest]
    #[case("debian", Some("12"), Some("bookworm"), &["debian/bookworm"])]
    #[case("debian", Some("12"), None, &["debian/bookworm"])]
    #[case("debian", Some("11.9"), None, &["debian/bullseye"])]
    #[case("debian", None, Some("trixie"), &["debian/trixie"])]
    #[case("debian", Some("99"), None, &[])]
    #[case("debian", None, None, &[])]
    #[case("alpine", Some("3.20.3"), None, &["alpine/3.20"])]
    #[case("alpine", Some("3.21_alpha20240807"), None, &[])]
    #[case("almalinux", Some("9.4"), None, &["almalinux/9"])]
    #[case("rocky", Some("8"), None, &["rocky/8"])]
    #[case("ubuntu", Some("22.04"), Some("jammy"), &["ubuntu/22.04"])]
    #[case("wolfi", Some("20230201"), None, &["wolfi/"])]
    #[case("raspbian", Some("12"), Some("bookworm"), &[])]
    #[case("", None, None, &[])]
    fn an_os_release_means_its_release(
        #[case] id: &str,
        #[case] version: Option<&str>,
        #[case] codename: Option<&str>,
        #[case] expected: &[&str],
    ) {
        assert_eq!(scopes(id, version, codename, ""), expected);
    }

    #[test]
    fn testing_and_unstable_are_both_possible() {
        let pretty = "Debian GNU/Linux forky/sid";
        let both = ["debian/forky", "debian/sid"];
        assert_eq!(scopes("debian", None, Some("forky"), pretty), both);
        assert_eq!(scopes("debian", None, None, pretty), both);
    }

    #[rstest]
    #[case("PyPI", Some("pypi/"))]
    #[case("npm", Some("npm/"))]
    #[case("Debian:12", Some("debian/bookworm"))]
    #[case("Debian:99", None)]
    #[case("Debian", None)]
    #[case("Alpine:v3.20", Some("alpine/3.20"))]
    #[case("Alpine", None)]
    #[case("Ubuntu:22.04:LTS", Some("ubuntu/22.04"))]
    #[case("Ubuntu:Pro:22.04:LTS", None)]
    #[case("AlmaLinux:9", Some("almalinux/9"))]
    #[case("AlmaLinux", None)]
    #[case("Rocky Linux:9", Some("rocky/9"))]
    #[case("Wolfi", Some("wolfi/"))]
    #[case("Go", Some("golang/"))]
    #[case("crates.io", Some("cargo/"))]
    #[case("Hackage", None)]
    #[case("Bitnami", None)]
    #[case("", None)]
    fn an_osv_ecosystem_has_its_scope_or_none(
        #[case] ecosystem: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(
            osv_scope(ecosystem).map(|scope| scope.scope).as_deref(),
            expected
        );
    }

    #[rstest]
    #[case("Flask_Login", "flask-login")]
    #[case("zope.interface", "zope-interface")]
    #[case("A--b__.c", "a-b-c")]
    #[case("requests", "requests")]
    fn python_names_are_normalised(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(normal_name(PackageType::PyPi, name), expected);
        assert_eq!(normal_name(PackageType::Npm, name), name);
    }

    #[test]
    fn the_ends_of_support_are_the_published_days() {
        let day = |codename: &str| {
            let release = DEBIAN
                .iter()
                .find(|r| r.codename == codename)
                .expect("known");
            let end = Timestamp::from_second(release.lts_end.expect("known")).expect("in range");
            end.strftime("%F").to_string()
        };
        assert_eq!(day("wheezy"), "2018-06-01");
        assert_eq!(day("jessie"), "2020-07-01");
        assert_eq!(day("stretch"), "2022-07-01");
        assert_eq!(day("buster"), "2024-07-01");
        assert_eq!(day("bullseye"), "2026-09-01");
        assert_eq!(day("bookworm"), "2028-07-01");
        assert_eq!(day("trixie"), "2030-07-01");
    }
}
