//! PHP: what Composer installed, its lock file, and the registry of PEAR.
//!
//! # Source
//! Composer, "The vendor directory" and `composer.lock` in "Basic usage".

mod composer;
mod pear;
mod serialized;

pub(crate) use composer::{INSTALLED, LOCK};
pub(crate) use pear::PEAR;
