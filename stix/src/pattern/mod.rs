//! What a `WHERE` says: a tree of attribute tests over one record.
//!
//! A test is *centred* when it is about the entity that the step returns, *extended* when
//! it is about another type in the same record. Source: language specification 4.

mod ast;
mod like;
mod matches;
mod network;
mod normal;
mod simplify;
mod text;
mod values;

pub use ast::{Comparison, Operand, Operator, Pattern, Reference};
pub use like::Like;
pub use matches::{BadOperand, Site, Test};
pub use network::Network;
pub use normal::{Conjunction, TooManyTerms, conjunctions};
pub use simplify::{Simplify, simplified};
pub use text::{kestrel_text, stix_text, value_text};
pub use values::{members, values_at};
