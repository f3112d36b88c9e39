//! Values about a package that its database keeps in files of their own, beside the one that names it.

use evidence::Package;

use super::tree::Tree;
use crate::path;
use crate::report::{Detail, Rows};

/// The files with such values.
const FILES: [&[u8]; 3] = [b"SLOT", b"LICENSE", b"repository"];

/// Adds to a package what the files beside `database` say.
pub(super) fn add(package: &mut Package, database: &[u8], tree: &Tree<'_>) {
    let directory = path::parent(database);
    for name in FILES {
        let Some(file) = tree.file(&path::join(directory, name)) else {
            continue;
        };
        let Rows::Detail(detail, text) = &file.rows else {
            continue;
        };
        if text.is_empty() {
            continue;
        }
        let text = text.clone();
        match detail {
            Detail::License => package.licenses = vec![text],
            Detail::Slot => package.provenance.get_or_insert_default().slot = Some(text),
            Detail::Repository => {
                package.provenance.get_or_insert_default().repository = Some(text);
            }
        }
    }
}
