//! What literals mean: strings, numbers, points in time (language reference §1.6–§1.8).

pub mod number;
pub mod string;
pub mod time;
