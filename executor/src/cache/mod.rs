//! Sources that were read before, kept in the user's cache folder: a second hunt over the same
//! file starts where reading ended.
//!
//! An entry holds the batches that reading a part of an address gave, as they were given, so a
//! hunt cannot tell a cached part from one that was read. Its name is a hash of everything that
//! those batches depend on: what the part is called, the version of its content (size, times and
//! place of a file), how it is read, and the program itself. An entry is written beside its
//! place and moved there when it is whole, and carries a checksum, so that a program that is
//! killed, a full disk or ten programs at once leave whole entries or none. When all entries
//! together are larger than allowed, those that were not used for longest go.

mod format;
mod reader;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use kestrel_stix::batch::Batch;
use serde::{Deserialize, Serialize};

pub use reader::CachedReader;

/// The end of the name of every entry.
const SUFFIX: &str = ".batches";
/// Names of entries that are being written start so.
const HALF: &str = ".half-";
/// What was being written so long ago was given up.
const GIVEN_UP: Duration = Duration::from_secs(3600);
/// Bytes that all entries together may have unless the user says otherwise.
pub const DEFAULT_LIMIT: u64 = 4 << 30;

/// The cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    limit: u64,
}

/// What an entry says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The part of an address.
    pub part: String,
    /// When it was read, in seconds since 1970.
    pub read_at: u64,
    /// Bytes of the source as stored.
    pub bytes: Option<u64>,
    /// Unusual things about it that lost nothing, each in one line.
    pub notes: Vec<String>,
}

/// One entry, for listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it says about itself; none if it cannot be read.
    pub about: Option<About>,
    /// Its bytes.
    pub size: u64,
    /// When it was used last.
    pub used: SystemTime,
    path: PathBuf,
}

impl Cache {
    /// Names the cache folder; nothing is made until something is kept.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Cache { folder, limit }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns how many bytes all entries together may have.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Makes content keys of this process those of every process that uses this cache, which
    /// entries need to be of use. To be called before anything is read. The secret is made
    /// when there is none.
    pub fn unlock(&self) -> io::Result<bool> {
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join("secret");
        let secret = match read_secret(&path)? {
            Some(secret) => secret,
            None => {
                // Another process may do the same: the first one to finish wins.
                let made = self.half();
                write_secret(&made, &new_secret())?;
                let linked = fs::hard_link(&made, &path);
                let _ = fs::remove_file(&made);
                match linked {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => read_secret(&path)?
                        .ok_or_else(|| io::Error::other("the cache's secret is damaged"))?,
                }
            }
        };
        Ok(kestrel_stix::batch::seed_with(secret))
    }

    /// Gives the batches of an entry, in order, if there is one of this key; what it says about
    /// itself is returned. A damaged entry is removed. Nothing is given unless all is whole.
    pub fn read(&self, key: &str, sink: &mut dyn FnMut(Batch) -> bool) -> Option<About> {
        let path = self.path(key);
        let mut file = File::open(&path).ok()?;
        let checked = format::check(&mut BufReader::with_capacity(1 << 20, &mut file));
        let Ok((about, offset)) = checked else {
            let _ = fs::remove_file(&path);
            return None;
        };
        // Last used now; a cache that cannot be written forgets in the order of writing.
        let _ = file.set_modified(now());
        format::read(&mut BufReader::with_capacity(1 << 20, file), offset, sink).ok()?;
        Some(about)
    }

    /// Starts an entry.
    pub fn write(&self, key: &str) -> io::Result<Writing> {
        fs::create_dir_all(&self.folder)?;
        let half = self.half();
        let file = OpenOptions::new().write(true).create_new(true).open(&half)?;
        let writer = format::Writer::start(BufWriter::with_capacity(1 << 20, file));
        Ok(Writing { writer: Some(writer?), half, path: self.path(key) })
    }

    /// Returns the entries, the one used last first.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = self.files()?;
        for entry in &mut entries {
            entry.about = File::open(&entry.path).ok().and_then(|mut file| format::about(&mut file).ok());
        }
        Ok(entries)
    }

    /// Removes every entry; returns how many there were and their bytes.
    pub fn clear(&self) -> io::Result<(u64, u64)> {
        let entries = self.files()?;
        for entry in &entries {
            remove(&entry.path)?;
        }
        self.sweep(Duration::ZERO)?;
        // Nothing depends on it any more; the next run makes a new one.
        remove(&self.folder.join("secret"))?;
        Ok((entries.len() as u64, entries.iter().map(|entry| entry.size).sum()))
    }

    /// Removes what was not used for longest until the rest fits; also what was given up half
    /// written.
    pub fn trim(&self) -> io::Result<()> {
        self.sweep(GIVEN_UP)?;
        let mut total = 0;
        for entry in self.files()? {
            total += entry.size;
            if total > self.limit {
                remove(&entry.path)?;
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let folder = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(entries),
            folder => folder?,
        };
        for file in folder {
            let file = file?;
            let name = file.file_name();
            // What another process removed meanwhile is none.
            let Ok(metadata) = file.metadata() else { continue };
            if name.to_string_lossy().ends_with(SUFFIX) && metadata.is_file() {
                let used = metadata.modified()?;
                entries.push(Entry { about: None, size: metadata.len(), used, path: file.path() });
            }
        }
        entries.sort_by(|a, b| b.used.cmp(&a.used).then_with(|| a.path.cmp(&b.path)));
        Ok(entries)
    }

    /// Removes files that have been half written for longer than this.
    fn sweep(&self, older: Duration) -> io::Result<()> {
        let folder = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            folder => folder?,
        };
        for file in folder {
            let file = file?;
            let Ok(modified) = file.metadata().and_then(|metadata| metadata.modified()) else { continue };
            let age = now().duration_since(modified).unwrap_or_default();
            if file.file_name().to_string_lossy().starts_with(HALF) && age >= older {
                remove(&file.path())?;
            }
        }
        Ok(())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{}{SUFFIX}", blake3::hash(key.as_bytes()).to_hex()))
    }

    /// A name that no other thread or process uses now.
    fn half(&self) -> PathBuf {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let salt = u64::from_le_bytes(new_secret()[..8].try_into().unwrap_or_default());
        self.folder.join(format!("{HALF}{}-{count}-{salt:x}", std::process::id()))
    }
}

/// An entry that is being written; given up unless it is finished.
#[derive(Debug)]
pub struct Writing {
    writer: Option<format::Writer<BufWriter<File>>>,
    half: PathBuf,
    path: PathBuf,
}

impl Writing {
    /// Adds a batch.
    pub fn batch(&mut self, batch: &Batch) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.batch(batch))
    }

    /// Ends the entry and puts it in its place.
    pub fn finish(mut self, about: &About) -> io::Result<()> {
        if let Some(writer) = self.writer.take() {
            writer.finish(about)?.into_inner().map_err(io::IntoInnerError::into_error)?;
            fs::rename(&self.half, &self.path)?;
        }
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        drop(self.writer.take());
        // It has its name now, or is not wanted.
        let _ = fs::remove_file(&self.half);
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read_secret(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(64).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match bytes.try_into() {
        Ok(secret) => Ok(Some(secret)),
        Err(_) => {
            Err(io::Error::other("the cache's secret is damaged; `kestrel-run cache clear` makes a new one"))
        }
    }
}

fn write_secret(path: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(secret)?;
    file.sync_all()
}

/// Bytes that nobody can guess: the standard library keys each of these from the system.
fn new_secret() -> [u8; 32] {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let mut hasher = blake3::Hasher::new();
    for _ in 0..8 {
        hasher.update(&RandomState::new().build_hasher().finish().to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

#[expect(clippy::disallowed_methods, reason = "when entries were used, which changes no answer")]
fn now() -> SystemTime {
    SystemTime::now()
}
