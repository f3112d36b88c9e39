//! The tags of a repository, one page of them. Rows of equal digest are one group: same image, several names.

use askama::Template;
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};

use crate::chips::{Health, Tally, VerdictChip};
use crate::frame::{Frame, Section};
use crate::pages::repository::RepositoryTab;
use crate::routes::{Query, Route};
use crate::sorting::{Column, Heading, Sort};

/// The tags page.
#[derive(Clone, Debug, Template)]
#[template(path = "tags.html", whitespace = "minimize")]
pub struct TagsPage {
    /// The surroundings.
    pub frame: Frame,
    /// The repository.
    pub repository: RepositoryName,
    /// The filter: a part of the tag or digest.
    pub query: String,
    /// The order asked for.
    pub sort: TagSort,
    /// The name of the policy whose verdict is shown.
    pub policy: Option<String>,
    /// The tags of this page in their order. The page groups them.
    pub rows: Vec<TagRow>,
    /// Whether tags come before these.
    pub is_continued: bool,
    /// The `cursor` of the next page, if there is one.
    pub next: Option<String>,
    /// A text given as an instant that is none.
    pub unread_instant: Option<String>,
    /// The registry's host and port as clients write it.
    pub registry_host: String,
}

/// One tag.
#[derive(Clone, Debug)]
pub struct TagRow {
    /// The tag.
    pub tag: Tag,
    /// The manifest or index it points to.
    pub digest: Digest,
    /// Whether somebody made it immutable.
    pub immutable: bool,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// The grade, worst platform.
    pub health: Option<Health>,
    /// The verdict.
    pub verdict: Option<VerdictChip>,
    /// The counts, worst platform.
    pub vulnerabilities: Tally,
    /// The platforms: `linux/amd64`.
    pub platforms: Vec<String>,
    /// The sum of the layers as stored.
    pub size_bytes: u64,
    /// When the tag was set.
    pub pushed: Timestamp,
}

/// A column by which tags are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagColumn {
    /// The name, read as a version.
    Name,
    /// The health grade.
    Grade,
    /// The size.
    Size,
    /// The instant of the push.
    Pushed,
}

/// The order of tags. Greatest are the latest, the highest version, the worst grade, the largest.
pub type TagSort = Sort<TagColumn>;

impl Column for TagColumn {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Self::Name, "name"),
        (Self::Grade, "grade"),
        (Self::Size, "size"),
        (Self::Pushed, "pushed"),
    ];
    /// Last pushed first.
    const DEFAULT: TagSort = Sort::by(Self::Pushed, true);

    fn begins_descending(self) -> bool {
        true
    }
}

/// Brings rows of equal digest together, each group where its first row stands.
pub fn grouped(rows: &[TagRow]) -> Vec<Vec<&TagRow>> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<Vec<&TagRow>> = Vec::new();
    for row in rows {
        let place = *places.entry(&row.digest).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

impl TagsPage {
    const SECTION: Section = Section::Images;
    const TAB: RepositoryTab = RepositoryTab::Tags;

    fn groups(&self) -> Vec<Vec<&TagRow>> {
        grouped(&self.rows)
    }

    fn first_page(&self, sort: TagSort) -> Query {
        Route::Tags(self.repository.clone())
            .with("q", &self.query)
            .with("sort", &sort.parameter())
    }

    fn next_page(&self, cursor: &str) -> Query {
        self.first_page(self.sort).with("cursor", cursor)
    }

    fn heading(&self, label: &'static str, column: TagColumn) -> Heading {
        self.sort
            .heading(label, column, |sort| self.first_page(sort))
    }

    fn image_address(&self, row: &TagRow) -> Route {
        Route::ImageByTag(self.repository.clone(), row.tag.clone())
    }

    fn digest_address(&self, row: &TagRow) -> Route {
        Route::ImageByDigest(self.repository.clone(), row.digest.clone())
    }
}

/// Renders the page.
pub fn render_tags(page: &TagsPage) -> Result<String, askama::Error> {
    page.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(tag: &str, content: &str) -> TagRow {
        TagRow {
            tag: tag.parse().unwrap(),
            digest: Digest::sha256(content.as_bytes()),
            immutable: false,
            expires: None,
            health: None,
            verdict: None,
            vulnerabilities: Tally::NotScanned,
            platforms: Vec::new(),
            size_bytes: 0,
            pushed: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn tags_of_one_digest_stand_together_where_the_first_belongs() {
        let rows = [
            row("latest", "b"),
            row("v1.11", "c"),
            row("v1.10", "b"),
            row("v1.9", "a"),
        ];
        let groups: Vec<Vec<&str>> = grouped(&rows)
            .iter()
            .map(|group| group.iter().map(|row| row.tag.as_str()).collect())
            .collect();
        assert_eq!(
            groups,
            [vec!["latest", "v1.10"], vec!["v1.11"], vec!["v1.9"]]
        );
    }
}
