//! The judgement: two walks over the tags, in memory that depends on the policy and not on the number of tags.
//!
//! The first walk finds, for each rule that counts, the instant of the last tag that is kept; the second judges each tag
//! by it. Tags of the same instant are all kept.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use catalog::{TagCandidate, UntaggedManifest};
use jiff::Timestamp;

use super::document::{Policy, Rule};

/// The latest instants, as many as a rule keeps.
#[derive(Debug)]
struct Latest {
    count: usize,
    instants: BinaryHeap<Reverse<Timestamp>>,
}

/// What the first walk found, by rule.
#[derive(Debug)]
pub(super) struct Counted {
    pushed: Vec<Option<Latest>>,
    pulled: Vec<Option<Latest>>,
}

impl Latest {
    fn of(count: Option<u32>) -> Option<Self> {
        count.map(|count| Self {
            count: count as usize,
            instants: BinaryHeap::new(),
        })
    }

    fn add(&mut self, instant: Timestamp) {
        self.instants.push(Reverse(instant));
        if self.instants.len() > self.count {
            self.instants.pop();
        }
    }

    fn keeps(&self, instant: Timestamp) -> bool {
        let is_full = self.instants.len() == self.count;
        !is_full
            || self
                .instants
                .peek()
                .is_none_or(|Reverse(last)| instant >= *last)
    }
}

impl Rule {
    fn selects(&self, candidate: &TagCandidate) -> bool {
        let matches = |pattern: &catalog::Pattern| pattern.matches(candidate.tag.as_str());
        (self.include.is_empty() || self.include.iter().any(matches))
            && !self.exclude.iter().any(matches)
    }
}

impl Counted {
    pub(super) fn new(policy: &Policy) -> Self {
        let by_rule = |count: fn(&Rule) -> Option<u32>| {
            let rules = policy.rules.iter();
            rules.map(|rule| Latest::of(count(rule))).collect()
        };
        Self {
            pushed: by_rule(|rule| rule.last_pushed),
            pulled: by_rule(|rule| rule.last_pulled),
        }
    }

    /// The first walk: takes a tag into account.
    pub(super) fn add(&mut self, policy: &Policy, candidate: &TagCandidate) {
        if candidate.follows {
            return;
        }
        for (position, rule) in policy.rules.iter().enumerate() {
            if !rule.selects(candidate) {
                continue;
            }
            if let Some(latest) = &mut self.pushed[position] {
                latest.add(candidate.pushed_at);
            }
            if let (Some(latest), Some(pulled)) = (&mut self.pulled[position], candidate.pulled_at)
            {
                latest.add(pulled);
            }
        }
    }

    /// The second walk: returns the rule by which a tag ends, or `None` if it stays.
    pub(super) fn judge<'a>(
        &self,
        policy: &'a Policy,
        candidate: &TagCandidate,
        now: Timestamp,
    ) -> Option<&'a str> {
        if candidate.follows {
            return None;
        }
        let mut by = None;
        for (position, rule) in policy.rules.iter().enumerate() {
            if !rule.selects(candidate) {
                continue;
            }
            if self.keeps(position, rule, candidate, now) {
                return None;
            }
            by = by.or(Some(rule.name.as_str()));
        }
        by
    }

    fn keeps(
        &self,
        position: usize,
        rule: &Rule,
        candidate: &TagCandidate,
        now: Timestamp,
    ) -> bool {
        let is_latest_pushed = self.pushed[position]
            .as_ref()
            .is_some_and(|latest| latest.keeps(candidate.pushed_at));
        let is_fresh = rule
            .pushed_within
            .is_some_and(|within| is_within(candidate.pushed_at, within, now));
        let asks_for_pulls = rule.last_pulled.is_some() || rule.pulled_within.is_some();
        let is_pulled = match candidate.pulled_at {
            // Nobody knows: it stays.
            None => asks_for_pulls,
            Some(pulled) => {
                let latest = self.pulled[position].as_ref();
                latest.is_some_and(|latest| latest.keeps(pulled))
                    || rule
                        .pulled_within
                        .is_some_and(|within| is_within(pulled, within, now))
            }
        };
        is_latest_pushed || is_fresh || is_pulled
    }
}

/// Returns whether a manifest that nothing leads to has been so for as long as the policy says.
pub(super) fn is_left(policy: &Policy, manifest: &UntaggedManifest, now: Timestamp) -> bool {
    let since = manifest
        .untagged_at
        .map_or(manifest.pushed_at, |ended| ended.max(manifest.pushed_at));
    policy
        .untagged_after
        .is_some_and(|after| !is_within(since, after, now))
}

fn is_within(instant: Timestamp, within: Duration, now: Timestamp) -> bool {
    now.checked_sub(within).is_ok_and(|begin| instant > begin)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use oci::Digest;

    use super::*;

    fn at(hours: i64) -> Timestamp {
        let start: Timestamp = "2026-11-24T00:00:00Z".parse().expect("an instant");
        start + SignedDuration::from_hours(hours)
    }

    fn tag(name: &str, pushed: i64, pulled: Option<i64>) -> TagCandidate {
        TagCandidate {
            tag: name.parse().expect("a tag"),
            digest: Digest::sha256(name.as_bytes()),
            pushed_at: at(pushed),
            pulled_at: pulled.map(at),
            size_bytes: 1,
            follows: false,
        }
    }

    /// Checks which of the tags end at hour 100, as `name:rule`.
    #[track_caller]
    fn check(policy: &str, tags: &[TagCandidate], ending: &[&str]) {
        let policy = Policy::parse(policy).expect("a policy");
        let mut counted = Counted::new(&policy);
        for tag in tags {
            counted.add(&policy, tag);
        }
        let ended: Vec<String> = tags
            .iter()
            .filter_map(|tag| {
                let rule = counted.judge(&policy, tag, at(100))?;
                Some(format!("{}:{rule}", tag.tag))
            })
            .collect();
        assert_eq!(ended, ending);
    }

    #[test]
    fn an_empty_policy_ends_nothing() {
        check("{}", &[tag("a", 0, None)], &[]);
    }

    #[test]
    fn the_latest_pushed_stay() {
        let tags = [
            tag("a", 1, None),
            tag("b", 3, None),
            tag("c", 2, None),
            tag("d", 2, None),
        ];
        let keep = |n| format!(r#"{{"rules":[{{"name":"n","keepLastPushed":{n}}}]}}"#);
        check(&keep(1), &tags, &["a:n", "c:n", "d:n"]);
        // Two of one instant are both kept.
        check(&keep(2), &tags, &["a:n"]);
        check(&keep(4), &tags, &[]);
        check(&keep(9), &tags, &[]);
    }

    #[test]
    fn times_count_to_the_instant() {
        let tags = [tag("a", 76, None), tag("b", 77, None)];
        check(
            r#"{"rules":[{"name":"d","keepPushedWithin":"1d"}]}"#,
            &tags,
            &["a:d"],
        );
    }

    #[test]
    fn an_unknown_pull_keeps() {
        let tags = [
            tag("a", 1, Some(10)),
            tag("b", 1, Some(90)),
            tag("c", 1, None),
        ];
        check(
            r#"{"rules":[{"name":"p","keepPulledWithin":"1d"}]}"#,
            &tags,
            &["a:p"],
        );
        check(
            r#"{"rules":[{"name":"p","keepLastPulled":1}]}"#,
            &tags,
            &["a:p"],
        );
    }

    #[test]
    fn one_rule_that_keeps_is_enough_and_no_rule_keeps_too() {
        let tags = [tag("v1", 1, None), tag("v2", 2, None), tag("dev", 1, None)];
        let policy = r#"{"rules":[
            {"name":"one","include":["v*"],"keepLastPushed":1},
            {"name":"first","include":["regex:v1|x"],"keepPushedWithin":"52w"}]}"#;
        check(policy, &tags, &[]);
        let policy = r#"{"rules":[{"name":"one","include":["v*"],"exclude":["v1"],"keepPushedWithin":"1h"}]}"#;
        check(policy, &tags, &["v2:one"]);
    }

    #[test]
    fn what_follows_neither_ends_nor_counts() {
        let follower = TagCandidate {
            follows: true,
            ..tag("sig", 9, None)
        };
        let tags = [tag("a", 1, None), follower];
        check(r#"{"rules":[{"name":"n","keepLastPushed":1}]}"#, &tags, &[]);
    }

    #[test]
    fn untagged_manifests_are_left_after_their_time() {
        let policy = Policy::parse(r#"{"untaggedAfter":"1d"}"#).expect("a policy");
        let manifest = |pushed, untagged: Option<i64>| UntaggedManifest {
            digest: Digest::sha256(b""),
            pushed_at: at(pushed),
            untagged_at: untagged.map(at),
            size_bytes: 1,
        };
        assert!(is_left(&policy, &manifest(1, None), at(100)));
        assert!(is_left(&policy, &manifest(1, Some(76)), at(100)));
        assert!(!is_left(&policy, &manifest(1, Some(77)), at(100)));
        assert!(!is_left(&policy, &manifest(90, None), at(100)));
    }
}
