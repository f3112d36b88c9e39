//! Policy and evidence become one verdict.
