//! Layers for tests: a small tar writer, and the shortest way from entries to an inventory.

use evidence::{Inventory, LayerInfo};
use image::Limits;
use inventory::{Layer, LayerReport};
use oci::{Digest, ImageConfig};

/// A tar under construction.
#[derive(Default)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let mut tar = self.entry(path, b'0', "", content.len());
        tar.0.extend(content);
        tar.0.resize(tar.0.len().next_multiple_of(512), 0);
        tar
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        self.entry(path, b'5', "", 0)
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(path, b'2', target, 0)
    }

    pub(crate) fn hardlink(self, path: &str, target: &str) -> Self {
        self.entry(path, b'1', target, 0)
    }

    pub(crate) fn whiteout(self, path: &str) -> Self {
        let hidden = match path.rsplit_once('/') {
            Some((directory, name)) => format!("{directory}/.wh.{name}"),
            None => format!(".wh.{path}"),
        };
        self.file(&hidden, "")
    }

    pub(crate) fn opaque(self, directory: &str) -> Self {
        self.file(&format!("{directory}/.wh..wh..opq"), "")
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }

    pub(crate) fn report(self) -> LayerReport {
        inventory::analyse_layer(self.bytes().as_slice(), &Limits::default())
    }

    fn entry(mut self, path: &str, kind: u8, link: &str, size: usize) -> Self {
        let mut header = [0_u8; 512];
        let mut put =
            |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
        put(0, path);
        put(100, "0000644\0");
        put(108, "0000000\0");
        put(116, "0000000\0");
        put(124, &format!("{size:011o}\0"));
        put(136, "00000000000\0");
        put(148, "        ");
        put(157, link);
        put(257, "ustar\u{0}00");
        header[156] = kind;
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend(header);
        self
    }
}

/// Merges layers given from the base up.
pub(crate) fn merge(reports: &[LayerReport], config: Option<&ImageConfig>) -> Inventory {
    let layers: Vec<Layer<'_>> = reports
        .iter()
        .enumerate()
        .map(|(index, report)| Layer {
            info: LayerInfo {
                digest: Digest::sha256(&index.to_le_bytes()),
                diff_id: None,
                size_bytes: report.totals.blob_bytes,
                created_by: None,
            },
            report,
        })
        .collect();
    inventory::merge(&layers, config)
}

pub(crate) fn merge_tars(tars: impl IntoIterator<Item = Tar>) -> Inventory {
    let reports: Vec<LayerReport> = tars.into_iter().map(Tar::report).collect();
    merge(&reports, None)
}

/// `name version path @layer`, one package each.
pub(crate) fn summary(inventory: &Inventory) -> Vec<String> {
    inventory
        .packages
        .iter()
        .map(|package| {
            let layer = package
                .layer
                .map_or_else(|| "-".to_owned(), |layer| layer.to_string());
            format!("{} {} @{layer}", package.name, package.version)
        })
        .collect()
}

pub(crate) fn codes(inventory: &Inventory) -> Vec<&str> {
    inventory
        .diagnostics
        .iter()
        .map(|seen| seen.code.as_ref())
        .collect()
}

/// A dpkg database of packages given as (name, version).
pub(crate) fn dpkg(packages: &[(&str, &str)]) -> String {
    packages.iter().fold(String::new(), |database, (name, version)| {
        database
            + &format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
    })
}

pub(crate) fn metadata(name: &str, version: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\ntext\n")
}

pub(crate) fn package_json(name: &str, version: &str) -> String {
    format!(r#"{{"name":"{name}","version":"{version}"}}"#)
}
