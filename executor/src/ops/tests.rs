//! Every operation on rows, hunts in and tables out.

use super::testing::{Hunt, answer, bundles, on_processes};

#[test]
fn filters_know_missing_values_and_ignore_case_in_like() {
    insta::assert_snapshot!(on_processes("DISP n WHERE name LIKE 'A%' AND x_user != 'joe' ATTR name, pid"), @"");
    insta::assert_snapshot!(on_processes("DISP n WHERE pid IS NULL OR x_score < 1 ATTR name, pid, x_score"), @"");
    insta::assert_snapshot!(on_processes("DISP n WHERE pid NOT IN (4) ATTR name"), @"");
}

#[test]
fn unknown_attributes_are_errors_with_near_names() {
    insta::assert_snapshot!(answer("p = GET process FROM stixbundle://mini.json WHERE pid > 0\nDISP p WHERE nmae = 'a'"), @"");
    insta::assert_snapshot!(answer("p = GET process FROM stixbundle://mini.json WHERE pid > 0\nDISP p SORT BY colour"), @"");
}

#[test]
fn sorting_is_stable_and_puts_missing_values_at_the_ends() {
    insta::assert_snapshot!(on_processes("DISP n ATTR name, pid SORT BY pid ASC"), @"");
    insta::assert_snapshot!(on_processes("DISP n ATTR name, pid SORT BY pid"), @"");
    insta::assert_snapshot!(on_processes("DISP n ATTR x_user SORT BY name ASC"), @"");
}

#[test]
fn limits_count_rows_before_equal_ones_fold() {
    insta::assert_snapshot!(on_processes("DISP n ATTR name SORT BY name ASC LIMIT 2"), @"");
    insta::assert_snapshot!(on_processes("DISP n ATTR name LIMIT 2 OFFSET 1"), @"");
    insta::assert_snapshot!(on_processes("DISP n ATTR name OFFSET 3"), @"");
    insta::assert_snapshot!(on_processes("DISP n ATTR name LIMIT 0"), @"");
    insta::assert_snapshot!(on_processes("DISP n ATTR x_score"), @"");
}

#[test]
fn grouping_with_every_function() {
    insta::assert_snapshot!(
        on_processes("g = GROUP n BY x_user WITH COUNT(pid), MIN(name), MAX(name), SUM(pid), AVG(x_score), NUNIQUE(name) AS names\nDISP g"),
        @""
    );
    insta::assert_snapshot!(on_processes("g = GROUP n BY BIN(pid, 10), name\nDISP g\nINFO g"), @"");
    insta::assert_snapshot!(on_processes("g = GROUP n BY x_user WITH SUM(name)\nDISP g\nDISP n ATTR pid LIMIT 1"), @"");
}

#[test]
fn grouping_by_time() {
    insta::assert_snapshot!(
        answer("p = GET process FROM stixbundle://mini.json WHERE pid = 10\nt = TIMESTAMPED(p)\n\
                g = GROUP t BY BIN(first_observed, 5m) WITH COUNT(pid) AS n\nDISP g"),
        @""
    );
}

#[test]
fn joins_pair_rows_and_fill_in_missing_values() {
    insta::assert_snapshot!(
        on_processes(
            r#"m = NEW process [{"pid": "4", "x_score": 9, "x_risk": "high"}, {"pid": 30, "x_risk": "low"}, {"x_risk": "none"}]
               j = JOIN n, m BY pid, pid
               DISP j ATTR name, pid, x_score, x_risk
               k = JOIN n, n BY pid, pid
               DISP k ATTR name, pid"#
        ),
        @""
    );
}

#[test]
fn merges_take_each_entity_once() {
    insta::assert_snapshot!(
        answer(
            r#"a = NEW ipv4-addr ["192.0.2.2", "192.0.2.1"]
               b = NEW ipv4-addr ["192.0.2.3", "192.0.2.2"]
               s = SORT b BY value ASC
               c = a + s
               DISP c ATTR value"#
        ),
        @""
    );
    insta::assert_snapshot!(on_processes("g = GROUP n BY x_user WITH COUNT(pid) AS n\nc = g + g\nDISP c"), @"");
}

#[test]
fn transformers_give_a_row_a_record() {
    insta::assert_snapshot!(
        answer("p = GET process FROM stixbundle://mini.json WHERE pid = 10\nDISP RECORDS(p) ATTR name SORT BY first_observed ASC\n\
                t = TIMESTAMPED(p)\nDISP ADDOBSID(t) ATTR name LIMIT 1"),
        @""
    );
    insta::assert_snapshot!(on_processes("DISP TIMESTAMPED(n) ATTR name"), @"");
}

#[test]
fn info_lists_what_is_known() {
    insta::assert_snapshot!(
        answer("p = GET process FROM stixbundle://mini.json WHERE name = 'a.exe'\nq = p WHERE pid = 10\nINFO q"),
        @""
    );
}

#[test]
fn describe_counts_present_values() {
    insta::assert_snapshot!(on_processes("DESCRIBE n.pid DESCRIBE n.x_user DESCRIBE n.x_score"), @"");
}

#[test]
fn explain_shows_the_part_of_the_plan() {
    insta::assert_snapshot!(on_processes("m = n WHERE pid = 4\nEXPLAIN m"), @"");
}

#[test]
fn what_is_saved_is_loaded_again_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.csv", "a.json", "a.jsonl", "a.parquet", "a.csv.gz", "a.json.xz", "a.csv.bz2", "a.json.zip", "a.parquet.gz"] {
        let mut hunt = Hunt::new();
        hunt.options.base_dir = folder.path().join("new folder");
        let text = hunt.text(&format!(
            "n = GET network-traffic FROM stixbundle://mini.json WHERE dst_port > 0\nSAVE n TO '{name}'\n\
             m = LOAD '{name}'\nDISP m\nINFO m"
        ));
        insta::allow_duplicates! { insta::assert_snapshot!(text, @""); }
    }
    let csv = std::fs::read_to_string(folder.path().join("new folder/a.csv")).expect("a file");
    insta::assert_snapshot!(csv, @"");
    let gz = std::fs::read(folder.path().join("new folder/a.json.xz")).expect("a file");
    assert_eq!(&gz[..4], b"\xfd7zX");
}

#[test]
fn values_survive_saving_and_loading() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.csv", "a.json", "a.parquet"] {
        let mut hunt = Hunt::new();
        hunt.options.base_dir = folder.path().to_path_buf();
        let text = hunt.text(&format!(
            r#"n = NEW process [{{"name": "a\"b\\c, d\ne", "pid": 4, "x_score": 0.5, "x_on": true, "x_code": "007"}}, {{"name": "ä"}}]
               SAVE n TO '{name}'
               m = LOAD '{name}'
               DISP m ATTR name, pid, x_score, x_on, x_code"#
        ));
        insta::allow_duplicates! { insta::assert_snapshot!(text, @""); }
    }
}

#[test]
fn files_that_cannot_be_used_are_errors_with_their_name() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("bad.json"), "{\"a\": ").expect("written");
    std::fs::write(folder.path().join("bad.parquet"), "PAR1").expect("written");
    std::fs::write(folder.path().join("bad.csv.gz"), b"\x1f\x8b\x08garbage").expect("written");
    std::fs::write(folder.path().join("untyped.csv"), "value,risk\n1.1.1.1,3\n").expect("written");
    std::fs::write(folder.path().join("empty.csv"), "").expect("written");
    std::fs::create_dir(folder.path().join("folder.csv")).expect("made");
    let mut texts = Vec::new();
    for load in [
        "LOAD missing.csv AS process",
        "LOAD bad.json AS process",
        "LOAD bad.parquet AS process",
        "LOAD bad.csv.gz AS process",
        "LOAD untyped.csv",
        "LOAD notes.xlsx AS process",
        "LOAD folder.csv AS process",
        "LOAD empty.csv AS process",
    ] {
        let mut hunt = Hunt::new();
        hunt.options.base_dir = folder.path().to_path_buf();
        texts.push(hunt.text(&format!("a = {load}\nDISP a")));
    }
    let text = texts.join("").replace(&*folder.path().to_string_lossy(), "FOLDER");
    insta::assert_snapshot!(text, @"");
}

#[test]
fn loaded_columns_make_entities_and_can_be_queried() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("ti.csv"),
        "\"value\",\"risk\",\"x_tags\",\"type\"\n\"2.2.2.2\",9,\"[\"\"c2\"\",\"\"tor\"\"]\",\"ipv4-addr\"\n\"9.9.9.9\",1,,\"ipv4-addr\"\n",
    )
    .expect("written");
    let mut hunt = Hunt::new();
    hunt.options.base_dir = folder.path().to_path_buf();
    insta::assert_snapshot!(
        hunt.text("ti = LOAD ti.csv\nhot = ti WHERE risk > 5 AND x_tags[*] = 'tor'\n\
                   n = GET network-traffic FROM stixbundle://mini.json WHERE dst_ref.value = hot.value\n\
                   DISP n ATTR src_ref.value, dst_ref.value, dst_port"),
        @""
    );
    assert!(bundles().join("mini.json").exists());
}
