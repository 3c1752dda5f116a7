//! The analytics interfaces: Python functions and containers, each in a process of its own.
//!
//! | scheme | runs | configured by |
//! |---|---|---|
//! | `python://NAME` | a function of a Python module, over pandas DataFrames | `pythonanalytics.yaml`, `kestrel.toml` |
//! | `docker://NAME` | the image `kestrel-analytics-NAME` | nothing, or `kestrel.toml` |
//!
//! `kestrel_analytics` reads which there are. Tables cross as Parquet files in a private folder that is gone afterwards. What an analytic
//! prints is kept, its end shown when it fails. Source: entities 9.2 and 9.3.

pub mod docker;
pub mod doctor;
mod process;
pub mod python;
pub mod sample;
mod table;
#[cfg(test)]
mod tests;
pub mod trial;

use std::sync::Arc;

pub use kestrel_analytics::{Places, Settings, SettingsError};

use crate::ops::apply::Analytics;

/// Returns the interfaces that run what is configured.
pub fn interfaces(settings: &Settings) -> Analytics {
    let mut analytics = Analytics::default();
    analytics.add(Arc::new(python::Python(settings.python.clone())));
    analytics.add(Arc::new(docker::Docker(settings.docker.clone())));
    analytics
}
