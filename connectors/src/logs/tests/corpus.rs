//! Counts over the shared corpus, when it is there: what hunts on it have to answer, worked out
//! from the records without any of the machinery that answers hunts.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::Read,
};

use kestrel_stix::Timestamp;

use super::*;

/// The records of an archive's first member, or of a plain log.
fn archive(name: &str, additions: Additions) -> Option<Batch> {
    let Some(shared) = shared() else {
        eprintln!("skipped: the shared corpus is not there");
        return None;
    };
    let path = shared.join("conformance/data").join(name);
    let bytes = std::fs::read(&path).expect("a file of the corpus");
    let (member, text) = if name.ends_with(".zip") {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
        let mut member = archive.by_index(0).expect("a member");
        let mut text = String::new();
        member.read_to_string(&mut text).expect("text");
        (member.name().expect("a name").into_owned(), text)
    } else {
        (name.to_owned(), String::from_utf8(bytes).expect("text"))
    };
    let maps = Arc::new(FieldMaps::new(additions, &[]).expect("correct maps"));
    Some(run(&maps, &member, &text).0)
}

/// Appearances by type; equal objects of one record count once.
fn appearances(batch: &Batch) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for object in &batch.seen {
        let row = &batch.objects[*object as usize];
        *counts.entry(batch.types[row.entity_type as usize].as_str()).or_insert(0) += 1;
    }
    counts
}

/// A hunt in small: records fetched so far, and the way 1.8 fetches.
struct Hunt<'b> {
    batch: &'b Batch,
    visible: BTreeSet<usize>,
}

type Entities = HashSet<uuid::Uuid>;

impl<'b> Hunt<'b> {
    fn new(batch: &'b Batch) -> Self {
        Hunt { batch, visible: BTreeSet::new() }
    }

    fn text(&self, object: u32, name: &str) -> String {
        self.batch.attribute(object, name).map_or(String::new(), |value| match value {
            Value::Text(text) | Value::Json(text) => text,
            other => other.to_json().to_string(),
        })
    }

    fn seen(&self, record: usize, entity_type: &str) -> Vec<u32> {
        let type_of =
            |object: u32| &self.batch.types[self.batch.objects[object as usize].entity_type as usize];
        let objects = self.batch.seen_in(&self.batch.records[record]).iter().copied();
        objects.filter(|object| type_of(*object) == entity_type).collect()
    }

    /// `GET T WHERE …`, with everything about the processes found fetched as well.
    fn get(&mut self, entity_type: &str, test: impl Fn(&Self, u32) -> bool) -> Entities {
        let mut local = Vec::new();
        for record in 0..self.batch.records.len() {
            for object in self.seen(record, entity_type) {
                if test(self, object) {
                    local.push((record, object));
                    self.visible.insert(record);
                }
            }
        }
        self.expand(entity_type, &local)
    }

    /// `FIND T …` by the references `name` of visible records, forwards (`back` false: the holder
    /// is of the input) or backwards.
    fn find(&mut self, entity_type: &str, name: &str, back: bool, input: &Entities) -> Entities {
        let entity = |object: u32| self.batch.objects[object as usize].entity;
        let mut found = Entities::new();
        for record in &self.visible {
            for holder in self.batch.seen_in(&self.batch.records[*record]) {
                for link in self.batch.links_of(&self.batch.objects[*holder as usize]) {
                    if self.batch.columns[link.column as usize].name == name {
                        let (from, to) = if back { (link.target, *holder) } else { (*holder, link.target) };
                        if input.contains(&entity(from)) {
                            found.insert(entity(to));
                        }
                    }
                }
            }
        }
        self.appearances_of(entity_type, &found)
    }

    /// `FIND T LINKED …`.
    fn linked(&mut self, entity_type: &str, input: &Entities) -> Entities {
        let mut found = Entities::new();
        for record in &self.visible {
            let objects = self.batch.seen_in(&self.batch.records[*record]);
            if objects.iter().any(|object| input.contains(&self.batch.objects[*object as usize].entity)) {
                found.extend(
                    self.seen(*record, entity_type)
                        .into_iter()
                        .map(|object| self.batch.objects[object as usize].entity),
                );
            }
        }
        self.appearances_of(entity_type, &found)
    }

    fn appearances_of(&mut self, entity_type: &str, found: &Entities) -> Entities {
        let mut local = Vec::new();
        for record in &self.visible {
            for object in self.seen(*record, entity_type) {
                if found.contains(&self.batch.objects[object as usize].entity) {
                    local.push((*record, object));
                }
            }
        }
        if entity_type == "process" { self.expand(entity_type, &local) } else { found.clone() }
    }

    /// Fetches all records with the unique ids of the processes, five minutes around; they
    /// replace what was found.
    fn expand(&mut self, entity_type: &str, local: &[(usize, u32)]) -> Entities {
        let entity = |object: u32| self.batch.objects[object as usize].entity;
        if entity_type != "process" {
            return local.iter().map(|(_, object)| entity(*object)).collect();
        }
        let ids: HashSet<String> =
            local.iter().map(|(_, object)| self.text(*object, "x_unique_id")).collect();
        let times = || local.iter().filter_map(|(record, _)| self.batch.records[*record].first);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Entities::new() };
        let window: std::ops::Range<Timestamp> = first.plus_seconds(-300)..last.plus_seconds(300);
        let mut found = Entities::new();
        for record in 0..self.batch.records.len() {
            if !self.batch.records[record].first.is_some_and(|at| window.contains(&at)) {
                continue;
            }
            for object in self.seen(record, "process") {
                let id = self.text(object, "x_unique_id");
                if !id.is_empty() && ids.contains(&id) {
                    found.insert(entity(object));
                    self.visible.insert(record);
                }
            }
        }
        found
    }

    /// Entities and (entity, record) pairs.
    fn count(&self, entities: &Entities) -> (usize, usize) {
        let pairs: HashSet<_> = self
            .visible
            .iter()
            .flat_map(|record| {
                self.batch.seen_in(&self.batch.records[*record]).iter().map(move |object| (*record, *object))
            })
            .map(|(record, object)| (record, self.batch.objects[object as usize].entity))
            .filter(|(_, entity)| entities.contains(entity))
            .collect();
        (entities.len(), pairs.len())
    }
}

#[test]
fn objects_are_those_of_the_original() {
    let expected = BTreeMap::from([
        ("artifact", 118),
        // 95, three of them twice in one record.
        ("directory", 92),
        ("file", 95),
        ("ipv4-addr", 4),
        ("network-traffic", 2),
        ("process", 72),
        ("user-account", 19),
        ("windows-registry-key", 26),
        ("x-oca-asset", 118),
        ("x-oca-event", 118),
    ]);
    for additions in [Additions::None, Additions::Mentioned] {
        let Some(batch) = archive("cmd_lsass_memory_dumpert_syscalls.zip", additions) else { return };
        assert_eq!(appearances(&batch), expected, "{additions:?}");
        assert_eq!(batch.records.len(), 118);
    }
    let Some(batch) = archive("cmd_lsass_memory_dumpert_syscalls.zip", Additions::Seen) else { return };
    let counts = appearances(&batch);
    assert!(expected.iter().all(|(entity_type, count)| counts[entity_type] >= *count), "{counts:?}");
    assert!(counts["process"] > 72);
}

#[test]
fn a_dumper_and_what_is_linked_to_it() {
    let Some(batch) = archive("cmd_lsass_memory_dumpert_syscalls.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let procs = hunt.get("process", |hunt, object| hunt.text(object, "command_line").contains("Dump"));
    assert_eq!(hunt.count(&procs), (1, 22));
    let parents = hunt.find("process", "parent_ref", false, &procs);
    assert_eq!(hunt.count(&parents), (1, 3));
    let users = hunt.find("user-account", "creator_user_ref", false, &procs);
    assert_eq!(hunt.count(&users), (1, 1));
    let events = hunt.linked("x-oca-event", &procs);
    assert_eq!(hunt.count(&events), (22, 22));
    let files = hunt.linked("file", &procs);
    assert_eq!(files.len(), 21);
    let dumps = hunt.get("file", |hunt, object| hunt.text(object, "name").ends_with(".dmp"));
    assert_eq!(hunt.count(&dumps), (1, 1));
    // Half a day between the host's clock and UTC is corrected.
    let days: BTreeSet<_> = batch
        .records
        .iter()
        .filter_map(|record| record.first)
        .map(|at| at.to_string()[..15].to_owned())
        .collect();
    assert_eq!(days.len(), 1, "{days:?}");
}

#[test]
fn processes_have_the_records_that_the_original_counts() {
    let contains = |parts: &'static [&'static str]| {
        move |hunt: &Hunt<'_>, object: u32| {
            let line = hunt.text(object, "command_line");
            parts.iter().all(|part| line.contains(part))
        }
    };
    let Some(batch) = archive("cmd_bitsadmin_download_psh_script.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let jobs = hunt.get("process", contains(&["bitsadmin", "/transfer"]));
    assert_eq!(hunt.count(&jobs), (1, 25));
    let service = hunt.get("process", contains(&["-s BITS"]));
    assert_eq!(hunt.count(&service), (1, 168));
    let traffic = hunt.find("network-traffic", "opened_connection_refs", false, &service);
    assert_eq!(hunt.count(&traffic), (3, 3));
    let mut hunt = Hunt::new(&batch);
    let address = hunt.get("ipv4-addr", |hunt, object| hunt.text(object, "value") == "151.101.208.133");
    assert_eq!(hunt.count(&address), (1, 2));
    let traffic = hunt.find("network-traffic", "dst_ref", true, &address);
    assert_eq!(hunt.count(&traffic), (1, 2));
    let processes = hunt.find("process", "opened_connection_refs", true, &traffic);
    assert_eq!(hunt.count(&processes), (1, 168));
    let parents = hunt.find("process", "parent_ref", false, &processes);
    assert_eq!(hunt.count(&parents), (1, 2));

    let Some(batch) = archive("cmd_seatbelt_group_user.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let tool = hunt.get("process", |hunt, object| {
        hunt.text(object, "name") == "Seatbelt.exe" && hunt.text(object, "command_line").contains("-group")
    });
    assert_eq!(hunt.count(&tool), (1, 87));
    let users = hunt.find("user-account", "creator_user_ref", false, &tool);
    assert_eq!(hunt.count(&users), (1, 1));
    let events = hunt.linked("x-oca-event", &tool);
    assert_eq!(hunt.count(&events), (87, 87));
    let files = hunt.linked("file", &tool);
    assert_eq!(files.len(), 81);

    let Some(batch) = archive("psh_lsass_memory_dump_comsvcs.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let dumper = hunt.get("process", contains(&["comsvcs.dll", " MiniDump"]));
    let dumper: Entities = dumper; // binary_ref.name = 'rundll32.exe' holds for the Sysmon rows
    let rundll: Entities = dumper
        .iter()
        .copied()
        .filter(|entity| {
            batch
                .objects
                .iter()
                .enumerate()
                .any(|(at, row)| row.entity == *entity && hunt.text(at as u32, "name") == "rundll32.exe")
        })
        .collect();
    assert_eq!(hunt.count(&rundll), (1, 32));
    let parents = hunt.find("process", "parent_ref", false, &rundll);
    assert_eq!(hunt.count(&parents), (1, 26));

    let Some(batch) = archive("cmd_service_mod_fax.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let service = hunt.get("process", |hunt, object| {
        hunt.text(object, "name") == "sc.exe"
            && hunt.text(object, "command_line").contains("config")
            && hunt.text(object, "command_line").contains("binPath")
    });
    assert_eq!(hunt.count(&service), (2, 18));
    let shell = hunt.find("process", "parent_ref", false, &service);
    assert_eq!(hunt.count(&shell), (1, 4));
    let siblings = hunt.find("process", "parent_ref", true, &shell);
    assert_eq!(hunt.count(&siblings), (3, 27));

    let Some(batch) = archive("schtask_create.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let tasks = hunt.get("process", |hunt, object| {
        hunt.text(object, "name") == "schtasks.exe" && hunt.text(object, "command_line").contains("/create")
    });
    assert_eq!(hunt.count(&tasks), (1, 37));
    let parents = hunt.find("process", "parent_ref", false, &tasks);
    assert_eq!(hunt.count(&parents), (1, 14));
    let grandparents = hunt.find("process", "parent_ref", false, &parents);
    assert_eq!(hunt.count(&grandparents), (1, 2));

    let Some(batch) = archive("covenant_sharpsc_query_dcerpc_smb_svcctl.zip", Additions::Mentioned) else {
        return;
    };
    let mut hunt = Hunt::new(&batch);
    let hosts = hunt.get("process", |hunt, object| hunt.text(object, "name") == "svchost.exe");
    assert_eq!(hunt.count(&hosts), (14, 44));
}

#[test]
fn registry_events_and_connections_are_counted_as_by_the_original() {
    let Some(batch) = archive("cmd_userinitmprlogonscript_batch.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let explorer = hunt.get("process", |hunt, object| hunt.text(object, "name") == "Explorer.EXE");
    assert_eq!(hunt.count(&explorer), (1, 17));
    let keys = hunt.linked("windows-registry-key", &explorer);
    assert_eq!(hunt.count(&keys), (17, 17));
    let keys =
        hunt.get("windows-registry-key", |hunt, object| hunt.text(object, "key").contains("Environment"));
    assert_eq!(hunt.count(&keys), (2, 2));
    let planted = hunt
        .get("process", |hunt, object| hunt.text(object, "command_line").contains("UserInitMprLogonScript"));
    assert_eq!(hunt.count(&planted), (1, 13));

    let Some(batch) = archive("schtask_create.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let keys = hunt.get("windows-registry-key", |hunt, object| {
        let key = hunt.text(object, "key");
        key.split_once("TaskCache").is_some_and(|(_, rest)| rest.contains("Tasks"))
    });
    assert_eq!(hunt.count(&keys), (10, 10));

    let Some(batch) = archive("covenant_sharpsc_query_dcerpc_smb_svcctl.zip", Additions::Mentioned) else {
        return;
    };
    let mut hunt = Hunt::new(&batch);
    let smb = hunt.get("network-traffic", |hunt, object| {
        ["135", "445"].contains(&hunt.text(object, "dst_port").as_str())
    });
    assert_eq!(hunt.count(&smb), (5, 14));
    let processes = hunt.find("process", "opened_connection_refs", true, &smb);
    assert_eq!(hunt.count(&processes), (5, 9));
}

#[test]
fn zeek_connections_are_counted_as_by_the_original() {
    let Some(batch) = archive("SCRANTON-zeek_logs.zip", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let ports = ["389", "88", "445"];
    let found =
        hunt.get("network-traffic", |hunt, object| ports.contains(&hunt.text(object, "dst_port").as_str()));
    assert_eq!(hunt.count(&found), (50, 54));
    let big = hunt.get("network-traffic", |hunt, object| {
        ports.contains(&hunt.text(object, "dst_port").as_str())
            && hunt.text(object, "dst_byte_count").parse::<i64>().is_ok_and(|bytes| bytes > 5000)
    });
    assert_eq!(hunt.count(&big), (12, 12));
    assert_eq!(hunt.linked("mac-addr", &found).len(), 2);

    let Some(batch) = archive("lsass-campaign-03-conn.log", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let found = hunt.get("network-traffic", |hunt, object| {
        hunt.text(object, "dst_port").parse::<i64>().is_ok_and(|port| port > 0)
    });
    assert_eq!(hunt.count(&found), (121, 126));
    let web = hunt.get("network-traffic", |hunt, object| {
        ["80", "5678"].contains(&hunt.text(object, "dst_port").as_str())
    });
    assert_eq!(web.len(), 7);

    let Some(batch) = archive("zeek_example.log", Additions::Mentioned) else { return };
    let mut hunt = Hunt::new(&batch);
    let found = hunt.get("network-traffic", |hunt, object| !hunt.text(object, "dst_byte_count").is_empty());
    assert_eq!(hunt.count(&found), (2, 2));
}
