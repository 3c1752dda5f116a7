//! A reader that asks the cache first, and keeps what it had to read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kestrel_stix::batch::Batch;

use super::{About, Cache, Writing, now};
use crate::run::{Cancel, PartRead, ReadFailure, SourceReader};

/// Smaller sources are read faster than they are looked up.
const WORTH_IT: u64 = 1 << 20;
/// A file that changed so short ago may change again without looking different.
const SETTLED: Duration = Duration::from_secs(2);

/// A [`SourceReader`] over another one.
#[derive(Debug)]
pub struct CachedReader<R> {
    inner: R,
    cache: Cache,
    /// What answers depend on besides the source: options of the reader, the program.
    surroundings: String,
    /// Whether parts without a version, such as web addresses, may come from the cache: they
    /// may be out of date, which is said.
    offline: bool,
}

impl<R: SourceReader> CachedReader<R> {
    /// Puts a cache in front of a reader. The cache must have been unlocked.
    pub fn new(inner: R, cache: Cache, surroundings: String, offline: bool) -> Self {
        CachedReader { inner, cache, surroundings, offline }
    }

    /// Returns the reader behind the cache.
    pub fn inner(&self) -> &R {
        &self.inner
    }

    /// Returns the cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns the key of a part of this version; parts without one have one key for all times.
    fn key(&self, part: &str, version: &str) -> String {
        let name = self.inner.full_name(part);
        format!("{}\n{name}\n{version}", self.surroundings)
    }

    /// Returns true if the content may be kept under its version.
    fn is_settled(&self, part: &str) -> bool {
        let changed = self.inner.changed(part);
        changed.is_none_or(|changed| now().duration_since(changed).is_ok_and(|age| age >= SETTLED))
    }

    fn cached(
        &self,
        part: &str,
        key: &str,
        versioned: bool,
        sink: &mut dyn FnMut(Batch) -> bool,
    ) -> Option<PartRead> {
        if !versioned && !self.offline {
            return None;
        }
        let About { read_at, bytes, mut notes, .. } = self.cache.read(key, sink)?;
        if !versioned {
            let ago = now().duration_since(UNIX_EPOCH + Duration::from_secs(read_at)).unwrap_or_default();
            let hours = ago.as_secs() / 3600;
            notes.push(format!(
                "`{}` is a copy from the cache, {hours} hours old",
                kestrel_ir::text::visible(part)
            ));
        }
        Some(PartRead { notes, bytes, cached: true, ..PartRead::default() })
    }
}

impl<R: SourceReader> SourceReader for CachedReader<R> {
    fn parts(&self, address: &str) -> Result<Vec<String>, ReadFailure> {
        self.inner.parts(address)
    }

    fn version(&self, part: &str) -> String {
        self.inner.version(part)
    }

    fn full_name(&self, part: &str) -> String {
        self.inner.full_name(part)
    }

    fn changed(&self, part: &str) -> Option<SystemTime> {
        self.inner.changed(part)
    }

    fn read(
        &self,
        part: &str,
        threads: usize,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Batch) -> bool,
    ) -> Result<PartRead, ReadFailure> {
        let version = self.inner.version(part);
        let versioned = !version.is_empty();
        let key = self.key(part, &version);
        let mut given = false;
        let mut counting = |batch| {
            given = true;
            sink(batch)
        };
        if let Some(read) = self.cached(part, &key, versioned, &mut counting) {
            return Ok(read);
        }
        if given {
            // The entry was checked as a whole before; it cannot be read any more all the same.
            return Err(ReadFailure {
                code: kestrel_ir::diagnostic::Code::E0502,
                message: format!(
                    "the cached copy of `{}` could not be read to its end",
                    kestrel_ir::text::visible(part)
                ),
                help: Some("run again, or with --no-cache".to_owned()),
            });
        }
        let mut writing = if self.is_settled(part) { self.cache.write(&key).ok() } else { None };
        let mut trouble = None;
        let mut whole = true;
        let read = self.inner.read(part, threads, cancel, &mut |batch| {
            if let Some(entry) = &mut writing
                && let Err(error) = entry.batch(&batch)
            {
                trouble = Some(error);
                writing = None;
            }
            let wanted = sink(batch);
            whole &= wanted;
            wanted
        })?;
        if let Some(entry) = writing
            && whole
            && !cancel.is_stopped()
            && self.inner.version(part) == version
        {
            trouble = self.keep(entry, part, versioned, &read).err();
        }
        let mut read = read;
        if let Some(error) = trouble {
            read.notes.push(format!(
                "`{}` could not be kept in the cache: {error}",
                kestrel_ir::text::visible(part)
            ));
        }
        Ok(read)
    }
}

impl<R: SourceReader> CachedReader<R> {
    fn keep(&self, entry: Writing, part: &str, versioned: bool, read: &PartRead) -> std::io::Result<()> {
        let small = versioned && read.bytes.is_some_and(|bytes| bytes < WORTH_IT);
        // What is incomplete may be whole the next time; where a server sends its readers may change,
        // and a policy may forbid it.
        if small || !read.missing.is_empty() || !read.redirects.is_empty() {
            return Ok(());
        }
        let read_at = now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        entry.finish(&About {
            part: part.to_owned(),
            read_at,
            bytes: read.bytes,
            notes: read.notes.clone(),
        })?;
        self.cache.trim()
    }
}
