//! Who may depend on whom: the ranks of the crates, the owners of heavy dependencies, the reach of the runtime.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};

use crate::none;

/// The crates from the bottom up. A crate may depend on crates before it.
const RANKS: [&str; 18] = [
    "tidegate-failpoint",
    "tidegate-oci",
    "tidegate-versions",
    "tidegate-evidence",
    "tidegate-blobs",
    "tidegate-catalog",
    "tidegate-image",
    "tidegate-inventory",
    "tidegate-comply",
    "tidegate-code",
    "tidegate-trust",
    "tidegate-advisories",
    "tidegate-gate",
    "tidegate-web",
    "tidegate-server",
    "tidegate",
    // Above the house: they look at it and nothing looks at them.
    "tidegate-corpus",
    "tidegate-bench",
];

/// Heavy dependencies and the one crate that may name each, so that a change of library touches one crate.
const OWNERS: [(&str, &str); 9] = [
    ("argon2", "tidegate-server"),
    ("askama", "tidegate-web"),
    ("axum", "tidegate-server"),
    ("jsonwebtoken", "tidegate-server"),
    ("oci-client", "tidegate"),
    ("redb", "tidegate-advisories"),
    ("sqlx", "tidegate-catalog"),
    ("tar", "tidegate-image"),
    ("zip", "tidegate-advisories"),
];

/// The async shell. Everything else runs without a runtime: in a command, a worker, a fuzzer, a benchmark.
const ASYNC: [&str; 4] = [
    "tidegate-blobs",
    "tidegate-catalog",
    "tidegate-server",
    "tidegate",
];

#[test]
fn a_crate_depends_only_on_crates_above_it_in_the_map() {
    let metadata = metadata();
    let rank = |name: &str| RANKS.iter().position(|ranked| *ranked == name);
    let mut breaches = Vec::new();
    for package in house(&metadata) {
        let Some(own) = rank(&package.name) else {
            breaches.push(format!("`{}` has no rank", package.name));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some())
        {
            // A crate may switch on a feature of its own for its tests.
            let is_own_test_feature =
                dependency.name == *package.name && dependency.kind == DependencyKind::Development;
            if is_own_test_feature {
                continue;
            }
            if rank(&dependency.name).is_none_or(|other| other >= own) {
                breaches.push(format!(
                    "`{}` depends on `{}`",
                    package.name, dependency.name
                ));
            }
        }
    }
    none(
        "a crate depends only on crates above it in the map",
        &breaches,
    );
}

#[test]
fn a_heavy_dependency_has_one_owner() {
    let metadata = metadata();
    let mut breaches = Vec::new();
    for package in house(&metadata) {
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
        {
            let owner = OWNERS
                .iter()
                .find(|(name, _)| *name == dependency.name)
                .map(|(_, owner)| *owner);
            if owner.is_some_and(|owner| owner != package.name.as_str()) {
                breaches.push(format!(
                    "`{}` depends on `{}`",
                    package.name, dependency.name
                ));
            }
        }
    }
    none("a heavy dependency has one owner", &breaches);
}

#[test]
fn only_tests_arm_the_failpoints() {
    let metadata = metadata();
    let mut breaches = Vec::new();
    for package in house(&metadata) {
        for dependency in &package.dependencies {
            let is_armed = dependency.name == "tidegate-failpoint"
                && dependency.features.iter().any(|feature| feature == "armed");
            if is_armed && dependency.kind != DependencyKind::Development {
                breaches.push(format!("`{}` arms them for everyone", package.name));
            }
        }
        // A feature of another crate that switches it on would reach the program as well.
        for (feature, switches) in &package.features {
            if switches
                .iter()
                .any(|switch| switch.starts_with("failpoint"))
            {
                breaches.push(format!("`{}` arms them by `{feature}`", package.name));
            }
        }
    }
    none("only tests arm the failpoints", &breaches);
}

#[test]
fn only_the_async_shell_reaches_tokio() {
    let metadata = metadata();
    let edges = normal_edges(&metadata);
    let names: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let mut breaches = Vec::new();
    for package in house(&metadata).filter(|package| package.name != "tidegate-corpus") {
        let path = path_to("tokio", &package.id, &edges, &names);
        match (path, ASYNC.contains(&package.name.as_str())) {
            (Some(path), false) => breaches.push(path.join(" → ")),
            // An exception nobody needs would hide the next breach.
            (None, true) => {
                breaches.push(format!("`{}` may know tokio and does not", package.name));
            }
            _ => {}
        }
    }
    none("only blobs, catalog, server and cli know tokio", &breaches);
}

#[test]
fn the_tables_name_what_exists() {
    let metadata = metadata();
    let names: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let breaches: Vec<String> = OWNERS
        .iter()
        .flat_map(|(dependency, owner)| [*dependency, *owner])
        .chain(ASYNC)
        .chain(["tokio"])
        .filter(|name| !names.contains(name))
        .map(|name| format!("`{name}` is in a table and not in the lock file"))
        .collect();
    none("a rule about nothing cannot fail", &breaches);
}

fn metadata() -> Metadata {
    xtask::metadata().expect("cargo resolves the workspace")
}

/// The crates of the house; xtask, which holds these rules, is outside it.
fn house(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.name != "xtask")
}

/// What is linked into each package: normal dependencies as resolved.
fn normal_edges(metadata: &Metadata) -> BTreeMap<&PackageId, Vec<&PackageId>> {
    let resolve = metadata
        .resolve
        .as_ref()
        .expect("cargo resolved the dependencies");
    resolve
        .nodes
        .iter()
        .map(|node| {
            let linked = node
                .deps
                .iter()
                .filter(|dep| {
                    dep.dep_kinds
                        .iter()
                        .any(|kind| kind.kind == DependencyKind::Normal)
                })
                .map(|dep| &dep.pkg);
            (&node.id, linked.collect())
        })
        .collect()
}

/// A chain of names from `start` to a package called `target`.
fn path_to<'a>(
    target: &str,
    start: &'a PackageId,
    edges: &BTreeMap<&'a PackageId, Vec<&'a PackageId>>,
    names: &BTreeMap<&'a PackageId, &'a str>,
) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&PackageId, &PackageId> = BTreeMap::new();
    let mut waiting = vec![start];
    while let Some(id) = waiting.pop() {
        if names[id] == target {
            let mut path = vec![names[id]];
            let mut at = id;
            while let Some(previous) = came_from.get(at) {
                path.push(names[previous]);
                at = previous;
            }
            path.reverse();
            return Some(path);
        }
        for next in &edges[id] {
            if *next != start && !came_from.contains_key(next) {
                came_from.insert(next, id);
                waiting.push(next);
            }
        }
    }
    None
}
