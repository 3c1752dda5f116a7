//! Tests that cross crates: a naive twin of the store, random worlds and huntflows for both,
//! and the comparison of their answers.

pub mod compare;
pub mod huntflows;
pub mod naive;
pub mod worlds;
