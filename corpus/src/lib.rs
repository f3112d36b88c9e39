//! The corpus suite: tests over real public data (feeds, package databases, ordering tables, SBOM schemas).
//!
//! The data is not part of the repository. Its place is the environment variable `CORPUS_DIR`, else
//! `../shared/corpus` beside the checkout. A suite without its data fails: it never passes by skipping.
//!
//! Adding a suite: one file under `tests/`, named for the area it checks.

use std::path::PathBuf;

/// Returns the path of one corpus folder or file.
///
/// # Panics
/// When the corpus is not there: a corpus test that reads nothing must fail.
pub fn path(relative: &str) -> PathBuf {
    let root = std::env::var_os("CORPUS_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")),
        PathBuf::from,
    );
    let path = root.join(relative);
    assert!(
        path.try_exists().unwrap_or(false),
        "no corpus at {}: set CORPUS_DIR to its folder",
        path.display()
    );
    path
}
