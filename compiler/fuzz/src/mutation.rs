//! Makes inputs: a corpus of what people write, changed at random but repeatably.

#![allow(clippy::unwrap_used, reason = "the corpus is part of the project")]

use std::path::{Path, PathBuf};

use kestrel_compiler::{Compilation, Config, lints};
use kestrel_ir::wire;

/// Inputs do not grow beyond this.
const MAX_INPUT: usize = 8192;

/// The folder of the project: the one above that has fixtures.
fn root() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    folders.find(|folder| folder.join("fixtures/huntflows").is_dir()).unwrap().to_owned()
}

/// The folders of the project with huntflows in them.
const HUNTFLOWS: [&str; 4] = [
    "fixtures/huntflows",
    "fixtures/huntflows/invalid",
    "fixtures/huntflows/security-datasets",
    "benches/hunts",
];

/// The texts to start from: huntflows, vectors and the examples of lints, as the target reads them.
pub fn corpus(target: &str, folders: &[String]) -> Vec<Vec<u8>> {
    let root = root();
    let mut texts: Vec<String> = Vec::new();
    for folder in HUNTFLOWS {
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
    let docs = lints::ALL.iter().filter_map(|lint| lints::docs::doc(lint.code));
    texts.extend(docs.flat_map(|doc| [doc.example.to_owned(), doc.instead.to_owned()]));
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
    let magic = if n.is_multiple_of(3) {
        ", {\"cell_type\": \"code\", \"source\": \"%%bash\\nls\"}, {\"cell_type\": \"markdown\", \"source\": []}"
    } else {
        ""
    };
    format!(
        "{{\n \"cells\": [\n  {{\"cell_type\": \"code\", \"metadata\": {{}}, \"outputs\": [],\n   \"source\": {source}}}{magic}\n ],\n \"metadata\": {{\"kernelspec\": {{\"display_name\": \"Kestrel\", \"language\": \"kestrel\", \"name\": \"kestrel\"}}}},\n \"nbformat\": 4, \"nbformat_minor\": 5\n}}\n"
    )
}

/// Small numbers, repeatable (xorshift64*).
pub struct Random(pub u64);

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
pub const PIECES: &[&str] = &[
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
pub fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
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
            2..=4 => {
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
