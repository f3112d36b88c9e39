//! Why a tag points where it does.

use crate::{AuditAction, CatalogError};

/// Why a tag points where it does, or no longer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagCause {
    /// First push.
    Push,
    /// A push of other content.
    Move,
    /// Deletion by somebody.
    Delete,
    /// Its time ran out.
    Expire,
    /// A retention policy ended it.
    Prune,
    /// An earlier target was brought back.
    Restore,
    /// A mirror follows its upstream.
    Mirror,
}

/// Every cause, in the order of the enum.
const ALL: [TagCause; 7] = [
    TagCause::Push,
    TagCause::Move,
    TagCause::Delete,
    TagCause::Expire,
    TagCause::Prune,
    TagCause::Restore,
    TagCause::Mirror,
];

impl TagCause {
    /// Returns the word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Move => "move",
            Self::Delete => "delete",
            Self::Expire => "expire",
            Self::Prune => "prune",
            Self::Restore => "restore",
            Self::Mirror => "mirror",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, CatalogError> {
        ALL.into_iter()
            .find(|cause| cause.as_str() == text)
            .ok_or(CatalogError::Corrupt("cause of a tag"))
    }

    /// Returns the cause written where a span ends because the next one begins.
    pub(super) const fn of_end(self) -> Self {
        match self {
            Self::Push => Self::Move,
            other => other,
        }
    }

    /// Returns the entry that a change of this cause leaves in the audit trail.
    pub(super) const fn audit_action(self, is_end: bool) -> AuditAction {
        match self {
            Self::Delete => AuditAction::TagDelete,
            Self::Expire => AuditAction::TagExpire,
            Self::Prune => AuditAction::TagPrune,
            Self::Restore => AuditAction::TagRestore,
            Self::Mirror if is_end => AuditAction::TagDelete,
            Self::Push | Self::Move | Self::Mirror => AuditAction::TagMove,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_read_as_it_was_written() {
        for cause in ALL {
            assert_eq!(TagCause::parse(cause.as_str()).expect("a cause"), cause);
        }
        assert!(TagCause::parse("magic").is_err());
    }
}
