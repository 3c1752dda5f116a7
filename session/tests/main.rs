//! Tests of the session and of `kestrel-run`.

mod analytics;
mod bad_input;
mod hunts;
mod kills;
mod logs;
mod policy;
mod programs;
mod stages;
mod story;
mod support;
