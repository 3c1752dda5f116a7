//! A run that is killed at any moment leaves the cache and its outputs whole.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::root;

/// How often the run is killed; more with the environment variable `KESTREL_KILLS`.
#[expect(clippy::disallowed_methods, reason = "how long the test may take is the caller's choice")]
fn kills() -> u32 {
    let wanted = std::env::var("KESTREL_KILLS").ok();
    wanted.map_or(12, |wanted| wanted.parse().expect("KESTREL_KILLS is a number"))
}

fn hunt(cache: &Path, huntflow: &Path, output: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel-run"));
    command.args(["--format", "json", "--cache-dir"]).arg(cache).arg("-o").arg(output).arg(huntflow);
    command.current_dir(root()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The results, but for the time they took.
fn results(path: &Path) -> serde_json::Value {
    let text = fs::read(path).expect("results");
    let mut document: serde_json::Value = serde_json::from_slice(&text).expect("whole results");
    document["summary"] = serde_json::Value::Null;
    document["sources"][0]["seconds"] = serde_json::Value::Null;
    document
}

#[test]
fn killing_a_run_at_any_moment_leaves_cache_and_outputs_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("bundle.json");
    let options = kestrel_fixtures::Options { observations: 2000, ..kestrel_fixtures::Options::tutorial() };
    let mut file = fs::File::create(&bundle).expect("a file");
    kestrel_fixtures::generate(&options, &mut file).expect("generated");
    // What changed just now is not kept.
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_600_000_000)).expect("set");
    let huntflow = folder.path().join("hunt.hf");
    let text = format!(
        "p = GET process FROM stixbundle://{} WHERE name = 'cmd.exe'\nSAVE p TO '{}'\n",
        bundle.display(),
        folder.path().join("p.csv").display()
    );
    fs::write(&huntflow, text).expect("written");
    let cache = folder.path().join("cache");
    let output = folder.path().join("results.json");

    let start = Instant::now();
    assert!(hunt(&cache, &huntflow, &output).status().expect("run").success());
    let whole = start.elapsed();
    let (expected, saved) = (results(&output), fs::read(folder.path().join("p.csv")).expect("saved"));
    assert!(fs::read_dir(&cache).expect("a cache").count() >= 2, "a secret and an entry");

    for kill in 0..kills() {
        if kill % 2 == 0 {
            // Every other run writes its entry anew.
            let entries = fs::read_dir(&cache).expect("a cache").flatten().map(|file| file.path());
            entries
                .filter(|path| path.extension().is_some_and(|end| end == "batches"))
                .for_each(|path| fs::remove_file(path).expect("removed"));
        }
        let mut run = hunt(&cache, &huntflow, &output).spawn().expect("started");
        // Moments spread over the run, without chance: a failure comes back.
        std::thread::sleep(whole.mul_f64(f64::from(kill * 37 % 101) / 101.0));
        run.kill().expect("killed");
        run.wait().expect("ended");
        assert_eq!(results(&output), expected, "results after kill {kill}");
        assert_eq!(fs::read(folder.path().join("p.csv")).expect("saved"), saved, "file after kill {kill}");
        assert!(hunt(&cache, &huntflow, &output).status().expect("run").success(), "run after kill {kill}");
        assert_eq!(results(&output), expected, "results of the run after kill {kill}");
    }
}
