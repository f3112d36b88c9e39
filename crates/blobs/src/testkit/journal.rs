//! What a store did to its disk, call by call, and what is left of it when the power fails at any of them.
//!
//! The disk here is as unkind as POSIX allows: bytes are there for certain after a sync of their file, names after a
//! sync of their directory. What was not synced may be there, may be missing, and may be there in part, each piece
//! independently of every other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// One change, made successfully.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A directory was made.
    Directory(PathBuf),
    /// An empty file was made.
    Create(PathBuf),
    /// Bytes were written at an offset.
    Write(PathBuf, u64, Vec<u8>),
    /// A file was cut to a length.
    Cut(PathBuf, u64),
    /// The content of a file became durable.
    SyncFile(PathBuf),
    /// A file got another name.
    Rename(PathBuf, PathBuf),
    /// A file was removed.
    Remove(PathBuf),
    /// The names in a directory became durable.
    SyncDirectory(PathBuf),
}

/// The changes of one store. Clones write to the same journal.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<Change>>>);

impl Journal {
    /// Returns the changes so far.
    pub fn changes(&self) -> Vec<Change> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn note(&self, change: Change) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(change);
    }
}

/// A file's content, or a directory, whatever its names are.
type Node = usize;

/// Writes the disk that a power failure after `changes` leaves, into the empty directory `target`. Paths are taken
/// relative to `root`. `keeps` is asked about each piece that was not synced: whether it got to the disk.
///
/// # Panics
/// If `target` cannot be written to.
pub fn replay(changes: &[Change], root: &Path, target: &Path, mut keeps: impl FnMut() -> bool) {
    let mut disk = Disk::default();
    for change in changes {
        disk.apply(change, &mut keeps);
    }
    disk.lose(&mut keeps);
    disk.write_to(root, target);
}

/// What is durable, and what is under way.
#[derive(Default)]
struct Disk {
    /// The names that programs see.
    seen: BTreeMap<PathBuf, Node>,
    /// The names that are certain.
    certain: BTreeMap<PathBuf, Node>,
    /// The content that is certain; a directory has none.
    contents: Vec<Option<Vec<u8>>>,
    /// Writes and cuts since the last sync, by node.
    pending: BTreeMap<Node, Vec<Pending>>,
}

enum Pending {
    Write(usize, Vec<u8>),
    Cut(usize),
}

impl Disk {
    fn apply(&mut self, change: &Change, keeps: &mut impl FnMut() -> bool) {
        match change {
            Change::Directory(path) => self.add(path, None),
            Change::Create(path) => self.add(path, Some(Vec::new())),
            Change::Write(path, offset, bytes) => {
                let offset = usize::try_from(*offset).expect("a small file");
                self.pend(path, Pending::Write(offset, bytes.clone()));
            }
            Change::Cut(path, length) => {
                let length = usize::try_from(*length).expect("a small file");
                self.pend(path, Pending::Cut(length));
            }
            Change::SyncFile(path) => {
                let node = self.seen[path];
                self.settle(node, &mut || true);
            }
            Change::Rename(from, to) => {
                let node = self.seen.remove(from).expect("a file");
                self.seen.insert(to.clone(), node);
            }
            Change::Remove(path) => {
                self.seen.remove(path);
            }
            Change::SyncDirectory(directory) => self.settle_names(directory, &mut || true),
        }
        // A disk may write early whatever it likes.
        if keeps() && keeps() {
            for node in 0..self.contents.len() {
                self.settle_early(node, keeps);
            }
        }
    }

    fn add(&mut self, path: &Path, content: Option<Vec<u8>>) {
        self.contents.push(content);
        self.seen.insert(path.to_owned(), self.contents.len() - 1);
    }

    fn pend(&mut self, path: &Path, pending: Pending) {
        let node = self.seen[path];
        self.pending.entry(node).or_default().push(pending);
    }

    /// Writes the first of what is pending, in order.
    fn settle_early(&mut self, node: Node, keeps: &mut impl FnMut() -> bool) {
        let Some(pending) = self.pending.get_mut(&node) else {
            return;
        };
        if !pending.is_empty() && keeps() {
            let first = pending.remove(0);
            self.put(node, &first, &mut || true);
        }
    }

    fn settle(&mut self, node: Node, keeps: &mut impl FnMut() -> bool) {
        for pending in self.pending.remove(&node).unwrap_or_default() {
            self.put(node, &pending, keeps);
        }
    }

    /// Does to the certain content what was pending. A write that is lost in part leaves a hole or its first half.
    fn put(&mut self, node: Node, pending: &Pending, keeps: &mut impl FnMut() -> bool) {
        let Some(content) = &mut self.contents[node] else {
            return;
        };
        match pending {
            Pending::Cut(length) => {
                if keeps() {
                    content.resize(*length, 0);
                }
            }
            Pending::Write(offset, bytes) => {
                let (first, second) = bytes.split_at(bytes.len() / 2);
                let halves = [(*offset, first), (offset + first.len(), second)];
                for (offset, half) in halves {
                    if keeps() {
                        let end = offset + half.len();
                        content.resize(content.len().max(end), 0);
                        content[offset..end].copy_from_slice(half);
                    }
                }
            }
        }
    }

    /// Makes the names in a directory certain, those that went included.
    fn settle_names(&mut self, directory: &Path, keeps: &mut impl FnMut() -> bool) {
        let is_in = |path: &PathBuf| path.parent() == Some(directory);
        let names: BTreeSet<PathBuf> = self
            .seen
            .keys()
            .chain(self.certain.keys())
            .filter(|path| is_in(path))
            .cloned()
            .collect();
        for name in names {
            let (seen, certain) = (self.seen.get(&name), self.certain.get(&name));
            if seen == certain || !keeps() {
                continue;
            }
            match seen {
                Some(node) => self.certain.insert(name, *node),
                None => self.certain.remove(&name),
            };
        }
    }

    /// The power fails: what is pending got to the disk, or did not.
    fn lose(&mut self, keeps: &mut impl FnMut() -> bool) {
        for node in 0..self.contents.len() {
            self.settle(node, keeps);
        }
        let directories: BTreeSet<PathBuf> = self
            .seen
            .keys()
            .chain(self.certain.keys())
            .filter_map(|path| path.parent().map(Path::to_owned))
            .collect();
        for directory in directories {
            self.settle_names(&directory, keeps);
        }
    }

    fn write_to(&self, root: &Path, target: &Path) {
        // Parents sort before what is in them; what is in a lost directory is lost with it.
        for (path, node) in &self.certain {
            let relative = path.strip_prefix(root).expect("inside the store");
            let path = target.join(relative);
            match &self.contents[*node] {
                None => drop(std::fs::create_dir(&path)),
                Some(content) => drop(write(&path, content)),
            }
        }
    }
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .open(path)?
        .write_all(content)
}
