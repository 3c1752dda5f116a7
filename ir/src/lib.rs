//! The Kestrel query plan: what a hunt will do, as data.
//!
//! A huntflow is compiled to a [`Plan`]; the plan is reviewed, stored, compared, optimized by
//! [`passes`] and finally executed, here or on another machine. Nothing in this crate knows
//! source text, threads, files or DuckDB.
//!
//! | module | holds |
//! |---|---|
//! | [`op`] | the operations, each with its inputs and result in prose |
//! | [`plan`] | the graph, content-addressed ids, rewriting |
//! | [`verify`](mod@verify) | every invariant, checked after each pass and always after reading |
//! | [`passes`] | plan to plan, same answers |
//! | [`attributes_read`](mod@attributes_read) | which attributes of sources a plan reads |
//! | [`secrets`] | what looks like a secret and is not shown |
//! | [`text`] | the form people read and snapshots hold |
//! | [`dot`] | the form Graphviz reads |
//! | [`wire`] | bytes and JSON, with magic number, version and checksum |
//! | [`diagnostic`] | what is said about a huntflow or a run, and the registry of codes |

pub mod attributes_read;
pub mod diagnostic;
pub mod dot;
pub mod op;
pub mod passes;
pub mod plan;
pub mod secrets;
pub mod text;
pub mod verify;
pub mod wire;

pub use op::Op;
pub use plan::{Node, NodeId, Origin, Plan, Role, Rows, Shape, SourceText};
