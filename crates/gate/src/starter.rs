//! The policy of a registry that nobody has configured yet.

use crate::Policy;

/// The text of [`starter_policy`], a good first draft of one's own.
pub const STARTER_YAML: &str = include_str!("starter.yaml");

/// Returns the factory default: useful rules in audit mode, so that nothing is refused before somebody decided so.
pub fn starter_policy() -> Policy {
    Policy::parse(STARTER_YAML).expect("a test parses the starter policy")
}
