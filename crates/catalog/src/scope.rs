//! Where a rule, a policy or a quota is in force.

use std::fmt;

use crate::{CatalogError, RepositoryId};

/// The whole system, one namespace, or one repository. A repository's is bound to its id: a name that is taken again
/// inherits nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everything.
    System,
    /// The repositories whose names begin with this component.
    Namespace(String),
    /// One repository.
    Repository(RepositoryId),
}

impl Scope {
    pub(crate) fn parse(text: &str) -> Result<Self, CatalogError> {
        if text == "system" {
            return Ok(Self::System);
        }
        let corrupt = || CatalogError::Corrupt("scope");
        let (kind, name) = text.split_once(':').ok_or_else(corrupt)?;
        match kind {
            "namespace" => Ok(Self::Namespace(name.to_owned())),
            "repository" => {
                let id = name.parse().map_err(|_| corrupt())?;
                Ok(Self::Repository(RepositoryId(id)))
            }
            _ => Err(corrupt()),
        }
    }
}

/// The text stored.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Namespace(name) => write!(f, "namespace:{name}"),
            Self::Repository(id) => write!(f, "repository:{}", id.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_read_as_it_was_written() {
        for scope in [
            Scope::System,
            Scope::Namespace("payments".into()),
            Scope::Repository(RepositoryId(7)),
        ] {
            assert_eq!(Scope::parse(&scope.to_string()).expect("a scope"), scope);
        }
        assert!(Scope::parse("world").is_err());
        assert!(Scope::parse("repository:x").is_err());
    }
}
