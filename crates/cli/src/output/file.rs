//! Files are written whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

/// Writes a file beside its target, syncs it and renames it over the target: a reader sees the old file or the new one,
/// and a crash leaves the old one.
///
/// # Errors
/// The folder cannot be written to, or the disk is full; the target is then unchanged.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".tidegate-")
        .permissions(permissions())
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Reports are ordinary files: readable as the process's mask allows, not private like temporary ones.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        write_file(&path, b"first, and longer").expect("written");
        write_file(&path, b"second").expect("written");
        assert_eq!(fs_err::read(&path).expect("readable"), b"second");
        assert_eq!(
            fs_err::read_dir(folder.path()).expect("a folder").count(),
            1
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write_file(Path::new("/nowhere/at/all"), b"").expect_err("no folder");
        assert_eq!(error.to_string(), "cannot write `/nowhere/at/all`");
    }
}
