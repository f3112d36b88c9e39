//! One pass over a layer: every path is looked at, the few that some extractor wants are read.
//!
//! Memory is bounded by the walk's limits and by two of our own: packages of a layer, and bytes of kept path facts.

use std::io::Read;
use std::path::Path;

use evidence::{Diagnostic, Level};
use image::{Entry, EntryKind, LayerWalk, Limits, Visitor, Want, Whiteout};

use crate::digest::Digests;
use crate::executable::{self, Scanner};
use crate::extractor::{Extractor, File, Notes, PACKAGE_LIMIT, Wanted};
use crate::path;
use crate::registry;
use crate::report::{EvidenceFile, LayerReport, Note, Rows, Totals};

/// Bytes kept of one layer: links, whiteouts, evidence paths and the text of rows. Debian needs some 300 KiB.
const FACT_LIMIT: usize = 64 << 20;

/// Analyses one layer, compressed or not. Content never fails: see the report's diagnostics and `complete`.
pub fn analyse_layer(reader: impl Read, limits: &Limits) -> LayerReport {
    let mut collector = Collector::new(limits);
    let walk = image::walk_layer(reader, limits, &mut collector);
    collector.finish(walk)
}

/// Analyses a root file system on disk, as if it were the only layer of an image.
pub fn analyse_directory(root: &Path, limits: &Limits) -> LayerReport {
    let mut collector = Collector::new(limits);
    let walk = image::walk_directory(root, limits, &mut collector);
    collector.finish(walk)
}

struct Collector<'a> {
    limits: &'a Limits,
    report: LayerReport,
    packages: usize,
    fact_bytes: usize,
    /// Diagnostics of the limits kept here, each at most once.
    over: Vec<Diagnostic>,
    /// Who wants the content that comes next.
    wanting: Option<&'static Extractor>,
    /// The executable whose content comes next.
    scanner: Option<Scanner>,
}

impl<'a> Collector<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            report: LayerReport::default(),
            packages: 0,
            fact_bytes: 0,
            over: Vec::new(),
            wanting: None,
            scanner: None,
        }
    }

    fn finish(mut self, walk: LayerWalk) -> LayerReport {
        self.report.diff_id = walk.diff_id;
        self.report.totals = Totals {
            entries: walk.entries,
            bytes: walk.bytes,
            blob_bytes: walk.blob_bytes,
        };
        self.report.complete = walk.complete && self.over.is_empty();
        self.report.diagnostics = walk
            .diagnostics
            .into_iter()
            .chain(self.over)
            .map(Note::from)
            .collect();
        self.report.nodes.seal();
        self.report
    }

    /// Counts bytes of path facts and returns whether they may be kept.
    fn may_keep(&mut self, bytes: usize) -> bool {
        self.fact_bytes = self.fact_bytes.saturating_add(bytes);
        if self.fact_bytes <= FACT_LIMIT {
            return true;
        }
        self.stop(
            "limit.memory",
            format!("more than {FACT_LIMIT} bytes of links, paths and rows, the rest is ignored"),
        );
        false
    }

    fn stop(&mut self, code: &'static str, message: String) {
        if self.over.iter().all(|seen| seen.code != code) {
            self.over.push(Diagnostic::new(code, Level::Error, message));
        }
    }

    /// Takes in an entry that is not a whiteout.
    fn node(&mut self, entry: &Entry<'_>) -> Want {
        let directory = entry.kind == EntryKind::Directory;
        self.report.nodes.push(entry.path, directory);
        // A path that comes twice in one layer is what it was last.
        self.report.links.remove(entry.path);
        self.report.files.remove(entry.path);
        let link = entry.link.unwrap_or_default();
        match entry.kind {
            EntryKind::Symlink => {
                if self.may_keep(entry.path.len() + link.len()) {
                    self.report.links.insert(entry.path.into(), link.into());
                }
                Want::Nothing
            }
            EntryKind::File => self.file(entry),
            // The target of a hard link comes before it: an executable that holds something is known.
            EntryKind::Hardlink
                if registry::interested(entry.path).is_some()
                    || self.report.files.contains_key(link) =>
            {
                self.keep(entry, Rows::Hardlink(link.into()), Notes::default(), None);
                Want::Nothing
            }
            _ => Want::Nothing,
        }
    }

    fn file(&mut self, entry: &Entry<'_>) -> Want {
        let Some(extractor) = registry::interested(entry.path) else {
            return if entry.size >= executable::LEAST_BYTES {
                Want::Sniff
            } else {
                Want::Nothing
            };
        };
        if matches!(extractor.wanted, Wanted::Presence) {
            self.read(extractor, entry, &[]);
            return Want::Nothing;
        }
        self.wanting = Some(extractor);
        extractor.wanted.want(&self.limits.file_bytes)
    }

    fn read(&mut self, extractor: &Extractor, entry: &Entry<'_>, content: &[u8]) {
        let file = File {
            path: entry.path,
            content,
        };
        let mut notes = Notes::new(entry.path);
        let rows = (extractor.parse)(&file, &mut notes);
        let is_whole = content.len() as u64 == entry.size;
        let comparable = extractor.ownable && is_whole && path::is_system(entry.path);
        let digests = comparable.then(|| Digests::of(content));
        self.keep(entry, rows, notes, digests);
    }

    fn keep(&mut self, entry: &Entry<'_>, mut rows: Rows, notes: Notes, digests: Option<Digests>) {
        let notes: Vec<Note> = notes.into_list().into_iter().map(Note::from).collect();
        let noted: usize = notes
            .iter()
            .map(|note| entry.path.len() + note.message.len())
            .sum();
        if !self.may_keep(entry.path.len() + rows.weight() + noted) {
            return;
        }
        let (packages, dropped) = rows.keep_first(PACKAGE_LIMIT - self.packages);
        self.packages += packages;
        if dropped {
            self.stop(
                "limit.packages",
                format!("more than {PACKAGE_LIMIT} packages, the rest is ignored"),
            );
        }
        let file = EvidenceFile {
            size: entry.size,
            rows,
            notes,
            digests: digests.map(Box::new),
        };
        self.report.files.insert(entry.path.into(), file);
    }
}

impl Visitor for Collector<'_> {
    fn want(&mut self, entry: &Entry<'_>) -> Want {
        self.wanting = None;
        self.scanner = None;
        let directory = path::parent(entry.path);
        match image::classify(entry.path) {
            Whiteout::None => return self.node(entry),
            Whiteout::Reserved => {}
            Whiteout::Opaque => {
                if self.may_keep(directory.len()) {
                    self.report.opaques.push(directory.into());
                }
            }
            Whiteout::Hide(name) => {
                if self.may_keep(entry.path.len()) {
                    self.report
                        .whiteouts
                        .push(path::join(directory, name).into());
                }
            }
        }
        Want::Nothing
    }

    fn sniffed(&mut self, entry: &Entry<'_>, head: &[u8]) -> Want {
        if !executable::is_executable(head) {
            return Want::Nothing;
        }
        self.scanner = Some(Scanner::new(registry::probes(entry.path)));
        Want::Pieces {
            limit: self.limits.file_bytes.executable,
        }
    }

    fn piece(&mut self, _entry: &Entry<'_>, piece: &[u8]) {
        if let Some(scanner) = &mut self.scanner {
            scanner.piece(piece);
        }
    }

    fn content(&mut self, entry: &Entry<'_>, content: &[u8], _truncated: bool) {
        if let Some(scanner) = self.scanner.take() {
            let mut notes = Notes::new(entry.path);
            let groups = scanner.finish(&mut notes);
            // Most executables hold nothing that is listed; those leave no trace.
            if !groups.is_empty() || !notes.is_empty() {
                self.keep(entry, Rows::Groups(groups), notes, None);
            }
            return;
        }
        let Some(extractor) = self.wanting.take() else {
            return;
        };
        // The walk notes a cut file; what is there is read all the same.
        self.read(extractor, entry, content);
    }
}
