//! Developer chores, and the tests that hold the house together.
//!
//! The rules of ARCHITECTURE.md are ordinary tests (`tests/house`), so that they run for everyone and not only in CI.
//! This library is how they read the repository: what git tracks and what cargo resolves. It changes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// The one platform whose dependency tree is judged: what the binary ships for. Others would download crates that no
/// build here ever needs.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// The folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace folder")
}

/// What cargo resolves for the workspace, with every feature, from the committed lock file.
///
/// # Errors
/// When cargo fails, for one because the lock file is stale.
pub fn metadata() -> anyhow::Result<Metadata> {
    MetadataCommand::new()
        .current_dir(root())
        .features(CargoOpt::AllFeatures)
        .other_options(vec![
            "--locked".into(),
            "--filter-platform".into(),
            PLATFORM.into(),
        ])
        .exec()
        .context("cargo metadata failed")
}

/// The files of the repository, relative to its root: tracked ones, and new ones that no ignore rule hides, so that a
/// rule speaks before the commit and not after it.
///
/// # Errors
/// When this is no git checkout.
pub fn files() -> anyhow::Result<Vec<PathBuf>> {
    let output = Command::new("git")
        // A CI checkout may belong to another user than the one who runs the tests.
        .args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .context("cannot run git")?;
    ensure!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    // A file deleted but not yet committed is still listed.
    let files = names
        .split_terminator('\0')
        .map(PathBuf::from)
        .filter(|file| root().join(file).is_file());
    Ok(files.collect())
}

/// The text of one file of the repository; `None` for a binary one.
///
/// # Errors
/// When the file cannot be read.
pub fn text(file: &Path) -> anyhow::Result<Option<String>> {
    Ok(String::from_utf8(fs_err::read(root().join(file))?).ok())
}
