//! How much is used, and how much may be: of one namespace, and of all.

use askama::Template;
use jiff::Timestamp;
use oci::RepositoryName;

use super::{HomeHead, HomeTab};
use crate::draft::Draft;
use crate::format;
use crate::frame::{Frame, Section};
use crate::homes::HomeView;
use crate::pages::system::SystemTab;
use crate::routes::{Query, Route};

/// What is used of a quota.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuotaCard {
    /// Used, in bytes.
    pub used: u64,
    /// How much may be.
    pub limit: Option<QuotaLimit>,
}

/// How much may be used.
#[derive(Clone, Copy, Debug)]
pub struct QuotaLimit {
    /// In bytes.
    pub bytes: u64,
    /// From how many hundredths of it on pushes carry a warning.
    pub warn_percent: u8,
    /// Whether pushes beyond it are refused.
    pub refuses: bool,
}

impl QuotaCard {
    /// Returns how many hundredths of the quota are used; more than 100 where it is overshot.
    pub(crate) fn percent(&self) -> Option<u64> {
        let limit = self.limit?;
        let percent = u128::from(self.used) * 100 / u128::from(limit.bytes.max(1));
        Some(u64::try_from(percent).unwrap_or(u64::MAX))
    }

    /// Returns the length of the bar, 0 to 100.
    pub(crate) fn bar(&self) -> u64 {
        self.percent().unwrap_or(0).min(100)
    }

    /// Returns the class, the glyph and the word of the state.
    pub(crate) fn state(&self) -> (&'static str, &'static str) {
        match (self.limit, self.percent()) {
            (Some(limit), Some(percent)) if percent >= 100 => {
                if limit.refuses {
                    ("deny", "✕ full: pushes are refused")
                } else {
                    ("warn", "! over the quota: pushes are warned")
                }
            }
            (Some(limit), Some(percent)) if percent >= u64::from(limit.warn_percent) => {
                ("warn", "! nearly full")
            }
            (Some(_), _) => ("allow", "✓ within the quota"),
            (None, _) => ("wait", "no quota"),
        }
    }

    /// Says the state of the bar in words.
    pub(crate) fn words(&self) -> String {
        let used = format::size(self.used);
        match (self.limit, self.percent()) {
            (Some(limit), Some(0)) if self.used > 0 => {
                format!("{used} of {}, under 1 %", format::size(limit.bytes))
            }
            (Some(limit), Some(percent)) => {
                format!("{used} of {}, {percent} %", format::size(limit.bytes))
            }
            _ => used,
        }
    }

    /// Writes the limit as the form takes it, in the largest unit that is exact.
    pub(crate) fn limit_field(&self) -> String {
        let Some(limit) = self.limit else {
            return String::new();
        };
        let units = [
            ("TB", 1_000_000_000_000),
            ("GB", 1_000_000_000),
            ("MB", 1_000_000),
            ("kB", 1_000),
        ];
        let exact = units
            .iter()
            .find(|(_, bytes)| limit.bytes > 0 && limit.bytes.is_multiple_of(*bytes));
        match exact {
            Some((unit, bytes)) => format!("{} {unit}", limit.bytes / bytes),
            None => format!("{} B", limit.bytes),
        }
    }
}

impl QuotaCard {
    pub(crate) fn warn_field(&self) -> String {
        self.limit
            .map_or(80, |limit| limit.warn_percent)
            .to_string()
    }

    pub(crate) fn beyond(&self) -> &'static str {
        if self.limit.is_none_or(|limit| limit.refuses) {
            "refuse"
        } else {
            "warn"
        }
    }
}

/// What a namespace uses.
#[derive(Clone, Debug, Template)]
#[template(path = "people/usage.html", whitespace = "minimize")]
pub struct UsagePage {
    /// The surroundings.
    pub frame: Frame,
    /// Whose page it is.
    pub head: HomeHead,
    /// What is used of its quota.
    pub quota: QuotaCard,
    /// Whether the visitor sets quotas.
    pub may_set: bool,
    /// What its repositories hold.
    pub rows: Vec<UsageRow>,
    /// Whether the largest come first; else they are in order of their names.
    pub by_size: bool,
    /// Whether rows come before these.
    pub is_continued: bool,
    /// The `after` of the next page.
    pub next: Option<RepositoryName>,
    /// The form that was refused.
    pub draft: Draft,
}

/// What a repository holds.
#[derive(Clone, Debug)]
pub struct UsageRow {
    /// The repository.
    pub repository: RepositoryName,
    /// In bytes, each blob once.
    pub bytes: u64,
}

/// What everybody uses.
#[derive(Clone, Debug, Template)]
#[template(path = "people/system_usage.html", whitespace = "minimize")]
pub struct SystemUsagePage {
    /// The surroundings.
    pub frame: Frame,
    /// What is used of the system's quota.
    pub quota: QuotaCard,
    /// What namespaces use, by name.
    pub rows: Vec<NamespaceRow>,
    /// Whether rows come before these.
    pub is_continued: bool,
    /// The `after` of the next page.
    pub next: Option<String>,
    /// The form that was refused.
    pub draft: Draft,
}

/// What a namespace uses.
#[derive(Clone, Debug)]
pub struct NamespaceRow {
    /// The namespace.
    pub namespace: String,
    /// Whether it is an organisation's, and so has a page of its own.
    pub is_organisation: bool,
    /// What is used of its quota.
    pub quota: QuotaCard,
    /// When the figure was last added up.
    pub folded: Option<Timestamp>,
}

impl UsagePage {
    const SECTION: Section = Section::Elsewhere;
    const TAB: HomeTab = HomeTab::Usage;

    fn target(&self) -> Route {
        self.head.home.at(HomeView::Usage)
    }

    fn largest(&self) -> Query {
        self.target().with("sort", "-size")
    }

    fn next_page(&self, after: &RepositoryName) -> Query {
        self.target().with("after", after.as_str())
    }
}

impl SystemUsagePage {
    const SECTION: Section = Section::System;
    const TAB: SystemTab = SystemTab::Usage;

    #[expect(clippy::unused_self, reason = "templates call methods only")]
    fn target(&self) -> Route {
        Route::Usage
    }

    #[expect(clippy::unused_self, reason = "templates call methods only")]
    fn next_page(&self, after: &str) -> Query {
        Route::Usage.with("after", after)
    }

    #[expect(clippy::unused_self, reason = "templates call methods only")]
    fn organisation(&self, name: &str) -> Route {
        crate::homes::Home::Organisation(name.to_owned()).at(HomeView::Usage)
    }
}

/// Renders what a namespace uses.
pub fn render_usage(page: &UsagePage) -> Result<String, askama::Error> {
    page.render()
}

/// Renders what everybody uses.
pub fn render_system_usage(page: &SystemUsagePage) -> Result<String, askama::Error> {
    page.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(used: u64, limit: u64, refuses: bool, bar: u64, word: &str) {
        let card = QuotaCard {
            used,
            limit: Some(QuotaLimit {
                bytes: limit,
                warn_percent: 80,
                refuses,
            }),
        };
        assert_eq!(card.bar(), bar);
        assert!(card.state().1.contains(word), "{:?}", card.state());
    }

    #[test]
    fn a_quota_says_how_near_its_end_is() {
        check(10, 100, true, 10, "within");
        check(80, 100, true, 80, "nearly");
        check(100, 100, true, 100, "refused");
        check(250, 100, false, 100, "warned");
        check(u64::MAX, 1, true, 100, "refused");
        assert_eq!(QuotaCard::default().state().1, "no quota");
    }

    #[track_caller]
    fn says(used: u64, limit: u64, words: &str) {
        let limit = QuotaLimit {
            bytes: limit,
            warn_percent: 80,
            refuses: true,
        };
        let card = QuotaCard {
            used,
            limit: Some(limit),
        };
        assert_eq!(card.words(), words);
    }

    #[test]
    fn something_is_never_called_nothing() {
        says(0, 1_000, "0 B of 1.0 kB, 0 %");
        says(9, 1_000, "9 B of 1.0 kB, under 1 %");
        says(10, 1_000, "10 B of 1.0 kB, 1 %");
        says(12_000, 50_000_000_000, "12.0 kB of 50.0 GB, under 1 %");
        says(1, 0, "1 B of 0 B, 100 %");
        assert_eq!(QuotaCard::default().words(), "0 B");
    }

    #[test]
    fn a_limit_is_written_so_that_it_reads_back_exactly() {
        for (bytes, text) in [
            (50_000_000_000, "50 GB"),
            (1_500_000, "1500 kB"),
            (1_234, "1234 B"),
            (0, "0 B"),
        ] {
            let limit = QuotaLimit {
                bytes,
                warn_percent: 80,
                refuses: true,
            };
            let card = QuotaCard {
                used: 0,
                limit: Some(limit),
            };
            assert_eq!(card.limit_field(), text);
        }
    }
}
