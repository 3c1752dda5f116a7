//! Where results go: standard output, or a file that appears when it is complete; and where
//! messages go: standard error, under the lines they are about.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
};

use kestrel_compiler::diagnostics::render::{self, SourceText, Style};
use kestrel_executor::results::Results;
use kestrel_ir::text::visible;

/// An open output.
pub(crate) enum Output {
    /// Standard output.
    Standard(BufWriter<io::Stdout>),
    /// A file in the making, and the name it gets.
    File { writer: BufWriter<File>, half: PathBuf, path: PathBuf },
}

/// Returns what messages call the output.
pub(crate) fn name(path: Option<&Path>) -> String {
    path.map_or("standard output".to_owned(), |path| path.display().to_string())
}

impl Output {
    /// Opens the output.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Output::Standard(BufWriter::new(io::stdout()))) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let half = folder.join(format!(".{name}.{}", std::process::id()));
        let writer = BufWriter::new(File::create(&half)?);
        Ok(Output::File { writer, half, path: path.to_owned() })
    }

    /// Columns of the terminal, if the output is one.
    pub(crate) fn width(&self) -> Option<usize> {
        match self {
            Output::Standard(_) if io::stdout().is_terminal() => {
                terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
            }
            _ => None,
        }
    }

    /// Finishes: a file gets its name now.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        match self {
            Output::Standard(writer) => writer.flush(),
            Output::File { writer, half, path } => {
                writer.flush()?;
                writer.get_ref().sync_all()?;
                fs::rename(half, path)
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Standard(writer) => writer.write(bytes),
            Output::File { writer, .. } => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Standard(writer) => writer.flush(),
            Output::File { writer, .. } => writer.flush(),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Output::File { half, .. } = self {
            // Gone after a commit; otherwise the half-written file must not stay.
            let _ = fs::remove_file(half);
        }
    }
}

/// Prints diagnostics to standard error, with their lines.
pub(crate) fn diagnostics(results: &Results) {
    let terminal = io::stderr().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let style = Style { color: terminal && !plain, unicode: terminal };
    let texts: Vec<_> =
        results.texts.iter().map(|source| SourceText::new(&source.name, &source.text)).collect();
    let none = SourceText::new("", "");
    for found in &results.diagnostics {
        let source = found.span.and_then(|span| texts.get(span.source.0 as usize)).unwrap_or(&none);
        // Help of several lines ends with the trace of an analytic, which keeps its lines.
        let (first, more) = match found.help.as_deref().and_then(|help| help.split_once('\n')) {
            Some((first, more)) => (first, more),
            None => {
                eprintln!("{}", render::text(found, source, style));
                continue;
            }
        };
        let shown = render::text(&found.clone().help(first), source, style);
        let more: Vec<String> = more.lines().map(|line| format!("          {}", visible(line))).collect();
        eprintln!("{}\n{}\n", shown.trim_end_matches('\n'), more.join("\n"));
    }
}
