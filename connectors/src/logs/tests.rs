//! Tests of the mappers: events as text in, records as text out; and the counts of the shared
//! corpus.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use kestrel_stix::{Value, batch::Batch};

use super::*;

mod corpus;
mod events;
mod hostile;
mod maps;

/// Maps lines as the reader would: JSON lines by events, other text line by line.
fn run(maps: &Arc<FieldMaps>, file: &str, text: &str) -> (Batch, BTreeMap<String, usize>) {
    let mut mapper = mapper_with(text.as_bytes(), file, maps).expect("an event in the sample");
    let mut out = BatchBuilder::new();
    let mut outcomes = BTreeMap::new();
    let json = text.trim_start().starts_with('{');
    for (number, line) in text.lines().enumerate() {
        let place =
            Place { source: "stixbundle://test", member: Some(file), number: number as u64 + 1, offset: 0 };
        let outcome = if json {
            mapper.event(&mut line.as_bytes().to_vec(), &place, &mut out)
        } else {
            mapper.line(line.as_bytes(), &place, &mut out)
        };
        *outcomes.entry(format!("{:?}", outcome.expect("a small batch"))).or_insert(0) += 1;
    }
    mapper.finish(&mut out).expect("a small batch");
    (out.take(), outcomes)
}

/// The records of a text with the built-in maps.
fn show(file: &str, text: &str) -> String {
    show_with(FieldMaps::built_in(), file, text)
}

/// The records of a text: time, then objects, those that are no sightings in parentheses.
fn show_with(maps: &Arc<FieldMaps>, file: &str, text: &str) -> String {
    let (batch, outcomes) = run(maps, file, text);
    let mut shown = String::new();
    for record in &batch.records {
        let time = record.first.map_or("no time".to_owned(), |at| at.to_string());
        let _ = writeln!(shown, "{time}");
        let seen = batch.seen_in(record);
        let mut objects: Vec<u32> = seen.to_vec();
        let mut at = 0;
        while at < objects.len() {
            for link in batch.links_of(&batch.objects[objects[at] as usize]) {
                if !objects.contains(&link.target) {
                    objects.push(link.target);
                }
            }
            at += 1;
        }
        let position = |target: u32| objects.iter().position(|object| *object == target).unwrap_or_default();
        for (number, object) in objects.iter().enumerate() {
            let row = &batch.objects[*object as usize];
            let mut line = format!("{number} {}", batch.types[row.entity_type as usize]);
            for cell in batch.cells_of(row) {
                let value = match batch.values.get(cell.value).to_value() {
                    Value::Text(text) | Value::Json(text) => text,
                    other => other.to_json().to_string(),
                };
                let _ = write!(line, " {}={value}", batch.columns[cell.column as usize].name);
            }
            for link in batch.links_of(row) {
                let _ =
                    write!(line, " {}→{}", batch.columns[link.column as usize].name, position(link.target));
            }
            let _ = if seen.contains(object) {
                writeln!(shown, "  {line}")
            } else {
                writeln!(shown, "  ({line})")
            };
        }
    }
    for (defect, counted) in &batch.defects {
        let _ =
            writeln!(shown, "{defect:?} {} first at {}: {}", counted.count, counted.first, counted.detail);
    }
    let _ = write!(shown, "{outcomes:?}");
    shown
}

/// The shared corpus, if it is there.
fn shared() -> Option<PathBuf> {
    let path = std::env::var_os("KESTREL_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    path.join("conformance/data").is_dir().then_some(path)
}
