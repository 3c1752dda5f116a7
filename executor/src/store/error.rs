//! What can go wrong in the store, and how it is told.

use kestrel_ir::diagnostic::{Code, Diagnostic, Span};
use kestrel_stix::{
    pattern::{BadOperand, TooManyTerms},
    relation::Unsupported,
};

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed; a fault of this program unless the machine is at its end.
    #[error("the database failed: {0}")]
    Database(duckdb::Error),
    /// The memory limit does not suffice.
    #[error("the hunt needs more memory than it may use")]
    Memory(duckdb::Error),
    /// What sources gave is larger than the memory limit.
    #[error("what the sources gave takes {} MiB of memory, more than the {} MiB that the hunt may use", used >> 20, limit >> 20)]
    TooLarge {
        /// Bytes.
        used: u64,
        /// Bytes.
        limit: u64,
    },
    /// The work was interrupted from outside.
    #[error("the hunt was stopped")]
    Interrupted,
    /// More than 2³² values, objects or records.
    #[error("a session cannot hold more than 2³² values, objects or records")]
    Full,
    /// A pattern that mixes types in too many ways.
    #[error(transparent)]
    TooManyTerms(#[from] TooManyTerms),
    /// A test that cannot be applied.
    #[error(transparent)]
    Operand(#[from] BadOperand),
    /// A relation that does not exist.
    #[error("{0}")]
    Relation(Box<Unsupported>),
    /// The folder for intermediate data cannot be made.
    #[error("the folder for intermediate data cannot be made: {0}")]
    Folder(#[from] std::io::Error),
}

impl From<duckdb::Error> for StoreError {
    fn from(error: duckdb::Error) -> Self {
        let text = error.to_string();
        if text.contains("Out of Memory") || text.contains("could not allocate") {
            StoreError::Memory(error)
        } else if text.contains("INTERRUPT") || text.contains("Interrupted") {
            StoreError::Interrupted
        } else {
            StoreError::Database(error)
        }
    }
}

impl StoreError {
    /// Turns the error into a message at the step that failed.
    pub fn diagnostic(&self, span: Span) -> Diagnostic {
        let (code, help) = match self {
            StoreError::Memory(_) | StoreError::TooLarge { .. } => {
                (Code::E0704, "give it more memory with `--memory`, or narrow the time range".to_owned())
            }
            StoreError::Full => (Code::E0704, "narrow the time range, or hunt in several parts".to_owned()),
            StoreError::Interrupted => (Code::E0705, "results made before are kept".to_owned()),
            StoreError::TooManyTerms(_) => {
                (Code::E0110, "split the step, or test other types in a step of their own".to_owned())
            }
            StoreError::Operand(BadOperand::BadRegex { .. }) => {
                (Code::E0111, "regular expressions are searched for anywhere in the text".to_owned())
            }
            StoreError::Operand(BadOperand::NotOneValue { .. }) => {
                (Code::E0703, "use `IN` for several values".to_owned())
            }
            StoreError::Operand(BadOperand::Unresolved) => (Code::E0401, "please report this".to_owned()),
            StoreError::Relation(unsupported) => (Code::E0302, relation_help(unsupported)),
            StoreError::Database(_) => (Code::E0401, "please report this".to_owned()),
            StoreError::Folder(_) => {
                (Code::E0705, "set `TMPDIR` to a folder that can be written to".to_owned())
            }
        };
        let message = self.to_string().lines().next().unwrap_or_default().to_owned();
        Diagnostic::new(code, message).at(span).help(help)
    }
}

fn relation_help(unsupported: &Unsupported) -> String {
    let by = unsupported.with_by.iter().map(|verb| format!("{verb} BY"));
    let known: Vec<String> = unsupported.without_by.iter().map(|verb| (*verb).to_owned()).chain(by).collect();
    match known.as_slice() {
        [] => "these two types are connected by `LINKED` only".to_owned(),
        known => format!("these two types are connected by `{}` and `LINKED`", known.join("`, `")),
    }
}
