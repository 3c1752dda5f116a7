//! Hashes of content: keyed with a secret, so that crafted data cannot make things collide.
//!
//! Two kinds. *Content keys* are 128 bits of SipHash-1-3 over a fixed serialization: whoever
//! knows the secret gets the same keys, in any process and on any machine, and things with
//! equal keys are taken as equal. *Value hashes* are 64 bits for hash tables that compare what
//! they find; they agree within a build of this program only.

use std::{
    hash::{BuildHasher, Hash, Hasher},
    sync::OnceLock,
};

use ahash::RandomState;
use siphasher::sip128::SipHasher13;

use crate::record::ValueRef;

struct Keys {
    content: SipHasher13,
    values: RandomState,
}

static KEYS: OnceLock<Keys> = OnceLock::new();

/// Fixes the secret behind all content keys of this process, so that they are those of every
/// other process with this secret. Call it before the first batch is made: without, and for
/// later calls, the secret stays as it is (chosen at random at the first use). Returns true if
/// `secret` is in force now.
///
/// Keep the secret out of reach of those who write data: who knows it can make objects collide.
pub fn seed_with(secret: [u8; 32]) -> bool {
    let mut mine = false;
    KEYS.get_or_init(|| {
        mine = true;
        Keys::new(&secret)
    });
    mine
}

impl Keys {
    fn new(secret: &[u8; 32]) -> Self {
        let mut halves = [[0; 16]; 2];
        halves[0].copy_from_slice(&secret[..16]);
        halves[1].copy_from_slice(&secret[16..]);
        let second = SipHasher13::new_with_key(&halves[1]);
        let [one, two] = [b"1", b"2"].map(|text| second.hash(text));
        Keys {
            content: SipHasher13::new_with_key(&halves[0]),
            values: RandomState::with_seeds(one.h1, one.h2, two.h1, two.h2),
        }
    }

    fn random() -> Self {
        let mut secret = [0; 32];
        for part in secret.chunks_mut(8) {
            // Each is keyed at random by the standard library.
            let random = std::hash::RandomState::new().build_hasher().finish();
            part.copy_from_slice(&random.to_le_bytes());
        }
        Keys::new(&secret)
    }
}

fn keys() -> &'static Keys {
    KEYS.get_or_init(Keys::random)
}

/// Returns the hash by which [`super::Values::hash`] knows a value.
pub fn value_hash(value: &ValueRef<'_>) -> u64 {
    let mut hasher = table_hasher().build_hasher();
    // Texts are hashed as they are; other kinds differ in the number that comes first.
    match value {
        ValueRef::Text(text) => hasher.write(text.as_bytes()),
        ValueRef::Int(n) => (0u64, n).hash(&mut hasher),
        ValueRef::Float(n) => (1u64, n.to_bits()).hash(&mut hasher),
        ValueRef::Bool(b) => (2u64, b).hash(&mut hasher),
        ValueRef::Json(text) => {
            hasher.write_u64(4);
            hasher.write(text.as_bytes());
        }
    }
    hasher.finish()
}

/// The hasher for tables that compare what they find.
pub(super) fn table_hasher() -> &'static RandomState {
    &keys().values
}

/// What a content key is made of, each part of known length or after its length, so that
/// different contents are different bytes.
#[derive(Debug, Default)]
pub(super) struct Content(Vec<u8>);

impl Content {
    #[inline]
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    #[inline]
    pub(super) fn number(&mut self, n: u64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    #[inline]
    pub(super) fn key_of(&mut self, key: u128) {
        self.0.extend_from_slice(&key.to_le_bytes());
    }

    #[inline]
    pub(super) fn text(&mut self, text: &str) {
        self.tagged(0, text);
    }

    /// A text behind its kind and its length, in one number.
    #[inline]
    fn tagged(&mut self, kind: u8, text: &str) {
        self.0.reserve(text.len() + 8);
        self.0.extend_from_slice(&((text.len() as u64) << 8 | u64::from(kind)).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    #[inline]
    fn tagged_number(&mut self, kind: u8, n: u64) {
        let mut bytes = [kind; 9];
        bytes[1..].copy_from_slice(&n.to_le_bytes());
        self.0.extend_from_slice(&bytes);
    }

    pub(super) fn value(&mut self, value: &ValueRef<'_>) {
        match value {
            ValueRef::Int(n) => self.tagged_number(0, n.cast_unsigned()),
            ValueRef::Float(n) => self.tagged_number(1, n.to_bits()),
            ValueRef::Bool(b) => self.tagged_number(2, u64::from(*b)),
            // The kind comes first in any case, being the lowest byte of the number.
            ValueRef::Text(text) => self.tagged(3, text),
            ValueRef::Json(text) => self.tagged(4, text),
        }
    }

    /// Returns the key of what was put in since it was cleared.
    pub(super) fn key(&self) -> u128 {
        keys().content.hash(&self.0).as_u128()
    }
}
