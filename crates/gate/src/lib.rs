//! Policy and evidence become one verdict.
//!
//! [`decide()`] is a pure function of policies, evidence, the instant and the door. It reads no clock, no file and no
//! network, so a verdict can be replayed, explained rule by rule, and is the same at every door (architecture
//! invariant 8). What is not known never becomes `allow`: a rule without its evidence is `unknown`, and its
//! `on_missing` says what follows.
//!
//! This crate does not collect evidence, does not authorise anybody and does not know HTTP; `server` and `cli` do.
//!
//! ```
//! use gate::{Decision, Door, EvidenceSet, Policy, Subject, decide, explain};
//!
//! let policy = Policy::parse(
//!     "
//! apiVersion: tidegate/v1
//! kind: Policy
//! metadata: {name: production}
//! spec:
//!   mode: enforce
//!   rules:
//!     - {id: scanned, when: evidence.present, with: {kinds: [vulnerabilities]}}
//! ",
//! )?;
//! let subject = Subject { repository: "payments/api", tag: Some("2.3.7"), ..Subject::default() };
//! let evidence = EvidenceSet { pending: true, ..EvidenceSet::default() };
//! let now = "2026-11-24T06:10:00Z".parse().expect("an instant");
//! let verdict = decide(&[&policy], &subject, &evidence, now, Door::Pull);
//! assert_eq!(verdict.verdict, Decision::Pending);
//! assert_eq!(
//!     explain(&verdict),
//!     "pending: production waits for payments/api:2.3.7 (1 of 1 rule): scanned: analysis running."
//! );
//! # Ok::<(), gate::PolicyError>(())
//! ```
//!
//! Adding a condition: one file in `condition/`, its line in `condition::CATALOGUE`. Its parameters, its page in the
//! reference and its error messages follow from there.

mod canonical;
mod condition;
mod decide;
mod door;
mod evidence_set;
mod explain;
mod glob;
mod index;
mod policy;
mod starter;
mod subject;
mod verdict;

pub use condition::{ConditionInfo, Parameter, conditions};
pub use decide::decide;
pub use door::{Door, Mode};
pub use evidence_set::{EvidenceSet, FeedState};
pub use explain::{MAX_EXPLAIN_CHARS, explain};
pub use index::{IndexChild, combine_index};
pub use policy::{MAX_POLICY_BYTES, Policy, PolicyError, Position, Problem};
pub use starter::{STARTER_YAML, starter_policy};
pub use subject::{Subject, SubjectKind};
pub use verdict::{
    Decision, Grace, Inputs, Level, Outcome, OutcomeCounts, PolicyRef, RuleOutcome, Verdict,
    VerdictSubject,
};
