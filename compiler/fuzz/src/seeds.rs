//! Writes what libFuzzer starts from: `corpus/TARGET/` with a file an input, made from the huntflows,
//! vectors and examples of the project, and `dictionary.txt`.
//!
//! ```sh
//! cargo run --bin seeds
//! ```
//!
//! What is in the corpus already stays.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a command line talks")]

use std::{fs, path::Path};

use kestrel_fuzz::{TARGETS, mutation};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(root.join("dictionary.txt"), dictionary()).unwrap();
    for (target, _) in TARGETS {
        let folder = root.join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        let corpus = mutation::corpus(target, &[]);
        for (n, input) in corpus.iter().enumerate() {
            fs::write(folder.join(format!("seed-{n:04}")), input).unwrap();
        }
        println!("{target}: {} inputs", corpus.len());
    }
}

/// The words and signs as libFuzzer reads them.
fn dictionary() -> String {
    let line = |piece: &&str| {
        let escaped = |byte: u8| match byte {
            b'"' | b'\\' => format!("\\{}", byte as char),
            b' '..=b'~' => (byte as char).to_string(),
            _ => format!("\\x{byte:02X}"),
        };
        format!("\"{}\"\n", piece.bytes().map(escaped).collect::<String>())
    };
    mutation::PIECES.iter().map(line).collect()
}
