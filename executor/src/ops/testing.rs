//! Hunts written as text, run over small bundles, answers as text: for the tests of operations
//! and of the run.

use std::{path::PathBuf, sync::Arc};

use kestrel_compiler::{Compilation, Config};
use kestrel_ir::Plan;

use crate::{
    ops::apply::Analytics,
    results::{Results, text},
    run::{Connectors, RowsWanted, RunOptions, Session},
    store::Options,
};

/// The folder of the shipped bundles.
pub(crate) fn bundles() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bundles")
}

/// Reads bundles from the shipped ones.
pub(crate) fn connectors() -> Connectors {
    Connectors::offline(bundles())
}

/// A hunt in progress, block by block.
pub(crate) struct Hunt {
    pub(crate) compilation: Compilation,
    pub(crate) session: Session,
    pub(crate) options: RunOptions,
}

impl Hunt {
    pub(crate) fn new() -> Self {
        Hunt::with(Analytics::default())
    }

    pub(crate) fn with(analytics: Analytics) -> Self {
        Hunt {
            compilation: Compilation::new(Config::default()),
            session: Session::new(Options::default(), Arc::new(connectors()), analytics),
            options: RunOptions { rows: RowsWanted::All, ..RunOptions::default() },
        }
    }

    /// Compiles a block; it has to be free of errors.
    pub(crate) fn plan(&mut self, block: &str) -> Plan {
        let compiled = self.compilation.block("hunt.hf", block);
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.is_error()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        self.compilation.plan().clone()
    }

    pub(crate) fn run(&mut self, block: &str) -> Results {
        let plan = self.plan(block);
        self.session.run(&plan, &self.options, &mut |_| {})
    }

    /// Runs a block; returns displays and diagnostics as text.
    pub(crate) fn text(&mut self, block: &str) -> String {
        shown(&self.run(block))
    }
}

/// Displays and diagnostics, without the summary and its times.
pub(crate) fn shown(results: &Results) -> String {
    text::to_string(results, &text::TextOptions { summary: false, ..text::TextOptions::default() })
}

/// Runs one block over shipped bundles.
pub(crate) fn answer(block: &str) -> String {
    Hunt::new().text(block)
}

/// Rows of processes that many tests use.
pub(crate) const PROCESSES: &str = r#"
n = NEW process [{"name": "b.exe", "pid": 30, "x_score": 1.5, "x_user": "joe"},
                 {"name": "a.exe", "pid": 4, "x_user": "ann"},
                 {"name": "a.exe", "x_score": 2, "x_user": "joe"},
                 {"name": "c.exe", "pid": 4, "x_score": 0.5}]
"#;

/// Runs a block after `n = NEW process …`.
pub(crate) fn on_processes(block: &str) -> String {
    answer(&format!("{PROCESSES}{block}"))
}
