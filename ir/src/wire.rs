//! Plans as bytes and as JSON, and back. The only file that names the compact codec.
//!
//! Compact form (`.kplan`): the magic word, the format version (two bytes, little endian), the
//! length of the body (eight bytes), the blake3 checksum of the body (32 bytes), the body
//! (bincode of the document). Interchange form (`.json`): the same document as JSON with a
//! `"format"` and a `"format_version"` member, and no checksum, since people edit it.
//!
//! Reading is safe for hostile input: lengths are bounded before anything is allocated, ids are
//! computed again, and the plan is verified before it is returned.
//!
//! bincode 2.0.1 is the last working release (RUSTSEC-2025-0141: unmaintained; 3.0.0 is an
//! empty marker). It is pinned, and this file can replace it in one commit.

use serde::{Deserialize, Serialize};

use crate::{
    plan::{BadStoredNode, Plan, SourceText, StoredNode},
    verify::{Broken, verify},
};

/// First bytes of the compact form.
pub const MAGIC: [u8; 8] = *b"KESTRELP";
/// Version of the format that this program writes, and the only one it reads.
pub const FORMAT_VERSION: u16 = 1;
/// Largest plan that is read, in bytes.
pub const MAX_BYTES: usize = 256 << 20;

const FORMAT: &str = "kestrel-plan";
const HEADER: usize = 8 + 2 + 8 + 32;

/// What is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Document {
    format: String,
    format_version: u16,
    /// Which program made it, for people.
    producer: String,
    sources: Vec<SourceText>,
    nodes: Vec<StoredNode>,
}

/// Why bytes are no plan that can be run.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes are neither form of a plan.
    #[error("this is no Kestrel plan: it starts neither with the magic word nor with a JSON object")]
    NoPlan,
    /// Made by a program of another format version.
    #[error("the plan has format version {found}; this program reads version {FORMAT_VERSION}")]
    Version {
        /// The version it has.
        found: u16,
    },
    /// The end is missing.
    #[error("the plan is cut short: {has} bytes of {needs}")]
    Cut {
        /// Bytes there are.
        has: usize,
        /// Bytes it says there should be.
        needs: u64,
    },
    /// Something follows the end.
    #[error("the plan is followed by {extra} bytes that do not belong to it")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// Larger than anything this program reads.
    #[error("the plan has {bytes} bytes; at most {MAX_BYTES} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// The checksum differs.
    #[error("the plan was altered or damaged: its checksum is wrong")]
    Checksum,
    /// The content cannot be decoded.
    #[error("the plan cannot be decoded: {0}")]
    Decode(String),
    /// The nodes do not make a graph.
    #[error("the plan is damaged: {0}")]
    Node(#[from] BadStoredNode),
    /// An invariant is broken.
    #[error("the plan is damaged: {0}")]
    Broken(#[from] Broken),
}

/// The plan cannot be written in the compact form.
#[derive(Debug, thiserror::Error)]
#[error("the plan cannot be encoded: {0}")]
pub struct WriteError(String);

fn document(plan: &Plan) -> Document {
    Document {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        producer: concat!("kestrel ", env!("CARGO_PKG_VERSION")).to_owned(),
        sources: plan.sources.clone(),
        nodes: plan.stored(),
    }
}

fn finish(document: Document) -> Result<Plan, ReadError> {
    if document.format != FORMAT {
        return Err(ReadError::NoPlan);
    }
    if document.format_version != FORMAT_VERSION {
        return Err(ReadError::Version { found: document.format_version });
    }
    let plan = Plan::from_stored(document.sources, document.nodes)?;
    verify(&plan)?;
    Ok(plan)
}

fn codec() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<MAX_BYTES>()
}

/// Writes the compact form.
pub fn to_bytes(plan: &Plan) -> Result<Vec<u8>, WriteError> {
    let body = bincode::serde::encode_to_vec(document(plan), codec())
        .map_err(|error| WriteError(error.to_string()))?;
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(blake3::hash(&body).as_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// Writes the interchange form, indented, with a final line break.
pub fn to_json(plan: &Plan) -> Result<String, WriteError> {
    let mut text =
        serde_json::to_string_pretty(&document(plan)).map_err(|error| WriteError(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// Returns true when the bytes look like a plan rather than a huntflow.
pub fn looks_like_plan(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
        || (bytes.trim_ascii_start().starts_with(b"{") && find(bytes, FORMAT.as_bytes()))
}

fn find(bytes: &[u8], needle: &[u8]) -> bool {
    bytes[..bytes.len().min(4096)].windows(needle.len()).any(|window| window == needle)
}

/// Reads either form.
pub fn read(bytes: &[u8]) -> Result<Plan, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(ReadError::TooLarge { bytes: bytes.len() as u64 });
    }
    if bytes.starts_with(&MAGIC) {
        return from_bytes(bytes);
    }
    // A cut magic word is a cut plan, not a huntflow.
    if bytes.is_empty() || MAGIC.starts_with(bytes) {
        return Err(ReadError::Cut { has: bytes.len(), needs: HEADER as u64 });
    }
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(ReadError::NoPlan);
    }
    from_json(bytes)
}

fn from_json(bytes: &[u8]) -> Result<Plan, ReadError> {
    /// Only what tells whether the rest can be read.
    #[derive(Deserialize)]
    struct Head {
        format: Option<String>,
        format_version: Option<u16>,
    }
    let decode = |error: serde_json::Error| ReadError::Decode(error.to_string());
    let head: Head = serde_json::from_slice(bytes).map_err(decode)?;
    if head.format.as_deref() != Some(FORMAT) {
        return Err(ReadError::NoPlan);
    }
    match head.format_version {
        Some(FORMAT_VERSION) => {}
        found => return Err(ReadError::Version { found: found.unwrap_or(0) }),
    }
    finish(serde_json::from_slice(bytes).map_err(decode)?)
}

fn from_bytes(bytes: &[u8]) -> Result<Plan, ReadError> {
    let cut = |needs| ReadError::Cut { has: bytes.len(), needs };
    let header = bytes.get(..HEADER).ok_or_else(|| cut(HEADER as u64))?;
    let version = u16::from_le_bytes([header[8], header[9]]);
    if version != FORMAT_VERSION {
        return Err(ReadError::Version { found: version });
    }
    let mut length = [0; 8];
    length.copy_from_slice(&header[10..18]);
    let length = u64::from_le_bytes(length);
    if length > MAX_BYTES as u64 {
        return Err(ReadError::TooLarge { bytes: length });
    }
    let body = &bytes[HEADER..];
    if (body.len() as u64) < length {
        return Err(cut(HEADER as u64 + length));
    }
    if body.len() as u64 > length {
        return Err(ReadError::Trailing { extra: body.len() - length as usize });
    }
    if blake3::hash(body).as_bytes() != &header[18..HEADER] {
        return Err(ReadError::Checksum);
    }
    let (document, used): (Document, usize) = bincode::serde::decode_from_slice(body, codec())
        .map_err(|error| ReadError::Decode(error.to_string()))?;
    if used != body.len() {
        return Err(ReadError::Trailing { extra: body.len() - used });
    }
    finish(document)
}
