//! What a run would do: the upstream's tags against the filter and against what is here.

use std::cmp::Ordering;

use catalog::{Mirror, MirrorFilter, Repository, TagCause};
use oci::{Digest, Reference, Tag};
use serde::Serialize;

use super::super::client::UpstreamError;
use super::super::copy::Route;
use super::super::{FetchError, patterns};
use crate::app::Shared;

/// Tags that are part of a signature scheme follow their subject and are never chosen.
const FOLLOWERS: [&str; 3] = [".sig", ".att", ".sbom"];
/// Tags listed here at a time.
const PAGE: u32 = 1_000;
/// Tags one mirror may have.
const MAX_TAGS: usize = 20_000;

/// What becomes of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum StepKind {
    /// It is not here, or points elsewhere.
    Copy,
    /// It is what it should be; what refers to it is looked at again.
    Unchanged,
    /// Somebody took it back to what it was, and the upstream has not moved since.
    Held,
    /// The upstream does not have it any more.
    End,
    /// The upstream listed it and then did not have it.
    Gone,
}

/// One tag of a plan.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) tag: Tag,
    pub(crate) kind: StepKind,
    /// What the upstream points it at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<Digest>,
}

/// Makes the plan of a run. Nothing is changed by it.
pub(super) async fn plan(
    app: &Shared,
    mirror: &Mirror,
    route: &Route,
) -> Result<Vec<Step>, FetchError> {
    let filter = &mirror.settings.filter;
    let upstream = route.remote.tags(&route.source).await?;
    let chosen = choose(filter, upstream);
    if chosen.len() > MAX_TAGS {
        return Err(FetchError::Manifest(
            format!(
                "{} tags match, a mirror has at most {MAX_TAGS}",
                chosen.len()
            )
            .into(),
        ));
    }
    let mut steps = Vec::with_capacity(chosen.len());
    for tag in &chosen {
        steps.push(compare(app, route, tag).await?);
    }
    if filter.prune {
        let here = tags_here(app, &route.repository).await?;
        let ended = here
            .into_iter()
            .filter(|tag| !is_follower(tag) && chosen.binary_search(tag).is_err());
        steps.extend(ended.map(|tag| Step {
            tag,
            kind: StepKind::End,
            digest: None,
        }));
    }
    Ok(steps)
}

async fn compare(app: &Shared, route: &Route, tag: &Tag) -> Result<Step, FetchError> {
    let reference = Reference::Tag(tag.clone());
    let step = |kind, digest| Step {
        tag: tag.clone(),
        kind,
        digest,
    };
    let head = match route.remote.manifest_head(&route.source, &reference).await {
        Ok(head) => head,
        Err(UpstreamError::NotFound(_)) => return Ok(step(StepKind::Gone, None)),
        Err(error) => return Err(error.into()),
    };
    let digest = if let Some(head) = head {
        head.digest
    } else {
        let found = route.remote.manifest(&route.source, &reference).await?;
        found.digest
    };
    let now = app.clock.now();
    let here = app
        .catalog
        .manifest_by_reference(route.repository.id, &reference, now)
        .await?;
    if here.is_some_and(|here| here.digest == digest) {
        return Ok(step(StepKind::Unchanged, Some(digest)));
    }
    if is_held(app, route, tag, &digest).await? {
        return Ok(step(StepKind::Held, None));
    }
    Ok(step(StepKind::Copy, Some(digest)))
}

/// Whether the tag was restored here from what the upstream still points it at: following it again would undo that.
async fn is_held(
    app: &Shared,
    route: &Route,
    tag: &Tag,
    upstream: &Digest,
) -> Result<bool, FetchError> {
    let spans = app
        .catalog
        .tag_history(route.repository.id, tag, None, 2)
        .await?;
    let [present, before] = spans.as_slice() else {
        return Ok(false);
    };
    Ok(present.end.is_none() && present.cause == TagCause::Restore && before.digest == *upstream)
}

async fn tags_here(app: &Shared, repository: &Repository) -> Result<Vec<Tag>, FetchError> {
    let mut tags: Vec<Tag> = Vec::new();
    loop {
        let after = tags.last().map(Tag::as_str);
        let page = app
            .catalog
            .list_tags(repository.id, after, PAGE, app.clock.now())
            .await?;
        let is_last = page.len() < PAGE as usize;
        tags.extend(page);
        if is_last {
            return Ok(tags);
        }
    }
}

/// Whether a tag belongs to a signature scheme: `sha256-<hex>`, with or without an ending.
fn is_follower(tag: &Tag) -> bool {
    let Some((algorithm, rest)) = tag.as_str().split_once('-') else {
        return false;
    };
    let encoded = FOLLOWERS
        .iter()
        .find_map(|ending| rest.strip_suffix(ending))
        .unwrap_or(rest);
    format!("{algorithm}:{encoded}").parse::<Digest>().is_ok()
}

/// Returns the tags that the filter takes, in ASCII order.
pub(super) fn choose(filter: &MirrorFilter, tags: Vec<Tag>) -> Vec<Tag> {
    let mut chosen: Vec<Tag> = tags
        .into_iter()
        .filter(|tag| !is_follower(tag))
        .filter(|tag| patterns::admits(&filter.tags, &filter.exclude, tag.as_str()))
        .collect();
    if let Some(newest) = filter.newest {
        chosen.sort_by(|a, b| compare_versions(b.as_str(), a.as_str()));
        chosen.truncate(newest as usize);
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Orders tags as versions: numbers by value, a release after its pre-releases, what is no version before all.
fn compare_versions(one: &str, other: &str) -> Ordering {
    fn key(tag: &str) -> (bool, Vec<u64>, bool, &str) {
        let text = tag.strip_prefix('v').unwrap_or(tag);
        let (core, rest) = match text.find(['-', '_']) {
            Some(at) => (&text[..at], &text[at..]),
            None => (text, ""),
        };
        let numbers: Option<Vec<u64>> = core.split('.').map(|part| part.parse().ok()).collect();
        match numbers {
            Some(numbers) => (true, numbers, rest.is_empty(), rest),
            None => (false, Vec::new(), false, tag),
        }
    }
    key(one).cmp(&key(other))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn tags(list: &[&str]) -> Vec<Tag> {
        list.iter().map(|tag| tag.parse().expect("a tag")).collect()
    }

    #[rstest]
    #[case(&[], &[], None, &["1.0", "latest", "v1.10.0", "v1.2.0", "v1.2.0-rc1"])]
    #[case(&["v*"], &["*-rc*"], None, &["v1.10.0", "v1.2.0"])]
    #[case(&["v*"], &[], Some(2), &["v1.10.0", "v1.2.0"])]
    #[case(&["v*"], &[], Some(1), &["v1.10.0"])]
    #[case(&[], &[], Some(0), &[])]
    #[case(&["none"], &[], None, &[])]
    fn a_filter_chooses(
        #[case] take: &[&str],
        #[case] exclude: &[&str],
        #[case] newest: Option<u32>,
        #[case] expected: &[&str],
    ) {
        let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        let filter = MirrorFilter {
            tags: owned(take),
            exclude: owned(exclude),
            newest,
            prune: false,
        };
        let hex = "a".repeat(64);
        let mut all = tags(&["latest", "v1.2.0", "v1.10.0", "1.0", "v1.2.0-rc1"]);
        all.push(format!("sha256-{hex}.sig").parse().expect("a tag"));
        all.push(format!("sha256-{hex}").parse().expect("a tag"));
        assert_eq!(choose(&filter, all), tags(expected));
    }
}
