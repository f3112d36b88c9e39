//! Mirrors: repositories that are copied from an upstream by a plan.
//!
//! A run compares the upstream's tags with the filter, copies the closure of each by digest, and moves the tag last:
//! what a tag names here is always whole. A run that dies is taken up by the next, which finds what was copied. One
//! tag's failure is its own; an upstream that answers nothing ends the run.

mod plan;
mod run;

pub(crate) use self::plan::Step;
pub(crate) use self::run::{JOB, dry_run, job, measure_lag, run_now, schedule_name};
