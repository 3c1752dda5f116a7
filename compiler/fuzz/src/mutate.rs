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
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use kestrel_compiler::{Compilation, Config};
use kestrel_fuzz::TARGETS;
use kestrel_ir::wire;

/// The longest that one input may take.
const TOO_LONG: Duration = Duration::from_secs(5);
/// Inputs do not grow beyond this.
const MAX_INPUT: usize = 8192;

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

/// The texts to start from: huntflows and vectors, as the target reads them.
fn corpus(target: &str, folders: &[String]) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts: Vec<String> = Vec::new();
    for folder in ["fixtures/huntflows", "fixtures/huntflows/invalid"] {
        let mut files: Vec<_> =
            std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        texts.extend(
            files
                .iter()
                .filter(|path| path.extension().is_some_and(|suffix| suffix == "hf"))
                .map(|path| std::fs::read_to_string(path).unwrap()),
        );
    }
    for list in ["accept.txt", "reject.txt"] {
        let list = std::fs::read_to_string(root.join("compiler/tests/vectors").join(list)).unwrap();
        texts.extend(list.split("\n---\n").skip(1).map(|block| {
            block.lines().filter(|line| !line.starts_with("#@")).collect::<Vec<_>>().join("\n")
        }));
    }
    let mut corpus: Vec<Vec<u8>> = match target {
        "pattern" => texts
            .iter()
            .filter_map(|text| {
                let upper = text.to_ascii_uppercase();
                let at = upper.find("WHERE ")?;
                text.get(at + 6..)?.lines().next().map(|line| line.as_bytes().to_vec())
            })
            .collect(),
        "plan" => texts
            .iter()
            .flat_map(|text| {
                let mut compilation = Compilation::new(Config::default());
                let fine = !compilation.block("hunt.hf", text).has_errors();
                let plan = fine.then(|| compilation.plan().clone());
                plan.into_iter().flat_map(|plan| {
                    [wire::to_bytes(&plan).unwrap(), wire::to_json(&plan).unwrap().into_bytes()]
                })
            })
            .collect(),
        "notebook" => texts.iter().enumerate().map(|(n, text)| book(n, text).into_bytes()).collect(),
        "editor" => texts.iter().map(|text| [&7u32.to_le_bytes(), text.as_bytes()].concat()).collect(),
        _ => texts.into_iter().map(String::into_bytes).collect(),
    };
    for folder in folders {
        for entry in std::fs::read_dir(folder).unwrap() {
            corpus.extend(std::fs::read(entry.unwrap().path()));
        }
    }
    corpus.retain(|input| input.len() <= 4 * MAX_INPUT);
    corpus
}

/// A notebook with a text in its cells, written in one of the ways that notebooks are.
fn book(n: usize, text: &str) -> String {
    let quoted = |text: &str| {
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                c if c.is_control() || (n % 4 == 3 && !c.is_ascii()) => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
        out
    };
    let source = match n % 2 {
        0 => quoted(text),
        _ => format!(
            "[\n    {}\n   ]",
            text.split_inclusive('\n').map(quoted).collect::<Vec<_>>().join(",\n    ")
        ),
    };
    let magic = if n % 3 == 0 {
        ", {\"cell_type\": \"code\", \"source\": \"%%bash\\nls\"}, {\"cell_type\": \"markdown\", \"source\": []}"
    } else {
        ""
    };
    format!(
        "{{\n \"cells\": [\n  {{\"cell_type\": \"code\", \"metadata\": {{}}, \"outputs\": [],\n   \"source\": {source}}}{magic}\n ],\n \"metadata\": {{\"kernelspec\": {{\"display_name\": \"Kestrel\", \"language\": \"kestrel\", \"name\": \"kestrel\"}}}},\n \"nbformat\": 4, \"nbformat_minor\": 5\n}}\n"
    )
}

/// Small numbers, repeatable (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Words and signs that mean something to one of the readers.
const PIECES: &[&str] = &[
    "GET ",
    "FIND ",
    "NEW ",
    "LOAD ",
    "SORT ",
    "GROUP ",
    "JOIN ",
    "APPLY ",
    "DISP ",
    "INFO ",
    "DESCRIBE ",
    "SAVE ",
    "EXPLAIN ",
    " FROM ",
    " WHERE ",
    " ATTR ",
    " BY ",
    " LIMIT ",
    " OFFSET ",
    " WITH ",
    " AS ",
    " ON ",
    " TO ",
    " START ",
    " STOP ",
    " LAST ",
    " AND ",
    " OR ",
    " NOT ",
    " IN ",
    " LIKE ",
    " MATCHES ",
    " ISSUBSET ",
    " ISSUPERSET ",
    " IS NULL",
    " IS NOT NULL",
    "TRUE",
    "null",
    "TIMESTAMPED(",
    "RECORDS(",
    "BIN(",
    "COUNT(",
    "=",
    "==",
    "!=",
    "<",
    "<>",
    ">=",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "+",
    ":",
    ";",
    "'",
    "\"",
    "r'",
    "t'",
    "\\",
    "\\x41",
    "\\u12",
    "\\N{DASH}",
    "#",
    "# kestrel: allow(W1305) x\n",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "\u{c}",
    "\u{feff}",
    "é",
    "😀",
    "\u{202e}",
    "\0",
    "x",
    "_",
    "process",
    "network-traffic",
    "parent_ref.name",
    "hashes.'SHA-256'",
    "protocols[*]",
    "process:name",
    "x.pid",
    "5",
    "5d",
    "1e3",
    "1e+5",
    "-1",
    "99999999999999999999",
    "0.5",
    "2021-04-03T00:00:00Z",
    "10.0.0.0/8",
    "file://a.json",
    "https://h/x?y=z",
    "'a'",
    "('a', 5)",
    "%",
    "(a+)+$",
    "\"source\": ",
    "\"cells\": [",
    "%%kestrel\n",
    "\\n",
];

/// Makes a new input from one or two of the corpus.
fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..1 + random.below(6) {
        let at = random.below(input.len() + 1);
        let length = random.below(24).min(input.len() - at);
        match random.below(9) {
            0 => drop(input.drain(at..at + length)),
            1 => {
                let part = input[at..at + length].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, part);
            }
            2 | 3 | 4 => {
                let piece = PIECES[random.below(PIECES.len())];
                input.splice(at..at, piece.bytes());
            }
            5 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            6 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = (random.next() & 0xff) as u8;
                }
            }
            7 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                let part = other[from..other.len().min(from + random.below(200))].to_vec();
                input.splice(at..at, part);
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                input.splice(at..at + length, piece.bytes());
            }
        }
    }
    input.truncate(MAX_INPUT);
    input
}
