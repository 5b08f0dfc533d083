//! Curfew: temporary production access that ends on time.
pub mod api;
pub mod decide;
