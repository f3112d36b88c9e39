//! The recorder of every test: entries as they were shown, content as it was delivered.

use std::io::{self, Read};

use image::{Entry, EntryKind, LayerWalk, Limits, Visitor, Want, walk_layer};

/// One entry, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: EntryKind,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) device: Option<(u32, u32)>,
    pub(crate) capability: Option<Vec<u8>>,
    pub(crate) owner: (u64, u64),
    pub(crate) mtime_secs: i64,
    /// What was delivered, and whether it was cut.
    pub(crate) content: Option<(Vec<u8>, bool)>,
}

/// Wants the same of every entry and writes everything down.
pub(crate) struct Recorder {
    want: Want,
    /// What is wanted of a file whose first bytes were shown.
    then: Want,
    pub(crate) seen: Vec<Seen>,
    /// The first bytes of each file that was sniffed.
    pub(crate) heads: Vec<Vec<u8>>,
    passed: Vec<u8>,
}

impl Recorder {
    pub(crate) fn new(want: Want) -> Self {
        Self {
            want,
            then: Want::Nothing,
            seen: Vec::new(),
            heads: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// Looks at the first bytes before it wants anything.
    pub(crate) fn sniffing(then: Want) -> Self {
        Self {
            then,
            ..Self::new(Want::Sniff)
        }
    }
}

impl Visitor for Recorder {
    fn want(&mut self, entry: &Entry<'_>) -> Want {
        self.seen.push(Seen {
            path: entry.path.to_vec(),
            kind: entry.kind,
            size: entry.size,
            mode: entry.mode,
            link: entry.link.map(<[u8]>::to_vec),
            device: entry.device,
            capability: entry.capability.map(<[u8]>::to_vec),
            owner: (entry.uid, entry.gid),
            mtime_secs: entry.mtime_secs,
            content: None,
        });
        self.want
    }

    fn sniffed(&mut self, _entry: &Entry<'_>, head: &[u8]) -> Want {
        self.heads.push(head.to_vec());
        self.then
    }

    fn piece(&mut self, entry: &Entry<'_>, piece: &[u8]) {
        let last = self.seen.last().expect("content follows its entry");
        assert_eq!(last.path, entry.path);
        assert!(!piece.is_empty(), "a piece has bytes");
        self.passed.extend_from_slice(piece);
    }

    fn content(&mut self, entry: &Entry<'_>, content: &[u8], truncated: bool) {
        let passed = std::mem::take(&mut self.passed);
        assert!(
            passed.is_empty() || content.is_empty(),
            "pieces or one piece"
        );
        let content = [passed.as_slice(), content].concat();
        let last = self.seen.last_mut().expect("content follows its entry");
        assert_eq!(last.path, entry.path);
        assert_eq!(last.content, None, "content is delivered once");
        last.content = Some((content, truncated));
    }
}

/// Everything, up to a bound no test content reaches unless it means to.
pub(crate) const WHOLE: Want = Want::Whole { limit: 1 << 24 };

/// The one call into the API: walks `bytes` and wants `want` of every entry.
pub(crate) fn walk_with(bytes: impl Read, limits: &Limits, want: Want) -> (LayerWalk, Vec<Seen>) {
    let mut recorder = Recorder::new(want);
    let walk = walk_layer(bytes, limits, &mut recorder);
    (walk, recorder.seen)
}

/// Walks with the default limits and wants everything.
pub(crate) fn walk(bytes: &[u8]) -> (LayerWalk, Vec<Seen>) {
    walk_with(bytes, &Limits::default(), WHOLE)
}

/// The names of the diagnostics, in order.
pub(crate) fn codes(walk: &LayerWalk) -> Vec<&str> {
    walk.diagnostics.iter().map(|d| d.code.as_ref()).collect()
}

/// Paths and contents of what was seen.
pub(crate) fn contents(seen: &[Seen]) -> Vec<(String, Vec<u8>)> {
    seen.iter()
        .map(|entry| {
            let content = entry.content.clone().unwrap_or_default().0;
            (String::from_utf8_lossy(&entry.path).into_owned(), content)
        })
        .collect()
}

/// A reader that gives its bytes in pieces of the given lengths, over and over.
pub(crate) struct Pieces<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) lengths: &'a [usize],
    pub(crate) turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths[self.turn % self.lengths.len()].max(1);
        self.turn += 1;
        let step = length.min(buf.len());
        self.bytes.read(&mut buf[..step])
    }
}
