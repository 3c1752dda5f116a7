//! Every distinct attribute value of a session, once: values are codes everywhere else.
//!
//! Codes are dense and given in order of first appearance. The database holds only codes, so
//! joins, grouping and distinct counts are integer work, and a text is stored once however
//! many objects have it.

use std::borrow::Cow;

use kestrel_stix::{Value, batch::value_hash, record::ValueRef};

use super::{StoreError, index::Index};

/// Stands for a missing value where a code is expected in columns outside the database.
pub const NO_CODE: u32 = u32::MAX;

/// Texts are kept in chunks of this size, so that growing copies nothing.
const CHUNK: usize = 1 << 20;

/// The distinct values of a session.
#[derive(Debug, Default)]
pub struct Dictionary {
    entries: Vec<Entry>,
    chunks: Vec<String>,
    index: Index,
    text_bytes: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Numbers: the bits. Texts: start in the chunk.
    bits: u64,
    chunk: u32,
    length: u32,
    kind: u8,
}

impl Dictionary {
    /// Returns the value of a code.
    ///
    /// # Panics
    /// If this dictionary never gave the code.
    pub fn get(&self, code: u32) -> ValueRef<'_> {
        let entry = &self.entries[code as usize];
        match entry.kind {
            0 => ValueRef::Int(entry.bits.cast_signed()),
            1 => ValueRef::Float(f64::from_bits(entry.bits)),
            2 => ValueRef::Bool(entry.bits != 0),
            kind => {
                let start = entry.bits as usize;
                let text = &self.chunks[entry.chunk as usize][start..start + entry.length as usize];
                if kind == 3 {
                    ValueRef::Text(Cow::Borrowed(text))
                } else {
                    ValueRef::Json(Cow::Borrowed(text))
                }
            }
        }
    }

    /// Returns the value of a code, with text of its own.
    pub fn value(&self, code: u32) -> Value {
        self.get(code).to_value()
    }

    /// Returns the value of a code that may be [`NO_CODE`].
    pub fn present(&self, code: u32) -> Option<ValueRef<'_>> {
        (code != NO_CODE).then(|| self.get(code))
    }

    /// Returns the code of a value, giving it one if it is new.
    pub fn intern(&mut self, value: &ValueRef<'_>) -> Result<u32, StoreError> {
        self.intern_hashed(value_hash(value), value)
    }

    /// Returns the code of a value whose [`value_hash`] is known.
    pub fn intern_hashed(&mut self, hash: u64, value: &ValueRef<'_>) -> Result<u32, StoreError> {
        if let Some(code) = self.find(hash, value) {
            return Ok(code);
        }
        let code =
            u32::try_from(self.entries.len()).ok().filter(|code| *code < NO_CODE).ok_or(StoreError::Full)?;
        let (kind, bits, chunk, length) = match value {
            ValueRef::Int(n) => (0, n.cast_unsigned(), 0, 0),
            ValueRef::Float(n) => (1, n.to_bits(), 0, 0),
            ValueRef::Bool(b) => (2, u64::from(*b), 0, 0),
            ValueRef::Text(text) | ValueRef::Json(text) => {
                let length = u32::try_from(text.len()).map_err(|_| StoreError::Full)?;
                let kind = if matches!(value, ValueRef::Text(_)) { 3 } else { 4 };
                let (chunk, start) = self.keep(text)?;
                (kind, start as u64, chunk, length)
            }
        };
        self.entries.push(Entry { bits, chunk, length, kind });
        self.index.insert(hash, code);
        Ok(code)
    }

    /// Returns the code of a value that is known.
    pub fn lookup(&self, value: &ValueRef<'_>) -> Option<u32> {
        self.find(value_hash(value), value)
    }

    /// Returns the number of distinct values: one more than the largest code.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the bytes of all distinct texts.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Returns the bytes of memory that it takes, about.
    pub(super) fn bytes(&self) -> u64 {
        self.text_bytes + (self.entries.len() * size_of::<Entry>()) as u64 + self.index.bytes()
    }

    fn find(&self, hash: u64, value: &ValueRef<'_>) -> Option<u32> {
        // Floats are compared by their bits, so that equality is total; the hash covers kind
        // and content, and is compared before the value is looked at.
        let same = |code: u32| {
            let entry = &self.entries[code as usize];
            match value {
                ValueRef::Int(n) => entry.kind == 0 && entry.bits == n.cast_unsigned(),
                ValueRef::Float(n) => entry.kind == 1 && entry.bits == n.to_bits(),
                ValueRef::Bool(b) => entry.kind == 2 && entry.bits == u64::from(*b),
                ValueRef::Text(text) => entry.kind == 3 && self.text(entry) == text,
                ValueRef::Json(text) => entry.kind == 4 && self.text(entry) == text,
            }
        };
        self.index.find(hash, same)
    }

    fn text(&self, entry: &Entry) -> &str {
        let start = entry.bits as usize;
        &self.chunks[entry.chunk as usize][start..start + entry.length as usize]
    }

    /// Stores a text; returns chunk and start.
    fn keep(&mut self, text: &str) -> Result<(u32, usize), StoreError> {
        self.text_bytes += text.len() as u64;
        let fits = self.chunks.last().is_some_and(|chunk| chunk.capacity() - chunk.len() >= text.len());
        if !fits {
            self.chunks.push(String::with_capacity(CHUNK.max(text.len())));
        }
        let number = u32::try_from(self.chunks.len() - 1).map_err(|_| StoreError::Full)?;
        let chunk = self.chunks.last_mut().expect("a chunk was made if there was none");
        let start = chunk.len();
        chunk.push_str(text);
        Ok((number, start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_code_and_kinds_differ() {
        let mut dictionary = Dictionary::default();
        let values = [
            Value::text("10"),
            Value::Int(10),
            Value::Float(10.0),
            Value::Bool(true),
            Value::Json("10".to_owned()),
            Value::text(""),
            Value::text("ä".repeat(CHUNK)),
        ];
        let codes: Vec<u32> =
            values.iter().map(|value| dictionary.intern(&value.into()).expect("room")).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6]);
        for (value, code) in values.iter().zip(codes) {
            assert_eq!(dictionary.intern(&value.into()).expect("room"), code);
            assert_eq!(dictionary.lookup(&value.into()), Some(code));
            assert_eq!(&dictionary.value(code), value);
        }
        assert_eq!(dictionary.lookup(&ValueRef::Int(11)), None);
        assert_eq!(dictionary.len(), 7);
    }
}
