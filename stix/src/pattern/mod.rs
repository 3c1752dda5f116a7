//! What a `WHERE` says: a tree of attribute tests over one record.
//!
//! A test is *centred* when it is about the entity that the step returns, *extended* when
//! it is about another type in the same record. Source: language specification 4.

mod ast;
mod matches;
mod normal;
mod text;

pub use ast::{Comparison, Operand, Operator, Pattern, Reference};
pub use matches::{BadOperand, Case, Test};
pub use normal::{Conjunction, TooManyTerms};
