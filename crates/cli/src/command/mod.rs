//! The commands besides `scan`, one module each: `Args` and `run`.

pub(crate) mod admin;
pub(crate) mod advisories;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod migrate;
pub(crate) mod policy;
pub(crate) mod serve;
