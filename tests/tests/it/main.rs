//! The twin against hand-written expectations, and the store against the twin.

mod examples;
