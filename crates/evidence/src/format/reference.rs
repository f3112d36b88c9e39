//! Package URLs as the documents need them: of packages, of their sources, of the image itself.
//!
//! Packages are spelt by [`crate::purl()`]; a source is spelt as a package of architecture `source` or `src`.

use oci::ImageReference;
use packageurl::PackageUrl;

use super::identity::fingerprint;
use crate::{Distro, Package, PackageType, Subject};

/// Returns the package's URL; a package without a name has none.
pub(super) fn package(package: &Package, distro: Option<&Distro>) -> Option<String> {
    Some(crate::purl::purl(package, distro)).filter(|purl| !purl.is_empty())
}

/// Returns a name for the package inside a document: its URL, else a fingerprint of all that is known.
pub(super) fn package_name(package: &Package, distro: Option<&Distro>) -> String {
    self::package(package, distro).unwrap_or_else(|| {
        let parts = [
            package.kind.as_str(),
            &package.name,
            &package.version,
            &package.path,
        ];
        format!("package:{}", &fingerprint(&parts)[..24])
    })
}

/// Returns the URL of the source package, if one is recorded.
///
/// # Source
/// The purl type definitions: `deb` marks sources with `arch=source`, `rpm` with `arch=src`; `apk` has no mark.
pub(super) fn source(package: &Package, distro: Option<&Distro>) -> Option<String> {
    let source = package.source.as_ref()?;
    let arch = match package.kind {
        PackageType::Deb => Some("source".to_owned()),
        PackageType::Rpm => Some("src".to_owned()),
        _ => None,
    };
    let as_package = Package {
        name: source.name.clone(),
        version: source.version.clone(),
        arch,
        source: None,
        ..package.clone()
    };
    self::package(&as_package, distro)
}

/// Returns the image's URL: only a subject with a digest and a readable name has one.
///
/// # Source
/// The purl type definition `oci`: the name is the last part of the repository, the version is the digest, the whole
/// repository is the qualifier `repository_url`.
pub(super) fn image(subject: &Subject, platform: Option<&str>) -> Option<String> {
    let digest = subject.digest.as_ref()?;
    let reference: ImageReference = subject.name.parse().ok()?;
    let repository = reference.name.as_str();
    let name = repository.rsplit('/').next().unwrap_or(repository);
    let mut url = PackageUrl::new("oci", name).ok()?;
    url.with_version(digest.to_string()).ok()?;
    if let Some(arch) = platform.and_then(|platform| platform.split('/').nth(1)) {
        url.add_qualifier("arch", arch.to_owned()).ok()?;
    }
    if let Some(host) = &reference.host {
        url.add_qualifier("repository_url", format!("{host}/{repository}"))
            .ok()?;
    }
    if let Some(tag) = &reference.tag {
        url.add_qualifier("tag", tag.as_str().to_owned()).ok()?;
    }
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use oci::Digest;
    use rstest::rstest;

    use super::*;
    use crate::format::sample;

    #[rstest]
    #[case(
        "r.example.com/payments/api:2.3.7",
        Some("arch=amd64&repository_url=r.example.com%2Fpayments%2Fapi&tag=2.3.7")
    )]
    #[case("payments/api:2.3.7", Some("arch=amd64&tag=2.3.7"))]
    #[case("/tmp/Some File.tar", None)]
    fn an_image_has_a_url_when_its_name_is_a_reference(
        #[case] name: &str,
        #[case] qualifiers: Option<&str>,
    ) {
        let digest = Digest::sha256(b"");
        let subject = Subject {
            name: name.into(),
            digest: Some(digest.clone()),
        };
        let expected = qualifiers.map(|qualifiers| format!("pkg:oci/api@{digest}?{qualifiers}"));
        assert_eq!(image(&subject, Some("linux/amd64")), expected);
    }

    #[test]
    fn a_subject_without_digest_has_no_url() {
        let subject = Subject {
            name: "payments/api".into(),
            digest: None,
        };
        assert_eq!(image(&subject, None), None);
    }

    #[test]
    fn a_source_is_marked_by_its_architecture() {
        let report = sample::report();
        let inventory = &report.inventory;
        assert_eq!(
            source(&inventory.packages[0], inventory.distro.as_ref()).as_deref(),
            Some("pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=source&distro=debian-12")
        );
        assert_eq!(
            source(&inventory.packages[1], inventory.distro.as_ref()),
            None
        );
    }

    #[test]
    fn a_nameless_package_is_still_told_apart() {
        let mut package = sample::report().inventory.packages.remove(2);
        package.name = String::new();
        let first = package_name(&package, None);
        package.path.push('x');
        assert!(first.starts_with("package:"));
        assert_ne!(first, package_name(&package, None));
    }
}
