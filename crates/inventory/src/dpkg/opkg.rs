//! opkg, the package manager of OpenWrt and of small Linux systems: a relative of dpkg with its own states.
//!
//! `**/lib/opkg/status` lists what is installed. Its flags are many (`ok`, `user`, `hold`, several with commas between),
//! and none of them says that a package is not there. Not read: `info/*.control`, which repeats the status.
//!
//! # Source
//! The states and flags that opkg 0.6 writes.

use super::stanza::Stanza;
use super::{Installed, packages, read};
use crate::extractor::{Extractor, File, Notes, Wanted};
use crate::path;
use crate::report::Rows;

pub(crate) const OPKG: Extractor = Extractor {
    name: "opkg",
    version: 1,
    literals: &["lib/opkg/status"],
    accepts: |path| path::ends_with(path, b"lib/opkg/status"),
    wanted: Wanted::PackageText,
    ownable: false,
    parse,
};

fn parse(file: &File<'_>, notes: &mut Notes) -> Rows {
    packages(read(file.content, is_installed, notes))
}

fn is_installed(stanza: &Stanza) -> Installed {
    let status = stanza.status.as_deref().unwrap_or_default();
    match status.split_whitespace().collect::<Vec<_>>()[..] {
        ["install" | "hold" | "unknown", _, "installed"] => Installed::Yes,
        [_, _, "config-files" | "not-installed"] | [] => Installed::No,
        _ => Installed::Uncounted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_a_state_do_not_hide_a_package() {
        let content = b"Package: dropbear\nVersion: 2024.85-r0\nStatus: install user installed\nArchitecture: x86_64\n\
            License: MIT\nInstalled-Time: 1714492800\n\n\
            Package: busybox\nVersion: 1.36.1-r2\nStatus: install ok,user installed\nMaintainer: A <a@openwrt.org>\n\n\
            Package: gone\nVersion: 1\nStatus: deinstall ok not-installed\n\n\
            Package: half\nVersion: 1\nStatus: install ok unpacked\n\n";
        let mut notes = Notes::new(b"usr/lib/opkg/status");
        let file = File {
            path: b"usr/lib/opkg/status",
            content,
        };
        let Rows::Packages { rows, .. } = parse(&file, &mut notes) else {
            panic!("a database gives packages")
        };
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["dropbear", "busybox"]);
        assert_eq!(rows[0].licenses, ["MIT"]);
        assert_eq!(rows[0].facts.len() + rows[1].facts.len(), 2);
        let codes: Vec<_> = notes.into_list().into_iter().map(|d| d.code).collect();
        assert_eq!(codes, ["dpkg.not_counted"]);
    }
}
