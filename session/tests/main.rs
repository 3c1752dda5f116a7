//! Tests of the session and of `kestrel-run`.

mod bad_input;
mod kills;
mod policy;
mod programs;
mod stages;
mod story;
mod support;
