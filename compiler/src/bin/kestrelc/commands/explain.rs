//! `kestrelc explain`.

use kestrel_ir::diagnostic::{Code, Severity};
use kestrel_stix::suggest::nearest;

use super::Failure;
use crate::{exit, output};

/// Print the full text about a diagnostic code, or list all codes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The code (E0201) or its name (unknown-variable); without one, every code is listed.
    code: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    let Some(text) = &args.code else {
        let list: String = Code::ALL.iter().map(|code| format!("{code}  {}\n", code.name())).collect();
        output::print(&list)?;
        return Ok(exit::CLEAN);
    };
    match text.parse::<Code>() {
        Ok(code) => {
            let severity = match code.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let (name, category) = (code.name(), code.category().as_str());
            let explanation = code.explanation().trim_end();
            output::print(&format!("{code} {name} ({severity}, {category})\n\n{explanation}\n"))?;
            Ok(exit::CLEAN)
        }
        Err(unknown) => {
            let names = Code::ALL.iter().flat_map(|code| [code.as_str(), code.name()]);
            let near = nearest(text, names);
            let help = near.first().map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            Err(Failure::Other(format!("{unknown}{help}")))
        }
    }
}
