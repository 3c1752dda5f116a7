//! The data model of a hunt: what a record is, which objects it holds, what makes two
//! sightings the same entity, what a pattern says, which relations exist. No I/O.
//!
//! One worked record. A source says that `cmd.exe` was started by `explorer.exe`:
//!
//! ```json
//! {"type": "observed-data", "id": "observed-data--…", "number_observed": 1,
//!  "first_observed": "2021-04-03T09:00:00Z", "last_observed": "2021-04-03T09:00:00Z",
//!  "objects": {
//!    "0": {"type": "process", "pid": 7, "name": "cmd.exe", "parent_ref": "1"},
//!    "1": {"type": "process", "pid": 4, "name": "explorer.exe"}}}
//! ```
//!
//! | here | is |
//! |---|---|
//! | [`record::Record`] | the record: times, count, objects |
//! | [`record::Object`] | one object of it: attributes and references |
//! | [`batch::Batch`] | many records in columnar form, equal objects stored once |
//! | [`AttributePath`] | `name`, `parent_ref.name`, `hashes.'SHA-256'` |
//! | [`identity`] | why the two processes above are two entities, and in which case one |
//! | [`pattern::Pattern`] | `name = 'cmd.exe' AND parent_ref.name = 'explorer.exe'` |
//! | [`relation`] | `process CREATED process` is `parent_ref` read backwards |

pub mod attribute;
pub mod batch;
pub mod entity_type;
pub mod identity;
pub mod pattern;
pub mod record;
pub mod relation;
pub mod schema;
pub mod suggest;
pub mod timestamp;
pub mod value;

pub use attribute::{AttributePath, Step};
pub use entity_type::EntityType;
pub use timestamp::{TimeWindow, Timestamp};
pub use value::Value;
