//! Where each rpm was installed from, as the history of its package manager says.

use std::collections::HashMap;

use evidence::{Package, PackageType};

use super::tree::Tree;
use crate::report::Rows;

/// Adds the repository to every package that a history names.
pub(super) fn add(packages: &mut [Package], tree: &Tree<'_>) {
    let mut known: HashMap<(&str, &str, &str), &str> = HashMap::new();
    for (_, _, file) in tree.files() {
        if let Rows::Repositories(rows) = &file.rows {
            known.extend(rows.iter().map(|row| {
                let package = (row.name.as_str(), row.version.as_str(), row.arch.as_str());
                (package, row.repository.as_str())
            }));
        }
    }
    if known.is_empty() {
        return;
    }
    for package in packages
        .iter_mut()
        .filter(|package| package.kind == PackageType::Rpm)
    {
        let arch = package.arch.as_deref().unwrap_or_default();
        let key = (package.name.as_str(), package.version.as_str(), arch);
        if let Some(repository) = known.get(&key) {
            package.provenance.get_or_insert_default().repository = Some((*repository).to_owned());
        }
    }
}
