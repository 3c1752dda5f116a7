//! Runs plans: reads data sources, keeps what they give in a [`store`], evaluates the
//! operations of a plan over it and gathers the results.

pub mod analytics;
pub mod cache;
pub mod ops;
pub mod results;
pub mod run;
pub mod store;
