//! Cuts a stream into chunks of whole JSON values, without parsing them.
//!
//! | content | what is cut out |
//! |---|---|
//! | `{"type": "bundle", "objects": [A, B]}` | A, B |
//! | `[A, B]` | A, B |
//! | `A` newline `B` | runs of whole lines |
//! | `A B` over several lines | A, B |
//! | text | runs of whole lines |
//!
//! Bytes are held until the value that they belong to is complete, and no longer.

use std::{
    io::{self, Read},
    ops::Range,
};

use super::{options::Tuning, scan::Scanner};

/// Whole values, in source order.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    /// Bytes of the stream before `bytes`.
    pub(crate) base: u64,
    /// Where the values are; for lines, runs of whole lines.
    pub(crate) items: Vec<Range<usize>>,
    /// True when the items are runs of lines.
    pub(crate) lines: bool,
    /// Where values stood that were too large.
    pub(crate) oversized: Vec<u64>,
}

/// How the content is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// JSON values, anyhow.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// Lines of text.
    Text,
}

/// Why the stream cannot be cut any further.
#[derive(Debug)]
pub(crate) enum FrameError {
    Io(io::Error),
    Empty,
    /// The stream ends inside the value that starts here.
    Truncated {
        start: u64,
        end: u64,
    },
    /// Something else than JSON.
    NotJson {
        offset: u64,
        cause: String,
    },
    /// One of these encodings.
    Encoding(&'static str),
    /// A value outside of any list is larger than the limit.
    TooLarge {
        start: u64,
    },
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        FrameError::Io(error)
    }
}

/// What stands at the top of the content, for notes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Top {
    /// A top-level dictionary had a list `objects` but no `type`.
    pub(crate) untyped_bundle: bool,
    /// Lists of objects that were entered.
    pub(crate) lists: u64,
    /// One of them was `objects` of a dictionary.
    pub(crate) bundle: bool,
}

pub(crate) struct Framer<R> {
    input: R,
    tuning: Tuning,
    /// Most bytes of one value.
    limit: usize,
    buf: Vec<u8>,
    /// Bytes of the stream before `buf`.
    base: u64,
    /// Everything before was looked at.
    pos: usize,
    /// Start of the value that is being cut out; none when what is looked at is not kept.
    keep: Option<usize>,
    items: Vec<Range<usize>>,
    oversized: Vec<u64>,
    state: State,
    scanner: Scanner,
    /// In which list elements are.
    list: List,
    /// The top-level dictionary that is being looked at has a `type`, has `objects`.
    typed: bool,
    bundle: bool,
    top: Top,
    top_start: u64,
    element_start: u64,
    eof: bool,
    form: Form,
    failed: Option<FrameError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a top-level value.
    Top,
    /// In a top-level dictionary, before a key or the end.
    Key,
    /// In a top-level dictionary, after a value.
    AfterValue,
    /// In a list of objects, before an element or the end.
    Element,
    /// Inside a dictionary or list.
    Nested(Then),
    /// Inside a string; true after a backslash.
    Text(Then, bool),
    /// Inside a number or word.
    Word(Then),
    Lines,
    /// Inside a line that is too long.
    LongLine,
}

/// What a value was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Value,
    Element,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    /// The content itself.
    Whole,
    /// `objects` of a top-level dictionary.
    Objects,
}

/// The longest key of a top-level dictionary that is taken for one.
const MAX_KEY: usize = 64 << 10;

impl<R: Read> Framer<R> {
    /// Reads the beginning and tells the form.
    pub(crate) fn start(input: R, tuning: Tuning, limit: usize) -> Result<Self, FrameError> {
        let mut framer = Framer {
            input,
            tuning: Tuning {
                block: tuning.block.max(1),
                chunk: tuning.chunk.max(1),
                sample: tuning.sample.max(16),
            },
            limit,
            buf: Vec::new(),
            base: 0,
            pos: 0,
            keep: None,
            items: Vec::new(),
            oversized: Vec::new(),
            state: State::Top,
            scanner: Scanner::default(),
            list: List::Whole,
            typed: false,
            bundle: false,
            top: Top::default(),
            top_start: 0,
            element_start: 0,
            eof: false,
            form: Form::Json,
            failed: None,
        };
        while framer.buf.len() < framer.tuning.sample && !framer.eof {
            framer.read_more()?;
        }
        framer.sniff()?;
        Ok(framer)
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn top(&self) -> Top {
        self.top
    }

    /// Returns how the content begins, without byte order mark. Before the first chunk only.
    pub(crate) fn sample(&self) -> &[u8] {
        &self.buf[self.pos..]
    }

    /// Returns true if all input was read and cut.
    pub(crate) fn is_done(&self) -> bool {
        self.eof && self.failed.is_none()
    }

    /// Returns the bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.base + self.buf.len() as u64
    }

    fn sniff(&mut self) -> Result<(), FrameError> {
        let bytes = self.buf.as_slice();
        let encoding = match bytes {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
            [b'{' | b'[', 0, b, 0, ..] | [0, b'{' | b'[', 0, b, ..] if *b != 0 => Some("UTF-16"),
            _ => None,
        };
        if let Some(encoding) = encoding {
            return Err(FrameError::Encoding(encoding));
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            self.pos = 3;
        }
        let bytes = &self.buf[self.pos..];
        let Some(first) = bytes.iter().position(|byte| !byte.is_ascii_whitespace()) else {
            return Err(FrameError::Empty);
        };
        self.form = match bytes[first] {
            b'{' if is_json_lines(&bytes[first..]) => Form::JsonLines,
            b'{' | b'[' => Form::Json,
            _ => Form::Text,
        };
        if self.form != Form::Json {
            self.state = State::Lines;
            self.keep = Some(self.pos);
        }
        Ok(())
    }

    /// Returns the next chunk; none at the end. After an error nothing more comes.
    ///
    /// `spare` is a buffer to use again.
    pub(crate) fn next(&mut self, spare: impl FnOnce() -> Vec<u8>) -> Result<Option<Chunk>, FrameError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        loop {
            let outcome = self.advance().and_then(|()| if self.eof { self.finish() } else { Ok(()) });
            let done = match outcome {
                Ok(()) => self.eof,
                Err(error) if self.items.is_empty() && self.oversized.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    true
                }
            };
            let wanted = self.tuning.chunk_at(self.base);
            let ready = self.items.last().is_some_and(|last| last.end >= wanted);
            if ready || done && !(self.items.is_empty() && self.oversized.is_empty()) {
                return Ok(Some(self.cut(spare())));
            }
            if done {
                return Ok(None);
            }
            self.read_more()?;
        }
    }

    /// Hands out the values that are complete.
    fn cut(&mut self, mut next: Vec<u8>) -> Chunk {
        let from = self.keep.unwrap_or(self.pos);
        next.clear();
        next.extend_from_slice(&self.buf[from..]);
        let mut bytes = std::mem::replace(&mut self.buf, next);
        bytes.truncate(from);
        let chunk = Chunk {
            bytes,
            base: self.base,
            items: std::mem::take(&mut self.items),
            lines: self.form != Form::Json,
            oversized: std::mem::take(&mut self.oversized),
        };
        self.shift(from);
        chunk
    }

    /// `from` bytes were taken off the front.
    fn shift(&mut self, from: usize) {
        self.base += from as u64;
        self.pos -= from;
        self.keep = self.keep.map(|keep| keep - from);
    }

    fn read_more(&mut self) -> Result<(), FrameError> {
        // What nobody needs any more goes first.
        let from = self.keep.unwrap_or(self.pos);
        if self.items.is_empty() && from > 0 {
            self.buf.drain(..from);
            self.shift(from);
        }
        if self.buf.capacity() == 0 {
            self.buf.reserve(self.tuning.chunk.min(self.tuning.sample) + self.tuning.block);
        }
        // In whole blocks: small reads would be copied once more on their way.
        let start = self.buf.len();
        self.buf.resize(start + self.tuning.block, 0);
        let mut filled = start;
        while filled < self.buf.len() {
            match self.input.read(&mut self.buf[filled..]) {
                Ok(0) => break,
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buf.truncate(filled);
                    return Err(error.into());
                }
            }
        }
        self.eof = filled < self.buf.len();
        self.buf.truncate(filled);
        Ok(())
    }

    /// Looks at everything that is there.
    fn advance(&mut self) -> Result<(), FrameError> {
        while self.step()? {}
        if let Some(keep) = self.keep
            && self.pos - keep > self.limit
        {
            match self.state {
                State::Nested(Then::Element) | State::Text(Then::Element, _) | State::Word(Then::Element) => {
                    self.oversized.push(self.base + keep as u64);
                }
                State::Lines => {
                    self.oversized.push(self.base + keep as u64);
                    self.state = State::LongLine;
                }
                _ => return Err(FrameError::TooLarge { start: self.top_start }),
            }
            self.keep = None;
        }
        Ok(())
    }

    /// Takes one step; false when it needs more bytes.
    fn step(&mut self) -> Result<bool, FrameError> {
        match self.state {
            State::Top => self.step_top(),
            State::Key => self.step_key(),
            State::AfterValue => match self.blank() {
                None => Ok(false),
                Some(b',') => {
                    self.pos += 1;
                    self.state = State::Key;
                    Ok(true)
                }
                Some(b'}') => {
                    self.top_end();
                    Ok(true)
                }
                Some(byte) => Err(self.unexpected(byte, "`,` or `}` between the members of an object")),
            },
            State::Element => {
                while matches!(self.blank(), Some(b',')) {
                    self.pos += 1;
                }
                match self.blank() {
                    None => Ok(false),
                    Some(b']') => {
                        self.pos += 1;
                        self.state = if self.list == List::Objects { State::AfterValue } else { State::Top };
                        Ok(true)
                    }
                    Some(b'}' | b':') => {
                        let byte = self.buf[self.pos];
                        Err(self.unexpected(byte, "an element of the list"))
                    }
                    Some(byte) => {
                        self.keep = Some(self.pos);
                        self.element_start = self.base + self.pos as u64;
                        self.enter(byte, Then::Element);
                        Ok(true)
                    }
                }
            }
            State::Nested(then) => match self.scanner.skip(&self.buf[self.pos..]) {
                Some(end) => {
                    self.pos += end;
                    self.value_end(then);
                    Ok(true)
                }
                None => {
                    self.pos = self.buf.len();
                    Ok(false)
                }
            },
            State::Text(then, escaped) => self.step_text(then, escaped),
            State::Word(then) => {
                let rest = &self.buf[self.pos..];
                let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
                match rest.iter().position(ends) {
                    Some(end) => {
                        self.pos += end;
                        self.value_end(then);
                        Ok(true)
                    }
                    None => {
                        self.pos = self.buf.len();
                        Ok(false)
                    }
                }
            }
            State::Lines => {
                if let Some(end) = memchr::memrchr(b'\n', &self.buf[self.pos..])
                    && let Some(keep) = self.keep
                {
                    let end = self.pos + end + 1;
                    self.items.push(keep..end);
                    self.keep = Some(end);
                }
                self.pos = self.buf.len();
                Ok(false)
            }
            State::LongLine => match memchr::memchr(b'\n', &self.buf[self.pos..]) {
                Some(end) => {
                    self.pos += end + 1;
                    self.keep = Some(self.pos);
                    self.state = State::Lines;
                    Ok(true)
                }
                None => {
                    self.pos = self.buf.len();
                    Ok(false)
                }
            },
        }
    }

    fn step_top(&mut self) -> Result<bool, FrameError> {
        match self.blank() {
            None => Ok(false),
            // Between values, some tools write a comma.
            Some(b',') if self.top_start > 0 || self.top.lists > 0 => {
                self.pos += 1;
                Ok(true)
            }
            Some(b'{') => {
                self.top_start = self.base + self.pos as u64;
                self.keep = Some(self.pos);
                self.pos += 1;
                self.typed = false;
                self.bundle = false;
                self.state = State::Key;
                Ok(true)
            }
            Some(b'[') => {
                self.top_start = self.base + self.pos as u64;
                self.pos += 1;
                self.list = List::Whole;
                self.top.lists += 1;
                self.state = State::Element;
                Ok(true)
            }
            Some(byte) => Err(self.unexpected(byte, "a JSON object")),
        }
    }

    /// Looks at `"key": ` and how the value begins, all at once.
    fn step_key(&mut self) -> Result<bool, FrameError> {
        match self.blank() {
            None => return Ok(false),
            Some(b'}') => {
                self.top_end();
                return Ok(true);
            }
            Some(b'"') => {}
            Some(byte) => return Err(self.unexpected(byte, "a key in quotes")),
        }
        let start = self.pos + 1;
        let mut at = start;
        loop {
            match memchr::memchr2(b'"', b'\\', &self.buf[at..]) {
                None if self.buf.len() - start > MAX_KEY => {
                    return Err(self.unexpected(b'"', "a shorter key"));
                }
                None => return Ok(false),
                Some(found) if self.buf[at + found] == b'\\' => {
                    at += found + 2;
                    if at > self.buf.len() {
                        return Ok(false);
                    }
                }
                Some(found) => {
                    at += found;
                    break;
                }
            }
        }
        let key = start..at;
        let blank =
            |at: usize| self.buf[at..].iter().position(|byte| !byte.is_ascii_whitespace()).map(|n| at + n);
        let Some(colon) = blank(at + 1) else { return Ok(false) };
        if self.buf[colon] != b':' {
            self.pos = colon;
            return Err(self.unexpected(self.buf[colon], "`:` after a key"));
        }
        let Some(value) = blank(colon + 1) else { return Ok(false) };
        self.typed |= &self.buf[key.clone()] == b"type";
        let is_list = &self.buf[key] == b"objects" && self.buf[value] == b'[';
        self.pos = value;
        if is_list {
            self.pos += 1;
            self.keep = None;
            self.bundle = true;
            self.top.bundle = true;
            self.list = List::Objects;
            self.top.lists += 1;
            self.state = State::Element;
        } else {
            let byte = self.buf[value];
            if matches!(byte, b',' | b':' | b'}' | b']') {
                return Err(self.unexpected(byte, "a value"));
            }
            self.enter(byte, Then::Value);
        }
        Ok(true)
    }

    fn step_text(&mut self, then: Then, mut escaped: bool) -> Result<bool, FrameError> {
        loop {
            if self.pos >= self.buf.len() {
                self.state = State::Text(then, escaped);
                return Ok(false);
            }
            if escaped {
                escaped = false;
                self.pos += 1;
                continue;
            }
            match memchr::memchr2(b'"', b'\\', &self.buf[self.pos..]) {
                None => self.pos = self.buf.len(),
                Some(found) => {
                    escaped = self.buf[self.pos + found] == b'\\';
                    self.pos += found + 1;
                    if !escaped {
                        self.value_end(then);
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// Begins a value at `pos`, which starts with `byte`.
    fn enter(&mut self, byte: u8, then: Then) {
        self.state = match byte {
            b'{' | b'[' => {
                self.scanner = Scanner::default();
                State::Nested(then)
            }
            b'"' => {
                self.pos += 1;
                State::Text(then, false)
            }
            _ => State::Word(then),
        };
    }

    fn value_end(&mut self, then: Then) {
        match then {
            Then::Value => self.state = State::AfterValue,
            Then::Element => {
                if let Some(keep) = self.keep.take() {
                    self.items.push(keep..self.pos);
                }
                self.state = State::Element;
            }
        }
    }

    /// The top-level dictionary ends at `pos`.
    fn top_end(&mut self) {
        self.pos += 1;
        match self.keep.take() {
            Some(keep) if !self.bundle => self.items.push(keep..self.pos),
            _ => self.top.untyped_bundle |= self.bundle && !self.typed,
        }
        self.state = State::Top;
    }

    /// Looks at the last bytes of the stream.
    fn finish(&mut self) -> Result<(), FrameError> {
        let end = self.bytes();
        match self.state {
            State::Top | State::LongLine => Ok(()),
            State::Lines => {
                let Some(keep) = self.keep.take() else { return Ok(()) };
                let line = &self.buf[keep..];
                if line.trim_ascii().is_empty() {
                    return Ok(());
                }
                if self.form == Form::JsonLines && !is_whole(line.trim_ascii()) {
                    return Err(FrameError::Truncated { start: self.base + keep as u64, end });
                }
                self.items.push(keep..self.buf.len());
                Ok(())
            }
            State::Nested(Then::Element) | State::Text(Then::Element, _) | State::Word(Then::Element) => {
                Err(FrameError::Truncated { start: self.element_start, end })
            }
            _ => Err(FrameError::Truncated { start: self.top_start, end }),
        }
    }

    /// Skips blanks and returns the byte after them.
    fn blank(&mut self) -> Option<u8> {
        let rest = &self.buf[self.pos..];
        let skipped = rest.iter().position(|byte| !byte.is_ascii_whitespace());
        self.pos += skipped.unwrap_or(rest.len());
        self.buf.get(self.pos).copied()
    }

    fn unexpected(&self, byte: u8, wanted: &str) -> FrameError {
        let found = char::from(byte).escape_default();
        let cause = format!("not JSON: `{found}` where {wanted} is expected");
        FrameError::NotJson { offset: self.base + self.pos as u64, cause }
    }
}

/// Returns true if whole objects stand on lines of their own.
fn is_json_lines(bytes: &[u8]) -> bool {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let first = lines.next().is_some_and(|line| is_whole(line.trim_ascii()));
    let mut more = lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).take(4);
    if first {
        // Cut off at the end of the sample, the second line is not in `lines`.
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        return bytes[end..].trim_ascii_start().starts_with(b"{");
    }
    // A damaged first line: in one JSON document, elements on their own lines end with commas.
    more.by_ref().filter(|line| is_whole(line)).count() >= 2
}

/// Returns true if the text is one object, by its brackets.
fn is_whole(text: &[u8]) -> bool {
    text.starts_with(b"{") && Scanner::default().skip(text) == Some(text.len())
}

/// Returns where the elements of the first list called `objects` are, in a dictionary that
/// stands in memory.
pub(crate) fn elements(dictionary: &[u8]) -> Vec<Range<usize>> {
    let tuning = Tuning { block: dictionary.len() + 1, chunk: usize::MAX, sample: 16 };
    let Ok(mut framer) = Framer::start(dictionary, tuning, usize::MAX) else { return Vec::new() };
    framer.form = Form::Json;
    framer.state = State::Top;
    framer.keep = None;
    match framer.next(Vec::new) {
        Ok(Some(chunk)) => {
            let base = usize::try_from(chunk.base).unwrap_or_default();
            chunk.items.iter().map(|item| item.start + base..item.end + base).collect()
        }
        _ => Vec::new(),
    }
}
