//! Ids and times of records.

use kestrel_stix::Timestamp;

use super::SourceId;

/// What the database does not hold of records: their texts. By record number, in order of
/// loading.
#[derive(Debug, Default)]
pub struct Records {
    ids: Texts,
    rows: Vec<Row>,
    /// Times whose given spelling is not the usual one: record, first, last.
    spelled: std::collections::HashMap<u32, Spelling, ahash::RandomState>,
}

/// First and last time as given, where that is not their usual spelling.
type Spelling = (Option<Box<str>>, Option<Box<str>>);

#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) source: SourceId,
    pub(super) real: bool,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
    pub(super) number: i64,
    /// Hash of everything in it, to tell whether another record of its id is the same.
    pub(super) content: u64,
    /// Its place among the records of its source.
    pub(super) place: u32,
}

/// Texts, end to end.
#[derive(Debug, Default)]
struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Records {
    /// Returns the number of records.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the bytes of memory that they take, about.
    pub(super) fn bytes(&self) -> u64 {
        let rows = self.rows.len() * (size_of::<Row>() + size_of::<usize>());
        (self.ids.text.len() + rows + self.spelled.len() * 128) as u64
    }

    /// Returns the id of a record.
    pub fn id(&self, record: u32) -> &str {
        let at = record as usize;
        let start = if at == 0 { 0 } else { self.ids.ends[at - 1] };
        &self.ids.text[start..self.ids.ends[at]]
    }

    /// Returns when a record's first sighting happened.
    pub fn first(&self, record: u32) -> Option<Timestamp> {
        self.rows[record as usize].first
    }

    /// Returns when a record's last sighting happened.
    pub fn last(&self, record: u32) -> Option<Timestamp> {
        self.rows[record as usize].last
    }

    /// Returns `first_observed` as it was given.
    pub fn first_text(&self, record: u32) -> Option<String> {
        let spelled = self.spelled.get(&record).and_then(|(first, _)| first.as_deref());
        spelled.map(str::to_owned).or_else(|| self.first(record).map(|at| at.to_string()))
    }

    /// Returns `last_observed` as it was given.
    pub fn last_text(&self, record: u32) -> Option<String> {
        let spelled = self.spelled.get(&record).and_then(|(_, last)| last.as_deref());
        spelled.map(str::to_owned).or_else(|| self.last(record).map(|at| at.to_string()))
    }

    /// Returns `number_observed`.
    pub fn number(&self, record: u32) -> i64 {
        self.rows[record as usize].number
    }

    /// Returns false for records that only hold rows of a huntflow or a file, or an object
    /// that its source shows in no record.
    pub fn is_real(&self, record: u32) -> bool {
        self.rows[record as usize].real
    }

    pub(super) fn row(&self, record: u32) -> &Row {
        &self.rows[record as usize]
    }

    pub(super) fn push(&mut self, id: &str, row: Row, first_text: Option<&str>, last_text: Option<&str>) {
        if first_text.is_some() || last_text.is_some() {
            let number = self.rows.len() as u32;
            self.spelled.insert(number, (first_text.map(Box::from), last_text.map(Box::from)));
        }
        self.ids.text.push_str(id);
        self.ids.ends.push(self.ids.text.len());
        self.rows.push(row);
    }
}
