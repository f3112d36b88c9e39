//! The part of the merged file tree that matters: symbolic links and evidence files, at their canonical paths.
//!
//! Layers are applied in order. What a layer removes or replaces acts on lower layers only, whatever the order of its
//! entries. A layer may write through a symbolic link of a lower one (`lib` → `usr/lib`), so a path is canonical only
//! once its directory has been resolved in the tree as it then is.
//!
//! # Source
//! OCI image specification, `layer.md`, "Applying Changesets" and "Whiteouts".

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use evidence::{Diagnostic, Level};

use crate::path::{self, Fingerprint, ImagePath};
use crate::report::{EvidenceFile, LayerReport, Rows};

/// Links followed for one path.
///
/// # Source
/// `path_resolution(7)`: the kernel's limit.
const HOPS: usize = 40;
/// Links of one image. An installation by pnpm has some ten thousand.
const LINK_LIMIT: usize = 200_000;
/// Spellings of one path through links of lower layers. Beyond them a layer's change is not seen, and what it removed
/// stays listed: too much rather than too little.
const SPELLINGS: usize = 64;

#[derive(Clone, Copy, Debug)]
enum Node<'a> {
    Link(&'a [u8]),
    File { layer: u32, file: &'a EvidenceFile },
}

/// A node or a directory above one.
#[derive(Debug)]
struct Place {
    /// Its canonical path.
    path: Vec<u8>,
    /// The spelling it was found by.
    spelling: Vec<u8>,
}

/// The links through which some node can be spelled.
#[derive(Debug, Default, PartialEq, Eq)]
struct Aliases {
    links: BTreeSet<Vec<u8>>,
    /// The links to each directory.
    by_directory: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

/// The merged tree.
#[derive(Debug, Default)]
pub(crate) struct Tree<'a> {
    nodes: BTreeMap<Vec<u8>, Node<'a>>,
    aliases: Aliases,
    links: usize,
    /// Every node and every directory above one, by the fingerprint of each of its spellings.
    index: HashMap<Fingerprint, Place>,
    /// Whether the nodes have changed since the index was made.
    stale: bool,
    /// Nodes that the index may not have yet.
    fresh: Vec<Vec<u8>>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Tree<'a> {
    /// Applies the next layer. Returns whether an operating system's database came or went.
    pub(crate) fn apply(&mut self, layer: u32, report: &'a LayerReport) -> bool {
        let before = self.databases();
        if !self.nodes.is_empty() {
            self.reindex();
            self.unlink(report);
            self.hide(report);
            self.replace(report);
        }
        let kept = self.databases();
        self.add(layer, report);
        before != kept || report.files.values().any(|file| file.rows.is_database())
    }

    fn databases(&self) -> usize {
        self.files()
            .filter(|(_, _, file)| file.rows.is_database())
            .count()
    }

    /// Returns the evidence files in the order of their paths.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&[u8], u32, &'a EvidenceFile)> {
        self.nodes.iter().filter_map(|(path, node)| match node {
            Node::File { layer, file } => Some((path.as_slice(), *layer, *file)),
            Node::Link(_) => None,
        })
    }

    /// Returns the evidence file at a path, following links.
    pub(crate) fn file(&self, path: &[u8]) -> Option<&'a EvidenceFile> {
        match self.nodes.get(&self.resolve(path, Last::Follow)?)? {
            Node::File { file, .. } => Some(file),
            Node::Link(_) => None,
        }
    }

    /// Returns the path with its directory resolved; `None` when links lead in a circle.
    pub(crate) fn canonical(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.resolve(path, Last::Keep)
    }

    pub(crate) fn take_diagnostics(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.diagnostics)
    }

    /// Removes the links to directories that the layer puts something else in place of.
    ///
    /// A directory in place of `lib` → `usr/lib` makes the layer's `lib/x` another path than before: this comes before
    /// anything else of the layer is looked at, and outermost first.
    fn unlink(&mut self, report: &LayerReport) {
        let mut replaced: Vec<&Place> = report
            .nodes
            .iter()
            .filter_map(|(node, _)| self.index.get(&node))
            .filter(|place| self.aliases.links.contains(&place.path))
            .collect();
        replaced.sort_by_key(|place| (path::ancestors(&place.spelling).count(), &place.spelling));
        let mut removed = BTreeSet::new();
        for place in replaced {
            let through_removed = path::ancestors(&place.spelling)
                .filter_map(|directory| self.canonical(directory))
                .any(|directory| removed.contains(&directory));
            if !through_removed {
                removed.insert(place.path.clone());
            }
        }
        for link in &removed {
            self.remove(link);
        }
        self.reindex();
    }

    /// Removes what the layer's whiteouts hide.
    fn hide(&mut self, report: &LayerReport) {
        for whiteout in &report.whiteouts {
            if let Some(path) = self.canonical(whiteout) {
                self.remove(&path);
                self.remove_below(&path);
            }
        }
        for opaque in &report.opaques {
            if let Some(path) = self.resolve(opaque, Last::Follow) {
                self.remove_below(&path);
            }
        }
        self.reindex();
    }

    /// Removes what the layer puts something else in place of.
    fn replace(&mut self, report: &LayerReport) {
        let replaced: Vec<(Vec<u8>, bool)> = report
            .nodes
            .iter()
            .filter_map(|(node, directory)| Some((self.index.get(&node)?.path.clone(), directory)))
            .collect();
        for (path, directory) in replaced {
            self.remove(&path);
            if !directory {
                self.remove_below(&path);
            }
        }
    }

    fn add(&mut self, layer: u32, report: &'a LayerReport) {
        // Sorted by path, so a link stands before the links that lead through it.
        for (path, target) in &report.links {
            if self.links == LINK_LIMIT {
                let message = format!("more than {LINK_LIMIT} symbolic links, the rest is ignored");
                self.note("limit.links", Level::Error, layer, path, message);
                break;
            }
            self.links += 1;
            self.insert(layer, path, Node::Link(target));
        }
        for (path, file) in &report.files {
            if !matches!(file.rows, Rows::Hardlink(_)) {
                self.insert(layer, path, Node::File { layer, file });
            }
        }
        for (path, file) in &report.files {
            if let Rows::Hardlink(target) = &file.rows {
                self.insert_hardlink(layer, path, target, report);
            }
        }
    }

    fn insert(&mut self, layer: u32, path: &[u8], node: Node<'a>) {
        let Some(canonical) = self.canonical(path) else {
            let message = format!("the path leads through more than {HOPS} symbolic links");
            return self.note("limit.symlinks", Level::Warning, layer, path, message);
        };
        // What lies in a directory took the place of a file of that name.
        for directory in path::ancestors(&canonical) {
            self.remove(directory);
        }
        self.stale = true;
        self.fresh.push(canonical.clone());
        self.nodes.insert(canonical, node);
    }

    /// A hard link has the content of its target: in this layer, else in a lower one.
    fn insert_hardlink(
        &mut self,
        layer: u32,
        path: &[u8],
        target: &'a ImagePath,
        report: &'a LayerReport,
    ) {
        let mut target: &[u8] = target;
        for _ in 0..HOPS {
            match report.files.get(target).map(|file| &file.rows) {
                Some(Rows::Hardlink(next)) => target = next,
                _ => break,
            }
        }
        let found = report.files.get(target).or_else(|| self.file(target));
        if let Some(file) = found.filter(|file| !matches!(file.rows, Rows::Hardlink(_))) {
            self.insert(layer, path, Node::File { layer, file });
            return;
        }
        let message = format!(
            "the hard link's target `{}` was not read",
            path::display(target)
        );
        self.note(
            "inventory.unread_hardlink",
            Level::Warning,
            layer,
            path,
            message,
        );
    }

    /// Notes an oddity; of one kind only the first few, because a hostile image has thousands.
    fn note(&mut self, code: &'static str, level: Level, layer: u32, path: &[u8], message: String) {
        const KEPT: usize = 20;
        if self
            .diagnostics
            .iter()
            .filter(|seen| seen.code == code)
            .count()
            < KEPT
        {
            let diagnostic = Diagnostic::new(code, level, message);
            self.diagnostics
                .push(diagnostic.at(path::display(path)).in_layer(layer));
        }
    }

    fn remove(&mut self, path: &[u8]) {
        self.stale |= self.nodes.remove(path).is_some();
    }

    fn remove_below(&mut self, directory: &[u8]) {
        let below: Vec<Vec<u8>> = self.below(directory).cloned().collect();
        for path in below {
            self.remove(&path);
        }
    }

    fn below(&self, directory: &[u8]) -> impl Iterator<Item = &Vec<u8>> {
        let first = path::join(directory, b"");
        let range = (Bound::Included(first.clone()), Bound::Unbounded);
        self.nodes
            .range::<Vec<u8>, _>(range)
            .map(|(path, _)| path)
            .take_while(move |path| path.starts_with(&first))
    }

    /// Brings the aliases and the index up to date with the nodes.
    fn reindex(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let aliases = self.aliases();
        if aliases != self.aliases {
            self.aliases = aliases;
            self.index.clear();
            self.fresh = self.nodes.keys().cloned().collect();
        }
        for path in std::mem::take(&mut self.fresh) {
            for place in std::iter::once(path.as_slice()).chain(path::ancestors(&path)) {
                if !self.index_place(place) {
                    break; // and so are those above it
                }
            }
        }
    }

    /// Adds a path under all its spellings. Returns false when the index has it.
    ///
    /// Nothing is ever taken out: where no node is left, there is nothing to remove.
    fn index_place(&mut self, place: &[u8]) -> bool {
        let fingerprint = Fingerprint::of(place);
        if self
            .index
            .get(&fingerprint)
            .is_some_and(|known| known.path == place)
        {
            return false;
        }
        for spelling in self.spellings(place) {
            let fingerprint = Fingerprint::of(&spelling);
            let path = place.to_vec();
            self.index.insert(fingerprint, Place { path, spelling });
        }
        true
    }

    /// Returns the links to directories that hold a node.
    fn aliases(&self) -> Aliases {
        let mut aliases = Aliases::default();
        for (path, node) in &self.nodes {
            if !matches!(node, Node::Link(_)) {
                continue;
            }
            let Some(directory) = self.resolve(path, Last::Follow) else {
                continue;
            };
            if self.below(&directory).next().is_some() {
                aliases.links.insert(path.clone());
                aliases
                    .by_directory
                    .entry(directory)
                    .or_default()
                    .push(path.clone());
            }
        }
        aliases
    }

    /// Returns all ways a layer may write a canonical path.
    fn spellings(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let mut spellings = vec![path.to_vec()];
        let mut at = 0;
        while at < spellings.len() {
            let spelling = spellings[at].clone();
            at += 1;
            // The directory itself is not renamed: who writes over the link replaces the link.
            for directory in path::ancestors(&spelling).chain(std::iter::once(&b""[..])) {
                let rest = path::below(&spelling, directory).unwrap_or(&spelling);
                for link in self
                    .aliases
                    .by_directory
                    .get(directory)
                    .into_iter()
                    .flatten()
                {
                    let other = path::join(link, rest);
                    if spellings.len() == SPELLINGS {
                        return spellings;
                    }
                    if !spellings.contains(&other) {
                        spellings.push(other);
                    }
                }
            }
        }
        spellings
    }

    fn resolve(&self, path: &[u8], last: Last) -> Option<Vec<u8>> {
        let mut pending: Vec<&[u8]> = path.rsplit(|byte| *byte == b'/').collect();
        let mut resolved: Vec<u8> = Vec::with_capacity(path.len());
        let mut hops = 0;
        while let Some(component) = pending.pop() {
            match component {
                b"" | b"." => continue,
                b".." => {
                    resolved.truncate(path::parent(&resolved).len());
                    continue;
                }
                _ => {}
            }
            let directory = resolved.len();
            if directory > 0 {
                resolved.push(b'/');
            }
            resolved.extend(component);
            if pending.is_empty() && last == Last::Keep {
                break;
            }
            let Some(Node::Link(target)) = self.nodes.get(&resolved) else {
                continue;
            };
            hops += 1;
            if hops > HOPS {
                return None;
            }
            resolved.truncate(if target.starts_with(b"/") {
                0
            } else {
                directory
            });
            pending.extend(target.rsplit(|byte| *byte == b'/'));
        }
        Some(resolved)
    }
}

/// What becomes of a link that is the path's last component.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Follow,
    Keep,
}
