//! The seam between the reader, which finds events in a file, and the mappers of `logs`,
//! which know what an event means.
//!
//! The reader detects the container (JSON lines, a JSON array, lines of text, inside gzip or
//! zip or not), finds the events and hands them over one by one in source order; the mapper
//! makes one record of each. All calls for one file come from one thread.

use kestrel_stix::batch::{BatchBuilder, BatchFull};

use crate::logs::{self, LogOptions};

/// Where an event stands, for record ids and for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The part of the address: a path as written, or a web address without its query.
    pub source: &'a str,
    /// Name of the archive member, when the source is an archive.
    pub member: Option<&'a str>,
    /// Number of the line, or of the element in a JSON array; from 1.
    pub number: u64,
    /// Bytes before the event in the (unpacked) file or member.
    pub offset: u64,
}

impl Place<'_> {
    /// Returns the text from which the record's id is made (version 5, namespace of
    /// deterministic ids): source, member and number. Reading again gives the same id.
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.source, self.member.unwrap_or_default(), self.number)
    }
}

/// Shows the place for defect reports: `line 7 of member.json`.
impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} (byte {}) of {}", self.number, self.offset, self.member.unwrap_or(self.source))
    }
}

/// What became of an event. The reader counts [`EventOutcome::Unknown`] and
/// [`EventOutcome::Bad`] as defects; the mapper counts finer ones itself, in
/// [`BatchBuilder::defects`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOutcome {
    /// The event is in the batch.
    Recorded,
    /// The mapper keeps it until [`EventMapper::finish`] or a later event.
    Held,
    /// A line that is part of the form, not an event: header, comment, closing line, blank.
    Form,
    /// The line does not end the row (an open quote): the next one goes on with it.
    More,
    /// No mapping knows such an event; it gave no record, or only one of its common fields.
    Unknown,
    /// It is no event: no JSON object, or fields that do not fit the header.
    Bad,
}

/// Makes records from the events of one file.
pub trait EventMapper: Send {
    /// Maps one JSON event: the bytes of one JSON value, valid or not. The mapper may
    /// overwrite them while parsing.
    fn event(
        &mut self,
        json: &mut [u8],
        place: &Place<'_>,
        out: &mut BatchBuilder,
    ) -> Result<EventOutcome, BatchFull>;

    /// Maps one line of delimited text, header lines included, without its line end.
    fn line(
        &mut self,
        line: &[u8],
        place: &Place<'_>,
        out: &mut BatchBuilder,
    ) -> Result<EventOutcome, BatchFull>;

    /// Hands out whatever was held; called once, after the last event.
    fn finish(&mut self, out: &mut BatchBuilder) -> Result<(), BatchFull>;
}

/// Chooses the mapper for a file that holds no STIX objects.
///
/// `sample` is how the (unpacked) content begins, up to 64 KiB, without byte order mark, perhaps
/// cut in the middle of an event; `file` is the name of the file or archive member. None means
/// that nothing in the sample looks like an event.
pub fn mapper_for(sample: &[u8], file: &str, options: &LogOptions) -> Option<Box<dyn EventMapper>> {
    logs::mapper_with(sample, file, options.maps())
}
