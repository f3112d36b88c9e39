//! One module per page: the struct, what is computed from it, and the function that renders it.

pub mod audit;
pub mod decision;
pub mod error;
pub mod feeds;
pub mod history;
pub mod image;
pub mod images;
pub mod people;
pub mod repository;
pub mod rules;
pub mod settings;
pub mod sign_in;
pub mod system;
pub mod tags;
