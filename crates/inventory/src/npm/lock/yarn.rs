//! `yarn.lock`: the first format, a language of its own, and the later ones, which are YAML.
//!
//! One reader of lines serves both: a block begins in the first column with the descriptors it resolves, and holds its
//! own fields two columns in. Deeper lines are the dependencies'.

use super::split_at_version;
use crate::document::Unreadable;
use crate::extractor::Notes;
use crate::listing::Listing;

/// What lies on this disk, or names a protocol that yarn does not know.
const LOCAL: [&str; 5] = ["workspace:", "link:", "portal:", "file:", "unsupported:"];

/// One block under construction.
#[derive(Default)]
struct Block {
    /// The first descriptor: `@s/a@^1`.
    descriptor: String,
    /// What it was resolved to, in the later formats: `@s/a@npm:1.2.3`.
    resolution: Option<String>,
    version: Option<String>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the other formats can be damaged, this one has no grammar to break"
)]
pub(super) fn read(
    content: &[u8],
    listing: &mut Listing,
    notes: &mut Notes,
) -> Result<(), Unreadable> {
    let text = String::from_utf8_lossy(content);
    let mut block = Block::default();
    for line in text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
    {
        match line.len() - line.trim_start_matches(' ').len() {
            0 => std::mem::replace(&mut block, Block::new(line)).finish(listing, notes),
            2 => block.field(line.trim()),
            _ => {}
        }
    }
    block.finish(listing, notes);
    Ok(())
}

impl Block {
    /// `"a@^1", "a@^1.2":`, or `"a@npm:^1, a@npm:^1.2":`.
    fn new(line: &str) -> Self {
        let first = line
            .trim_end()
            .trim_end_matches(':')
            .split(',')
            .next()
            .unwrap_or_default();
        Self {
            descriptor: unquote(first).to_owned(),
            ..Self::default()
        }
    }

    /// `version "1.2.3"`, or `version: 1.2.3`.
    fn field(&mut self, line: &str) {
        let Some((key, value)) = line.split_once(' ') else {
            return;
        };
        let value = || Some(unquote(value.trim()).to_owned());
        match key.trim_end_matches(':') {
            "version" => self.version = value(),
            "resolution" => self.resolution = value(),
            _ => {}
        }
    }

    fn finish(self, listing: &mut Listing, notes: &mut Notes) {
        let Some(version) = self.version else {
            return;
        };
        let locked = self.resolution.as_deref().unwrap_or(&self.descriptor);
        let Some((name, range)) = split_at_version(locked) else {
            return;
        };
        if LOCAL.iter().any(|protocol| range.starts_with(protocol)) {
            return;
        }
        // The descriptor of an alias names the package it leads to: `alias@npm:real@^2`, `alias@npm:real`.
        let alias = range
            .strip_prefix("npm:")
            .filter(|_| self.resolution.is_none());
        let name = alias.map_or(name, |real| {
            split_at_version(real).map_or(real, |(real, _)| real)
        });
        listing.add(name, &version, notes);
    }
}

fn unquote(text: &str) -> &str {
    text.trim_matches('"')
}
