//! Distinct attribute values of a batch, in one text arena.

use std::borrow::Cow;

use crate::record::ValueRef;

/// Distinct values, in one text arena.
#[derive(Debug, Clone, Default)]
pub struct Values {
    entries: Vec<ValueEntry>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct ValueEntry {
    hash: u64,
    kind: u8,
    /// The number's bits; for texts, start in the arena (low half) and length (high half).
    bits: u64,
}

impl Values {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns value `index`.
    #[inline]
    pub fn get(&self, index: u32) -> ValueRef<'_> {
        let entry = &self.entries[index as usize];
        match entry.kind {
            0 => ValueRef::Int(entry.bits.cast_signed()),
            1 => ValueRef::Float(f64::from_bits(entry.bits)),
            2 => ValueRef::Bool(entry.bits != 0),
            kind => {
                let start = (entry.bits & u64::from(u32::MAX)) as usize;
                let text = Cow::Borrowed(&self.text[start..start + (entry.bits >> 32) as usize]);
                if kind == 3 { ValueRef::Text(text) } else { ValueRef::Json(text) }
            }
        }
    }

    /// Returns none, with room for as many as there are here.
    pub(super) fn empty_alike(&self) -> Values {
        Values {
            entries: Vec::with_capacity(self.entries.len()),
            text: String::with_capacity(self.text.len()),
        }
    }

    /// Returns the bytes of distinct text.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Returns the hash of value `index`, equal for equal values across batches.
    #[inline]
    pub fn hash(&self, index: u32) -> u64 {
        self.entries[index as usize].hash
    }

    /// Adds a value that is not there yet; returns its index, none if there is no room.
    pub fn add(&mut self, value: &ValueRef<'_>) -> Option<u32> {
        self.push(super::value_hash(value), value)
    }

    pub(super) fn push(&mut self, hash: u64, value: &ValueRef<'_>) -> Option<u32> {
        let index = u32::try_from(self.entries.len()).ok()?;
        let (kind, bits) = match value {
            ValueRef::Int(n) => (0, n.cast_unsigned()),
            ValueRef::Float(n) => (1, n.to_bits()),
            ValueRef::Bool(b) => (2, u64::from(*b)),
            ValueRef::Text(text) | ValueRef::Json(text) => {
                let start = u32::try_from(self.text.len()).ok()?;
                let length = u32::try_from(text.len()).ok()?;
                self.text.push_str(text);
                (
                    if matches!(value, ValueRef::Text(_)) { 3 } else { 4 },
                    u64::from(length) << 32 | u64::from(start),
                )
            }
        };
        self.entries.push(ValueEntry { hash, kind, bits });
        Some(index)
    }
}
