//! The tags of a repository. Rows of equal digest are one group: same image, several names.

use std::cmp::{Ordering, Reverse};

use askama::Template;
use jiff::Timestamp;
use oci::{Digest, RepositoryName, Tag};

use crate::chips::{Health, Tally, VerdictChip};
use crate::frame::{Frame, Section};
use crate::order::natural_cmp;
use crate::routes::{Query, Route};

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
    /// The tags that match. The page orders and groups them.
    pub rows: Vec<TagRow>,
    /// How many tags the repository has.
    pub total: usize,
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

/// The order of tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagSort {
    /// Last pushed first.
    #[default]
    Newest,
    /// First pushed first.
    Oldest,
    /// Lowest version first.
    Name,
    /// Highest version first.
    NameReversed,
}

impl TagSort {
    /// Reads the `sort` parameter; unknown values are the default.
    pub fn from_parameter(value: &str) -> Self {
        match value {
            "pushed" => Self::Oldest,
            "name" => Self::Name,
            "-name" => Self::NameReversed,
            _ => Self::Newest,
        }
    }

    /// Returns the value of the parameter, empty for the default.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "",
            Self::Oldest => "pushed",
            Self::Name => "name",
            Self::NameReversed => "-name",
        }
    }

    fn cmp(self, a: &TagRow, b: &TagRow) -> Ordering {
        let names = natural_cmp(a.tag.as_str(), b.tag.as_str());
        match self {
            Self::Newest => Reverse(a.pushed)
                .cmp(&Reverse(b.pushed))
                .then(names.reverse()),
            Self::Oldest => a.pushed.cmp(&b.pushed).then(names),
            Self::Name => names,
            Self::NameReversed => names.reverse(),
        }
    }

    /// Returns the order after the next click on a heading.
    fn after_click(self, heading: &str) -> Self {
        match (heading, self) {
            ("name", Self::NameReversed) => Self::Name,
            ("name", _) => Self::NameReversed,
            (_, Self::Newest) => Self::Oldest,
            (_, _) => Self::Newest,
        }
    }

    fn aria(self, heading: &str) -> &'static str {
        match (heading, self) {
            ("name", Self::Name) | ("pushed", Self::Oldest) => " aria-sort=ascending",
            ("name", Self::NameReversed) | ("pushed", Self::Newest) => " aria-sort=descending",
            _ => "",
        }
    }

    fn arrow(self, heading: &str) -> &'static str {
        match (heading, self) {
            ("name", Self::Name) | ("pushed", Self::Oldest) => "↑",
            ("name", Self::NameReversed) | ("pushed", Self::Newest) => "↓",
            _ => "",
        }
    }
}

/// Orders rows and brings those of equal digest together, each group where its first row belongs.
pub fn grouped(rows: &[TagRow], sort: TagSort) -> Vec<Vec<&TagRow>> {
    let mut sorted: Vec<&TagRow> = rows.iter().collect();
    sorted.sort_by(|a, b| sort.cmp(a, b));
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<Vec<&TagRow>> = Vec::new();
    for row in sorted {
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

    fn groups(&self) -> Vec<Vec<&TagRow>> {
        grouped(&self.rows, self.sort)
    }

    fn sort_address(&self, heading: &str) -> Query {
        Route::Tags(self.repository.clone())
            .with("q", &self.query)
            .with("sort", self.sort.after_click(heading).as_str())
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

    fn row(tag: &str, content: &str, pushed: i64) -> TagRow {
        TagRow {
            tag: tag.parse().unwrap(),
            digest: Digest::sha256(content.as_bytes()),
            health: None,
            verdict: None,
            vulnerabilities: Tally::NotScanned,
            platforms: Vec::new(),
            size_bytes: 0,
            pushed: Timestamp::from_second(pushed).unwrap(),
        }
    }

    #[track_caller]
    fn check(sort: TagSort, expected: &[&[&str]]) {
        let rows = [
            row("v1.9", "a", 1),
            row("v1.10", "b", 2),
            row("latest", "b", 4),
            row("v1.11", "c", 3),
        ];
        let groups: Vec<Vec<&str>> = grouped(&rows, sort)
            .iter()
            .map(|group| group.iter().map(|row| row.tag.as_str()).collect())
            .collect();
        assert_eq!(groups, expected);
    }

    #[test]
    fn tags_of_one_digest_stand_together_where_the_first_belongs() {
        check(
            TagSort::Newest,
            &[&["latest", "v1.10"], &["v1.11"], &["v1.9"]],
        );
    }

    #[test]
    fn versions_are_in_natural_order() {
        check(
            TagSort::Name,
            &[&["latest", "v1.10"], &["v1.9"], &["v1.11"]],
        );
    }

    #[test]
    fn sorting_parameters_survive_their_spelling() {
        for sort in [
            TagSort::Newest,
            TagSort::Oldest,
            TagSort::Name,
            TagSort::NameReversed,
        ] {
            assert_eq!(TagSort::from_parameter(sort.as_str()), sort);
        }
    }
}
