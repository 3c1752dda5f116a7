//! Reading STIX bundles and raw logs, from files and the web, into batches of records.
//!
//! ```text
//! file, web ─unpack─▶ frame: whole values, in chunks ─▶ workers: objects, record, batch ─▶ in order ─▶ sink
//!                     (bytes only, brackets counted)   (threads)                         (calling thread)
//! ```
//!
//! What the content is, content alone decides, never a name. Memory holds a few chunks, not
//! the source; only STIX 2.1, whose objects refer to each other across the whole content, is
//! kept to its end. Source: entities specification 1.

pub mod events;

mod condense;
mod error;
mod event_worker;
mod flatten;
mod frame;
#[cfg(feature = "transport")]
mod http;
mod layout;
mod options;
mod pipeline;
mod quick;
mod record;
mod repair;
mod scan;
mod source;
mod stix21;
mod tape;
mod worker;

#[cfg(test)]
mod tests;

use std::io::Read;

use kestrel_stix::batch::Batch;

pub use error::{Retry, SourceError, SourceErrorKind};
pub use options::{
    Content, Limits, Note, PartSummary, ReadOptions, ReadSummary, Redirect, Redirects, Stop, Tuning,
};
pub use stix21::RELATED;

use crate::{
    address::{Address, Part},
    connector::connector_for,
};
use pipeline::{StreamName, read_stream};
use source::PartOutcome;

/// Reads everything that an address names and hands it to `sink` in batches, in source order,
/// whatever the number of threads. What was wrong in the data is in [`Batch::defects`].
///
/// Parts and archive members that cannot be read do not keep the others from being read: they
/// are in [`ReadSummary::failures`]. The error is that of the first one when no part and no
/// member could be read to its end. Batches that came before an error are valid.
///
/// A sink that returns [`Stop`], or [`ReadOptions::cancel`], ends it early; that is no error.
pub fn read_source(
    address: &Address,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Batch) -> Result<(), Stop>,
) -> Result<ReadSummary, SourceError> {
    connector_for(address).map_err(|none| {
        let mut error = SourceError::new(SourceErrorKind::NoConnector, "read", &none.address, "");
        error.cause = format!("no connector configured; {}", none.help());
        error
    })?;
    let mut summary = ReadSummary::default();
    let mut whole = 0;
    let mut key = blake3::Hasher::new();
    key.update(b"kestrel source 1\n");
    key.update(options.logs.fingerprint().as_bytes());
    let mut complete = true;
    for part in address.parts() {
        if options.cancelled() {
            summary.stopped = true;
        }
        if summary.stopped {
            break;
        }
        let outcome = read_part(part, options, sink);
        summary.bytes += outcome.bytes;
        match outcome.hash {
            Some(hash) => {
                let name = part.to_string();
                key.update(&(name.len() as u64).to_le_bytes());
                key.update(name.as_bytes());
                key.update(hash.as_bytes());
            }
            None => complete = false,
        }
        summary.failures.extend(outcome.error);
        summary.redirects.extend(outcome.redirect);
        for stream in outcome.streams {
            summary.records += stream.part.records;
            summary.stopped |= stream.stopped;
            for (name, count) in stream.ignored {
                *summary.ignored.entry(name).or_default() += count;
            }
            match stream.error {
                Some(error) => summary.failures.push(error),
                None => whole += 1,
            }
            summary.parts.push(stream.part);
        }
    }
    if whole == 0 && !summary.failures.is_empty() {
        return Err(summary.failures.swap_remove(0));
    }
    if complete && !summary.stopped {
        summary.source_key = key.finalize().to_hex().to_string();
    }
    Ok(summary)
}

fn read_part(
    part: &Part,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Batch) -> Result<(), Stop>,
) -> PartOutcome {
    let mut on_stream =
        |input: &mut (dyn Read + Send), name: &StreamName| read_stream(input, name, options, sink);
    match part {
        Part::File(path) => source::read_file(&options.base_dir.join(path), path, options, &mut on_stream),
        Part::Url(url) => read_web(url, options, &mut on_stream),
        Part::Profile(name) => PartOutcome {
            error: Some(SourceError::new(
                SourceErrorKind::NoConnector,
                "read",
                name,
                "no connector configured",
            )),
            ..PartOutcome::default()
        },
    }
}

fn read_web(url: &str, options: &ReadOptions, on_stream: &mut source::OnStream<'_>) -> PartOutcome {
    // A query may hold a token.
    let shown = url.split(['?', '#']).next().unwrap_or(url);
    let refused = |cause: &str| PartOutcome {
        error: Some(SourceError::new(SourceErrorKind::Offline, "download", shown, cause)),
        ..PartOutcome::default()
    };
    if options.offline {
        return refused("the network is not to be used");
    }
    #[cfg(feature = "transport")]
    return http::read_url(url, shown, options, on_stream);
    #[cfg(not(feature = "transport"))]
    {
        let _ = on_stream;
        refused("built without network access")
    }
}
