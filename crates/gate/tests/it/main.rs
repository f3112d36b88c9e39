//! The gate from outside: policies as text, evidence as documents, verdicts as documents.

mod conditions; // each condition, at its boundaries
mod decisions; // levels, modes, doors, missing evidence, grace
mod explanations; // the sentence, for each decision
mod facts; // the same for conditions about configuration, age and packages
mod indexes; // image indexes and their children
mod policies; // what the policy language accepts, and how it refuses
mod properties; // what holds for all evidence and all instants
mod reference_page; // docs/reference/policy.md agrees with the catalogue
mod support; // builders: the only place that knows the shapes
