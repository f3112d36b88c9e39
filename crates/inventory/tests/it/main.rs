//! The analysis through its public face: layers in, reports and inventories out.

mod conformance;
mod executables;
mod languages;
mod layer;
mod limits;
mod merging;
mod reference;
mod samples;
mod stored;
mod streaming;
