//! Which operating system package a file belongs to, so that nothing is reported twice.
//!
//! A distribution's `python3-yaml` contains the same `METADATA` that an installation by pip would leave; the
//! distribution's own data answers for it. A package owns files only while its database lists it as installed.
//!
//! Not decided here: whether the owner's distribution has data at all, and whether the file was changed since.

use std::collections::{HashMap, HashSet};

use evidence::PackageType;

use super::tree::Tree;
use crate::report::Rows;

#[derive(Debug, Default)]
pub(crate) struct Ownership<'a> {
    owners: HashMap<Vec<u8>, &'a str>,
}

impl<'a> Ownership<'a> {
    pub(crate) fn of(tree: &Tree<'a>) -> Self {
        let installed = installed_debs(tree);
        let mut owners = HashMap::new();
        for (path, _, file) in tree.files() {
            let Some(root) = root_of(path) else {
                continue;
            };
            let mut own = |owned: &[u8], owner: &'a str| {
                if let Some(path) = tree.canonical(&[root, owned].concat()) {
                    owners.insert(path, owner);
                }
            };
            match &file.rows {
                Rows::Packages { kind, rows, .. } if kind.is_os() => {
                    for row in rows {
                        for owned in &row.owned {
                            own(owned, &row.name);
                        }
                    }
                }
                Rows::Owned { owner, paths } if installed.contains(&(root, owner.as_str())) => {
                    for owned in paths {
                        own(owned, owner);
                    }
                }
                _ => {}
            }
        }
        Self { owners }
    }

    /// Returns the package that owns a canonical path.
    pub(crate) fn owner(&self, path: &[u8]) -> Option<&'a str> {
        self.owners.get(path).copied()
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

/// The Debian packages of each root file system, whose file lists stand in files of their own.
fn installed_debs<'t>(tree: &'t Tree<'_>) -> HashSet<(&'t [u8], &'t str)> {
    let mut installed = HashSet::new();
    for (path, _, file) in tree.files() {
        let Rows::Packages {
            kind: PackageType::Deb,
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
    const PLACES: [&[u8]; 6] = [
        b"var/lib/dpkg/",
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
