//! Compile and run huntflows over one store: what every front end stands on.
//!
//! A [`Session`] compiles block after block into one growing plan and runs of it what has not
//! run yet. Front ends (the command line, a notebook kernel, a service) add no semantics.

mod guard;

pub use guard::Guard;

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
    guard: Option<Guard>,
    /// The blocks that ran, to go back to when the next one is refused.
    accepted: Option<Compilation>,
}

impl Session {
    /// Starts a session: `runner` reads sources and keeps what they gave.
    pub fn new(config: Config, runner: Runner) -> Self {
        Session {
            compilation: Compilation::new(config),
            runner,
            passes: passes::of_level(Level::O2),
            guard: None,
            accepted: None,
        }
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

    /// Binds everything that runs from now on to a policy.
    #[must_use]
    pub fn with_guard(mut self, guard: Guard) -> Self {
        self.accepted = Some(self.compilation.clone());
        self.guard = Some(guard);
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
                if let Some(guard) = &self.guard {
                    let forbidden = guard.refuses(&plan);
                    if !forbidden.is_empty() {
                        let results = self.refused(said.into_iter().chain(forbidden).collect());
                        // As if the blocks had not been there.
                        self.compilation = self.accepted.clone().unwrap_or_default();
                        return results;
                    }
                    self.accepted = Some(self.compilation.clone());
                }
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
        let forbidden = self.guard.as_ref().map(|guard| guard.refuses(plan)).unwrap_or_default();
        if !forbidden.is_empty() {
            return Results { diagnostics: forbidden, texts: plan.sources.clone(), ..Results::default() };
        }
        self.runner.run(plan, options, events)
    }

    /// Ends the session when the program ends too: nothing is put back piece by piece.
    pub fn close(self) {
        self.runner.close();
    }

    /// Returns the results of a hunt that does not run, for what was said about it.
    pub fn refused(&self, diagnostics: Vec<Diagnostic>) -> Results {
        Results { diagnostics, texts: self.compilation.plan().sources.clone(), ..Results::default() }
    }
}
