//! Standard output: a reader that stops listening (`| head`) ends the program quietly.

use std::io::{self, Write};

use crate::{commands::Failure, exit};

/// Writes text to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to standard output.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(exit::CLEAN.into()),
        Err(cause) => Err(Failure::Write { path: "standard output".to_owned(), cause }),
    }
}
