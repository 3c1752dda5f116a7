//! Runs the fuzz targets on a stable toolchain: changes the texts of a corpus at random, but
//! repeatably, for some minutes.
//!
//! ```sh
//! cargo run --release --bin mutate -- TARGET SECONDS [SEED] [CORPUS-FOLDER…]
//! ```
//!
//! An input that breaks a law is written to `mutate-TARGET-SEED.bin` and its number is printed. An
//! input that takes longer than five seconds counts as one. Inputs that reach new lengths of
//! results are not looked for: this driver has no coverage; `cargo fuzz` has.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, reason = "a command line talks")]

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use kestrel_fuzz::{
    TARGETS,
    mutation::{Random, corpus, mutate},
};

/// The longest that one input may take.
const TOO_LONG: Duration = Duration::from_secs(5);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, seconds, rest @ ..] = arguments.as_slice() else { usage() };
    let Some((name, run)) = TARGETS.iter().find(|(name, _)| name == target) else { usage() };
    let Ok(seconds) = seconds.parse::<u64>() else { usage() };
    let seed = rest.first().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut corpus = corpus(name, rest.get(1..).unwrap_or_default());
    assert!(!corpus.is_empty(), "no corpus");
    let mut random = Random(seed);
    let start = Instant::now();
    let (mut count, mut bytes) = (0u64, 0u64);
    let (send, work) = mpsc::channel::<Vec<u8>>();
    let (done, finished) = mpsc::channel();
    let run = *run;
    let worker = std::thread::Builder::new().stack_size(8 << 20).spawn(move || {
        for input in work {
            run(&input);
            if done.send(()).is_err() {
                return;
            }
        }
    });
    let worker = worker.unwrap();
    while start.elapsed() < Duration::from_secs(seconds) {
        let input = mutate(&corpus, &mut random);
        bytes += input.len() as u64;
        count += 1;
        send.send(input.clone()).unwrap();
        match finished.recv_timeout(TOO_LONG) {
            Ok(()) => {}
            Err(why) => {
                let file = format!("mutate-{name}-{seed}.bin");
                std::fs::write(&file, &input).unwrap();
                let why = if why == mpsc::RecvTimeoutError::Timeout { "takes too long" } else { "panics" };
                eprintln!("{name}: input {count} {why}; it is in {file}");
                std::process::exit(1);
            }
        }
        // Changed texts go on to be changed, now and then.
        if count.is_multiple_of(500) && corpus.len() < 20_000 {
            corpus.push(input);
        }
    }
    drop(send);
    worker.join().unwrap();
    println!("{name}: {count} inputs, {} MiB, {} s, nothing found", bytes >> 20, start.elapsed().as_secs());
}

fn usage() -> ! {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    eprintln!("usage: mutate {} SECONDS [SEED] [CORPUS-FOLDER…]", names.join("|"));
    std::process::exit(2);
}
