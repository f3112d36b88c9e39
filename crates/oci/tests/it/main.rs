//! What other programs read where we read: one binary.

mod differential;
