//! The twin against hand-written expectations, the store against the twin, and laws that
//! answers of the store obey whatever the data.

mod differential;
mod examples;
mod laws;
mod passes;
mod unsound;
