//! Messages of the protocol from bytes and back: `Content-Length: N`, an empty line, JSON.
//!
//! Reads within bounds: a header line, the number of headers and the content have a largest size,
//! and memory is taken as content arrives, not as the header promises.

use std::io::{self, BufRead, Read, Write};

use lsp_server::{Message, RequestId};
use serde_json::Value;

/// Largest content of a message.
pub const MAX_CONTENT: usize = 128 << 20;
/// Largest header line.
const MAX_HEADER: u64 = 4096;
/// Most header lines of a message.
const MAX_HEADERS: usize = 32;

/// What was read.
#[derive(Debug)]
pub enum Frame {
    /// A message.
    Message(Message),
    /// Content that is no message; reading can go on. With the id of the request, if it has one.
    Malformed(Option<RequestId>, String),
    /// The client is gone, or its bytes make no sense: reading cannot go on.
    End(Option<String>),
}

/// Reads the next frame.
pub fn read(input: &mut impl BufRead) -> Frame {
    let length = match length(input) {
        Ok(Some(length)) => length,
        Ok(None) => return Frame::End(None),
        Err(cause) => return Frame::End(Some(cause.to_string())),
    };
    if length > MAX_CONTENT {
        // Skipped, so that one message that is too long does not end the session.
        let skipped = io::copy(&mut input.by_ref().take(length as u64), &mut io::sink());
        return match skipped {
            Ok(count) if count == length as u64 => {
                Frame::Malformed(None, format!("a message of more than {} MiB", MAX_CONTENT >> 20))
            }
            _ => Frame::End(Some("the input ends within a message".to_owned())),
        };
    }
    let mut content = Vec::new();
    match input.by_ref().take(length as u64).read_to_end(&mut content) {
        Ok(count) if count == length => message(&content),
        Ok(_) => Frame::End(Some("the input ends within a message".to_owned())),
        Err(cause) => Frame::End(Some(cause.to_string())),
    }
}

/// Reads the headers; none at the end of the input.
fn length(input: &mut impl BufRead) -> io::Result<Option<usize>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut length = None;
    for count in 0..MAX_HEADERS {
        let mut line = Vec::new();
        input.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return if count == 0 { Ok(None) } else { Err(wrong("the input ends within a header")) };
        }
        let Some(line) = line.strip_suffix(b"\n") else { return Err(wrong("a header line is too long")) };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return length.map(Some).ok_or_else(|| wrong("a message has no `Content-Length`"));
        }
        let line = std::str::from_utf8(line).map_err(|_| wrong("a header is no text"))?;
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("a header line has no colon"))?;
        if name.trim().eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse().map_err(|_| wrong("`Content-Length` is no number"))?);
        }
    }
    Err(wrong("a message has too many headers"))
}

fn message(content: &[u8]) -> Frame {
    // First to a value: numbers of messages are read through it whatever their precision.
    let value: Value = match serde_json::from_slice(content) {
        Ok(value) => value,
        Err(cause) => return Frame::Malformed(None, format!("no JSON: {cause}")),
    };
    let id = match value.get("id") {
        Some(Value::String(id)) => Some(RequestId::from(id.clone())),
        Some(Value::Number(id)) => id.as_i64().and_then(|id| i32::try_from(id).ok()).map(RequestId::from),
        _ => None,
    };
    match serde_json::from_value(value) {
        Ok(message) => Frame::Message(message),
        Err(_) => Frame::Malformed(id, "no request, answer or notification".to_owned()),
    }
}

/// Writes a message.
pub fn write(output: &mut impl Write, message: &Message) -> io::Result<()> {
    message.write(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_client_sends_does_harm() {
        let show = |bytes: &[u8]| match read(&mut io::BufReader::new(bytes)) {
            Frame::Message(message) => format!("{message:?}"),
            Frame::Malformed(id, cause) => format!("malformed {id:?}: {cause}"),
            Frame::End(cause) => format!("end {cause:?}"),
        };
        let mut shown = String::new();
        let long = [b"X: ".as_slice(), &[b'y'; 9000], b"\r\n\r\n"].concat();
        let many = "X: y\r\n".repeat(100);
        for (name, bytes) in [
            ("nothing", b"".as_slice()),
            ("no header", b"\r\n{}"),
            ("no colon", b"hello\r\n\r\n"),
            ("no number", b"Content-Length: x\r\n\r\n"),
            ("negative", b"Content-Length: -1\r\n\r\n{}"),
            ("huge", b"Content-Length: 18446744073709551615\r\n\r\n{}"),
            ("larger than a word", b"Content-Length: 99999999999999999999999\r\n\r\n{}"),
            ("ends early", b"Content-Length: 100\r\n\r\n{}"),
            ("no JSON", b"Content-Length: 2\r\n\r\n{]"),
            ("not UTF-8", b"Content-Length: 3\r\n\r\n\"\xff\""),
            ("no message", b"Content-Length: 9\r\n\r\n{\"id\": 7}"),
            ("an array", b"Content-Length: 2\r\n\r\n[]"),
            ("lower case, line feeds", b"content-length:17\n\n{\"method\": \"hey\"}"),
            ("binary", b"\x00\x01\x02\xff\n\n"),
            ("long header", &long),
            ("many headers", many.as_bytes()),
        ] {
            shown.push_str(&format!("{name}: {}\n", show(bytes)));
        }
        insta::assert_snapshot!(shown);
    }
}
