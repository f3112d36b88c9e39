//! Token scopes: `repository:payments/api:pull,push`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a scope allows on a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Write blobs, manifests and tags.
    Push,
    /// Delete manifests, tags and blobs.
    Delete,
}

impl Action {
    /// Returns the word used in a scope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}

/// Why a text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is written `type:name:action,action`")]
pub struct ScopeError;

/// One requested or granted scope. Actions other than the three known ones are dropped; `*` means all three.
///
/// # Source
/// The distribution project's token scope documentation: the name may contain `host:port/`, so the text is split at
/// the first and the last colon. A class, as in `repository(plugin)`, is accepted and dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `repository` or `registry`.
    pub kind: String,
    /// The resource's name.
    pub name: String,
    /// The actions, sorted and unique.
    pub actions: Vec<Action>,
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let (kind, rest) = text.split_once(':').ok_or(ScopeError)?;
        let (name, actions) = rest.rsplit_once(':').ok_or(ScopeError)?;
        let kind = kind.split('(').next().unwrap_or_default();
        if kind.is_empty() || name.is_empty() {
            return Err(ScopeError);
        }
        let mut parsed = Vec::new();
        for action in actions.split(',') {
            match action {
                "pull" => parsed.push(Action::Pull),
                "push" => parsed.push(Action::Push),
                "delete" => parsed.push(Action::Delete),
                "*" => parsed.extend([Action::Pull, Action::Push, Action::Delete]),
                _ => {}
            }
        }
        parsed.sort_unstable();
        parsed.dedup();
        Ok(Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            actions: parsed,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.kind, self.name)?;
        for (position, action) in self.actions.iter().enumerate() {
            write!(
                f,
                "{}{}",
                if position == 0 { "" } else { "," },
                action.as_str()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("repository:a/b:pull", "repository:a/b:pull")]
    #[case("repository:a/b:push,pull,pull", "repository:a/b:pull,push")]
    #[case("repository:h:5000/a:pull", "repository:h:5000/a:pull")]
    #[case("repository(plugin):a:pull", "repository:a:pull")]
    #[case("repository:a:*", "repository:a:pull,push,delete")]
    #[case("repository:a:fly", "repository:a:")]
    fn a_scope_is_normalised(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(text.parse::<Scope>().expect("legal").to_string(), expected);
    }

    #[rstest]
    #[case("")]
    #[case("repository")]
    #[case("repository:a")]
    #[case(":a:pull")]
    #[case("repository::pull")]
    fn a_malformed_scope_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Scope>(), Err(ScopeError));
    }

    proptest::proptest! {
        #[test]
        fn a_scope_that_is_read_is_the_same_when_it_is_written(text in "[a-z(){}:,*/.é]{0,8}:[a-z:/]{0,8}:[a-z,*]{0,20}") {
            if let Ok(scope) = text.parse::<Scope>() {
                proptest::prop_assert_eq!(scope.to_string().parse(), Ok(scope));
            }
        }
    }
}
