//! Which matches are shown but not counted, each with its reason and who says so.

use evidence::{Package, PackageType, Suppression};

use super::decide::Decision;

/// Returns why a finding does not count.
pub(super) fn suppression(
    package: &Package,
    source: &str,
    decision: &Decision<'_>,
    feed: &str,
    owner_answers: bool,
) -> Option<Suppression> {
    if let Some(owner) = package.owned_by.as_ref().filter(|_| owner_answers) {
        return Some(Suppression {
            reason: "owned-by-os-package".to_owned(),
            source: format!("the distribution's statements about {owner} hold for its files"),
        });
    }
    if is_kernel_source(source) && is_header_package(package) {
        return Some(Suppression {
            reason: "kernel-not-run".to_owned(),
            source: format!("{} contains no kernel that runs", package.name),
        });
    }
    decision.is_unimportant.then(|| Suppression {
        reason: "unimportant".to_owned(),
        source: feed.to_owned(),
    })
}

/// Returns whether a source package is a kernel: `linux`, `linux-6.1`, `kernel`, `linux-lts`.
fn is_kernel_source(source: &str) -> bool {
    source == "linux" || source == "kernel" || source.starts_with("linux-")
}

/// Returns whether a package of a kernel's source only describes the kernel, to build against it.
fn is_header_package(package: &Package) -> bool {
    let name = package.name.as_str();
    match package.kind {
        PackageType::Deb => {
            name == "linux-libc-dev"
                || [
                    "linux-headers-",
                    "linux-kbuild-",
                    "linux-source",
                    "linux-doc",
                    "linux-compiler-",
                ]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        }
        PackageType::Rpm => ["kernel-headers", "kernel-devel", "kernel-doc"].contains(&name),
        PackageType::Apk => {
            name == "linux-headers" || (name.starts_with("linux-") && name.ends_with("-dev"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use evidence::{Evidence, Source};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(PackageType::Deb, "linux-libc-dev", "linux", true)]
    #[case(PackageType::Deb, "linux-headers-6.1.0-18-amd64", "linux", true)]
    #[case(PackageType::Deb, "linux-libc-dev", "linux-6.1", true)]
    #[case(
        PackageType::Deb,
        "linux-image-6.1.0-18-amd64",
        "linux-signed-amd64",
        false
    )]
    #[case(PackageType::Deb, "linux-base", "linux-base", false)]
    #[case(PackageType::Rpm, "kernel-headers", "kernel", true)]
    #[case(PackageType::Rpm, "kernel-core", "kernel", false)]
    #[case(PackageType::Apk, "linux-headers", "linux-headers", true)]
    #[case(PackageType::Npm, "linux-headers", "linux", false)]
    fn only_header_packages_of_kernels_are_passed_over(
        #[case] kind: PackageType,
        #[case] name: &str,
        #[case] source: &str,
        #[case] expected: bool,
    ) {
        let package = Package {
            kind,
            name: name.into(),
            version: "1".into(),
            arch: None,
            source: Some(Source {
                name: source.into(),
                version: "1".into(),
            }),
            licenses: vec![],
            evidence: Evidence::OsDatabase,
            path: String::new(),
            layer: None,
            owned_by: None,
            disowned: None,
            provenance: None,
        };
        assert_eq!(
            is_kernel_source(source) && is_header_package(&package),
            expected
        );
    }
}
