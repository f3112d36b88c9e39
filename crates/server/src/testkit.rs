//! What must hold for everything that strangers write and this crate reads: behind the feature `testkit`, no part of the
//! product.
//!
//! Each function reads its argument as the server would and panics if a rule is broken. A property test gives them some
//! hundred inputs with every run of the tests, a fuzz target as many as there is time for.
//!
//! Adding one: a function in `properties.rs` beside the reader, its name here, a case in `tests/it/foreign.rs` and a call
//! in `fuzz/fuzz_targets`.

pub use crate::auth::properties::{TokenProbe, check_scopes};
pub use crate::outbound::properties::{
    check_address as check_outbound_address, check_list as check_outbound_list, check_url,
};
pub use crate::registry::properties::{check_address, check_ranges};
