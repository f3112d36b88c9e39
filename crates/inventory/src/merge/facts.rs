//! What an image says about itself: its distribution, and how its process runs.

use evidence::{Distro, ImageFacts, RedHatFacts};

use super::tree::Tree;
use crate::path;
use crate::report::{LayerReport, ReleaseRow, Rows};
use crate::{os_release, passwd};

/// Returns the distribution: the first candidate file that names one.
pub(crate) fn distro(tree: &Tree<'_>) -> Option<Distro> {
    os_release::CANDIDATES.iter().find_map(|(path, _)| {
        let Rows::Release(row) = &tree.file(path.as_bytes())?.rows else {
            return None;
        };
        (!row.id.is_empty()).then(|| to_distro(row))
    })
}

fn to_distro(row: &ReleaseRow) -> Distro {
    Distro {
        id: row.id.clone(),
        version_id: row.version_id.clone(),
        codename: row.codename.clone(),
        pretty_name: row.pretty_name.clone(),
        id_like: row.id_like.clone(),
        cpe_name: row.cpe_name.clone(),
    }
}

/// Returns the facts of the configuration; a source without one has none.
pub(crate) fn image(tree: &Tree<'_>, config: Option<&oci::ImageConfig>) -> ImageFacts {
    let Some(config) = config else {
        return ImageFacts::default();
    };
    let process = &config.config;
    ImageFacts {
        platform: config.platform(),
        created: config.created.as_deref().and_then(|text| text.parse().ok()),
        user: process.user.clone(),
        runs_as_root: Some(is_root(&process.user, tree)),
        exposed_ports: process.exposed_ports.keys().cloned().collect(),
        labels: process.labels.clone(),
        red_hat: Vec::new(),
    }
}

/// Returns what layers of Red Hat's build system say, whatever became of their files.
pub(crate) fn red_hat(reports: &[&LayerReport]) -> Vec<RedHatFacts> {
    let mut facts = Vec::new();
    for (layer, report) in (0..).zip(reports) {
        for (path, file) in &report.files {
            let mut fact = RedHatFacts {
                layer: Some(layer),
                path: path::display(path),
                ..RedHatFacts::default()
            };
            match &file.rows {
                Rows::Content(row) => {
                    fact.content_sets.clone_from(&row.sets);
                    fact.from_dnf_hint = row.from_dnf_hint;
                    fact.image_layer_index = row.layer_index;
                }
                Rows::Labels(labels) if !labels.is_empty() => {
                    fact.labels.extend(labels.iter().cloned());
                }
                _ => continue,
            }
            facts.push(fact);
        }
    }
    facts
}

/// Reads `user`, `uid`, `user:group`. Unset is root; a name is looked up in the image before it is taken for root's.
///
/// # Source
/// OCI image specification, `config.md`, `User`. A name stands before a number: runtimes look it up first.
fn is_root(user: &str, tree: &Tree<'_>) -> bool {
    let name = user.split(':').next().unwrap_or_default().trim();
    if name.is_empty() {
        return true;
    }
    if let Some(uid) = uid_of(name, tree) {
        return uid == 0;
    }
    name.parse::<u32>().map_or(name == "root", |uid| uid == 0)
}

fn uid_of(name: &str, tree: &Tree<'_>) -> Option<u32> {
    let Rows::Users(users) = &tree.file(passwd::PATH)?.rows else {
        return None;
    };
    users
        .iter()
        .find(|user| user.name == name)
        .map(|user| user.uid)
}
