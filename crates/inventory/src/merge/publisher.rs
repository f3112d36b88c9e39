//! Whether an operating system package comes from the distribution whose name the image bears.
//!
//! A vendor's own repository brings packages that the distribution has no statements about; what they contain must be
//! matched on its own. Only what is known to come from elsewhere counts: an unknown maintainer of a Debian package is
//! one of Debian's thousand.
//!
//! Adding a distribution or a publisher: one row.

use std::collections::HashSet;

use evidence::{Disowned, Distro, Package, PackageType};

/// What the `VENDOR` of a distribution's own rpms contains.
const VENDORS: &[(&str, &[&str])] = &[
    ("almalinux", &["AlmaLinux"]),
    ("amzn", &["Amazon"]),
    ("azurelinux", &["Microsoft"]),
    ("centos", &["CentOS", "Red Hat"]),
    ("fedora", &["Fedora Project"]),
    ("mariner", &["Microsoft"]),
    ("ol", &["Oracle"]),
    ("opensuse-leap", &["openSUSE", "SUSE"]),
    ("opensuse-tumbleweed", &["openSUSE", "SUSE"]),
    ("photon", &["VMware", "Broadcom"]),
    ("rhel", &["Red Hat"]),
    ("rocky", &["Rocky"]),
    ("sles", &["SUSE"]),
];

/// Domains of those who publish Debian packages of their own, beside the distributions.
const PUBLISHERS: &[&str] = &[
    "amazon.com",
    "azul.com",
    "clickhouse.com",
    "confluent.io",
    "datadoghq.com",
    "docker.com",
    "elastic.co",
    "gitlab.com",
    "google.com",
    "grafana.com",
    "hashicorp.com",
    "influxdata.com",
    "microsoft.com",
    "mongodb.com",
    "nginx.com",
    "nodesource.com",
    "oracle.com",
    "percona.com",
    "redis.com",
];

/// Marks the packages whose owner comes from somebody else. That a file was changed since says more and stays.
pub(super) fn disown(packages: &mut [Package], distro: Option<&Distro>) {
    let foreign: HashSet<String> = packages
        .iter()
        .filter(|package| package.kind.is_os() && is_third_party(package, distro))
        .map(|package| package.name.clone())
        .collect();
    if foreign.is_empty() {
        return;
    }
    for package in packages {
        let owner = package.owned_by.as_ref();
        if package.disowned.is_none() && owner.is_some_and(|owner| foreign.contains(owner)) {
            package.disowned = Some(Disowned::ThirdParty);
        }
    }
}

fn is_third_party(package: &Package, distro: Option<&Distro>) -> bool {
    let (Some(provenance), Some(distro)) = (&package.provenance, distro) else {
        return false;
    };
    match package.kind {
        PackageType::Rpm => {
            let own = VENDORS.iter().find(|(id, _)| *id == distro.id);
            let vendor = provenance.vendor.as_deref();
            own.zip(vendor)
                .is_some_and(|((_, own), vendor)| !own.iter().any(|word| vendor.contains(word)))
        }
        PackageType::Deb if ["debian", "ubuntu"].contains(&distro.id.as_str()) => provenance
            .maintainer
            .as_deref()
            .and_then(domain)
            .is_some_and(|domain| {
                PUBLISHERS.iter().any(|publisher| {
                    let rest = domain.strip_suffix(publisher);
                    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                })
            }),
        _ => false,
    }
}

/// `Name <user@domain>`.
fn domain(maintainer: &str) -> Option<&str> {
    let (_, domain) = maintainer.trim().strip_suffix('>')?.rsplit_once('@')?;
    Some(domain)
}
