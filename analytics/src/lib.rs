//! Which analytics are configured: read from `pythonanalytics.yaml` and `[analytics]` of
//! `kestrel.toml`, without running anything.
//!
//! The compiler puts what identifies an analytic's code and what it may use into the plan, for
//! reviewers; the executor runs it. Both read the same [`Settings`], so that a plan shows what a
//! run does. Reading them opens the configuration files and, for [`Profile::identity`], the
//! module's file; no process is started and no network is used.
//!
//! [`Profile::identity`]: python::Profile::identity

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail"))]

pub mod container;
pub mod limits;
pub mod python;
mod settings;

pub use container::Containers;
pub use python::PythonProfiles;
pub use settings::{PYTHON_VARIABLE, Places, Settings, SettingsError, YAML_VARIABLE};
