//! The table of an archive: which member lies where.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::SourceError;
use super::store::read_error;
use crate::layer::decode::{Decoder, Source};
use crate::layer::stop::Stop;
use crate::layer::stream::{ChunkStream, SeekStream, Stream};
use crate::layer::tar::{BLOCK, TarReader};
use crate::path::normalise;
use crate::{Compression, EntryKind, Limits};

/// Members one archive may have: an image of 512 layers has about 1,500.
const MAX_MEMBERS: usize = 100_000;

/// Links from member to member that are followed.
const MAX_HOPS: usize = 8;

/// Members of a compressed archive up to this size are kept while indexing: the documents are among them.
const KEPT_MEMBER_BYTES: u64 = 512 << 10;

/// What is kept in sum.
const KEPT_BYTES: u64 = 16 << 20;

/// Where a member's content lies in the uncompressed archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) size: u64,
}

#[derive(Debug)]
enum Target {
    Content(Place),
    /// The normalised path of another member.
    Link(Vec<u8>),
}

/// The members of an archive by normalised path. A member that occurs twice is the later one.
#[derive(Debug, Default)]
pub(super) struct Index(HashMap<Vec<u8>, Target>);

impl Index {
    /// Finds a file, following links inside the archive.
    pub(super) fn find(&self, path: &[u8]) -> Option<Place> {
        let mut name = Vec::new();
        normalise(path, &mut name).ok()?;
        for _ in 0..MAX_HOPS {
            match self.0.get(&name)? {
                Target::Content(place) => return Some(*place),
                Target::Link(target) => name.clone_from(target),
            }
        }
        None
    }
}

/// An archive's table, and what was kept on the way if it is compressed.
pub(super) struct Opened {
    pub(super) compression: Compression,
    pub(super) index: Index,
    pub(super) documents: HashMap<Vec<u8>, Vec<u8>>,
}

/// The kind of an archive, as its members say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArchiveKind {
    /// It has a `manifest.json`. Newer docker writes an OCI layout beside it; the two describe the same images.
    Docker,
    /// It has an `index.json` only.
    Oci,
}

/// Tells the kind of a file, or `None` if it is no readable archive of either kind.
pub(super) fn kind_of(path: &Path) -> Option<ArchiveKind> {
    let index = open(path).ok()?.index;
    if index.find(b"manifest.json").is_some() {
        Some(ArchiveKind::Docker)
    } else if index.find(b"index.json").is_some() {
        Some(ArchiveKind::Oci)
    } else {
        None
    }
}

/// Indexes an archive.
pub(super) fn open(path: &Path) -> Result<Opened, SourceError> {
    let io = |source| read_error(path, source);
    let mut file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if metadata.is_dir() {
        return Err(io(std::io::ErrorKind::IsADirectory.into()));
    }
    let mut source = Source::new(file.try_clone().map_err(io)?);
    let head = source.peek(BLOCK).map_err(|stop| stopped(path, stop))?;
    let Some(compression) = Compression::of(head) else {
        return Err(SourceError::BadArchive {
            path: path.to_owned(),
            reason: "its first bytes are those of no tar, gzip or zstd file".to_owned(),
        });
    };
    let mut documents = HashMap::new();
    let index = if compression == Compression::None {
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let mut reader = TarReader::new(SeekStream::new(file, metadata.len()), header_limit());
        index(path, &mut reader, |_, _, _| Ok(()))?
    } else {
        // Bounded by the stream's own limits: an archive holds layers, which have the same.
        let limits = Limits::default();
        let decoder = Decoder::new(source, compression).map_err(|stop| stopped(path, stop))?;
        let stream = ChunkStream::new(decoder, &limits, None);
        let mut reader = TarReader::new(stream, header_limit());
        let mut kept = 0;
        index(path, &mut reader, |reader, name, size| {
            if size > KEPT_MEMBER_BYTES || kept + size > KEPT_BYTES {
                return Ok(());
            }
            kept += size;
            let mut held = Vec::new();
            let content =
                reader.read_content(size, size, &mut held, |content, _| content.to_vec())?;
            documents.insert(name.to_vec(), content);
            Ok(())
        })?
    };
    Ok(Opened {
        compression,
        index,
        documents,
    })
}

fn header_limit() -> u64 {
    Limits::default().header_bytes
}

fn index<S: Stream>(
    path: &Path,
    reader: &mut TarReader<S>,
    mut keep: impl FnMut(&mut TarReader<S>, &[u8], u64) -> Result<(), Stop>,
) -> Result<Index, SourceError> {
    let mut members = HashMap::new();
    let mut last: Option<(Vec<u8>, Place)> = None;
    loop {
        let advanced = reader.advance();
        if let (Err(Stop::Truncated(_)), Some((name, place))) = (&advanced, &last)
            && reader.stream.position() < place.offset + place.size
        {
            return Err(SourceError::Truncated {
                path: path.to_owned(),
                member: crate::path::show(name),
                expected_bytes: place.size,
                found_bytes: reader.stream.position().saturating_sub(place.offset),
            });
        }
        let Some(member) = advanced.map_err(|stop| stopped(path, stop))? else {
            break;
        };
        let mut name = Vec::new();
        if normalise(&reader.name, &mut name).is_err() {
            continue;
        }
        let place = Place {
            offset: reader.stream.position(),
            size: member.size,
        };
        let target = match member.kind {
            // A sparse member has no single span; no tool writes one into an image archive.
            Ok(EntryKind::File) if !reader.is_sparse() => {
                last = Some((name.clone(), place));
                keep(reader, &name, member.size).map_err(|stop| stopped(path, stop))?;
                Target::Content(place)
            }
            Ok(EntryKind::Hardlink) => {
                let mut target = Vec::new();
                if normalise(&reader.link, &mut target).is_err() {
                    continue;
                }
                Target::Link(target)
            }
            Ok(EntryKind::Symlink) => match beside(&name, &reader.link) {
                Some(target) => Target::Link(target),
                None => continue,
            },
            _ => continue,
        };
        members.insert(name, target);
        if members.len() > MAX_MEMBERS {
            return Err(SourceError::BadArchive {
                path: path.to_owned(),
                reason: format!("it has more than {MAX_MEMBERS} members"),
            });
        }
    }
    Ok(Index(members))
}

/// Resolves a symbolic link's target against the directory of its own name, inside the archive. Old docker links a
/// layer that occurs twice as `../OTHER/layer.tar`.
fn beside(name: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let (parent, _) = crate::split_parent(name);
    let mut components: Vec<&[u8]> = if target.starts_with(b"/") || parent.is_empty() {
        Vec::new()
    } else {
        parent.split(|byte| *byte == b'/').collect()
    };
    for component in target.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                components.pop()?;
            }
            name => components.push(name),
        }
    }
    Some(components.join(&b'/'))
}

fn stopped(path: &Path, stop: Stop) -> SourceError {
    match stop {
        Stop::Unreadable(source) => read_error(path, source),
        other => SourceError::BadArchive {
            path: path.to_owned(),
            reason: other.words().1,
        },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"a/layer.tar", b"../b/layer.tar", Some(b"b/layer.tar".as_slice()))]
    #[case(b"a/layer.tar", b"x.tar", Some(b"a/x.tar".as_slice()))]
    #[case(b"layer.tar", b"./b.tar", Some(b"b.tar".as_slice()))]
    #[case(b"a/layer.tar", b"/b.tar", Some(b"b.tar".as_slice()))]
    #[case(b"layer.tar", b"../b.tar", None)]
    #[case(b"a/layer.tar", b"../../b.tar", None)]
    fn a_link_leads_to_another_member_or_nowhere(
        #[case] name: &[u8],
        #[case] target: &[u8],
        #[case] expected: Option<&[u8]>,
    ) {
        assert_eq!(beside(name, target).as_deref(), expected);
    }

    #[test]
    fn links_in_a_circle_are_given_up() {
        let link = |to: &[u8]| Target::Link(to.to_vec());
        let index = Index(HashMap::from([
            (b"a".to_vec(), link(b"b")),
            (b"b".to_vec(), link(b"a")),
        ]));
        assert_eq!(index.find(b"a"), None);
    }
}
