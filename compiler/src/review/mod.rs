//! What a reviewer needs to know about a plan, without running it.
//!
//! Everything here works over a plan, whether it was just compiled or read from a file, and never
//! trusts the text that a plan file carries beside its nodes.
//!
//! | module | says |
//! |---|---|
//! | [`effects`] | what the hunt does to the world: sources, code, files, secrets, what it keeps |
//! | [`extent`] | how much time a query covers, also where that is inferred |
//! | [`host`] | which server an address names |
//! | [`places`] | where in which text a node comes from |
//! | [`queries`] | the native query of each retrieval, and what is filtered here |
//! | [`summary`] | the effects in lines that people read first |
//! | [`json`] | all of it for programs; the schema is `docs/schemas/plan.schema.json` |
//! | [`layout`], [`svg`] | the plan drawn |
//! | [`html`] | one self-contained page with all of it |
//! | [`diff`] | two plans compared: effects, then work |

pub mod diff;
pub mod effects;
mod escape;
pub mod extent;
pub mod host;
pub mod html;
pub mod json;
pub mod layout;
pub mod places;
pub mod queries;
pub mod summary;
pub mod svg;
