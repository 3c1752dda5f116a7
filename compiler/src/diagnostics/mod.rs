//! Showing diagnostics: as text for people, as JSON for programs.

pub mod render;
