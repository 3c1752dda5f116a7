//! Every operation on rows, hunts in and tables out.

use super::testing::{Hunt, answer, bundles, on_processes};

#[test]
fn filters_know_missing_values_and_ignore_case_in_like() {
    insta::assert_snapshot!(on_processes("DISP n WHERE name LIKE 'A%' AND x_user != 'joe' ATTR name, pid"), @r"
    name   pid
    a.exe    4
    ");
    insta::assert_snapshot!(on_processes("DISP n WHERE pid IS NULL OR x_score < 1 ATTR name, pid, x_score"), @r"
    name   pid  x_score
    a.exe             2
    c.exe    4      0.5
    ");
    insta::assert_snapshot!(on_processes("DISP n WHERE pid NOT IN (4) ATTR name"), @r"
    name
    b.exe
    ");
}

#[test]
fn unknown_attributes_are_errors_with_near_names() {
    insta::assert_snapshot!(answer("p = GET process FROM stixbundle://mini.json WHERE pid > 0\nDISP p WHERE nmae = 'a'"), @r"
    hunt.hf:2:1: error[E0301]: process entities here have no attribute `nmae`
      help: did you mean `name`?
    ");
    insta::assert_snapshot!(answer("p = GET process FROM stixbundle://mini.json WHERE pid > 0\nDISP p SORT BY colour"), @r"
    hunt.hf:2:1: error[E0301]: process entities here have no attribute `colour`
      help: `INFO` shows the attributes of a variable
    ");
}

#[test]
fn sorting_is_stable_and_puts_missing_values_at_the_ends() {
    insta::assert_snapshot!(on_processes("DISP n ATTR name, pid SORT BY pid ASC"), @r"
    name   pid
    a.exe
    a.exe    4
    c.exe    4
    b.exe   30
    ");
    insta::assert_snapshot!(on_processes("DISP n ATTR name, pid SORT BY pid"), @r"
    name   pid
    b.exe   30
    a.exe    4
    c.exe    4
    a.exe
    ");
    insta::assert_snapshot!(on_processes("DISP n ATTR x_user SORT BY name ASC"), @r"
    x_user
    ann
    joe
    1 row equal to an earlier one folded
    1 row without any value in these columns left out
    ");
}

#[test]
fn limits_count_rows_before_equal_ones_fold() {
    insta::assert_snapshot!(on_processes("DISP n ATTR name SORT BY name ASC LIMIT 2"), @r"
    name
    a.exe
    1 row equal to an earlier one folded
    2 rows left out by LIMIT or OFFSET
    ");
    insta::assert_snapshot!(on_processes("DISP n ATTR name LIMIT 2 OFFSET 1"), @r"
    name
    a.exe
    1 row equal to an earlier one folded
    2 rows left out by LIMIT or OFFSET
    ");
    insta::assert_snapshot!(on_processes("DISP n ATTR name OFFSET 3"), @r"
    name
    c.exe
    3 rows left out by LIMIT or OFFSET
    ");
    insta::assert_snapshot!(on_processes("DISP n ATTR name LIMIT 0"), @r"
    name
    0 rows
    4 rows left out by LIMIT or OFFSET
    ");
    insta::assert_snapshot!(on_processes("DISP n ATTR x_score"), @r"
    x_score
        1.5
          2
        0.5
    1 row without any value in these columns left out
    ");
}

#[test]
fn grouping_with_every_function() {
    insta::assert_snapshot!(
        on_processes("g = GROUP n BY x_user WITH COUNT(pid), MIN(name), MAX(name), SUM(pid), AVG(x_score), NUNIQUE(name) AS names\nDISP g"),
        @r"
        x_user  count_pid  min_name  max_name  sum_pid  avg_x_score  names
                        1  c.exe     c.exe           4          0.5      1
        ann             1  a.exe     a.exe           4                   1
        joe             1  a.exe     b.exe          30         1.75      2
        "
    );
    insta::assert_snapshot!(on_processes("g = GROUP n BY BIN(pid, 10), name\nDISP g\nINFO g"), @r"
    pid_bin  name   unique_name  unique_pid  unique_x_score  unique_x_user
             a.exe            1           0               1              1
          0  a.exe            1           1               0              1
          0  c.exe            1           1               1              0
         30  b.exe            1           1               1              1

              Entity Type  process
       Number of Entities  4 groups
        Number of Records  4
        Entity Attributes  pid_bin, name, unique_name, unique_pid, unique_x_score, unique_x_user
      Indirect Attributes
    Customized Attributes
            Birth Command  group
    Associated Datasource
      Dependent Variables  n
    ");
    insta::assert_snapshot!(on_processes("g = GROUP n BY x_user WITH SUM(name)\nDISP g\nDISP n ATTR pid LIMIT 1"), @r"
    pid
     30
    3 rows left out by LIMIT or OFFSET

    hunt.hf:6:1: error[E0308]: SUM takes numbers, and `name` has the value `b.exe`
      help: COUNT, NUNIQUE, MIN and MAX take every kind of value
    hunt.hf:7:1: note[E0308]: skipped, since a step that it needs failed
    ");
}

#[test]
fn grouping_by_time() {
    insta::assert_snapshot!(
        answer("p = GET process FROM stixbundle://mini.json WHERE pid = 10\nt = TIMESTAMPED(p)\n\
                g = GROUP t BY BIN(first_observed, 5m) WITH COUNT(pid) AS n\nDISP g"),
        @r"
        first_observed_bin    n
        2024-01-01T00:00:00Z  4
        2024-01-01T00:30:00Z  1
        "
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
        @r"
        name   pid  x_score  x_risk
        b.exe   30      1.5  low
        a.exe    4        9  high
        c.exe    4      0.5  high

        name   pid
        b.exe   30
        a.exe    4
        c.exe    4
        2 rows equal to an earlier one folded
        "
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
        @r"
        value
        192.0.2.2
        192.0.2.1
        192.0.2.3
        "
    );
    insta::assert_snapshot!(on_processes("g = GROUP n BY x_user WITH COUNT(pid) AS n\nc = g + g\nDISP c"), @r"
    x_user  n
            1
    ann     1
    joe     1
    ");
}

#[test]
fn transformers_give_a_row_a_record() {
    insta::assert_snapshot!(
        answer("p = GET process FROM stixbundle://mini.json WHERE pid = 10\nDISP RECORDS(p) ATTR name SORT BY first_observed ASC\n\
                t = TIMESTAMPED(p)\nDISP ADDOBSID(t) ATTR name LIMIT 1"),
        @r"
        number_observed  first_observed        last_observed         observation_id                                       name
                      1  2024-01-01T00:00:00Z  2024-01-01T00:00:00Z  observed-data--00000000-0000-4000-8000-000000000001  a.exe
                      1  2024-01-01T00:00:04Z  2024-01-01T00:00:04Z  observed-data--00000000-0000-4000-8000-000000000005  other.exe
                      5  2024-01-01T00:01:00Z  2024-01-01T00:01:00Z  observed-data--00000000-0000-4000-8000-000000000002  a.exe
                      1  2024-01-01T00:04:59Z  2024-01-01T00:04:59Z  observed-data--00000000-0000-4000-8000-000000000004  other.exe
                      1  2024-01-01T00:30:00Z  2024-01-01T00:30:00Z  observed-data--00000000-0000-4000-8000-000000000006  a.exe

        observation_id                                       name
        observed-data--00000000-0000-4000-8000-000000000001  a.exe
        4 rows left out by LIMIT or OFFSET
        "
    );
    insta::assert_snapshot!(on_processes("DISP TIMESTAMPED(n) ATTR name"), @r"
    first_observed  name
    0 rows

    hunt.hf:6:1: warning[W0006]: 4 of the entities have no records, so that they have no rows here
    ");
}

#[test]
fn info_lists_what_is_known() {
    insta::assert_snapshot!(
        answer("p = GET process FROM stixbundle://mini.json WHERE name = 'a.exe'\nq = p WHERE pid = 10\nINFO q"),
        @r"
                  Entity Type  process
           Number of Entities  5
            Number of Records  9
            Entity Attributes  pid, name, id, command_line
          Indirect Attributes  parent_ref.pid, parent_ref.name, parent_ref.id
                               binary_ref.name, binary_ref.id
                               binary_ref.parent_directory_ref.path, binary_ref.parent_directory_ref.id
                               creator_user_ref.user_id, creator_user_ref.id
        Customized Attributes
                Birth Command  assign
        Associated Datasource  stixbundle://mini.json
          Dependent Variables  p
        "
    );
}

#[test]
fn describe_counts_present_values() {
    insta::assert_snapshot!(on_processes("DESCRIBE n.pid DESCRIBE n.x_user DESCRIBE n.x_score"), @r"
    count  3
     mean  12.666666666666666
      min  4
      max  30

     count  3
    unique  2
       top  joe
      freq  2

    count  3
     mean  1.3333333333333333
      min  0.5
      max  2
    ");
}

#[test]
fn explain_shows_the_part_of_the_plan() {
    insta::assert_snapshot!(on_processes("m = n WHERE pid = 4\nEXPLAIN m"), @r"
    m: 2 operations, 0 queries of a data source, 0 effects outside, 2 evaluated already
    n0  literal process of 4 rows
          columns name, pid, x_score, x_user
          row     'b.exe', 30, 1.5, 'joe'
          row     'a.exe', 4, null, 'ann'
          row     'a.exe', null, 2, 'joe'
          row     'c.exe', 4, 0.5, null
    n2  filter n0
          where   pid = 4
    ");
}

#[test]
fn what_is_saved_is_loaded_again_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [
        "a.csv",
        "a.json",
        "a.jsonl",
        "a.parquet",
        "a.csv.gz",
        "a.json.xz",
        "a.csv.bz2",
        "a.json.zip",
        "a.parquet.gz",
    ] {
        let mut hunt = Hunt::new();
        hunt.options.base_dir = folder.path().join("new folder");
        let text = hunt.text(&format!(
            "n = GET network-traffic FROM stixbundle://mini.json WHERE dst_port > 0\nSAVE n TO '{name}'\n\
             m = LOAD '{name}'\nDISP m\nINFO m"
        ));
        insta::allow_duplicates! { insta::assert_snapshot!(text, @r#"
        src_port  dst_port  protocols       id                                                     src_ref.value  src_ref.id                                       dst_ref.value  dst_ref.id
            1000       443  ["ipv4","tcp"]  network-traffic--ad0afc28-8d5b-5de1-b9a5-0a5ecafa801f  1.1.1.1        ipv4-addr--cbd67181-b9f8-595b-8bc3-3971e34fa1cc  2.2.2.2        ipv4-addr--a4c470a9-5498-5e8e-9fa2-66b1ceadcc12

                  Entity Type  network-traffic
           Number of Entities  1
            Number of Records  1
            Entity Attributes  src_port, dst_port, protocols, id
          Indirect Attributes  src_ref.value, src_ref.id
                               dst_ref.value, dst_ref.id
        Customized Attributes
                Birth Command  load
        Associated Datasource
          Dependent Variables
        "#); }
    }
    let csv = std::fs::read_to_string(folder.path().join("new folder/a.csv")).expect("a file");
    insta::assert_snapshot!(csv, @r#"
    "src_port","dst_port","protocols","id","src_ref.value","src_ref.id","dst_ref.value","dst_ref.id","type"
    1000,443,"[""ipv4"",""tcp""]","network-traffic--ad0afc28-8d5b-5de1-b9a5-0a5ecafa801f","1.1.1.1","ipv4-addr--cbd67181-b9f8-595b-8bc3-3971e34fa1cc","2.2.2.2","ipv4-addr--a4c470a9-5498-5e8e-9fa2-66b1ceadcc12","network-traffic"
    "#);
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
        insta::allow_duplicates! { insta::assert_snapshot!(text, @r#"
        name         pid  x_score  x_on  x_code
        a"b\c, d\ne    4      0.5  true  007
        ä
        "#); }
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
    insta::assert_snapshot!(text, @r"
    hunt.hf:1:1: error[E0701]: `FOLDER/missing.csv` cannot be read: No such file or directory (os error 2)
      help: paths are relative to the working directory
    hunt.hf:2:1: note[E0701]: skipped, since a step that it needs failed
    hunt.hf:1:1: error[E0702]: `FOLDER/bad.json` is no well-formed JSON: EOF while parsing a value at line 1 column 6
      help: formats are `.csv`, `.json`, `.jsonl` and `.parquet`; `.gz`, `.bz2`, `.xz` or `.zip` may follow
    hunt.hf:2:1: note[E0702]: skipped, since a step that it needs failed
    hunt.hf:1:1: error[E0702]: `FOLDER/bad.parquet` is no well-formed Parquet: File 'bad.parquet' too small to be a Parquet file
      help: formats are `.csv`, `.json`, `.jsonl` and `.parquet`; `.gz`, `.bz2`, `.xz` or `.zip` may follow
    hunt.hf:2:1: note[E0702]: skipped, since a step that it needs failed
    hunt.hf:1:1: error[E0702]: `FOLDER/bad.csv.gz` is no well-formed compressed file: invalid gzip header
      help: formats are `.csv`, `.json`, `.jsonl` and `.parquet`; `.gz`, `.bz2`, `.xz` or `.zip` may follow
    hunt.hf:2:1: note[E0702]: skipped, since a step that it needs failed
    hunt.hf:1:1: error[E0304]: `FOLDER/untyped.csv` has no column `type`
      help: name the entity type: `LOAD … AS process`
    hunt.hf:2:1: note[E0304]: skipped, since a step that it needs failed
    hunt.hf:1:1: error[E0702]: the name of `FOLDER/notes.xlsx` tells no format
      help: formats are `.csv`, `.json`, `.jsonl` and `.parquet`; `.gz`, `.bz2`, `.xz` or `.zip` may follow
    hunt.hf:2:1: note[E0702]: skipped, since a step that it needs failed
    hunt.hf:1:1: error[E0701]: `FOLDER/folder.csv` cannot be read: it is a folder
      help: paths are relative to the working directory
    hunt.hf:2:1: note[E0701]: skipped, since a step that it needs failed
    ");
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
        @r"
        src_ref.value  dst_ref.value  dst_port
        1.1.1.1        2.2.2.2             443
        "
    );
    assert!(bundles().join("mini.json").exists());
}
