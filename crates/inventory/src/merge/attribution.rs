//! Which layer brought a package of the operating system.
//!
//! A package manager rewrites its whole database in every layer, so the layer of the winning file says little. A
//! package belongs to the lowest layer from which the same name, version and architecture has been there ever since:
//! an upgrade belongs to the layer that upgraded, its untouched neighbours to where they always were.

use std::collections::HashMap;

use evidence::PackageType;

use super::tree::Tree;
use crate::report::{PackageRow, Rows};

type Key<'a> = (PackageType, &'a str, &'a str, Option<&'a str>);

#[derive(Debug, Default)]
pub(crate) struct Attribution<'a> {
    since: HashMap<Key<'a>, u32>,
}

impl<'a> Attribution<'a> {
    /// Looks at the tree after a layer that changed its evidence.
    pub(crate) fn watch(&mut self, layer: u32, tree: &Tree<'a>) {
        let mut present = HashMap::with_capacity(self.since.len());
        for (_, _, file) in tree.files() {
            let Rows::Packages { kind, rows, .. } = &file.rows else {
                continue;
            };
            if kind.is_os() {
                for row in rows {
                    let key = key(*kind, row);
                    present.insert(key, self.since.get(&key).copied().unwrap_or(layer));
                }
            }
        }
        self.since = present;
    }

    /// Returns the layer that brought a package.
    pub(crate) fn layer(&self, kind: PackageType, row: &PackageRow) -> Option<u32> {
        self.since.get(&key(kind, row)).copied()
    }
}

fn key(kind: PackageType, row: &PackageRow) -> Key<'_> {
    (kind, &row.name, &row.version, row.arch.as_deref())
}
