//! Whole runs: failures, sessions, references, stopping, analytics.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use duckdb::arrow::{
    array::{ArrayRef, AsArray, Float64Array, StringArray},
    record_batch::RecordBatch,
};
use kestrel_ir::diagnostic::Code;
use kestrel_stix::batch::Batch;

use super::*;
use crate::{
    ops::{
        apply::{AnalyticsError, AnalyticsRunner, Answer, Request},
        testing::{Hunt, answer, bundles, connectors, shown},
    },
    results::{json, text},
};

const MINI: &str = "p = GET process FROM stixbundle://mini.json WHERE name = 'a.exe'\n";

#[test]
fn a_failed_step_spares_all_that_does_not_need_it() {
    let mut hunt = Hunt::new();
    let results = hunt.run(
        "a = NEW ipv4-addr [\"192.0.2.1\"]\nDISP a ATTR value\n\
         q = GET process FROM stixbundle://no-such.json WHERE pid > 0\nr = q WHERE pid = 4\nDISP r\n\
         p = GET process FROM stixbundle://mini.json WHERE name = 'a.exe'\nDISP p ATTR name, pid",
    );
    insta::assert_snapshot!(shown(&results), @r"
    value
    192.0.2.1

    name       pid
    a.exe       10
    other.exe   10
    3 rows equal to an earlier one folded

    hunt.hf:3:1: error[E0501]: cannot read `no-such.json`: no such file
      help: paths are relative to the working directory
    hunt.hf:4:1: note[E0501]: skipped, since a step that it needs failed
    hunt.hf:5:1: note[E0501]: skipped, since a step that it needs failed
    ");
    assert_eq!(results.exit_code(), 3);
    let names: Vec<_> = results.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["a", "p"]);
    assert!(!results.sources[0].complete && results.sources[1].complete);
}

#[test]
fn a_failed_reassignment_leaves_the_variable_as_it_was() {
    let mut hunt = Hunt::new();
    let results = hunt.run(
        "a = NEW process [{\"pid\": 1}, {\"pid\": 2}]\n\
         a = GET process FROM stixbundle://no-such.json WHERE pid > 0\nb = a WHERE pid = 1",
    );
    let kept: Vec<_> =
        results.variables.iter().map(|variable| (variable.name.as_str(), variable.row_count)).collect();
    assert_eq!(kept, [("a", 2)]);
    assert_eq!(results.exit_code(), 3);
}

#[test]
fn some_parts_of_an_address_may_fail() {
    let mut hunt = Hunt::new();
    let results = hunt.run(
        "p = GET process FROM stixbundle://mini.json,no-such.json WHERE name = 'a.exe'\nDISP p ATTR name",
    );
    insta::assert_snapshot!(shown(&results), @r"
    name
    a.exe
    other.exe
    3 rows equal to an earlier one folded

    hunt.hf:1:1: warning[W0009]: `stixbundle://mini.json,no-such.json` answered in part: cannot read `no-such.json`: no such file
    ");
    assert_eq!(results.exit_code(), 1);
    assert!(results.sources[0].error.is_some());
}

#[test]
fn the_summary_counts_variables_and_sources() {
    let mut hunt = Hunt::new();
    let mut results = hunt.run(&format!(
        "{MINI}n = FIND network-traffic CREATED BY p\ng = GROUP p BY name WITH COUNT(pid) AS c"
    ));
    results.summary.seconds = 0.1;
    insta::assert_snapshot!(text::summary(&results, &text::TextOptions::default()), @r"
    [SUMMARY] block executed in 1 second
    VARIABLE  TYPE               #(ENTITIES)  #(RECORDS)  directory*  file*  ipv4-addr*  network-traffic*  process*  user-account*
    p         process                      5           9           1      1           2                 1         1              1
    n         network-traffic              1           5           1      1           2                 0         6              1
    g         groups of process            2           2           0      0           0                 0         0              0
    *Number of related records cached.
    SOURCE                  QUERIES  RECORDS  ANSWER
    stixbundle://mini.json        2        5  complete
    ");
}

#[test]
fn a_session_goes_on_and_reads_each_source_once() {
    let mut hunt = Hunt::new();
    let mut read = Vec::new();
    let plan = hunt.plan(MINI);
    let first = hunt.session.run(&plan, &hunt.options, &mut |event| {
        if let Event::Read { part, .. } = event {
            read.push(part.to_owned());
        }
    });
    assert!(first.displays.is_empty());
    let plan = hunt.plan("DISP p ATTR name, pid");
    let second = hunt.session.run(&plan, &hunt.options, &mut |event| {
        if let Event::Read { part, .. } = event {
            read.push(part.to_owned());
        }
    });
    assert_eq!(read, ["mini.json"]);
    assert_eq!(second.displays.len(), 1);
    let third = hunt.run("q = p WHERE pid = 10");
    assert!(third.displays.is_empty(), "what was shown is not shown again");
    let updated: Vec<_> =
        third.variables.iter().map(|variable| (variable.name.as_str(), variable.updated)).collect();
    assert_eq!(updated, [("p", false), ("q", true)]);
}

#[test]
fn references_stand_for_values_in_row_order() {
    insta::assert_snapshot!(
        answer(&format!("{MINI}q = GET process FROM stixbundle://mini.json WHERE pid IN (1, p.pid)\nDISP q ATTR pid, name SORT BY pid ASC")),
        @r"
        pid  name
          1  init
         10  a.exe
         10  other.exe
        3 rows equal to an earlier one folded
        "
    );
}

#[test]
fn references_without_values_warn_and_several_values_are_too_many_for_an_order() {
    insta::assert_snapshot!(
        answer("e = NEW process [{\"name\": \"x\"}]\n\
                n = NEW process [{\"pid\": 1}, {\"pid\": 2}]\n\
                a = n WHERE pid = e.pid\nb = n WHERE pid != e.pid\nDISP b ATTR pid\n\
                c = n WHERE pid < n.pid\nd = n WHERE pid < e.pid"),
        @r"
        pid
          1
          2

        hunt.hf:3:1: warning[W0003]: `e.pid` has no value, so that it adds nothing to the test
        hunt.hf:4:1: warning[W0003]: `e.pid` has no value, so that the test holds for every value
        hunt.hf:6:1: error[E0703]: `n.pid` has 2 values (1, 2), but the operator takes exactly one
          help: reduce the variable to one row first (`LIMIT 1`), or use `IN`
        hunt.hf:7:1: error[E0703]: `e.pid` has no value, but the operator takes exactly one
          help: reduce the variable to one row first (`LIMIT 1`), or use `IN`
        "
    );
}

#[test]
fn last_counts_back_from_one_instant() {
    let mut hunt = Hunt::new();
    hunt.options.now = Timestamp::parse("2024-01-01T00:05:30Z");
    insta::assert_snapshot!(
        hunt.text("p = GET process FROM stixbundle://mini.json WHERE pid = 10 LAST 5 MINUTES\nDISP p ATTR name\n\
                   q = GET process FROM stixbundle://mini.json WHERE pid = 10 LAST 1 SECOND\nDISP q\n\
                   x = GET proces FROM stixbundle://mini.json WHERE pid = 10"),
        @r"
        name
        a.exe
        other.exe

        hunt.hf:5:1: warning[W0001]: unknown entity type `proces`, and nothing of it was found
          help: did you mean `process`?
        "
    );
}

#[test]
fn any_number_of_jobs_gives_the_same_bytes() {
    let document = |jobs: usize| {
        let mut hunt = Hunt::new();
        hunt.options.jobs = jobs;
        let mut results = hunt.run(
            "a = GET process FROM stixbundle://tutorial.json WHERE pid > 0\n\
             b = GET process FROM stixbundle://mini.json WHERE pid > 0\n\
             c = a + b\ng = GROUP c BY name WITH COUNT(pid) AS n\nDISP g SORT BY n\nf = FIND file LINKED a\nDISP f LIMIT 20",
        );
        results.summary.seconds = 0.0;
        results.sources.iter_mut().for_each(|source| source.seconds = 0.0);
        json::to_string(&results)
    };
    let one = document(1);
    assert!(one.contains("\"displays\":[{"));
    assert_eq!(one, document(4));
}

/// Fails in one way or another, depending on the part.
struct Broken;

impl SourceReader for Broken {
    fn parts(&self, address: &str) -> Result<Vec<String>, ReadFailure> {
        Ok(vec![address.to_owned()])
    }

    fn version(&self, _part: &str) -> String {
        String::new()
    }

    fn read(
        &self,
        part: &str,
        _threads: usize,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Batch) -> bool,
    ) -> Result<PartRead, ReadFailure> {
        assert!(!part.contains("panic"), "out of luck");
        while !cancel.is_stopped() && sink(Batch::default()) {}
        Ok(PartRead::default())
    }
}

#[test]
fn a_panic_is_an_error_of_its_step() {
    let mut hunt = Hunt::new();
    hunt.session = Session::new(Options::default(), Arc::new(Broken), Analytics::default());
    insta::assert_snapshot!(
        hunt.text("p = GET process FROM stixbundle://panic WHERE pid > 0\nn = NEW process [\"a\"]\nDISP n ATTR name"),
        @r"
        name
        a

        hunt.hf:1:1: error[E0401]: a fault of this program while reading `stixbundle://panic`: out of luck
          help: please report it
        "
    );
}

#[test]
fn a_run_stops_when_its_time_is_over() {
    let mut hunt = Hunt::new();
    hunt.session = Session::new(Options::default(), Arc::new(Broken), Analytics::default());
    hunt.options.timeout = Some(Duration::from_secs(2));
    let results = hunt.run(
        "n = NEW process [\"a\"]\nDISP n ATTR name\np = GET process FROM stixbundle://endless WHERE pid > 0",
    );
    assert!(results.summary.stopped && results.has(Code::E0705));
    assert_eq!(results.displays.len(), 1);
    assert_eq!(results.exit_code(), 3);
}

#[test]
fn a_cancelled_run_does_nothing() {
    let mut hunt = Hunt::new();
    hunt.options.cancel.stop();
    let results = hunt.run(&format!("{MINI}DISP p"));
    assert!(results.summary.stopped && results.displays.is_empty());
}

#[test]
fn analytics_need_an_interface() {
    let mut plan = Hunt::new().plan(&format!("{MINI}APPLY python://score ON p"));
    // The compiler refuses this; a plan from elsewhere may still say it.
    plan = plan.rewrite(|_, node, wired| match &node.op {
        Op::Apply(apply) => kestrel_ir::plan::Rewrite::Node {
            op: Op::Apply(kestrel_ir::op::Apply { analytic: "pyhton://score".to_owned(), ..apply.clone() }),
            inputs: wired.inputs,
            after: wired.after,
            shape: None,
        },
        _ => wired.keep(node),
    });
    let mut hunt = Hunt::new();
    insta::assert_snapshot!(shown(&hunt.session.run(&plan, &hunt.options, &mut |_| {})), @r"
    hunt.hf:2:1: error[E0203]: there are no analytics of scheme `pyhton`
      help: did you mean `python://`?
    ");
    insta::assert_snapshot!(answer(&format!("{MINI}APPLY python://score ON p\nDISP p ATTR name LIMIT 1")), @r"
    hunt.hf:2:1: error[E0204]: `python://score` cannot be run: no analytics interface is configured for `python`
      help: `kestrel-run analytics` shows what is configured
    hunt.hf:3:1: note[E0204]: skipped, since a step that it needs failed
    ");
}

/// Doubles process numbers into `x_twice` and notes what it was asked.
struct Twice(Mutex<Vec<String>>);

impl AnalyticsRunner for Twice {
    fn scheme(&self) -> &str {
        "python"
    }

    fn run(&self, request: &Request, _cancel: &Cancel) -> Result<Answer, AnalyticsError> {
        let failed = |reason: &str| AnalyticsError::Failed {
            name: request.name.clone(),
            reason: reason.to_owned(),
            trace: None,
        };
        let table = &request.tables[0];
        let names: Vec<_> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        self.0
            .lock()
            .expect("no panic")
            .push(format!("{} {:?} {:?}", request.name, names, request.arguments));
        if request.name == "fail" {
            return Err(failed("out of luck"));
        }
        let column =
            |name: &str| table.column_by_name(name).cloned().ok_or_else(|| failed("a column is missing"));
        let pids = column("pid")?;
        let pids = pids.as_primitive::<duckdb::arrow::datatypes::Int64Type>();
        let twice: ArrayRef =
            Arc::new(pids.iter().map(|pid| pid.map(|pid| pid as f64 * 2.5)).collect::<Float64Array>());
        let mut ids = column("id")?;
        if request.name == "stray" {
            ids = Arc::new(StringArray::from(vec!["process--0"; table.num_rows()]));
        }
        let answer = RecordBatch::try_from_iter([("id", ids), ("type", column("type")?), ("x_twice", twice)]);
        let display = Some(DisplayResult::Html("<b>done</b>".to_owned()));
        Ok(Answer { tables: vec![answer.map_err(|_| failed("no table"))?], display, ..Answer::default() })
    }
}

#[test]
fn analytics_make_new_versions_of_their_inputs() {
    let twice = Arc::new(Twice(Mutex::new(Vec::new())));
    let mut analytics = Analytics::default();
    analytics.add(twice.clone());
    let mut hunt = Hunt::with(analytics);
    insta::assert_snapshot!(
        hunt.text("n = NEW process [{\"name\": \"a\", \"pid\": 4}, {\"name\": \"b\"}, {\"name\": \"c\", \"pid\": 6}]\n\
                   old = n\n\
                   APPLY python://twice ON n WITH k=1, list=(2, 'b', n.name)\n\
                   hot = n WHERE x_twice > 10\nDISP n ATTR name, x_twice\nDISP hot\nDISP old\n\
                   APPLY python://fail ON n\nAPPLY python://stray ON old"),
        @r"
        <b>done</b>

        name  x_twice
        a        10.0
        b
        c        15.0

        name  pid  x_twice
        c       6     15.0

        name  pid
        a       4
        b
        c       6

        hunt.hf:8:1: error[E0601]: analytic `fail` failed: out of luck
        hunt.hf:9:1: error[E0601]: analytic `stray` failed: its table has 3 ids that its input does not have: `process--0`, `process--0`, `process--0`
        "
    );
    insta::assert_snapshot!(twice.0.lock().expect("no panic").join("\n"), @r#"
    twice ["name", "pid", "id", "type"] [("k", "1"), ("list", "2,b,a,b,c")]
    fail ["name", "pid", "x_twice", "id", "type"] []
    stray ["name", "pid", "id", "type"] []
    "#);
    assert!(bundles().exists() && connectors().offline);
}
