//! Analytics in real containers. `scripts/setup-containers` installs podman and runc and makes
//! the images out of local files; without them these tests say so and pass, unless
//! `KESTREL_REQUIRE_CONTAINERS` is set, as it is where they have to run.

use std::{collections::BTreeMap, process::Command, sync::OnceLock};

use kestrel_analytics::{Containers, container};

use super::*;
use crate::analytics::docker::Docker;

/// Where images of analytics of this repository are.
const TEST_IMAGE: &str = "localhost/kestrel-analytics-kestrel-self-test";

/// Returns how containers are run here, if they can be.
pub(super) fn containers() -> Option<Containers> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    let containers = Containers {
        command: Some("podman".to_owned()),
        runtime: Some("runc".to_owned()),
        // The limits of podman's own are higher than some machines allow to set.
        ulimits: vec!["nofile=1024:1024".to_owned(), "nproc=1000:1000".to_owned()],
        usual: container::Profile {
            memory: 512 << 20,
            timeout: Some(Duration::from_secs(120)),
            ..container::Profile::default()
        },
        ..Containers::default()
    };
    let found = FOUND.get_or_init(|| {
        let mut probe = Command::new("podman");
        probe.args(["run", "--runtime", "runc", "--rm", "--pull", "never", "--network", "none"]);
        probe.args(containers.ulimits.iter().flat_map(|ulimit| ["--ulimit", ulimit]));
        let output = probe.args([TEST_IMAGE, "/usr/bin/python", "-c", "print(1)"]).output();
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(format!("podman: {error}")),
        }
    });
    match found {
        Ok(()) => Some(containers),
        Err(why) if std::env::var("KESTREL_REQUIRE_CONTAINERS").is_ok() => {
            panic!("no container can be run here: {why}")
        }
        Err(why) => {
            println!("skipped: no container can be run here ({why}); see scripts/setup-containers");
            None
        }
    }
}

/// Runs the test image, which does what `what` says.
fn run(docker: &Docker, what: &str) -> Result<Answer, AnalyticsError> {
    let arguments = vec![("DO".to_owned(), what.to_owned()), ("LABEL".to_owned(), "it is é".to_owned())];
    let table = sample::table("process").expect("a sample");
    let request = Request { name: "kestrel-self-test".to_owned(), tables: vec![table], arguments };
    docker.run(&request, &Cancel::new())
}

/// A failure as a hunter sees it, without what differs between runs.
fn failure(docker: &Docker, what: &str) -> String {
    match run(docker, what).expect_err("a failure") {
        AnalyticsError::Failed { reason, trace, .. } => {
            let trace = trace.unwrap_or_default();
            let end: Vec<&str> = trace.lines().rev().take(2).collect();
            format!("{reason}\n{}", end.into_iter().rev().collect::<Vec<_>>().join("\n"))
        }
        other => other.to_string(),
    }
}

fn with(containers: &Containers, change: impl FnOnce(&mut container::Profile)) -> Docker {
    let mut profile = containers.usual.clone();
    change(&mut profile);
    let profiles = BTreeMap::from([("kestrel-self-test".to_owned(), profile)]);
    Docker(Containers { profiles, ..containers.clone() })
}

#[test]
fn a_container_changes_tables_and_shows_something() {
    let Some(containers) = containers() else { return };
    let docker = Docker(containers);
    let answer = run(&docker, "enrich").expect("it works");
    insta::assert_snapshot!(columns(&answer, 0, "x_"), @"x_seen Utf8: it is é by powershell.exe | it is é by svchost.exe | it is é by bash");
    assert!(answer.display.is_none());
    let answer = run(&docker, "show").expect("it works");
    assert_eq!((html(&answer), answer.tables.len()), ("<p>it is é</p>", 0));
    let answer = run(&docker, "nothing").expect("it works");
    assert_eq!((answer.printed.as_str(), answer.display.is_none()), ("nothing to do for nothing", true));
}

#[test]
fn a_container_may_do_next_to_nothing() {
    let Some(containers) = containers() else { return };
    let answer = run(&Docker(containers.clone()), "attempts").expect("it works");
    insta::assert_snapshot!(html(&answer).replace("<br>", "\n"));
    let open = with(&containers, |profile| profile.read_only = false);
    let answer = run(&open, "attempts").expect("it works");
    assert!(html(&answer).contains("write to the root: done"), "{}", html(&answer));
}

#[test]
fn limits_of_memory_processes_and_time() {
    let Some(containers) = containers() else { return };
    let small = with(&containers, |profile| profile.memory = 200 << 20);
    insta::assert_snapshot!(failure(&small, "eat"));
    let few = with(&containers, |profile| profile.processes = 40);
    insta::assert_snapshot!(failure(&few, "fork"));
    let started = Instant::now();
    let short = with(&labelled(containers, "time"), |profile| {
        profile.timeout = Some(Duration::from_secs(4));
    });
    // What it printed until then is shown too, if it came to that on a busy machine.
    let failed = failure(&short, "sleep");
    insta::assert_snapshot!(failed.lines().next().unwrap_or_default(), @"it was stopped after its time limit of 4s");
    assert!(started.elapsed() < Duration::from_secs(60));
    assert_eq!(left_over("time"), "");
}

#[test]
fn what_a_container_answers_may_be_anything() {
    let Some(containers) = containers() else { return };
    let docker = Docker(containers);
    insta::assert_snapshot!(failure(&docker, "damage"));
    insta::assert_snapshot!(failure(&docker, "flood"));
    insta::assert_snapshot!(failure(&docker, "bytes"));
}

#[test]
fn a_failed_container_is_a_located_error_and_loses_nothing_else() {
    let Some(containers) = containers() else { return };
    let mut analytics = Analytics::default();
    analytics.add(Arc::new(Docker(containers)));
    let text = format!(
        "{PROCESSES}q = p\nAPPLY docker://kestrel-self-test ON p WITH DO='damage'\n\
         APPLY docker://kestrel-self-test ON q WITH DO='enrich', LABEL='ok'\nDISP p ATTR name\nDISP q ATTR name, x_seen\n"
    );
    let results = Hunt::with(analytics).run(&text);
    assert_eq!(results.exit_code(), 3);
    insta::assert_snapshot!(crate::ops::testing::shown(&results));
}

#[test]
fn images_and_runtimes_that_are_not_there() {
    let Some(containers) = containers() else { return };
    let table = sample::table("process").expect("a sample");
    let request = Request { name: "not-there".to_owned(), tables: vec![table], arguments: Vec::new() };
    let absent = Docker(containers.clone()).run(&request, &Cancel::new()).expect_err("no image");
    insta::assert_snapshot!(absent);
    let strange = Docker(Containers { runtime: Some("no-such-runtime".to_owned()), ..containers.clone() });
    let failure = failure(&strange, "enrich");
    assert!(failure.contains("no-such-runtime"), "{failure}");
    let gone = Docker(Containers { command: Some("no-such-command".to_owned()), ..containers });
    let gone = run(&gone, "enrich").expect_err("no command");
    insta::assert_snapshot!(gone);
}

#[test]
fn stopping_the_hunt_ends_the_container() {
    let Some(containers) = containers() else { return };
    let docker = Docker(labelled(containers, "stopped"));
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(4));
        stop.stop();
    });
    let table = sample::table("process").expect("a sample");
    let arguments = vec![("DO".to_owned(), "sleep".to_owned())];
    let request = Request { name: "kestrel-self-test".to_owned(), tables: vec![table], arguments };
    let started = Instant::now();
    let error = docker.run(&request, &cancel).expect_err("it was stopped");
    assert_eq!(error, AnalyticsError::Stopped);
    assert!(started.elapsed() < Duration::from_secs(60));
    stopper.join().expect("it ends");
    assert_eq!(left_over("stopped"), "");
}

#[test]
fn an_image_is_identified_and_installed() {
    let Some(containers) = containers() else { return };
    let docker = Docker(containers);
    let identity = docker.identity("kestrel-self-test").expect("an image");
    assert!(identity.starts_with("sha256:") && identity.len() == 71, "{identity}");
    assert!(docker.installed().expect("they are listed").contains(&"kestrel-self-test".to_owned()));
    assert_eq!(docker.identity("not-there"), None);
}

/// Labels the containers of a test.
fn labelled(containers: Containers, label: &str) -> Containers {
    Containers { arguments: vec!["--label".to_owned(), format!("test={label}")], ..containers }
}

/// Containers of a test that still exist.
fn left_over(label: &str) -> String {
    let filter = format!("label=test={label}");
    let output = Command::new("podman").args(["ps", "--all", "--quiet", "--filter", &filter]).output();
    String::from_utf8_lossy(&output.expect("podman runs").stdout).trim().to_owned()
}
