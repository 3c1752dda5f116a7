//! Walking a plan.
