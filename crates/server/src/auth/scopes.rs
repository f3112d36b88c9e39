//! What a person's token is narrowed to: `repository:acme/web-*:pull,push`, `registry:catalog:*`.
//!
//! The grammar is the one of registry tokens ([`oci::Scope`]), with a pattern where those have a name. A token without
//! scopes narrows nothing; one with scopes is good for the registry alone, not for the API.

use oci::{Action, RepositoryName, RepositoryPattern, Scope};

/// Scopes of one token.
const MAX_SCOPES: usize = 32;

/// Why a text is not a token's scope.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScopeError {
    #[error("`{0}` is no scope, write `repository:PATTERN:ACTIONS` or `registry:catalog:*`")]
    Grammar(String),
    #[error("the pattern in `{scope}`: {source}")]
    Pattern {
        scope: String,
        source: oci::PatternError,
    },
    #[error("a token has 1 to {MAX_SCOPES} scopes; leave them out to narrow nothing")]
    Count,
}

/// The scopes of one credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenScopes {
    repositories: Vec<(RepositoryPattern, Vec<Action>)>,
    catalog: bool,
}

impl TokenScopes {
    /// Reads scopes as somebody wrote them, or as they are stored.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, ScopeError> {
        if texts.is_empty() || texts.len() > MAX_SCOPES {
            return Err(ScopeError::Count);
        }
        let mut scopes = Self::default();
        for text in texts {
            let wrong = || ScopeError::Grammar(text.clone());
            let scope: Scope = text.parse().map_err(|_| wrong())?;
            match scope.kind.as_str() {
                "registry" if scope.name == "catalog" => scopes.catalog = true,
                // Unknown words are dropped by the parser; what nothing is left of was meant to allow something.
                "repository" if !scope.actions.is_empty() => {
                    let pattern = scope.name.parse().map_err(|source| ScopeError::Pattern {
                        scope: text.clone(),
                        source,
                    })?;
                    scopes.repositories.push((pattern, scope.actions));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(scopes)
    }

    pub(crate) fn covers(&self, name: &RepositoryName, action: Action) -> bool {
        self.repositories
            .iter()
            .any(|(pattern, actions)| actions.contains(&action) && pattern.covers(name))
    }

    pub(crate) fn covers_catalog(&self) -> bool {
        self.catalog
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<TokenScopes, ScopeError> {
        TokenScopes::parse(&texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[track_caller]
    fn check(scopes: &[&str], name: &str, action: Action, covered: bool) {
        let scopes = parse(scopes).unwrap();
        assert_eq!(scopes.covers(&name.parse().unwrap(), action), covered);
    }

    #[test]
    fn a_scope_covers_the_actions_it_names_where_its_pattern_matches() {
        let scopes = ["repository:acme/web-*:pull,push", "repository:acme/db:*"];
        check(&scopes, "acme/web-shop", Action::Push, true);
        check(&scopes, "acme/web-shop", Action::Delete, false);
        check(&scopes, "acme/web-shop/x", Action::Pull, false);
        check(&scopes, "acme/db", Action::Delete, true);
        check(&scopes, "acme/dbs", Action::Pull, false);
        assert!(!parse(&scopes).unwrap().covers_catalog());
        assert!(parse(&["registry:catalog:*"]).unwrap().covers_catalog());
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for wrong in [
            "",
            "repository:acme/*",
            "repository:acme/*:fly",
            "repository:acme/***:pull",
            "repository:Acme:pull",
            "registry:other:*",
            "api:x:pull",
        ] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
        assert!(matches!(parse(&[]), Err(ScopeError::Count)));
        assert!(matches!(
            parse(&["registry:catalog:*"; 33]),
            Err(ScopeError::Count)
        ));
    }
}
