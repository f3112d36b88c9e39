//! The merge of reports against a plain application of layers to a whole tree.
//!
//! [`Tree`] holds every path and applies layers literally. Its result is written as one layer and analysed; a merge of
//! the layers' own reports must list the same packages.

use std::collections::BTreeMap;

use evidence::Package;
use inventory::LayerReport;
use proptest::prelude::*;

use crate::layer::{Tar, merge, metadata, package_json};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File(String),
    Link(&'static str),
}

/// What one layer does, by path. Whiteouts and opaque directories are kept apart: they act on lower layers only.
#[derive(Clone, Debug, Default)]
struct Change {
    nodes: BTreeMap<String, Node>,
    whiteouts: Vec<String>,
    opaques: Vec<String>,
}

#[derive(Default)]
struct Tree(BTreeMap<String, Node>);

impl Tree {
    /// Returns whether some tree can yield this layer on top of this one: with links resolved, no path of it stands
    /// twice or below what it says is no directory, and it takes away no link that it writes through.
    fn yields(&self, change: &Change) -> bool {
        let mut before = Self(self.0.clone());
        before.unlink(change);
        let mut after = Self(before.0.clone());
        after.apply(change);
        let nodes: BTreeMap<String, &Node> = change
            .nodes
            .iter()
            .map(|(path, node)| (before.resolve(path, false), node))
            .collect();
        nodes.len() == change.nodes.len()
            && change
                .nodes
                .keys()
                .all(|path| before.resolve(path, false) == after.resolve(path, false))
            && nodes.iter().all(|(solid, node)| {
                **node == Node::Directory
                    || nodes
                        .keys()
                        .all(|path| !path.starts_with(&format!("{solid}/")))
            })
    }

    /// A layer that puts something in place of a link no longer writes through it: outermost first, as sorted.
    fn unlink(&mut self, change: &Change) {
        for path in change.nodes.keys() {
            let path = self.resolve(path, false);
            if matches!(self.0.get(&path), Some(Node::Link(_))) {
                self.0.remove(&path);
            }
        }
    }

    fn apply(&mut self, change: &Change) {
        self.unlink(change);
        for whiteout in &change.whiteouts {
            let path = self.resolve(whiteout, false);
            self.0.remove(&path);
            self.clear(&path);
        }
        for opaque in &change.opaques {
            let path = self.resolve(opaque, true);
            self.clear(&path);
        }
        for (path, node) in &change.nodes {
            let path = self.resolve(path, false);
            if *node != Node::Directory {
                self.clear(&path);
            }
            let mut above = path.as_str();
            while let Some((directory, _)) = above.rsplit_once('/') {
                self.0.insert(directory.to_owned(), Node::Directory);
                above = directory;
            }
            self.0.insert(path, node.clone());
        }
    }

    fn clear(&mut self, directory: &str) {
        let below = format!("{directory}/");
        self.0.retain(|path, _| !path.starts_with(&below));
    }

    /// Follows the links of all components, or of all but the last.
    fn resolve(&self, path: &str, last: bool) -> String {
        let mut resolved = String::new();
        let mut rest: Vec<&str> = path.split('/').rev().collect();
        while let Some(component) = rest.pop() {
            if component.is_empty() {
                continue;
            }
            let here = if resolved.is_empty() {
                component.to_owned()
            } else {
                format!("{resolved}/{component}")
            };
            match self.0.get(&here) {
                Some(Node::Link(target)) if last || !rest.is_empty() => {
                    resolved.clear(); // all targets of these tests are absolute
                    rest.extend(target.split('/').rev());
                }
                _ => resolved = here,
            }
        }
        resolved
    }

    fn to_tar(&self) -> Tar {
        self.0
            .iter()
            .fold(Tar::default(), |tar, (path, node)| add(tar, path, node))
    }
}

fn add(tar: Tar, path: &str, node: &Node) -> Tar {
    match node {
        Node::Directory => tar.directory(path),
        Node::File(content) => tar.file(path, content),
        Node::Link(target) => tar.symlink(path, target),
    }
}

impl Change {
    fn to_tar(&self) -> Tar {
        let mut tar = Tar::default();
        for whiteout in &self.whiteouts {
            tar = tar.whiteout(whiteout);
        }
        for (path, node) in &self.nodes {
            tar = add(tar, path, node);
        }
        for opaque in &self.opaques {
            tar = tar.opaque(opaque);
        }
        tar
    }

    /// A tar of a real tree has nothing below what is not a directory.
    fn consistent(mut self) -> Self {
        let solid: Vec<String> = self
            .nodes
            .iter()
            .filter(|(_, node)| **node != Node::Directory)
            .map(|(path, _)| format!("{path}/"))
            .collect();
        let below = |path: &str| solid.iter().any(|solid| path.starts_with(solid.as_str()));
        self.nodes.retain(|path, _| !below(path));
        self.whiteouts.retain(|path| !below(path));
        self.opaques.retain(|path| !below(&format!("{path}/")));
        self
    }
}

const DIRECTORIES: [&str; 9] = [
    "lib",
    "usr",
    "usr/lib",
    "usr/lib/py",
    "usr/lib/py/x-1.dist-info",
    "var/lib/dpkg",
    "var/lib/dpkg/status.d",
    "app",
    "app/node_modules/ms",
];

const FILES: [&str; 7] = [
    "lib/py/x-1.dist-info/METADATA",
    "usr/lib/py/x-1.dist-info/METADATA",
    "usr/lib/py/y.egg-info",
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/base",
    "app/node_modules/ms/package.json",
    "opt/app/node_modules/ms/package.json",
];

const LINKS: [(&str, &str); 5] = [
    ("lib", "/usr/lib"),
    ("usr/lib", "/opt/lib"),
    ("usr/lib/py", "/opt/py"),
    ("app", "/opt/app"),
    ("var/lib/dpkg", "/usr/lib/dpkg"),
];

fn content(path: &str, version: u8) -> String {
    match path.rsplit('/').next() {
        Some("package.json") => package_json("ms", &version.to_string()),
        Some("status") => crate::layer::dpkg(&[("a", &version.to_string()), ("b", "1")]),
        Some("base") => format!("Package: base\nVersion: {version}\n"),
        _ => metadata("x", &version.to_string()),
    }
}

fn node() -> impl Strategy<Value = (String, Node)> {
    let file = (0..FILES.len(), 1..4_u8).prop_map(|(file, version)| {
        (
            FILES[file].to_owned(),
            Node::File(content(FILES[file], version)),
        )
    });
    let directory =
        (0..DIRECTORIES.len()).prop_map(|at| (DIRECTORIES[at].to_owned(), Node::Directory));
    let plain = (0..DIRECTORIES.len())
        .prop_map(|at| (DIRECTORIES[at].to_owned(), Node::File("plain".to_owned())));
    let link = (0..LINKS.len()).prop_map(|at| (LINKS[at].0.to_owned(), Node::Link(LINKS[at].1)));
    prop_oneof![6 => file, 2 => directory, 1 => plain, 2 => link]
}

fn change() -> impl Strategy<Value = Change> {
    let any_path = (0..DIRECTORIES.len() + FILES.len()).prop_map(|at| {
        let path = DIRECTORIES.iter().chain(&FILES).nth(at);
        (*path.expect("within both lists")).to_owned()
    });
    let directory = (0..DIRECTORIES.len()).prop_map(|at| DIRECTORIES[at].to_owned());
    (
        proptest::collection::btree_map(any_path.clone(), Just(()), 0..2),
        proptest::collection::vec(node(), 0..6),
        proptest::collection::vec(directory, 0..2),
    )
        .prop_map(|(whiteouts, nodes, opaques)| {
            Change {
                nodes: nodes.into_iter().collect(),
                whiteouts: whiteouts.into_keys().collect(),
                opaques,
            }
            .consistent()
        })
}

/// The packages without their layers: a single layer cannot know them.
fn packages(reports: &[LayerReport]) -> Vec<Package> {
    let mut packages = merge(reports, None).packages;
    for package in &mut packages {
        package.layer = None;
    }
    packages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_merge_of_reports_is_the_report_of_the_merge(
        changes in proptest::collection::vec(change(), 1..9),
    ) {
        let mut tree = Tree::default();
        let mut reports = Vec::new();
        for change in &changes {
            if tree.yields(change) {
                tree.apply(change);
                reports.push(change.to_tar().report());
            }
        }
        prop_assert_eq!(packages(&reports), packages(&[tree.to_tar().report()]));
    }
}
