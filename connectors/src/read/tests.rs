//! Tests of the reader: text in, records as text out.

mod containers;
mod hostile;
mod layouts;
mod stix20;
mod version21;
#[cfg(feature = "transport")]
mod web;

use std::{fmt::Write as _, path::Path};

use kestrel_stix::{
    batch::{Batch, ColumnKind},
    identity::id_text,
    record::{Defects, merge_defects},
};

use super::*;

/// What a source gave, as text that does not depend on how it was cut into batches.
fn shown(batches: &[Batch]) -> String {
    let mut out = String::new();
    let mut defects = Defects::new();
    for batch in batches {
        for record in &batch.records {
            let time = |at: Option<kestrel_stix::Timestamp>, text: &Option<String>| match (at, text) {
                (_, Some(text)) => format!("“{text}”"),
                (Some(at), None) => at.to_string(),
                (None, None) => "no time".to_owned(),
            };
            let (first, last) =
                (time(record.first, &record.first_text), time(record.last, &record.last_text));
            writeln!(out, "{} {first} … {last} ×{}", record.id, record.number_observed).expect("text");
            for object in batch.seen_in(record) {
                writeln!(out, "  {}", object_text(batch, *object)).expect("text");
            }
        }
        for object in &batch.loose {
            writeln!(out, "no record: {}", object_text(batch, *object)).expect("text");
        }
        merge_defects(&mut defects, batch.defects.clone());
    }
    for (defect, counted) in defects {
        let (count, first, detail) = (counted.count, counted.first, counted.detail);
        writeln!(out, "! {count} × {} ({first}: {detail})", defect.describe()).expect("text");
    }
    out
}

fn object_text(batch: &Batch, number: u32) -> String {
    let object = &batch.objects[number as usize];
    let mut out = batch.types[object.entity_type as usize].clone();
    for cell in batch.cells_of(object) {
        let value = batch.values.get(cell.value);
        write!(out, " {}={value:?}", batch.columns[cell.column as usize].name).expect("text");
    }
    for link in batch.links_of(object) {
        let column = &batch.columns[link.column as usize];
        let target = &batch.objects[link.target as usize];
        let id = id_text(&batch.types[target.entity_type as usize], target.entity);
        let mark = if column.kind == ColumnKind::References { "[]" } else { "" };
        write!(out, " {}{mark}→{}", column.name, &id[..id.len() - 28]).expect("text");
    }
    out.replace("Borrowed(", "(")
}

/// A folder with one file `a.json`, and what reading it gives.
struct Case {
    folder: tempfile::TempDir,
    options: ReadOptions,
}

impl Case {
    fn new(content: impl AsRef<[u8]>) -> Case {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.json"), content).expect("a file");
        let options =
            ReadOptions { base_dir: folder.path().to_owned(), threads: 1, ..ReadOptions::default() };
        Case { folder, options }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, address: &str) -> (Vec<Batch>, Result<ReadSummary, SourceError>) {
        let address = Address::parse(address).expect("an address");
        let mut batches = Vec::new();
        let result = read_source(&address, &self.options, &mut |batch| {
            batches.push(batch);
            Ok(())
        });
        (batches, result)
    }

    fn text(&self, address: &str) -> String {
        let (batches, result) = self.read(address);
        let mut out = shown(&batches);
        match result {
            Ok(summary) => {
                for part in &summary.parts {
                    for note in &part.notes {
                        writeln!(out, "note: {} {}", part.name, note.describe()).expect("text");
                    }
                }
                for failure in &summary.failures {
                    writeln!(out, "failure: {failure}").expect("text");
                }
                if !summary.ignored.is_empty() {
                    writeln!(out, "ignored: {:?}", summary.ignored).expect("text");
                }
            }
            Err(error) => writeln!(out, "error: {error} [{:?}]", error.kind).expect("text"),
        }
        out
    }
}

/// Reads a file with this content on one thread.
fn read(content: impl AsRef<[u8]>) -> String {
    Case::new(content).text("file://a.json")
}

/// A small record.
fn process(id: u32, name: &str) -> String {
    let time = format!("2021-04-03T09:00:{:02}Z", id % 60);
    format!(
        r#"{{"type":"observed-data","id":"observed-data--{id:08}","first_observed":"{time}","last_observed":"{time}","number_observed":1,"objects":{{"0":{{"type":"process","name":"{name}","pid":{id}}}}}}}"#
    )
}

fn bundle(records: &[String]) -> String {
    format!(r#"{{"type":"bundle","id":"bundle--1","objects":[{}]}}"#, records.join(","))
}
