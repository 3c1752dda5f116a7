//! The file of an entry: a head, the batches, what the entry says about itself, a checksum.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `KESTRELB` |
//! | 4 | version of this format |
//! | … | batches: the length of each in 8 bytes, then its columns one after the other |
//! | 8 | zero: no more batches |
//! | 8, … | length of what the entry says about itself, then that, as JSON |
//! | 8 | where that starts |
//! | 32 | BLAKE3 of everything before |
//!
//! Numbers are little-endian. Everything is checked before anything is used; bounds are checked
//! again when it is, so that no file can do harm.

use std::io::{self, Read, Seek, SeekFrom, Write};

use kestrel_stix::{
    Timestamp,
    batch::{Batch, Cell, Column, ColumnKind, Link, ObjectRow, RecordRow},
    record::{Defects, ValueRef},
};
use uuid::Uuid;

use super::About;

const MAGIC: &[u8; 8] = b"KESTRELB";
const VERSION: u32 = 1;
/// Head, and the two numbers and the checksum at the end.
const HEAD: u64 = 12;
const TAIL: u64 = 8 + 32;

/// Writes an entry.
#[derive(Debug)]
pub(super) struct Writer<W: Write> {
    out: W,
    hasher: blake3::Hasher,
    written: u64,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub(super) fn start(out: W) -> io::Result<Self> {
        let mut writer = Writer { out, hasher: blake3::Hasher::new(), written: 0, buffer: Vec::new() };
        writer.put(MAGIC)?;
        writer.put(&VERSION.to_le_bytes())?;
        Ok(writer)
    }

    pub(super) fn batch(&mut self, batch: &Batch) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        encode(batch, &mut buffer)?;
        self.put(&(buffer.len() as u64).to_le_bytes())?;
        self.put(&buffer)?;
        self.buffer = buffer;
        Ok(())
    }

    pub(super) fn finish(mut self, about: &About) -> io::Result<W> {
        self.put(&0u64.to_le_bytes())?;
        let start = self.written;
        let about = serde_json::to_vec(about)?;
        self.put(&(about.len() as u64).to_le_bytes())?;
        self.put(&about)?;
        self.put(&start.to_le_bytes())?;
        self.out.write_all(self.hasher.finalize().as_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// Checks a whole file; returns what it says about itself, and where that starts.
pub(super) fn check(file: &mut (impl Read + Seek)) -> io::Result<(About, u64)> {
    let size = file.seek(SeekFrom::End(0))?;
    let body = size.checked_sub(32).ok_or_else(damaged)?;
    file.rewind()?;
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut file.take(body), &mut hasher)?;
    let mut sum = [0; 32];
    file.read_exact(&mut sum)?;
    if hasher.finalize() != sum {
        return Err(damaged());
    }
    let offset = about_at(file, size)?;
    Ok((read_about(file, offset, size)?, offset))
}

/// Returns what a file says about itself, unchecked: for listing.
pub(super) fn about(file: &mut (impl Read + Seek)) -> io::Result<About> {
    let size = file.seek(SeekFrom::End(0))?;
    let offset = about_at(file, size)?;
    read_about(file, offset, size)
}

/// Gives the batches of a checked file.
pub(super) fn read(
    file: &mut (impl Read + Seek),
    end: u64,
    sink: &mut dyn FnMut(Batch) -> bool,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(HEAD))?;
    let mut buffer = Vec::new();
    let mut at = HEAD;
    loop {
        let length = read_u64(file)?;
        at += 8;
        if length == 0 {
            return Ok(());
        }
        if length > end.saturating_sub(at) {
            return Err(damaged());
        }
        buffer.resize(usize::try_from(length).map_err(|_| damaged())?, 0);
        file.read_exact(&mut buffer)?;
        at += length;
        let batch = decode(&buffer).ok_or_else(damaged)?;
        if !sink(batch) {
            return Ok(());
        }
    }
}

fn about_at(file: &mut (impl Read + Seek), size: u64) -> io::Result<u64> {
    if size < HEAD + 8 + TAIL {
        return Err(damaged());
    }
    file.rewind()?;
    let mut head = [0; 12];
    file.read_exact(&mut head)?;
    if &head[..8] != MAGIC || head[8..] != VERSION.to_le_bytes() {
        return Err(damaged());
    }
    file.seek(SeekFrom::Start(size - TAIL))?;
    let offset = read_u64(file)?;
    if offset < HEAD || offset > size - TAIL - 8 { Err(damaged()) } else { Ok(offset) }
}

fn read_about(file: &mut (impl Read + Seek), offset: u64, size: u64) -> io::Result<About> {
    file.seek(SeekFrom::Start(offset))?;
    let length = read_u64(file)?;
    if length > size - TAIL - 8 - offset {
        return Err(damaged());
    }
    let mut about = Vec::new();
    file.take(length).read_to_end(&mut about)?;
    Ok(serde_json::from_slice(&about)?)
}

fn read_u64(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the entry is damaged")
}

fn encode(batch: &Batch, out: &mut Vec<u8>) -> io::Result<()> {
    put_count(out, batch.types.len());
    batch.types.iter().for_each(|name| put_text(out, name));
    put_count(out, batch.columns.len());
    for column in &batch.columns {
        put_u32(out, column.entity_type);
        out.push(match column.kind {
            ColumnKind::Attribute => 0,
            ColumnKind::Reference => 1,
            ColumnKind::References => 2,
        });
        put_text(out, &column.name);
    }
    put_count(out, batch.values.len());
    for at in 0..batch.values.len() as u32 {
        match batch.values.get(at) {
            ValueRef::Int(n) => {
                out.push(0);
                out.extend(n.to_le_bytes());
            }
            ValueRef::Float(n) => {
                out.push(1);
                out.extend(n.to_bits().to_le_bytes());
            }
            ValueRef::Bool(b) => out.extend([2, u8::from(b)]),
            ValueRef::Text(text) => {
                out.push(3);
                put_text(out, &text);
            }
            ValueRef::Json(text) => {
                out.push(4);
                put_text(out, &text);
            }
        }
    }
    put_count(out, batch.objects.len());
    for row in &batch.objects {
        out.extend(row.content.to_le_bytes());
        out.extend(row.entity.as_bytes());
        put_u32(out, row.entity_type);
        put_u32(out, row.cells.1);
        put_u32(out, row.links.1);
        batch.cells_of(row).iter().for_each(|cell| {
            put_u32(out, cell.column);
            put_u32(out, cell.value);
        });
        batch.links_of(row).iter().for_each(|link| {
            put_u32(out, link.column);
            put_u32(out, link.ord);
            put_u32(out, link.target);
        });
    }
    put_count(out, batch.records.len());
    for row in &batch.records {
        put_text(out, &row.id);
        put_time(out, row.first);
        put_time(out, row.last);
        put_optional(out, row.first_text.as_deref());
        put_optional(out, row.last_text.as_deref());
        out.extend(row.number_observed.to_le_bytes());
        let seen = batch.seen_in(row);
        put_count(out, seen.len());
        seen.iter().for_each(|object| put_u32(out, *object));
    }
    put_count(out, batch.loose.len());
    batch.loose.iter().for_each(|object| put_u32(out, *object));
    let defects = serde_json::to_string(&batch.defects)?;
    put_text(out, &defects);
    Ok(())
}

fn put_u32(out: &mut Vec<u8>, n: u32) {
    out.extend(n.to_le_bytes());
}

/// Batches number everything in 32 bits.
fn put_count(out: &mut Vec<u8>, n: usize) {
    put_u32(out, n as u32);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend(text.as_bytes());
}

fn put_time(out: &mut Vec<u8>, at: Option<Timestamp>) {
    out.push(u8::from(at.is_some()));
    out.extend(at.map_or(0, Timestamp::micros).to_le_bytes());
}

fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    out.push(u8::from(text.is_some()));
    put_text(out, text.unwrap_or_default());
}

/// Reads a batch whose every number leads somewhere; none if one does not.
fn decode(bytes: &[u8]) -> Option<Batch> {
    let mut from = From(bytes);
    let mut batch = Batch::default();
    for _ in 0..from.u32()? {
        batch.types.push(from.text()?.to_owned());
    }
    for _ in 0..from.u32()? {
        let entity_type = from.below(batch.types.len())?;
        let kind = match from.u8()? {
            0 => ColumnKind::Attribute,
            1 => ColumnKind::Reference,
            2 => ColumnKind::References,
            _ => return None,
        };
        batch.columns.push(Column { entity_type, name: from.text()?.to_owned(), kind });
    }
    for _ in 0..from.u32()? {
        let value = match from.u8()? {
            0 => ValueRef::Int(i64::from_le_bytes(from.array()?)),
            1 => ValueRef::Float(f64::from_bits(u64::from_le_bytes(from.array()?))),
            2 => ValueRef::Bool(from.u8()? != 0),
            3 => ValueRef::Text(from.text()?.into()),
            4 => ValueRef::Json(from.text()?.into()),
            _ => return None,
        };
        batch.values.add(&value)?;
    }
    let objects = from.u32()? as usize;
    batch.objects.reserve(objects.min(bytes.len() / 44));
    for _ in 0..objects {
        let content = u128::from_le_bytes(from.array()?);
        let entity = Uuid::from_bytes(from.array()?);
        let entity_type = from.below(batch.types.len())?;
        let (cells, links) = (from.u32()?, from.u32()?);
        let starts = (batch.cells.len() as u32, batch.links.len() as u32);
        for _ in 0..cells {
            let column = from.below(batch.columns.len())?;
            batch.cells.push(Cell { column, value: from.below(batch.values.len())? });
        }
        for _ in 0..links {
            let column = from.below(batch.columns.len())?;
            batch.links.push(Link { column, ord: from.u32()?, target: from.below(objects)? });
        }
        let (cells, links) = ((starts.0, cells), (starts.1, links));
        batch.objects.push(ObjectRow { content, entity, entity_type, cells, links });
    }
    for _ in 0..from.u32()? {
        let id = from.text()?.to_owned();
        let (first, last) = (from.time()?, from.time()?);
        let (first_text, last_text) = (from.optional()?, from.optional()?);
        let number_observed = i64::from_le_bytes(from.array()?);
        let count = from.u32()?;
        let start = batch.seen.len() as u32;
        for _ in 0..count {
            batch.seen.push(from.below(objects)?);
        }
        let seen = (start, count);
        batch.records.push(RecordRow { id, first, last, first_text, last_text, number_observed, seen });
    }
    for _ in 0..from.u32()? {
        batch.loose.push(from.below(objects)?);
    }
    batch.defects = serde_json::from_str::<Defects>(from.text()?).ok()?;
    from.0.is_empty().then_some(batch)
}

/// Bytes still to be read.
struct From<'b>(&'b [u8]);

impl<'b> From<'b> {
    #[inline]
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    #[inline]
    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    #[inline]
    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number that leads to one of so many things.
    #[inline]
    fn below(&mut self, count: usize) -> Option<u32> {
        self.u32().filter(|n| (*n as usize) < count)
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn optional(&mut self) -> Option<Option<String>> {
        let present = self.u8()? != 0;
        let text = self.text()?;
        Some(present.then(|| text.to_owned()))
    }

    fn time(&mut self) -> Option<Option<Timestamp>> {
        let present = self.u8()? != 0;
        let micros = i64::from_le_bytes(self.array()?);
        Some(present.then(|| Timestamp::from_micros(micros)))
    }
}
