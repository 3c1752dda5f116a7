//! Data sources: addresses, what a source can do, and reading it into batches of records.
//!
//! Without features the crate is pure: it parses addresses, answers what a source can do with
//! a pattern and writes native queries, and touches neither files nor networks. The feature
//! `read` adds reading bundles and logs from files, `transport` the network as well.

pub mod address;
pub mod connector;
#[cfg(feature = "read")]
pub mod logs;
#[cfg(feature = "read")]
pub mod read;
