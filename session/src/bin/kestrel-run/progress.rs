//! Progress of long hunts on a terminal: one line on standard error that is rewritten.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use kestrel_executor::run::Event;

/// Short hunts show nothing.
const QUIET: Duration = Duration::from_millis(500);
/// Time between two rewrites.
const PAUSE: Duration = Duration::from_millis(100);

/// The progress line.
pub(crate) struct Progress {
    terminal: bool,
    start: Instant,
    shown: Option<Instant>,
    reading: String,
}

impl Progress {
    /// Starts counting time.
    pub(crate) fn new() -> Self {
        Progress {
            terminal: io::stderr().is_terminal(),
            start: Instant::now(),
            shown: None,
            reading: String::new(),
        }
    }

    /// Takes note of an event.
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        if !self.terminal {
            return;
        }
        match event {
            Event::Records { part, records } => self.reading = format!("reading {part}: {records} records"),
            Event::Started { done, total, .. } => self.reading = format!("{done} of {total} operations done"),
            _ => return,
        }
        let now = Instant::now();
        let due = self.shown.is_none_or(|shown| now - shown >= PAUSE);
        if due && now - self.start >= QUIET {
            self.shown = Some(now);
            let width =
                terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
            let line: String =
                kestrel_ir::text::visible(&self.reading).chars().take(width.saturating_sub(1)).collect();
            // A terminal that is gone is no reason to stop.
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
        }
    }

    /// Clears the line.
    pub(crate) fn finish(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
