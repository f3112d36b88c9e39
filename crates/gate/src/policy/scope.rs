//! Which subjects a policy is for.

use super::error::{PolicyError, Problem};
use super::fields::Value;
use crate::Subject;
use crate::glob::GlobList;

/// Entries of which any must match; an empty scope is everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope(Vec<ScopeEntry>);

/// One entry, all of whose keys must match.
#[derive(Clone, Debug)]
struct ScopeEntry {
    org: Option<String>,
    repositories: Option<GlobList>,
    tags: Option<GlobList>,
}

impl Scope {
    pub(crate) fn read(value: &Value<'_>) -> Result<Self, PolicyError> {
        value
            .filled_list()?
            .iter()
            .map(|entry| {
                let fields = entry.fields(&["org", "repositories", "tags"], &["environments"])?;
                let lower_case = |value: &Value<'_>| {
                    let patterns = value.texts()?;
                    if patterns.iter().any(|p| p.contains(char::is_uppercase)) {
                        return Err(value.unexpected("lower-case patterns, as repository names are"));
                    }
                    Ok(GlobList::new(patterns.iter().map(String::as_str)))
                };
                let org = match fields.optional("org") {
                    Some(org) => Some(org.text()?.to_owned()),
                    None => None,
                };
                let repositories = match fields.optional("repositories") {
                    Some(patterns) => Some(lower_case(&patterns)?),
                    None => None,
                };
                let tags = match fields.optional("tags") {
                    Some(tags) => Some(GlobList::new(tags.texts()?.iter().map(String::as_str))),
                    None => None,
                };
                if org.is_none() && repositories.is_none() && tags.is_none() {
                    return Err(entry.error(Problem::Combination(
                        "a scope entry names an org, repositories or tags; leave `scope` out to cover everything",
                    )));
                }
                Ok(ScopeEntry {
                    org,
                    repositories,
                    tags,
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        self.0.is_empty() || self.0.iter().any(|entry| entry.matches(subject))
    }
}

impl ScopeEntry {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let name = match &self.org {
            None => subject.repository,
            Some(org) => match subject.repository.split_once('/') {
                Some((first, rest)) if first == org => rest,
                _ => return false,
            },
        };
        if let Some(repositories) = &self.repositories
            && !repositories.matches(name)
        {
            return false;
        }
        match (&self.tags, subject.tag) {
            // Asked by digest, the tag is not known. The policy applies: leaving the tag out must not be a way around.
            (None, _) | (Some(_), None) => true,
            (Some(tags), Some(tag)) => tags.matches(tag),
        }
    }
}
