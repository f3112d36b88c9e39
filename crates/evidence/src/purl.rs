//! Package URLs of packages as they were found.
//!
//! Encoding is the `packageurl` crate's; what goes into which component is decided here. The distribution is a
//! parameter, because a package row does not know which image it lies in.

use packageurl::PackageUrl;

use crate::{Distro, Package, PackageType};

/// Returns the package's purl: `pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=debian-12`.
///
/// Operating system packages carry the distribution as namespace and as `distro` qualifier. An rpm keeps its epoch and
/// its source package (`upstream`) as qualifiers, and its module (`rpmmod`) as Red Hat's statements write it; an npm
/// scope and a portage category become the namespace. A package without a name has no
/// purl: the text is then empty.
///
/// # Source
/// The purl type definitions of `deb`, `apk`, `rpm`, `alpm`, `pypi`, `npm`, `golang`, `cargo` and `maven` in the
/// package-url specification.
pub fn purl(package: &Package, distro: Option<&Distro>) -> String {
    let (namespace, name) = split_name(package, distro);
    let (epoch, version) = split_version(package);
    let known = package.provenance.as_deref();
    let origin = known.and_then(|known| known.origin.as_deref());
    let qualifiers = [
        (arch_key(package.kind), package.arch.clone()),
        ("build", known.and_then(|known| known.build.clone())),
        ("channel", channel(package)),
        ("distro", distro_label(package, distro)),
        (origin_key(origin), origin.map(str::to_owned)),
        ("epoch", epoch.map(str::to_owned)),
        ("rpmmod", module(package)),
        ("upstream", source_rpm(package)),
        ("uuid", known.and_then(|known| known.uuid.clone())),
    ];
    build(package.kind, namespace, name, version, qualifiers).unwrap_or_default()
}

fn build(
    kind: PackageType,
    namespace: Option<&str>,
    name: &str,
    version: &str,
    qualifiers: [(&'static str, Option<String>); 9],
) -> packageurl::Result<String> {
    let mut purl = PackageUrl::new(kind.as_str(), name)?;
    if let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) {
        purl.with_namespace(namespace)?;
    }
    if !version.is_empty() {
        purl.with_version(version)?;
    }
    for (key, value) in qualifiers {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            purl.add_qualifier(key, value)?;
        }
    }
    Ok(purl.to_string())
}

fn split_name<'a>(package: &'a Package, distro: Option<&'a Distro>) -> (Option<&'a str>, &'a str) {
    match package.kind {
        PackageType::Deb | PackageType::Apk | PackageType::Rpm | PackageType::Alpm => {
            (distro.map(|distro| distro.id.as_str()), &package.name)
        }
        PackageType::Npm
        | PackageType::Composer
        | PackageType::Conan
        | PackageType::Cos
        | PackageType::Ebuild
        | PackageType::Pear => match package.name.split_once('/') {
            Some((scope, name)) => (Some(scope), name),
            None => (None, &package.name),
        },
        PackageType::Golang | PackageType::Swift => match package.name.rsplit_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, &package.name),
        },
        PackageType::Maven => match package.name.split_once(':') {
            Some((group, artifact)) => (Some(group), artifact),
            None => (None, &package.name),
        },
        _ => (None, &package.name),
    }
}

/// What the architecture is called: a gem has a platform, a conda package the directory of one.
fn arch_key(kind: PackageType) -> &'static str {
    match kind {
        PackageType::Gem => "platform",
        PackageType::Conda => "subdir",
        _ => "arch",
    }
}

/// A repository with its system in front, or a plain address.
fn origin_key(origin: Option<&str>) -> &'static str {
    match origin.and_then(|origin| origin.split_once("://")) {
        Some((scheme, _)) if scheme.contains('+') => "vcs_url",
        _ => "download_url",
    }
}

/// The last part of a conda channel's address, before the directory of the platform.
fn channel(package: &Package) -> Option<String> {
    let repository = package.provenance.as_ref()?.repository.as_deref();
    let address = repository.filter(|_| package.kind == PackageType::Conda)?;
    let platform = format!("/{}", package.arch.as_deref().unwrap_or_default());
    let address = address.strip_suffix(&platform).unwrap_or(address);
    address.rsplit('/').next().map(str::to_owned)
}

/// An rpm's epoch is a qualifier; Debian's stays inside the version.
fn split_version(package: &Package) -> (Option<&str>, &str) {
    match package.version.split_once(':') {
        Some((epoch, rest)) if package.kind == PackageType::Rpm => (Some(epoch), rest),
        _ => (None, &package.version),
    }
}

fn distro_label(package: &Package, distro: Option<&Distro>) -> Option<String> {
    let distro = distro.filter(|distro| package.kind.is_os() && !distro.id.is_empty())?;
    Some(match &distro.version_id {
        Some(version) => format!("{}-{version}", distro.id),
        None => distro.id.clone(),
    })
}

fn module(package: &Package) -> Option<String> {
    package.provenance.as_ref()?.module.clone()
}

fn source_rpm(package: &Package) -> Option<String> {
    let source = package
        .source
        .as_ref()
        .filter(|_| package.kind == PackageType::Rpm)?;
    Some(format!("{}-{}.src.rpm", source.name, source.version))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{Evidence, Provenance, Source};

    fn package(kind: PackageType, name: &str, version: &str, arch: Option<&str>) -> Package {
        Package {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            arch: arch.map(str::to_owned),
            source: None,
            licenses: Vec::new(),
            evidence: Evidence::OsDatabase,
            path: String::new(),
            layer: None,
            owned_by: None,
            disowned: None,
            provenance: None,
        }
    }

    fn distro(id: &str, version_id: Option<&str>) -> Distro {
        Distro {
            id: id.to_owned(),
            version_id: version_id.map(str::to_owned),
            ..Distro::default()
        }
    }

    #[rstest]
    #[case::a_debian_epoch_stays_in_the_version(
        package(PackageType::Deb, "zlib1g", "1:1.2.13-1", Some("amd64")),
        Some(distro("debian", Some("12"))),
        "pkg:deb/debian/zlib1g@1:1.2.13-1?arch=amd64&distro=debian-12"
    )]
    #[case::a_rolling_release_has_no_number(
        package(PackageType::Deb, "libstdc++6", "14.2.0-3", Some("amd64")),
        Some(distro("debian", None)),
        "pkg:deb/debian/libstdc%2B%2B6@14.2.0-3?arch=amd64&distro=debian"
    )]
    #[case::an_image_without_os_release_has_no_namespace(
        package(PackageType::Apk, "musl", "1.2.4-r2", Some("x86_64")),
        None,
        "pkg:apk/musl@1.2.4-r2?arch=x86_64"
    )]
    #[case::an_rpm_epoch_is_a_qualifier(
        package(PackageType::Rpm, "openssl-libs", "1:3.0.7-18.el9", Some("x86_64")),
        Some(distro("rhel", Some("9.2"))),
        "pkg:rpm/rhel/openssl-libs@3.0.7-18.el9?arch=x86_64&distro=rhel-9.2&epoch=1"
    )]
    #[case::arch_has_a_namespace(
        package(PackageType::Alpm, "gmp", "6.2.1-2", Some("x86_64")),
        Some(distro("arch", None)),
        "pkg:alpm/arch/gmp@6.2.1-2?arch=x86_64&distro=arch"
    )]
    #[case::a_portage_category_is_the_namespace(
        package(PackageType::Ebuild, "app-containers/skopeo", "1.5.1-r1", None),
        Some(distro("gentoo", Some("2.14"))),
        "pkg:ebuild/app-containers/skopeo@1.5.1-r1?distro=gentoo-2.14"
    )]
    #[case::python_has_no_namespace_and_no_distribution(
        package(PackageType::PyPi, "typing-extensions", "4.4.0", None),
        Some(distro("debian", Some("12"))),
        "pkg:pypi/typing-extensions@4.4.0"
    )]
    #[case::an_npm_scope_is_the_namespace(
        package(PackageType::Npm, "@babel/parser", "7.23.6", None),
        None,
        "pkg:npm/%40babel/parser@7.23.6"
    )]
    #[case::a_go_module_has_all_but_its_last_part_as_namespace(
        package(PackageType::Golang, "github.com/go-sql-driver/mysql", "v1.5.0", None),
        None,
        "pkg:golang/github.com/go-sql-driver/mysql@v1.5.0"
    )]
    #[case::a_java_group_is_the_namespace(
        package(PackageType::Maven, "org.antlr:ST4", "4.0.8", None),
        None,
        "pkg:maven/org.antlr/ST4@4.0.8"
    )]
    #[case::an_unknown_version_is_left_out(
        package(PackageType::Golang, "stdlib", "", None),
        None,
        "pkg:golang/stdlib"
    )]
    #[case::a_gem_has_a_platform(
        package(PackageType::Gem, "jruby-launcher", "1.1.2", Some("java")),
        None,
        "pkg:gem/jruby-launcher@1.1.2?platform=java"
    )]
    #[case::a_composer_vendor_is_the_namespace(
        package(PackageType::Composer, "laravel/laravel", "5.5.0", None),
        None,
        "pkg:composer/laravel/laravel@5.5.0"
    )]
    #[case::a_conda_package_has_a_subdirectory(
        package(PackageType::Conda, "absl-py", "0.4.1", Some("linux-64")),
        None,
        "pkg:conda/absl-py@0.4.1?subdir=linux-64"
    )]
    #[case::a_swift_package_is_named_by_its_address(
        package(PackageType::Swift, "github.com/Alamofire/Alamofire", "5.4.3", None),
        None,
        "pkg:swift/github.com/Alamofire/Alamofire@5.4.3"
    )]
    #[case::a_conan_user_is_the_namespace(
        package(PackageType::Conan, "bincrafters/cctz", "2.3", None),
        None,
        "pkg:conan/bincrafters/cctz@2.3"
    )]
    #[case::a_nameless_package_has_none(package(PackageType::Npm, "", "1", None), None, "")]
    fn a_purl_is_written(
        #[case] package: Package,
        #[case] distro: Option<Distro>,
        #[case] expected: &str,
    ) {
        assert_eq!(purl(&package, distro.as_ref()), expected);
    }

    #[test]
    fn a_conda_package_names_its_build_and_channel() {
        let mut conda = package(PackageType::Conda, "absl-py", "0.4.1", Some("linux-64"));
        conda.provenance = Some(Box::new(Provenance {
            build: Some("py36h06a4308_0".to_owned()),
            repository: Some("https://repo.anaconda.com/pkgs/main/linux-64".to_owned()),
            ..Provenance::default()
        }));
        assert_eq!(
            purl(&conda, None),
            "pkg:conda/absl-py@0.4.1?build=py36h06a4308_0&channel=main&subdir=linux-64"
        );
    }

    #[rstest]
    #[case(
        "git+https://example.com/a@1",
        "vcs_url=git%2Bhttps:%2F%2Fexample.com%2Fa%401"
    )]
    #[case(
        "https://example.com/a.whl",
        "download_url=https:%2F%2Fexample.com%2Fa.whl"
    )]
    fn a_package_from_elsewhere_names_its_address(#[case] origin: &str, #[case] expected: &str) {
        let mut python = package(PackageType::PyPi, "a", "1", None);
        python.provenance = Some(Box::new(Provenance {
            origin: Some(origin.to_owned()),
            ..Provenance::default()
        }));
        assert_eq!(purl(&python, None), format!("pkg:pypi/a@1?{expected}"));
    }

    #[test]
    fn an_rpm_of_a_module_names_it() {
        let mut rpm = package(PackageType::Rpm, "nodejs", "18.20.4-1.el9", None);
        rpm.provenance = Some(Box::new(Provenance {
            module: Some("nodejs:18".to_owned()),
            ..Provenance::default()
        }));
        assert_eq!(
            purl(&rpm, None),
            "pkg:rpm/nodejs@18.20.4-1.el9?rpmmod=nodejs:18"
        );
    }

    #[test]
    fn an_rpm_names_its_source_package() {
        let mut rpm = package(PackageType::Rpm, "audit-libs", "3.0.6-1.cm2", None);
        rpm.source = Some(Source {
            name: "audit".to_owned(),
            version: "3.0.6-1.cm2".to_owned(),
        });
        assert_eq!(
            purl(&rpm, None),
            "pkg:rpm/audit-libs@3.0.6-1.cm2?upstream=audit-3.0.6-1.cm2.src.rpm"
        );
    }
}
