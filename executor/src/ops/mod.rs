//! The operations of a plan, one file each, over the rows of a [`Store`](crate::store::Store).

pub mod files;
