//! Compile and run huntflows over one store: what every front end stands on.
//!
//! A [`Session`] compiles block after block into one growing plan and runs of it what has not
//! run yet. Front ends (the command line, a notebook kernel, a service) add no semantics.

use kestrel_compiler::{Compilation, Config};
use kestrel_executor::{
    results::Results,
    run::{Event, RunOptions, Session as Runner},
};
use kestrel_ir::{
    Plan,
    diagnostic::{Code, Diagnostic},
    passes::{self, Level, Pass},
};

/// A hunt in progress.
#[derive(Debug)]
pub struct Session {
    compilation: Compilation,
    runner: Runner,
    passes: Vec<&'static dyn Pass>,
}

impl Session {
    /// Starts a session: `runner` reads sources and keeps what they gave.
    pub fn new(config: Config, runner: Runner) -> Self {
        Session { compilation: Compilation::new(config), runner, passes: passes::of_level(Level::O2) }
    }

    /// Chooses how much plans are optimized.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        self.with_passes(passes::of_level(level))
    }

    /// Chooses the passes that plans are optimized by.
    #[must_use]
    pub fn with_passes(mut self, passes: Vec<&'static dyn Pass>) -> Self {
        self.passes = passes;
        self
    }

    /// Compiles a block without running it. Returns what there is to say about it; with an error
    /// among that, the block is as if it had not been there.
    pub fn compile(&mut self, name: &str, text: &[u8]) -> Vec<Diagnostic> {
        self.compilation.block_bytes(name, text).diagnostics
    }

    /// Returns the plan of all blocks so far, optimized.
    pub fn plan(&self) -> Result<Plan, Box<Diagnostic>> {
        self.compilation.optimized_by(&self.passes).map_err(|broken| {
            let found =
                Diagnostic::new(Code::E0401, format!("a fault of this program in compiling: {broken}"));
            Box::new(found.help("please report it with the huntflow"))
        })
    }

    /// Runs what has been compiled and not yet run. `said` are the diagnostics of compiling; they
    /// come first in the results.
    pub fn run(
        &mut self,
        said: Vec<Diagnostic>,
        options: &RunOptions,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Results {
        match self.plan() {
            Ok(plan) => {
                let mut results = self.runner.run(&plan, options, events);
                results.diagnostics.splice(0..0, said);
                results
            }
            Err(fault) => {
                let mut diagnostics = said;
                diagnostics.push(*fault);
                self.refused(diagnostics)
            }
        }
    }

    /// Runs a finished plan in this session's store.
    pub fn run_plan(
        &mut self,
        plan: &Plan,
        options: &RunOptions,
        events: &mut dyn FnMut(Event<'_>),
    ) -> Results {
        self.runner.run(plan, options, events)
    }

    /// Returns the results of a hunt that does not run, for what was said about it.
    pub fn refused(&self, diagnostics: Vec<Diagnostic>) -> Results {
        Results { diagnostics, texts: self.compilation.plan().sources.clone(), ..Results::default() }
    }
}
