//! Tests of the session and of `kestrel-run`.

mod analytics;
mod bad_input;
mod kills;
mod policy;
mod hunts;
mod kills;
mod logs;
mod programs;
mod stages;
mod story;
mod support;
