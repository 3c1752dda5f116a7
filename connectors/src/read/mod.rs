//! Reading STIX bundles and raw logs into batches of records.

pub mod events;
