//! Laws: what must not change the store's answers, and which answers must fit together.
//!
//! | change | answers |
//! |---|---|
//! | records in another order, objects of a record in another order | the same, rows in another order |
//! | some records given twice | the same |
//! | one bundle split over two files | the same |
//! | other numbers of threads | the same, byte by byte |
//! | other names of variables | the same under the new names |
//! | a time range split in two | their merge is the whole |
//! | `FIND` there and back | whoever was found finds where it was found from |

use std::collections::BTreeMap;

use kestrel_stix::{Value, record::Record};
use kestrel_tests::{
    compare::{Rules, differences, plan_of, store_answer, unordered},
    huntflows,
    naive::{Answer, Shown, Sources, Variable},
    worlds,
};
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};

use crate::differential::{settings, shown};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/laws.seeds");

fn check<S: Strategy>(strategy: S, law: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    if let Err(error) = TestRunner::new(settings(SEEDS)).run(&strategy, law) {
        panic!("{error}");
    }
}

fn answer(text: &str, sources: &Sources) -> Result<Answer, TestCaseError> {
    answer_under(Rules::default(), text, sources)
}

fn answer_under(rules: Rules, text: &str, sources: &Sources) -> Result<Answer, TestCaseError> {
    let plan = plan_of(text, rules).map_err(|_| TestCaseError::reject("refused"))?;
    Ok(store_answer(&plan, sources, 1, rules).expect("a folder that can be written to"))
}

/// Records with times that all differ, so that no order is left to the order of the source,
/// and huntflows that do not cut: what is cut off depends on the order.
fn world_and_hunt() -> impl Strategy<Value = (Vec<Record<'static>>, String)> {
    (worlds::drafts(1..20), huntflows::drafts(1..7)).prop_map(|(drafts, steps)| {
        let mut records = worlds::records(&drafts, 0);
        for (n, record) in records.iter_mut().enumerate() {
            record.id = format!("observed-data--00000000-0000-4000-8000-{n:012}").into();
            for moment in [&mut record.first_observed, &mut record.last_observed].into_iter().flatten() {
                moment.at = kestrel_stix::Timestamp::from_micros(moment.at.micros() + 1000 * n as i64);
                moment.text = moment.at.to_string().into();
            }
        }
        let text = huntflows::text(&steps, false);
        let uncut = text.lines().map(|line| {
            let cut = [" LIMIT ", " OFFSET "].into_iter().filter_map(|clause| line.find(clause)).min();
            &line[..cut.unwrap_or(line.len())]
        });
        let text = uncut.collect::<Vec<_>>().join("\n") + "\n";
        (records, text)
    })
}

fn one(records: Vec<Record<'static>>) -> Sources {
    BTreeMap::from([("a.json".to_owned(), records)])
}

fn same(before: &Answer, after: &Answer, text: &str, sources: &Sources) -> Result<(), TestCaseError> {
    let found = differences(&unordered(before), &unordered(after));
    prop_assert!(found.is_empty(), "{}\n{}", found.join("\n"), shown(text, sources));
    Ok(())
}

#[test]
fn the_order_of_records_does_not_matter() {
    check((world_and_hunt(), any::<u64>()), |((records, text), seed)| {
        let sources = one(records.clone());
        let before = answer(&text, &sources)?;
        let mut shuffled = records;
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            // Any sequence of numbers will do.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, (state >> 33) as usize % (at + 1));
        }
        same(&before, &answer(&text, &one(shuffled))?, &text, &sources)
    });
}

#[test]
fn a_record_given_twice_counts_once() {
    check((world_and_hunt(), any::<u16>()), |((records, text), which)| {
        let sources = one(records.clone());
        let before = answer(&text, &sources)?;
        let mut more = records.clone();
        more.extend(
            records
                .iter()
                .enumerate()
                .filter(|(n, _)| which >> (n % 16) & 1 == 1)
                .map(|(_, record)| record.clone()),
        );
        same(&before, &answer(&text, &one(more))?, &text, &sources)
    });
}

#[test]
fn a_bundle_may_be_split_over_files() {
    check((world_and_hunt(), any::<prop::sample::Index>()), |((records, text), at)| {
        // The attach rule looks at one file at a time, so nothing may be there to attach.
        let has_unique_id = |record: &Record<'_>| {
            record.objects.iter().any(|object| object.attribute("x_unique_id").is_some())
        };
        let records: Vec<Record<'static>> =
            records.into_iter().filter(|record| !has_unique_id(record)).collect();
        let sources = one(records.clone());
        let before = answer(&text, &sources)?;
        let at = at.index(records.len() + 1);
        let parts = BTreeMap::from([
            ("a.json".to_owned(), records[..at].to_vec()),
            ("b.json".to_owned(), records[at..].to_vec()),
        ]);
        let both = text.replace("stixbundle://a.json", "stixbundle://a.json,b.json");
        if records[..at].iter().all(|record| record.objects.is_empty())
            || records[at..].iter().all(|record| record.objects.is_empty())
        {
            // A file without anything usable is an error of its own.
            return Ok(());
        }
        // `INFO` names the source, which is another one.
        let unnamed = |mut answer: Answer| {
            for shown in &mut answer.displays {
                if let Shown::Dict(items) = shown {
                    items.remove("Associated Datasource");
                }
            }
            answer
        };
        same(&unnamed(before), &unnamed(answer(&both, &parts)?), &text, &sources)
    });
}

#[test]
fn threads_do_not_matter() {
    check((worlds::world(), huntflows::drafts(1..8)), |(sources, drafts)| {
        let text = huntflows::text(&drafts, sources.contains_key("b.json"));
        let plan = plan_of(&text, Rules::default()).map_err(|_| TestCaseError::reject("refused"))?;
        let one =
            store_answer(&plan, &sources, 1, Rules::default()).expect("a folder that can be written to");
        let many =
            store_answer(&plan, &sources, 3, Rules::default()).expect("a folder that can be written to");
        prop_assert_eq!(format!("{one:?}"), format!("{many:?}"), "{}", shown(&text, &sources));
        Ok(())
    });
}

/// The text with each word that is `from` and a number made `to` and that number.
fn renumbered(text: &str, from: &str, to: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split_inclusive(|c| !is_word(c)).map(|part| {
        let is_number = |rest: &str| rest.chars().next().is_some_and(|c| c.is_ascii_digit());
        match part.strip_prefix(from).filter(|rest| is_number(rest)) {
            Some(rest) => format!("{to}{rest}"),
            None => part.to_owned(),
        }
    });
    words.collect()
}

#[test]
fn names_of_variables_do_not_matter() {
    check((worlds::world(), huntflows::drafts(1..8)), |(sources, drafts)| {
        let text = huntflows::text(&drafts, sources.contains_key("b.json"));
        let before = answer(&text, &sources)?;
        // `v1` becomes `process1`, which looks like a type.
        let mut after = answer(&renumbered(&text, "v", "process"), &sources)?;
        let back = |name: &str| renumbered(name, "process", "v");
        after.variables =
            after.variables.into_iter().map(|(name, variable)| (back(&name), variable)).collect();
        // `INFO` names the variables that another one stands on.
        for shown in &mut after.displays {
            let Shown::Dict(items) = shown else { continue };
            if let Some(Value::Text(names)) = items.get_mut("Dependent Variables") {
                *names = back(names);
            }
        }
        let found = differences(&before, &after);
        prop_assert!(found.is_empty(), "{}\n{}", found.join("\n"), shown(&text, &sources));
        Ok(())
    });
}

fn ids(variable: &Variable) -> std::collections::BTreeSet<String> {
    variable.rows.iter().filter_map(|row| row.get("id")).map(ToString::to_string).collect()
}

#[test]
fn a_time_range_is_the_merge_of_its_parts() {
    let types =
        prop::sample::select(vec!["file", "ipv4-addr", "user-account", "network-traffic", "directory"]);
    let cuts = [0..worlds::TIMES.len(), 0..worlds::TIMES.len(), 0..worlds::TIMES.len()];
    check((worlds::world(), types, cuts), |(sources, entity_type, mut cuts)| {
        cuts.sort_unstable();
        let [start, middle, stop] = cuts.map(|cut| {
            let at = kestrel_stix::Timestamp::from_micros((1_704_067_200 + worlds::TIMES[cut]) * 1_000_000);
            at.to_string().replace(".000Z", "Z")
        });
        if start == middle || middle == stop {
            return Ok(());
        }
        // Where a source is asked again, what does not come back stays, so that the range is all
        // that counts.
        let rules = Rules { keep: true, ..Rules::default() };
        let test = format!("GET {entity_type} FROM stixbundle://a.json WHERE id IS NOT NULL");
        let text = format!(
            "whole = {test} START {start} STOP {stop}\none = {test} START {start} STOP {middle}\n\
             two = {test} START {middle} STOP {stop}\nboth = one + two\n"
        );
        let answer = answer_under(rules, &text, &sources)?;
        prop_assert_eq!(
            ids(&answer.variables["whole"]),
            ids(&answer.variables["both"]),
            "{}",
            shown(&text, &sources)
        );
        Ok(())
    });
}

#[test]
fn relations_lead_back() {
    let relations: Vec<_> = kestrel_stix::relation::RELATIONS.iter().collect();
    check((worlds::world(), prop::sample::select(relations)), |(sources, relation)| {
        let (subject, verb, object) = (relation.subject, relation.verb, relation.object);
        // LINKED brings nothing new, so that both directions walk the same records.
        let text = format!(
            "s = GET {subject} FROM stixbundle://a.json WHERE id IS NOT NULL\n\
             o = GET {object} FROM stixbundle://a.json WHERE id IS NOT NULL\n\
             done = FIND {object} {verb} BY s\n\
             doers = FIND {subject} {verb} o\n\
             back = FIND {subject} {verb} done\n"
        );
        // Without `keep`, asking again leaves out entities that cannot be asked for.
        let rules = Rules { keep: true, ..Rules::default() };
        let answer = answer_under(rules, &text, &sources)?;
        let all = ids(&answer.variables["doers"]);
        let back = ids(&answer.variables["back"]);
        // Asking again may add other sightings of processes, but loses nobody.
        prop_assert!(back.is_subset(&all) || subject == "process", "{}", shown(&text, &sources));
        prop_assert!(all.is_subset(&back), "{:?} {:?}\n{}", all, back, shown(&text, &sources));
        Ok(())
    });
}
