//! Counting documents while a feed is read, and refusing a feed with too many bad ones.

use std::path::Path;

use super::{FeedReport, SkippedDocument};
use crate::import::ImportError;

/// The counts of one feed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Documents read.
    pub records: u64,
    /// Documents about ecosystems that cannot be matched.
    pub not_used: u64,
    /// Documents that upstream has withdrawn.
    pub withdrawn: u64,
    /// Documents that could not be read.
    pub skipped: u64,
    /// The first of them.
    pub named: Vec<SkippedDocument>,
    /// The newest date that upstream gives, in seconds of Unix time.
    pub modified: Option<i64>,
}

impl Tally {
    /// Counts a bad document and names it, if it is among the first.
    pub(crate) fn skip(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.skipped += 1;
        if self.named.len() < FeedReport::NAMED {
            self.named.push(SkippedDocument {
                name: name.into(),
                reason: reason.into(),
            });
        }
    }

    /// Remembers a date of upstream's if it is the newest.
    pub(crate) fn seen(&mut self, modified: Option<i64>) {
        self.modified = self.modified.max(modified);
    }

    /// Refuses a feed in which more than one document in a hundred is bad.
    ///
    /// # Source
    /// The limits of the snapshot: "bad document: skipped, counted, named; > 1 % of a feed → feed refused".
    pub(crate) fn accept(&self, path: &Path) -> Result<(), ImportError> {
        let total = self.records + self.skipped;
        match self.named.first() {
            Some(first) if self.skipped * 100 > total => Err(ImportError::TooManyBadDocuments {
                path: path.to_owned(),
                skipped: self.skipped,
                total,
                first: first.clone(),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(good: u64, bad: u64, accepted: bool) {
        let mut tally = Tally {
            records: good,
            ..Tally::default()
        };
        (0..bad).for_each(|n| tally.skip(format!("document {n}"), "broken"));
        assert_eq!(
            tally.accept(Path::new("feed")).is_ok(),
            accepted,
            "{good} + {bad}"
        );
        assert_eq!(tally.skipped, bad);
        assert!(tally.named.len() <= FeedReport::NAMED);
    }

    #[test]
    fn one_in_a_hundred_is_accepted_and_more_is_not() {
        check(0, 0, true);
        check(99, 1, true);
        check(98, 1, false);
        check(9900, 100, true);
        check(9899, 101, false);
        check(0, 1, false);
    }
}
