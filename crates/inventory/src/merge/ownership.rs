//! Which operating system package a file belongs to, so that nothing is reported twice.
//!
//! A distribution's `python3-yaml` contains the same `METADATA` that an installation by pip would leave; the
//! distribution's own data answers for it. A package owns files only while its database lists it as installed.
//!
//! An owner does not answer for a file that is no longer the one it brought. Where a database recorded digests, the file
//! is compared with them; an executable, which nobody held, is one of the owner's while no layer above wrote it.
//!
//! Not decided here: whether the owner's distribution has data at all.

use std::collections::{HashMap, HashSet};

use evidence::{Disowned, PackageType};

use super::tree::Tree;
use crate::digest::FileDigest;
use crate::report::{EvidenceFile, OwnedFile, Rows};

#[derive(Debug, Default)]
pub(crate) struct Ownership<'a> {
    owned: HashMap<Vec<u8>, Owned<'a>>,
}

/// Who owns one file, and what databases recorded of its content.
#[derive(Debug)]
struct Owned<'a> {
    owner: &'a str,
    recorded: Vec<&'a FileDigest>,
    /// The topmost layer whose database lists it.
    layer: u32,
    /// Whether the owner is a package of the distribution's own package manager.
    is_os: bool,
}

impl<'a> Ownership<'a> {
    pub(crate) fn of(tree: &Tree<'a>) -> Self {
        let installed = installed(tree);
        let mut by_path: HashMap<Vec<u8>, Owned<'a>> = HashMap::new();
        for (path, layer, file) in tree.files() {
            let Some(root) = root_of(path) else {
                continue;
            };
            let mut own = |file: &'a OwnedFile, owner: &'a str| {
                let Some(path) = tree.canonical(&[root, &file.path].concat()) else {
                    return;
                };
                let owned = by_path.entry(path).or_insert(Owned {
                    owner,
                    recorded: Vec::new(),
                    layer,
                    is_os: true,
                });
                owned.owner = owner;
                owned.layer = owned.layer.max(layer);
                owned.recorded.extend(&file.digest);
            };
            match &file.rows {
                Rows::Packages { kind, rows, .. } if kind.is_os() => {
                    for row in rows {
                        for owned in &row.owned {
                            own(owned, &row.name);
                        }
                    }
                }
                Rows::Owned { owner, files } if installed.contains(&(root, owner.as_str())) => {
                    for owned in files {
                        own(owned, owner);
                    }
                }
                _ => {}
            }
        }
        own_by_conda(tree, &mut by_path);
        Self { owned: by_path }
    }

    /// Returns the package that owns the file at a canonical path, and why it does not answer for it.
    pub(crate) fn owner(
        &self,
        path: &[u8],
        layer: u32,
        file: &EvidenceFile,
    ) -> Option<(&'a str, Option<Disowned>)> {
        let owned = self.owned.get(path)?;
        let is_modified = match (&file.digests, &file.rows) {
            (Some(digests), _) => {
                let fits = owned.recorded.iter().any(|recorded| digests.fits(recorded));
                !owned.recorded.is_empty() && !fits
            }
            // An executable passed and has no digest. A package manager writes its database with its files: a program
            // in a layer above the database came by another way.
            (None, Rows::Groups(_)) => layer > owned.layer,
            (None, _) => false,
        };
        let disowned = match (is_modified, owned.is_os) {
            (true, _) => Some(Disowned::Modified),
            (false, false) => Some(Disowned::ThirdParty),
            (false, true) => None,
        };
        Some((owned.owner, disowned))
    }
}

/// Adds what conda's packages own, where no package of the distribution does.
///
/// Conda installs Python packages as a distribution would, but no distribution's statements cover it: see
/// [`Disowned::ThirdParty`].
fn own_by_conda<'a>(tree: &Tree<'a>, by_path: &mut HashMap<Vec<u8>, Owned<'a>>) {
    for (_, layer, file) in tree.files() {
        let Rows::Packages {
            kind: PackageType::Conda,
            rows,
            ..
        } = &file.rows
        else {
            continue;
        };
        for row in rows {
            for file in &row.owned {
                if let Some(path) = tree.canonical(&file.path) {
                    by_path.entry(path).or_insert(Owned {
                        owner: &row.name,
                        recorded: file.digest.iter().collect(),
                        layer,
                        is_os: false,
                    });
                }
            }
        }
    }
}

/// The canonical paths of metadata that came inside a package of a language and belongs to another.
pub(crate) fn bundled(tree: &Tree<'_>) -> HashSet<Vec<u8>> {
    let mut bundled = HashSet::new();
    for (_, _, file) in tree.files() {
        let Rows::Bundled(paths) = &file.rows else {
            continue;
        };
        bundled.extend(paths.iter().filter_map(|path| tree.canonical(path)));
    }
    bundled
}

/// The packages of each root file system, where databases keep the lists of their files in files of their own.
fn installed<'t>(tree: &'t Tree<'_>) -> HashSet<(&'t [u8], &'t str)> {
    let mut installed = HashSet::new();
    for (path, _, file) in tree.files() {
        let Rows::Packages {
            kind: PackageType::Deb | PackageType::Alpm,
            rows,
            ..
        } = &file.rows
        else {
            continue;
        };
        if let Some(root) = root_of(path) {
            installed.extend(rows.iter().map(|row| (root, row.name.as_str())));
        }
    }
    installed
}

/// Returns the root file system a database belongs to, with its slash: empty for the image's own.
fn root_of(database: &[u8]) -> Option<&[u8]> {
    const PLACES: [&[u8]; 11] = [
        b"var/lib/dpkg/",
        b"var/lib/chisel/",
        b"var/lib/pacman/",
        b"var/db/pkg/",
        b"usr/lib/opkg/",
        b"var/lib/opkg/",
        b"usr/lib/sysimage/rpm/",
        b"var/lib/rpm/",
        b"usr/share/rpm/",
        b"usr/lib/apk/",
        b"lib/apk/",
    ];
    PLACES.iter().find_map(|place| {
        let start = database
            .windows(place.len())
            .rposition(|window| window == *place)?;
        let root = &database[..start];
        (root.is_empty() || root.ends_with(b"/")).then_some(root)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_belongs_to_the_root_above_it() {
        let check = |path: &str, root: Option<&str>| {
            assert_eq!(root_of(path.as_bytes()), root.map(str::as_bytes), "{path}");
        };
        check("var/lib/dpkg/status", Some(""));
        check("chroot/var/lib/dpkg/info/a.list", Some("chroot/"));
        check("lib/apk/db/installed", Some(""));
        check("usr/lib/apk/db/installed", Some(""));
        check(
            "srv/chroot/usr/lib/sysimage/rpm/rpmdb.sqlite",
            Some("srv/chroot/"),
        );
        check("opt/lib/dpkg/status", None);
    }
}
