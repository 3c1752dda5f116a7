//! Compiling huntflows for the twin, and comparing its answers with others.

use kestrel_compiler::{Compilation, Config};
use kestrel_ir::Plan;

use crate::naive::{self, Answer, Sources};

/// Compiles a huntflow to the plan as lowered, without optimization.
///
/// # Errors
/// The messages of the compiler, one a line, if there are errors.
pub fn plan_of(text: &str) -> Result<Plan, String> {
    let mut compilation = Compilation::new(Config::default());
    let compiled = compilation.block("hunt.hf", text);
    if compiled.has_errors() {
        let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        return Err(errors
            .map(|error| format!("{}: {}", error.code.as_str(), error.message))
            .collect::<Vec<_>>()
            .join("\n"));
    }
    kestrel_ir::verify::verify(compilation.plan()).map_err(|broken| broken.to_string())?;
    Ok(compilation.plan().clone())
}

/// Evaluates a huntflow with the twin.
///
/// # Errors
/// The messages of the compiler.
pub fn naive_answer(text: &str, sources: &Sources) -> Result<Answer, String> {
    Ok(naive::evaluate(&plan_of(text)?, sources))
}
