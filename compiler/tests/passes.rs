//! Each pass by the plan before and after, and where it must not fire.

use kestrel_compiler::{Compilation, Config};
use kestrel_ir::{
    Op, Plan,
    passes::{self, Level, optimize},
    text,
};

fn compiled(text: &str, config: Config) -> Plan {
    let mut compilation = Compilation::new(config);
    let compiled = compilation.block("hunt.hf", text);
    assert!(!compiled.has_errors(), "{:?}", compiled.diagnostics);
    compilation.plan().clone()
}

fn plan(text: &str) -> Plan {
    compiled(text, Config::default())
}

fn after(plan: &Plan, names: &[&str]) -> Plan {
    optimize(plan.clone(), &passes::named(names).expect("names of passes"), |_, _| ()).expect("a valid plan")
}

/// The plan before and after one pass.
fn fires(name: &str, hunt: &str) -> String {
    let before = plan(hunt);
    let after = after(&before, &[name]);
    assert_ne!(before, after, "{name} did nothing for\n{hunt}");
    format!("{hunt}\n{}\n=> {name}\n\n{}", text::write(&before), text::write(&after))
}

fn does_not_fire(name: &str, hunt: &str) {
    let before = plan(hunt);
    let after = after(&before, &[name]);
    assert_eq!(text::write(&before), text::write(&after), "{name} fired for\n{hunt}");
}

const A: &str = "FROM stixbundle://a.json";

#[test]
fn normalize_patterns() {
    insta::assert_snapshot!(fires(
        "normalize_patterns",
        &format!(
            "p = GET process {A} WHERE (name = 'a' OR (name = 'b' OR name = 'a')) AND x-oca-asset:hostname = 'h'\n\
             q = FIND process CREATED p WHERE pid > 5 AND pid < 3\n\
             r = p WHERE name != 'a' AND name != 'b'\n"
        )
    ));
    for kept in [
        "p = GET process FROM stixbundle://a.json WHERE name = 'a' OR name = q.name OR name = q.name",
        "p = GET process FROM stixbundle://a.json WHERE name MATCHES 'a' OR name MATCHES 'a'",
        "p = q WHERE name = 'abc' AND name = 'abd'",
        "p = q WHERE name IS NULL OR name IS NOT NULL",
        "p = GET process FROM stixbundle://a.json WHERE file:name IS NULL OR file:name IS NOT NULL",
    ] {
        does_not_fire("normalize_patterns", &format!("q = NEW process ['abc']\n{kept}\n"));
    }
}

#[test]
fn settle_windows() {
    insta::assert_snapshot!(fires(
        "settle_windows",
        &format!(
            "n = NEW process [{{\"name\": \"a\", \"pid\": 1}}]\nm = n WHERE pid = 1\n\
             p = GET process {A} WHERE pid = m.pid\n\
             q = GET process {A} WHERE pid = p.pid AND name = n.name\n"
        )
    ));
    does_not_fire(
        "settle_windows",
        &format!(
            "p = GET process {A} WHERE name = 'a'\nq = GET process {A} WHERE pid = p.pid\n\
             r = GET process {A} WHERE pid = p.pid START 2024-01-01T00:00:00Z STOP 2024-01-02T00:00:00Z\n\
             l = GET process {A} WHERE pid = p.pid LAST 5 d\n"
        ),
    );
}

#[test]
fn drop_idle_expansions() {
    insta::assert_snapshot!(fires(
        "drop_idle_expansions",
        &format!("i = GET ipv4-addr {A} WHERE value = '10.0.0.1'\n")
    ));
    // What selects nobody needs nothing more.
    let never = after(
        &plan(&format!("p = GET process {A} WHERE name = 'abc' AND name = 'abd'\n")),
        &["normalize_patterns", "drop_idle_expansions"],
    );
    insta::assert_snapshot!(text::write(&never));
    for hunt in [
        // A unique id or a hash may be there to ask by.
        "p = GET process FROM stixbundle://a.json WHERE pid = 5",
        "f = GET file FROM stixbundle://a.json WHERE name = 'a'",
        // The query was not about the value alone.
        "u = GET user-account FROM stixbundle://a.json WHERE user_id = 'a' AND account_login = 'b'",
        // What a relation found was not asked for.
        "p = GET process FROM stixbundle://a.json WHERE pid = 5\nq = FIND user-account OWNED p",
    ] {
        does_not_fire("drop_idle_expansions", hunt);
    }
}

#[test]
fn drop_unread_steps() {
    let before = plan(&format!("p = GET process {A} WHERE name = 'a'\n"));
    let after = after(&before, &["drop_unread_steps"]);
    assert_eq!(before, after, "every step of a huntflow leads to a variable");
}

#[test]
fn equal_work_is_one_node() {
    let once = plan(&format!("p = GET process {A} WHERE name = 'a'\nq = p WHERE pid = 1\n"));
    let twice =
        plan(&format!("p = GET process {A} WHERE name = 'a'\nq = p WHERE pid = 1\nr = p WHERE pid = 1\n"));
    assert_eq!(twice.len(), once.len() + 1, "only the name is new");
    // A query asked twice is asked once; its records join those at hand once more.
    let again =
        plan(&format!("p = GET process {A} WHERE name = 'a'\nr = GET process {A} WHERE name = 'a'\n"));
    let fetches = again.nodes().into_iter().filter(|node| matches!(node.op, Op::Fetch(_))).count();
    assert_eq!(fetches, 1);
    insta::assert_snapshot!(text::write(&again));
}

/// Would not end if lowering or a pass were quadratic in the number of values or of queries.
#[test]
fn large_huntflows_take_linear_time() {
    let values: Vec<String> = (0..50_000).map(|n| format!("'v{n}'")).collect();
    let list = plan(&format!("p = GET process {A} WHERE name IN ({})\n", values.join(", ")));
    let chosen = passes::of_level(Level::O2);
    optimize(list, &chosen, |_, _| ()).expect("a valid plan");
    let alternatives: Vec<String> = (0..20_000).map(|n| format!("name = 'v{n}'")).collect();
    let alternatives = plan(&format!("p = GET process {A} WHERE {}\n", alternatives.join(" OR ")));
    let merged = optimize(alternatives, &chosen, |_, _| ()).expect("a valid plan");
    let tests = merged.nodes().into_iter().filter_map(|node| Some(node.op.pattern()?.comparisons().len()));
    assert_eq!(tests.max(), Some(1));
    let queries: String =
        (0..10_000).map(|n| format!("p{n} = GET ipv4-addr {A} WHERE value = 'v{n}'\n")).collect();
    let queries = plan(&queries);
    let optimized = optimize(queries.clone(), &chosen, |_, _| ()).expect("a valid plan");
    assert_eq!(optimized.len(), queries.len() - 10_000, "no query is asked again");
}
