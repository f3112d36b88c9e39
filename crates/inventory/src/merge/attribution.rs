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
    presence: HashMap<Key<'a>, Presence>,
    /// How many states of the tree were looked at.
    states: u32,
}

#[derive(Clone, Copy, Debug)]
struct Presence {
    /// The layer that brought it the last time it was not there before.
    since: u32,
    /// The last state it was seen in.
    seen: u32,
}

impl<'a> Attribution<'a> {
    /// Looks at the tree after a layer that changed its databases.
    pub(crate) fn watch(&mut self, layer: u32, tree: &Tree<'a>) {
        let last = self.states;
        self.states += 1;
        for (_, _, file) in tree.files() {
            let Rows::Packages { kind, rows, .. } = &file.rows else {
                continue;
            };
            if !kind.is_os() {
                continue;
            }
            for row in rows {
                let presence = self.presence.entry(key(*kind, row)).or_insert(Presence {
                    since: layer,
                    seen: self.states,
                });
                if presence.seen < last {
                    presence.since = layer;
                }
                presence.seen = self.states;
            }
        }
    }

    /// Returns the layer that brought a package.
    pub(crate) fn layer(&self, kind: PackageType, row: &PackageRow) -> Option<u32> {
        self.presence
            .get(&key(kind, row))
            .filter(|presence| presence.seen == self.states)
            .map(|presence| presence.since)
    }
}

fn key(kind: PackageType, row: &PackageRow) -> Key<'_> {
    (kind, &row.name, &row.version, row.arch.as_deref())
}
