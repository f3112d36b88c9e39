//! A root file system on disk, walked like a layer.
//!
//! Everything is opened beneath the root without following symbolic links, so a link that changes during the walk
//! cannot lead out of it. Other mounts are not crossed: they are not part of the image. Directories are read in order
//! of their names, so two walks of the same tree are equal. The upper directory of an overlay is understood: its
//! whiteouts and opaque marks are shown in the spelling of layers.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use evidence::Level;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::budget::{HELD, UNCOUNTED_BYTES};
use crate::diagnostics::Notes;
use crate::layer::stop::Stop;
use crate::layer::stream::check_time;
use crate::{Entry, EntryKind, LayerWalk, Limits, SNIFF_BYTES, Visitor, Want};

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Entries between two looks at the clock.
const ENTRIES_PER_LOOK: u64 = 256;

/// The attributes by which an overlay marks a directory as opaque: with privileges and without.
const OPAQUE_MARKS: [&CStr; 2] = [c"trusted.overlay.opaque", c"user.overlay.opaque"];

/// Walks a root file system; paths are relative to `root`.
///
/// What cannot be read is `source.denied` (no permission) or `source.unreadable`; the rest is walked. File capabilities
/// are shown where they can be read. There is no DiffID and no stored size.
pub fn walk_directory(root: &Path, limits: &Limits, visitor: &mut dyn Visitor) -> LayerWalk {
    let mut walk = Walk {
        limits,
        visitor,
        notes: Notes::default(),
        started: (limits.cpu_clock)(),
        entries: 0,
        bytes: 0,
        complete: true,
        path: Vec::new(),
        link: Vec::new(),
        held: Vec::new(),
    };
    match open_root(root) {
        Ok((directory, device)) => {
            if let Err(stop) = walk.tree(directory, device) {
                walk.complete = false;
                stop.note(&mut walk.notes);
            }
        }
        Err(errno) => walk.failed(errno),
    }
    LayerWalk {
        diff_id: None,
        compression: None,
        blob_bytes: 0,
        entries: walk.entries,
        bytes: walk.bytes,
        complete: walk.complete,
        diagnostics: walk.notes.finish(),
    }
}

fn open_root(root: &Path) -> rustix::io::Result<(OwnedFd, u64)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(root, flags, Mode::empty())?;
    let device = rustix::fs::fstat(&directory)?.st_dev;
    Ok((directory, device))
}

/// Opens one name in a directory: no symbolic link is followed, no mount crossed, nothing above reached. Opening does
/// not wait for the other end of a pipe.
fn open_beneath(
    directory: BorrowedFd<'_>,
    name: &CStr,
    flags: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    match rustix::fs::openat2(directory, name, flags, Mode::empty(), resolve) {
        // Kernels before 5.6 and some sandboxes. One name without a slash, not followed, stays where it is too; only
        // mounts of the same device go unseen.
        Err(Errno::NOSYS) => rustix::fs::openat(directory, name, flags, Mode::empty()),
        result => result,
    }
}

struct Walk<'w> {
    limits: &'w Limits,
    visitor: &'w mut dyn Visitor,
    notes: Notes,
    started: Duration,
    entries: u64,
    bytes: u64,
    complete: bool,
    /// The path of the entry at hand.
    path: Vec<u8>,
    link: Vec<u8>,
    held: Vec<u8>,
}

/// A directory whose entries are being walked.
struct OpenDirectory {
    fd: OwnedFd,
    /// Names still to walk, last one first.
    names: Vec<CString>,
    /// The length of the directory's own path.
    path_bytes: usize,
}

impl Walk<'_> {
    /// Walks depth first with a stack of its own: depth is bounded by `limit.path`, not by the thread's stack.
    fn tree(&mut self, root: OwnedFd, device: u64) -> Result<(), Stop> {
        let mut stack: Vec<OpenDirectory> = self.list(root)?.into_iter().collect();
        loop {
            let depth = stack.len();
            let Some(directory) = stack.last_mut() else {
                return Ok(());
            };
            self.path.truncate(directory.path_bytes);
            let Some(name) = directory.names.pop() else {
                stack.pop();
                continue;
            };
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name.as_bytes());
            let fd = directory.fd.as_fd();
            if let Some(inner) = self.entry(fd, &name, depth, device)?
                && let Some(inner) = self.list(inner)?
            {
                stack.push(inner);
            }
        }
    }

    /// Reads the names of the directory at hand.
    fn list(&mut self, fd: OwnedFd) -> Result<Option<OpenDirectory>, Stop> {
        let mut names = Vec::new();
        let entries = match Dir::read_from(&fd) {
            Ok(entries) => entries,
            Err(errno) => {
                self.failed(errno);
                return Ok(None);
            }
        };
        for entry in entries {
            match entry {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Ok(entry) => names.push(entry.file_name().to_owned()),
                Err(errno) => {
                    self.failed(errno);
                    break;
                }
            }
            if self.entries + names.len() as u64 > self.limits.entries_per_layer {
                return Err(Stop::Limit(
                    "limit.entries",
                    format!("more than {} entries", self.limits.entries_per_layer),
                ));
            }
        }
        names.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Some(OpenDirectory {
            fd,
            names,
            path_bytes: self.path.len(),
        }))
    }

    /// Shows one entry; returns the directory to walk next if it is one.
    fn entry(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &CStr,
        depth: usize,
        device: u64,
    ) -> Result<Option<OwnedFd>, Stop> {
        self.entries += 1;
        if self.entries.is_multiple_of(ENTRIES_PER_LOOK) {
            check_time(self.limits, self.started)?;
        }
        if depth > self.limits.path_components || self.path.len() > self.limits.path_bytes {
            self.complete = false;
            let message = format!(
                "a path of {depth} components and {} bytes, the limits are {} and {}",
                self.path.len(),
                self.limits.path_components,
                self.limits.path_bytes
            );
            self.notes
                .push_at("limit.path", Level::Error, &self.path, message);
            return Ok(None);
        }
        let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(errno) => {
                self.failed(errno);
                return Ok(None);
            }
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(directory, name, &stat)?,
            FileType::Directory => return Ok(self.directory(directory, name, &stat, device)),
            FileType::Symlink => match rustix::fs::readlinkat(directory, name, Vec::new()) {
                Ok(target) => {
                    self.link.clear();
                    self.link.extend_from_slice(target.as_bytes());
                    self.show(EntryKind::Symlink, &stat, None);
                }
                Err(errno) => self.failed(errno),
            },
            FileType::CharacterDevice if stat.st_rdev == 0 => {
                let (parent, name) = crate::split_parent(&self.path);
                let whiteout = [
                    parent,
                    if parent.is_empty() { b"" } else { b"/" },
                    b".wh.",
                    name,
                ];
                self.show_mark(&whiteout.concat(), &stat);
            }
            FileType::CharacterDevice => self.show(EntryKind::Char, &stat, None),
            FileType::BlockDevice => self.show(EntryKind::Block, &stat, None),
            FileType::Fifo => self.show(EntryKind::Fifo, &stat, None),
            // A socket is not part of an image: no layer can hold one.
            _ => {}
        }
        Ok(None)
    }

    fn directory(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &CStr,
        stat: &Stat,
        device: u64,
    ) -> Option<OwnedFd> {
        self.show(EntryKind::Directory, stat, None);
        if stat.st_dev != device {
            return None;
        }
        let fd = match open_beneath(parent, name, OFlags::DIRECTORY) {
            Ok(fd) => fd,
            Err(errno) => {
                self.failed(errno);
                return None;
            }
        };
        let mut mark = [0; 1];
        let is_opaque = OPAQUE_MARKS.iter().any(|attribute| {
            rustix::fs::fgetxattr(&fd, *attribute, &mut mark[..]).is_ok_and(|len| len == 1)
                && mark[0] == b'y'
        });
        if is_opaque {
            let mark = [self.path.as_slice(), b"/.wh..wh..opq"].concat();
            self.show_mark(&mark, stat);
        }
        Some(fd)
    }

    /// Shows a regular file, with its capabilities where it may be run, and delivers what is wanted of it.
    fn file(&mut self, directory: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> Result<(), Stop> {
        let mut capability = [0; 64];
        let mut capability_bytes = 0;
        let mut opened = None;
        if stat.st_mode & 0o111 != 0
            && let Ok(fd) = open_beneath(directory, name, OFlags::empty())
        {
            let attribute = c"security.capability";
            capability_bytes =
                rustix::fs::fgetxattr(&fd, attribute, &mut capability[..]).unwrap_or_default();
            opened = Some(fd);
        }
        let capability = (capability_bytes > 0).then_some(&capability[..capability_bytes]);
        let want = self
            .visitor
            .want(&entry(&self.path, EntryKind::File, stat, None, capability));
        if want == Want::Nothing {
            return Ok(());
        }
        let fd = match opened.map_or_else(|| open_beneath(directory, name, OFlags::empty()), Ok) {
            Ok(fd) => fd,
            Err(errno) => {
                self.failed(errno);
                return Ok(());
            }
        };
        // What was a file a moment ago may be anything now; its size may have changed too.
        let stat = match rustix::fs::fstat(&fd) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => stat,
            Ok(_) => return Ok(()),
            Err(errno) => {
                self.failed(errno);
                return Ok(());
            }
        };
        self.deliver(&fd, want, &stat, capability)
    }

    /// Reads an open file as far as it is wanted.
    fn deliver(
        &mut self,
        fd: &OwnedFd,
        mut want: Want,
        stat: &Stat,
        capability: Option<&[u8]>,
    ) -> Result<(), Stop> {
        let path = std::mem::take(&mut self.path);
        let entry = entry(&path, EntryKind::File, stat, None, capability);
        self.held.clear();
        let mut failure = None;
        if want == Want::Sniff {
            failure = read_up_to(fd, SNIFF_BYTES as u64, &mut self.held).err();
            want = self.visitor.sniffed(&entry, &self.held);
        }
        let over = want.is_over(entry.size);
        let mut count = 0;
        match want.limit() {
            None => {}
            Some(limit) if matches!(want, Want::Pieces { .. }) => {
                loop {
                    let step = (limit - count).min(READ_BYTES as u64);
                    failure = failure.or(read_up_to(fd, step, &mut self.held).err());
                    self.held.truncate(step as usize);
                    if self.held.is_empty() {
                        break;
                    }
                    self.visitor.piece(&entry, &self.held);
                    count += self.held.len() as u64;
                    self.held.clear();
                }
                self.visitor.content(&entry, &[], count < entry.size);
            }
            Some(limit) => {
                let _share = HELD.take(entry.size.min(limit));
                failure = failure.or(read_up_to(fd, limit, &mut self.held).err());
                self.held.truncate(limit as usize);
                count = self.held.len() as u64;
                self.visitor.content(&entry, &self.held, count < entry.size);
            }
        }
        if self.held.capacity() as u64 > UNCOUNTED_BYTES {
            self.held = Vec::new();
        }
        self.path = path;
        if let Some(message) = over {
            self.complete = false;
            self.notes
                .push_at("limit.file", Level::Error, &self.path, message);
        }
        if let Some(errno) = failure {
            self.failed(errno);
        }
        self.bytes += count;
        if self.bytes > self.limits.layer_bytes {
            let message = format!("more than {} bytes of content", self.limits.layer_bytes);
            return Err(Stop::Limit("limit.layer_bytes", message));
        }
        Ok(())
    }

    fn show(&mut self, kind: EntryKind, stat: &Stat, capability: Option<&[u8]>) {
        let link = (kind == EntryKind::Symlink).then_some(self.link.as_slice());
        self.visitor
            .want(&entry(&self.path, kind, stat, link, capability));
    }

    /// Shows a whiteout or opaque mark as the empty file that a layer would have in its place.
    fn show_mark(&mut self, path: &[u8], stat: &Stat) {
        let mark = Entry {
            size: 0,
            device: None,
            ..entry(path, EntryKind::File, stat, None, None)
        };
        if self.visitor.want(&mark) != Want::Nothing {
            self.visitor.content(&mark, b"", false);
        }
    }

    /// Notes that the entry at hand, or something in it, cannot be read.
    fn failed(&mut self, errno: Errno) {
        let (code, level) = match errno {
            Errno::ACCESS | Errno::PERM => ("source.denied", Level::Error),
            Errno::XDEV => ("source.other_mount", Level::Info),
            _ => ("source.unreadable", Level::Error),
        };
        self.complete &= level != Level::Error;
        self.notes
            .push_at(code, level, &self.path, errno.to_string());
    }
}

fn entry<'e>(
    path: &'e [u8],
    kind: EntryKind,
    stat: &Stat,
    link: Option<&'e [u8]>,
    capability: Option<&'e [u8]>,
) -> Entry<'e> {
    let is_device = matches!(kind, EntryKind::Char | EntryKind::Block);
    let device = (
        rustix::fs::major(stat.st_rdev),
        rustix::fs::minor(stat.st_rdev),
    );
    Entry {
        path,
        kind,
        size: if kind == EntryKind::File {
            stat.st_size as u64
        } else {
            0
        },
        mode: stat.st_mode & 0o7777,
        uid: u64::from(stat.st_uid),
        gid: u64::from(stat.st_gid),
        mtime_secs: stat.st_mtime,
        link,
        device: is_device.then_some(device),
        capability,
    }
}

/// Appends at most `limit` bytes of a file.
fn read_up_to(fd: &OwnedFd, limit: u64, held: &mut Vec<u8>) -> rustix::io::Result<()> {
    while (held.len() as u64) < limit {
        let at = held.len();
        let step = (limit - at as u64).min(READ_BYTES as u64) as usize;
        held.resize(at + step, 0);
        let read = rustix::io::retry_on_intr(|| rustix::io::read(fd, &mut held[at..]));
        held.truncate(at + *read.as_ref().unwrap_or(&0));
        if read? == 0 {
            break;
        }
    }
    Ok(())
}
