//! Makes the parser from `src/grammar.lalrpop`.

#[allow(clippy::print_stdout, reason = "this is how a build script talks to cargo")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    lalrpop::Configuration::new().emit_rerun_directives(true).process_dir("src")?;
    Ok(())
}
