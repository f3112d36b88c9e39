//! `feed.age`: the advisories themselves are recent.

use super::case::{Case, Judgement, Missing, Place};
use super::{Condition, ConditionInfo, Parameter};
use crate::policy::duration::Span;

pub(super) const INFO: ConditionInfo = ConditionInfo {
    name: "feed.age",
    summary: "The advisory data is not older than a limit.",
    parameters: &[
        Parameter::required("max", "time span", "the limit"),
        Parameter::optional(
            "source",
            "feed name",
            Some("the whole snapshot"),
            "one feed of the snapshot, such as `debian` or `kev`",
        ),
    ],
    notes: "Old data is `unknown`, so `on_missing` decides; it is never a pass. The limit ends exactly that span after the \
            data's instant.",
    example: "{id: fresh-advisories, when: feed.age, with: {max: 3d}, level: warn}",
    judged_on_index: false,
    waivable: true,
    read: |fields| {
        Ok(Box::new(FeedAge {
            max: fields.required("max")?.span()?,
            source: match fields.optional("source") {
                Some(source) => Some(source.text()?.to_owned()),
                None => None,
            },
        }))
    },
};

#[derive(Debug)]
struct FeedAge {
    max: Span,
    source: Option<String>,
}

impl Condition for FeedAge {
    fn required(&self) -> String {
        format!("at most {} old", self.max.as_str())
    }

    fn judge(&self, case: &Case<'_>) -> Result<Judgement, Missing> {
        let built_at = case.matches()?.snapshot.built_at;
        let (name, as_of) = match &self.source {
            None => ("advisories", built_at),
            Some(source) => {
                let mut feeds = case.evidence.feeds.iter();
                let Some(feed) = feeds.find(|feed| feed.name == source) else {
                    let observed = format!("no feed `{source}` in the advisory snapshot");
                    return Ok(Judgement::unknown(observed)
                        .at(Place::Matches)
                        .remedy("import the feed"));
                };
                (feed.name, feed.as_of)
            }
        };
        let limit = self.max.after(as_of);
        let observed = format!("{name} of {}", as_of.strftime("%Y-%m-%dT%H:%M:%SZ"));
        let judgement = if case.now < limit {
            Judgement::pass_if(true, observed)
        } else {
            Judgement::unknown(format!("stale: {observed}"))
                .brief(format!("{observed}, needs {}", self.required()))
                .remedy("import current advisories")
        };
        Ok(judgement.at(Place::Matches).changing_at(limit, case.now))
    }
}
