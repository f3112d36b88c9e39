//! One module per page: the struct, what is computed from it, and the function that renders it.

pub mod decision;
pub mod error;
pub mod feeds;
pub mod image;
pub mod images;
pub mod sign_in;
pub mod tags;
