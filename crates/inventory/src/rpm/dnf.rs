//! Which repository each rpm came from: the history of dnf 4 and dnf 5.
//!
//! The latest transaction that installed a package, in any way, names its repository. An image that was built by other
//! means has no history, or one without the packages of its base.
//!
//! # Source
//! The tables that dnf 4.14 and dnf 5.2 create; their enumerations of actions and states.

use std::collections::HashMap;

use super::sqlite::{self, Record};
use crate::extractor::{Extractor, File, Notes, Wanted, has_room};
use crate::path;
use crate::report::{RepositoryRow, Rows};

pub(crate) const DNF_HISTORY: Extractor = Extractor {
    name: "dnf-history",
    version: 1,
    literals: &[
        "lib/dnf/history.sqlite",
        "libdnf5/transaction_history.sqlite",
    ],
    accepts: |path| edition(path).is_some(),
    wanted: Wanted::RpmDatabase,
    ownable: false,
    parse,
};

/// How one edition of dnf writes its history.
#[derive(Clone, Copy)]
struct Edition {
    /// Actions after which the package is there: installed, up- or downgraded to, replacing another, again.
    installs: &'static [i64],
    /// The state of what was done.
    done: i64,
    /// Whether names and architectures stand in tables of their own.
    interned: bool,
}

const DNF4: Edition = Edition {
    installs: &[1, 2, 4, 6, 9],
    done: 1,
    interned: false,
};
const DNF5: Edition = Edition {
    installs: &[1, 2, 3, 4],
    done: 2,
    interned: true,
};

fn edition(path: &[u8]) -> Option<Edition> {
    if path::ends_with(path, b"var/lib/dnf/history.sqlite") {
        Some(DNF4)
    } else if path::ends_with(path, b"usr/lib/sysimage/libdnf5/transaction_history.sqlite") {
        Some(DNF5)
    } else {
        None
    }
}

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    let Some(edition) = edition(file.path) else {
        return Rows::Present;
    };
    let repositories = texts(file, "repo", notes);
    let mut installed: HashMap<i64, i64> = HashMap::new();
    // id, trans_id, item_id, repo_id, action, reason, state
    sqlite::each_row(file.content, "trans_item", notes, |row, _| {
        let column = |column| row.integer(column).unwrap_or_default();
        if edition.installs.contains(&column(4)) && column(6) == edition.done {
            installed.insert(column(2), column(3));
        }
        true
    });
    let (names, arches) = if edition.interned {
        (texts(file, "pkg_name", notes), texts(file, "arch", notes))
    } else {
        (HashMap::new(), HashMap::new())
    };
    let mut rows = Vec::new();
    // item_id, name, epoch, version, release, arch
    sqlite::each_row(file.content, "rpm", notes, |row, notes| {
        let repository = row
            .integer(0)
            .and_then(|item| repositories.get(installed.get(&item)?))
            // `@System` and `@commandline` are no repositories.
            .filter(|repository| !repository.starts_with('@'));
        let Some(repository) = repository else {
            return true;
        };
        let named = |column, interned: &HashMap<i64, String>| match row.integer(column) {
            Some(id) => interned.get(&id).cloned(),
            None => text(row, column),
        };
        let package = named(1, &names).zip(version(row)).zip(named(5, &arches));
        let Some(((name, version), arch)) = package else {
            return true;
        };
        let room = has_room(rows.len(), notes);
        if room {
            rows.push(RepositoryRow {
                name,
                version,
                arch,
                repository: repository.clone(),
            });
        }
        room
    });
    Rows::Repositories(rows)
}

/// Reads a table of numbers and texts.
fn texts(file: &File<'_>, table: &str, notes: &mut Notes) -> HashMap<i64, String> {
    let mut texts = HashMap::new();
    sqlite::each_row(file.content, table, notes, |row, _| {
        texts.extend(text(row, 1).map(|text| (row.id, text)));
        true
    });
    texts
}

fn text(row: &Record<'_>, column: usize) -> Option<String> {
    Some(String::from_utf8_lossy(row.blob(column)?).into_owned())
}

/// As the rows of the package database write it.
fn version(row: &Record<'_>) -> Option<String> {
    let (version, release) = (text(row, 3)?, text(row, 4)?);
    Some(match row.integer(2) {
        Some(epoch) if epoch > 0 => format!("{epoch}:{version}-{release}"),
        _ => format!("{version}-{release}"),
    })
}
