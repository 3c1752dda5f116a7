//! The registry of diagnostic codes: one line a code, never re-used, explained offline.
//!
//! | range | about |
//! |---|---|
//! | `E01xx` | the text: tokens, syntax, strings, numbers, times, patterns |
//! | `E02xx` | names: variables, sources, analytics |
//! | `E03xx` | types, attributes, relations |
//! | `E04xx` | our own mistakes: a broken plan |
//! | `E05xx` | data sources |
//! | `E06xx` | analytics |
//! | `E07xx` | the store, files, evaluation |
//! | `E08xx` | plan files and configuration |
//! | `E09xx` | what a policy forbids |
//! | `W0xxx` | warnings that compiling or running gives |
//! | `W1xxx` | lints: 0 variables, 1 time, 2 patterns, 3 sources and steps, 4 effects, 5 text, 9 suppressions |

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Severity;

/// What kind of failure a code is, in the words of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// The text does not parse.
    Syntax,
    /// No step above makes this variable.
    UnknownVariable,
    /// The entities at hand have no such attribute.
    UnknownAttribute,
    /// The relation does not exist between these two entity types.
    UnsupportedRelation,
    /// Entity types do not fit together.
    TypeMismatch,
    /// Neither the data nor the command names an entity type.
    MissingEntityType,
    /// `GET` without `FROM` and none before it.
    MissingDatasource,
    /// A source could not be read or asked.
    DatasourceUnavailable,
    /// No connector or analytics interface for this scheme.
    UnknownScheme,
    /// The analytic is not configured.
    UnknownAnalytics,
    /// The analytic failed.
    AnalyticsFailure,
    /// The pattern cannot be evaluated as written.
    InvalidPattern,
    /// A file cannot be read or written.
    FileUnavailable,
    /// A file is not in a format that can be read.
    FileFormat,
    /// A policy forbids it.
    Policy,
    /// A configuration or plan file is wrong.
    Configuration,
    /// Part of the data is missing or damaged; the result says so.
    Incomplete,
    /// A fault of this program.
    Internal,
    /// Advice.
    Lint,
}

impl Category {
    /// Returns the name used in JSON, for example `unknown-variable`.
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Syntax => "syntax",
            Category::UnknownVariable => "unknown-variable",
            Category::UnknownAttribute => "unknown-attribute",
            Category::UnsupportedRelation => "unsupported-relation",
            Category::TypeMismatch => "type-mismatch",
            Category::MissingEntityType => "missing-entity-type",
            Category::MissingDatasource => "missing-datasource",
            Category::DatasourceUnavailable => "datasource-unavailable",
            Category::UnknownScheme => "unknown-scheme",
            Category::UnknownAnalytics => "unknown-analytics",
            Category::AnalyticsFailure => "analytics-failure",
            Category::InvalidPattern => "invalid-pattern",
            Category::FileUnavailable => "file-unavailable",
            Category::FileFormat => "file-format",
            Category::Policy => "policy",
            Category::Configuration => "configuration",
            Category::Incomplete => "incomplete",
            Category::Internal => "internal",
            Category::Lint => "lint",
        }
    }
}

macro_rules! registry {
    ($( $code:ident $name:literal $severity:ident $category:ident $explain:tt )*) => {
        /// A registered diagnostic code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is explained by its own text, see `Code::explanation`")]
        pub enum Code { $( $code, )* }

        impl Code {
            /// Every registered code, in order.
            pub const ALL: &'static [Code] = &[ $( Code::$code, )* ];

            /// Returns the code as written, such as `E0201`.
            pub fn as_str(self) -> &'static str {
                match self { $( Code::$code => stringify!($code), )* }
            }

            /// Returns the short name, such as `unknown-variable`.
            pub fn name(self) -> &'static str {
                match self { $( Code::$code => $name, )* }
            }

            /// Returns the severity that diagnostics with this code start with.
            pub fn severity(self) -> Severity {
                match self { $( Code::$code => Severity::$severity, )* }
            }

            /// Returns the category outsiders test for.
            pub fn category(self) -> Category {
                match self { $( Code::$code => Category::$category, )* }
            }

            /// Returns the full text that `kestrelc explain` prints (Markdown).
            #[allow(unused_parens, reason = "texts in files of their own stand in parentheses")]
            pub fn explanation(self) -> &'static str {
                match self { $( Code::$code => $explain, )* }
            }
        }
    };
}

// One entry a code: code, short name, severity, category, explanation (what it means,
// an example, what to do; for lints a file in `lints`, in parentheses for the macro). Keep them in order; a test checks ranges and names.
registry! {
    E0101 "unexpected-text" Error Syntax
        "The text does not fit the grammar at this place.\n\nThe message names the text found, the construct being read and what may stand there.\n\n```\nx = y LIMIT many\n```\n\n`LIMIT` takes a whole number; write `x = y LIMIT 10`. Only `#` starts a comment, and nothing separates statements: no `;` is needed."
    E0102 "unexpected-end" Error Syntax
        "The text ends inside a statement.\n\nThe place is just after the last character.\n\n```\np = GET process FROM lab\n```\n\n`GET` needs a `WHERE`; write `p = GET process FROM lab WHERE pid > 0`."
    E0103 "unknown-command" Error Syntax
        "A statement starts with a command or with `name =`; this one starts with another word.\n\n```\nSET x = y\n```\n\nWrite `x = y`. The commands are GET, FIND, NEW, LOAD, SORT, GROUP, JOIN, which yield a variable, and APPLY, DISP, INFO, DESCRIBE, SAVE, EXPLAIN, which yield none."
    E0104 "misplaced-clause" Error Syntax
        "The clause exists, but not here: it has to stand earlier in the statement, or the command does not take it.\n\n```\nDISP procs ATTR name WHERE pid = 4\n```\n\nWrite `DISP procs WHERE pid = 4 ATTR name`. After a variable the order is WHERE, ATTR, SORT BY, LIMIT, OFFSET; `GET` and `FIND` take WHERE, then a time range and LIMIT; a merge takes no clause."
    E0105 "effect-assigned" Error Syntax
        "APPLY, DISP, INFO, DESCRIBE, SAVE and EXPLAIN yield no variable, so there is nothing to assign.\n\n```\ny = INFO x\n```\n\nWrite `INFO x`."
    E0106 "open-string" Error Syntax
        "A quote opens a string that does not end on its line.\n\n```\nq = p WHERE name = 'cmd.exe\n```\n\nClose it: `'cmd.exe'`. A line break inside a string is written `\\n`. A quote inside is written `\\'`. In `r'C:\\'` the last quote belongs to the text, because a backslash stands before it; write `'C:\\\\'`."
    E0107 "bad-escape" Error Syntax
        "An escape in a string cannot be decoded.\n\n```\nx = y WHERE command_line = 'C:\\Users\\bob'\n```\n\n`\\U` starts a character number of eight digits. For paths write a raw string, `r'C:\\Users\\bob'`, or double the backslashes."
    E0108 "number-out-of-range" Error Syntax
        "The number is too large to be kept exactly.\n\n```\nx = y LIMIT 99999999999999999999\n```\n\nWhole numbers go from -9223372036854775808 to 9223372036854775807, others up to about 1.8e308."
    E0109 "bad-time" Error Syntax
        "A point in time is impossible or not complete, a duration is zero, or a time range ends before it starts.\n\n```\np = GET process FROM lab WHERE pid > 0 START 2021-02-30T00:00:00Z STOP 2021-03-02T00:00:00Z\n```\n\nWrite date, time with seconds and `Z` (UTC): `2021-03-01T00:00:00Z`. STOP has to be later than START."
    E0110 "operator-and-value" Error InvalidPattern
        "The operator and its value do not go together.\n\n```\nx = y WHERE name = ('a', 'b')\nx = y WHERE name IN 'a'\n```\n\nA list of several values needs IN or NOT IN: `name IN ('a', 'b')`. IN needs a list or a reference such as `seen.name`. LIKE, MATCHES, ISSUBSET and ISSUPERSET take one text."
    E0111 "bad-regular-expression" Error InvalidPattern
        "The value of MATCHES is no well-formed regular expression.\n\n```\nx = y WHERE name MATCHES '(cmd'\n```\n\nClose every group, and write a backslash as `\\\\` or use a raw string: `r'^svc.*\\.exe$'`."
    E0112 "bad-network" Error InvalidPattern
        "The value of ISSUBSET or ISSUPERSET is no address and no network.\n\n```\nx = y WHERE value ISSUBSET '10.0.0.0/99'\n```\n\nWrite a network such as `'10.0.0.0/8'` or `'2001:db8::/32'`, or a single address."
    E0113 "empty-path" Error Syntax
        "The path of a file, or the address of a source or an analytic, is empty.\n\n```\na = LOAD \"\"\n```\n\nWrite the path: `a = LOAD \"in.csv\"`."
    E0114 "unknown-character" Error Syntax
        "The character starts nothing in the language.\n\n```\nx = y WHERE a = 1 && b = 2\n```\n\nWrite `AND`. Text with other characters than letters, digits and `_` belongs in quotes."
    E0115 "nested-too-deep" Error Syntax
        "More than 200 brackets are open at once.\n\nNo hunt needs that; the limit keeps a hostile text from exhausting the memory. Take a part of the pattern into a step of its own:\n\n```\na = p WHERE (…)\nb = a WHERE (…)\n```"
    E0116 "text-too-large" Error Syntax
        "The text is larger than 64 MiB and was not read.\n\n```\nkestrelc check bundle.json\n```\n\nIs it a huntflow? Data belongs into a bundle or a file that `LOAD` reads."
    E0117 "not-utf8" Error Syntax
        "The text is not valid UTF-8 from this byte on.\n\n```\nname = 'Zo<byte EB>'\n```\n\nSave the file as UTF-8; a byte-order mark at its start is fine."
    E0118 "duplicate-key" Error Syntax
        "A key stands twice in an object of NEW, or an argument twice in an APPLY.\n\n```\nAPPLY python://score ON p WITH k=1, k=2\n```\n\nKeep one of them."
    E0119 "too-many-errors" Error Syntax
        "The text has so many errors that reading stopped.\n\n```\nkestrelc check server.log\n```\n\nIs it a huntflow? Correct the first errors, then check again."
    E0201 "unknown-variable" Error UnknownVariable
        "No step above makes this variable.\n\n```\nnet = FIND network-traffic CREATED BY pss\n```\n\nCheck the spelling: names are case-sensitive. A word with a dot, such as `explorer.exe`, is read as attribute `exe` of variable `explorer`; text with a dot needs quotes: `'explorer.exe'`."
    E0202 "missing-datasource" Error MissingDatasource
        "`GET` without `FROM` uses the latest data source, and there was none before.\n\n```\np = GET process WHERE pid > 0\n```\n\nName the source: `p = GET process FROM stixbundle://data/bundle.json WHERE pid > 0`."
    E0203 "unknown-scheme" Error UnknownScheme
        "No connector is known for the scheme of this data source.\n\n```\np = GET process FROM splnk://main WHERE pid > 0\n```\n\nCheck the part before `://`; `kestrel-run sources` lists the schemes."
    E0204 "unknown-analytics" Error UnknownAnalytics
        "No analytic of this name is configured.\n\n```\nAPPLY python://scoer ON p\n```\n\nNames are case-sensitive; `kestrel-run analytics` lists what is configured."
    E0205 "invalid-variable-name" Error UnknownVariable
        "A variable name starts with a letter or `_` and holds letters, digits and `_`.\n\n```\nx = y WHERE pid = a-b.pid\n```\n\nNo variable can be called `a-b`. If text is meant, quote it: `'a-b.pid'`."
    E0301 "unknown-attribute" Error UnknownAttribute
        "The entities at hand have no such attribute.\n\n```\nDISP procs ATTR nmae\n```\n\nThe help names the nearest attributes. After NEW, LOAD, GROUP and ATTR only the columns made there exist. A qualifier such as `process:` has to be the variable's type."
    E0302 "unsupported-relation" Error UnsupportedRelation
        "The relation does not exist between these two entity types.\n\n```\nf = FIND file CREATED BY procs\n```\n\nThe help names the relations that exist, also with `BY` left out or added."
    E0303 "type-mismatch" Error TypeMismatch
        "Entity types do not fit together.\n\n```\nf = GET file FROM procs WHERE name = 'a'\n```\n\n`GET` from a variable takes entities of its own type; use `FIND` to reach others. A merge takes variables of one type."
    E0304 "missing-entity-type" Error MissingEntityType
        "Neither the data nor the command names an entity type.\n\n```\nn = NEW [\"cmd.exe\"]\n```\n\nName it: `n = NEW process [\"cmd.exe\"]`, or give each object a key `\"type\"`; for files `LOAD x.csv AS process`."
    E0305 "not-after-group" Error UnknownAttribute
        "Groups are no entities: `FIND`, `GET … FROM` and transformers do not work on them.\n\n```\ng = GROUP conns BY dst_port\nDISP TIMESTAMPED(g)\n```\n\nUse the variable before the grouping."
    E0306 "duplicate-column" Error Syntax
        "Two columns of the result would have the same name.\n\n```\ng = GROUP t BY name WITH COUNT(pid), COUNT(pid)\n```\n\nGive one of them another name with `AS`."
    E0307 "extended-test-not-here" Error InvalidPattern
        "A test on another entity type is possible only where records are searched: in `GET` from a data source and in `FIND`.\n\n```\nx = procs WHERE x-oca-asset:hostname = 'h1'\n```\n\nPut the test into the `GET` that made the variable."
    E0308 "group-function" Error TypeMismatch
        "The function cannot work on values of this kind.\n\n```\ng = GROUP procs BY name WITH SUM(command_line)\n```\n\n`SUM` and `AVG` take numbers, `BIN` with a unit takes points in time."
    E0309 "join-needs-by" Error TypeMismatch
        "`JOIN` without `BY` joins on the identity of one entity type, and the two variables differ in type.\n\n```\nj = JOIN procs, conns\n```\n\nName the attributes: `j = JOIN procs, conns BY pid, x_pid`."
    E0401 "internal" Error Internal
        "A fault of this program, not of the hunt.\n\nAn invariant of the plan does not hold. Please report it with the huntflow and the message.\n\n```\nkestrelc build hunt.hf -o hunt.kplan\n```"
    E0501 "datasource-unavailable" Error DatasourceUnavailable
        "The data source was not found.\n\n```\np = GET process FROM stixbundle://data/misisng.json WHERE pid > 0\n```\n\nPaths are relative to the working directory. `kestrel-run sources ping` tries a configured source."
    E0502 "datasource-unreadable" Error DatasourceUnavailable
        "The data source exists but cannot be read: no permission, damaged, or no JSON.\n\n```\np = GET process FROM stixbundle://notes.txt WHERE pid > 0\n```\n\nThe message gives the cause and the place in the file."
    E0503 "datasource-status" Error DatasourceUnavailable
        "The server answered with an error status.\n\n```\np = GET process FROM https://example.org/gone.json WHERE pid > 0\n```\n\n401 and 403 ask for credentials, 404 means a wrong address, 429 and 5xx are worth another try."
    E0504 "datasource-network" Error DatasourceUnavailable
        "The server could not be reached: name, connection, certificate or time limit.\n\n```\np = GET process FROM https://unreachable.example/b.json WHERE pid > 0\n```\n\nThe message gives the cause; `--timeout` sets the limit."
    E0505 "datasource-no-records" Error DatasourceUnavailable
        "The data holds no record that could be used: it is no STIX bundle and no known kind of log.\n\n```\np = GET process FROM stixbundle://package.json WHERE pid > 0\n```\n\nA bundle is an object with `\"type\": \"bundle\"` and `\"objects\"`; logs hold one JSON object a line."
    E0506 "datasource-limit" Error DatasourceUnavailable
        "The data exceeds a limit on size, depth or number that keeps hostile data from exhausting the machine.\n\n```\nkestrel-run --memory 8G hunt.hf\n```\n\nThe message names the limit; most can be raised."
    E0507 "datasource-refused" Error DatasourceUnavailable
        "The data source refused the query or answered with an error of its own.\n\n```\nkestrelc plan --queries hunt.hf\n```\n\nThe message quotes the source; the command shows the native query that was sent."
    E0601 "analytics-failure" Error AnalyticsFailure
        "The analytic failed, or gave back what cannot be used.\n\n```\nAPPLY python://score ON procs\n```\n\nThe message holds the end of its trace. An analytic returns at most one display and one table per input with `id` and `type`."
    E0602 "no-analytics-interface" Error UnknownAnalytics
        "There is no analytics interface for this scheme, or none is configured.\n\n```\nAPPLY dokcer://score ON procs\n```\n\nThe schemes are `python` and `docker`; `kestrel-run analytics` lists what is configured."
    E0603 "analytics-arguments" Error AnalyticsFailure
        "The analytic takes another number of variables, or variables of another type.\n\n```\nAPPLY python://compare ON a\n```\n\nThe message says how many it takes."
    E0701 "file-unavailable" Error FileUnavailable
        "The file cannot be read or written.\n\n```\na = LOAD missing.csv\n```\n\nPaths are relative to the working directory; `~` and `$NAME` are expanded."
    E0702 "file-format" Error FileFormat
        "The file is in no format that can be read or written, or its content is damaged.\n\n```\nSAVE procs TO procs.xlsx\n```\n\nFormats are `.csv`, `.json`, `.parquet`, the first two also compressed with `.gz`, `.bz2`, `.zip` or `.xz`."
    E0703 "reference-needs-one-value" Error InvalidPattern
        "The operator takes one value, and the reference has several or none.\n\n```\nx = y WHERE pid < seen.pid\n```\n\nReduce the variable to one row first (`LIMIT 1`), or use `IN`."
    E0704 "out-of-memory" Error Incomplete
        "The step needs more memory or room on disk than it may take.\n\n```\nkestrel-run --memory 16G hunt.hf\n```\n\nNarrow the pattern or the time range, or raise the limit."
    E0705 "evaluation-failed" Error Internal
        "The local evaluation of a step failed.\n\n```\nkestrel-run hunt.hf\n```\n\nThe message gives the step and the cause. If the hunt is well-formed, please report it."
    E0801 "plan-damaged" Error Configuration
        "The plan file is damaged or no plan.\n\n```\nkestrel-run hunt.kplan\n```\n\nBuild it again with `kestrelc build`."
    E0802 "plan-version" Error Configuration
        "The plan file was made by a version whose format this program does not read.\n\n```\nkestrel-run hunt.kplan\n```\n\nBuild it again with this version's `kestrelc build`."
    E0803 "configuration" Error Configuration
        "A configuration file cannot be read, or a value in it is of the wrong kind.\n\n```\n[language]\ndefault_sort_order = \"sideways\"\n```\n\nThe message names file, line and key; `kestrel-run doctor` shows which files are read."
    E0804 "policy" Error Policy
        "The policy file forbids this source, analytic, file or use of the network.\n\n```\nkestrel-run --policy policy.toml hunt.hf\n```\n\nThe message names the rule. Ask whoever keeps the policy."
    E0901 "policy-scheme" Error Policy
        "The policy does not allow data sources of this scheme.\n\nFor an address such as `stixbundle://https://…` both schemes have to be allowed.\n\n```\n[schemes]\nallow = [\"stixbundle\", \"file\"]\n```\n\nUse a source of an allowed scheme, or ask whoever keeps the policy."
    E0902 "policy-host" Error Policy
        "The policy does not allow this server, or the address is written so that nobody can be sure which server it names.\n\n```\n[hosts]\nallow = [\"siem.example.org\", \"*.corp.example\"]\n```\n\nWrite the plain name of the server: no percent signs, backslashes or numbers in one piece."
    E0903 "policy-profile" Error Policy
        "The policy does not allow this profile of a configured data source.\n\n```\n[profiles]\nallow = [\"lab*\"]\n```\n\nUse an allowed profile, or ask whoever keeps the policy."
    E0904 "policy-network" Error Policy
        "The policy forbids the network, and the data source is on it: a web address or a profile.\n\n```\nnetwork = false\n```\n\nExport the records of the source and use `file://…`."
    E0905 "policy-analytic" Error Policy
        "The policy does not allow this analytic, neither by its address nor by the digest of its code.\n\n```\n[analytics]\nallow = [\"python://*\", \"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"]\n```\n\nThe digest of a container is known when the address pins it, `docker://name@sha256:…`; that of other code where it is configured."
    E0906 "policy-write" Error Policy
        "The policy does not allow `SAVE` to write there.\n\n```\n[files]\nwrite = [\"results\"]\n```\n\nSave below an allowed folder. A path with `..` that leads out, with `$NAME` or with `~` is refused unless the folder is written the same way."
    E0907 "policy-read" Error Policy
        "The policy does not allow reading this file, by `LOAD` or as a data source.\n\n```\n[files]\nread = [\"data\"]\n```\n\nPut the file below an allowed folder."
    E0908 "policy-time-range" Error Policy
        "A query covers more time than the policy allows, or any time.\n\nAn inferred range counts as what the searches before it cover, widened by the configured offsets.\n\n```\n[time]\nmaximum = \"30 days\"\n```\n\nWrite `START … STOP …` or `LAST …`, or narrow it."
    E0909 "policy-queries" Error Policy
        "The hunt sends more queries than the policy allows, counting those about what was found, and each part of an address.\n\n```\n[queries]\nmaximum = 20\n```\n\nAsk fewer sources, or split the hunt."
    W0001 "unknown-type" Warning Lint
        "The entity type is neither known nor custom (`x-…`), and nothing of it was found.\n\n```\np = GET proces FROM lab WHERE pid > 0\n```\n\nThe help names the nearest types."
    W0002 "kinds-differ" Warning Lint
        "A value is of another kind than the attribute, or a type differs from the one in the data.\n\n```\nx = procs WHERE pid = 'four'\n```\n\nThe message says what will happen: text that is no number never equals one."
    W0003 "reference-without-values" Warning Lint
        "The reference has no value at all, so the test can only be false (with `!=` and `NOT IN` only true).\n\n```\nx = y WHERE pid = empty.pid\n```\n\nCheck the step that made the variable."
    W0004 "no-time-range" Warning Lint
        "The source has a narrow time range of its own, and the `GET` names none.\n\n```\np = GET process FROM stixshifter://lab WHERE pid > 0\n```\n\nWrite `LAST 1 DAY` or `START … STOP …`."
    W0005 "control-character-in-path" Warning Lint
        "A plain string looks like a path and holds a control character that an escape made.\n\n```\nx = y WHERE command_line = 'C:\\Windows\\temp\\new.exe'\n```\n\n`\\t` is a tab and `\\n` a line feed. Write a raw string: `r'C:\\Windows\\temp\\new.exe'`."
    W0006 "entities-without-records" Warning Incomplete
        "A transformer shows appearances in records; entities without records are missing from it.\n\n```\nn = NEW process [\"cmd.exe\"]\nDISP TIMESTAMPED(n)\n```\n\nThe result is smaller than its input, or empty."
    W0007 "clause-without-effect" Warning Lint
        "The `WHERE`, time range or `LIMIT` of this `FIND` cannot take effect.\n\n```\nf = FIND process CREATED BY n LAST 5 DAYS\n```\n\nThe message says why."
    W0008 "limit-cut" Warning Incomplete
        "`LIMIT` cut the result.\n\n```\np = GET process FROM lab WHERE pid > 0 LIMIT 10\n```\n\nThe message says how many were left out, if that is known."
    W0009 "partial-answer" Warning Incomplete
        "A source answered in part.\n\n```\nkestrel-run hunt.hf\n```\n\nThe message says which and what is missing; results that depend on it are incomplete."
    W0010 "name-like-keyword" Warning Lint
        "A variable is named like a keyword, an entity type or a transformer.\n\n```\nlimit = GET process FROM lab WHERE pid > 0\n```\n\nIt works, but misleads readers; choose another name."
    W0011 "source-incomplete" Warning Incomplete
        "A source could not be read to its end.\n\n```\nkestrel-run hunt.hf\n```\n\nWhat was read until then is used; the message gives the cause."
    W0012 "objects-skipped" Warning Incomplete
        "Some objects of a bundle or lines of a log could not be used and were skipped.\n\n```\np = GET process FROM stixbundle://data/bundle.json WHERE pid > 0\n```\n\nThe message says how many, and why the first."
    W0013 "not-found-again" Warning Incomplete
        "After a `GET` or `FIND`, the source is asked again for all records about the entities found, by an identifying attribute. Entities without that attribute do not come back: for example processes of the Windows security log, which have no `x_unique_id`, beside processes of Sysmon, which have one.\n\nKestrel 1.8 leaves such entities out, in silence. This program leaves them out too, so that answers agree, and says how many.\n\nTo keep them, write into `kestrel.toml`:\n\n```toml\n[prefetch]\nkeep = true\n```"
    W0014 "redirected" Warning Lint
        "The server that the hunt names sent the reader on to another one, and what was read comes from there. The message names both addresses.\n\n```\np = GET process FROM https://feeds.example/day.json WHERE pid > 0\n```\n\nName the other server in `FROM` if you trust it. A policy with `[hosts]` says which servers may answer: `kestrel-run --policy policy.toml`. From `https` no server can lead to `http`."
    W0015 "about-a-source" Warning Lint
        "Something about a source that took nothing from the answer, but that whoever reads it should know: what was read is a copy from the cache (`--offline`), a file does not say that it is a bundle, members of an archive were left out as `zip_members = \"first\"` asks for, or the cache could not keep what was read.\n\n```\np = GET process FROM stixbundle://data/bundle.json WHERE pid > 0\n```"
    W1001 "unused-variable" Warning Lint (include_str!("lints/unused-variable.md"))
    W1002 "overwritten-variable" Warning Lint (include_str!("lints/overwritten-variable.md"))
    W1003 "self-merge" Warning Lint (include_str!("lints/self-merge.md"))
    W1004 "repeated-transformer" Warning Lint (include_str!("lints/repeated-transformer.md"))
    W1005 "self-comparison" Warning Lint (include_str!("lints/self-comparison.md"))
    W1101 "unbounded-time-range" Warning Lint (include_str!("lints/unbounded-time-range.md"))
    W1102 "wide-time-range" Warning Lint (include_str!("lints/wide-time-range.md"))
    W1103 "future-time-range" Warning Lint (include_str!("lints/future-time-range.md"))
    W1104 "disjoint-time-ranges" Warning Lint (include_str!("lints/disjoint-time-ranges.md"))
    W1201 "contradictory-pattern" Warning Lint (include_str!("lints/contradictory-pattern.md"))
    W1202 "always-true-test" Warning Lint (include_str!("lints/always-true-test.md"))
    W1203 "unselective-pattern" Warning Lint (include_str!("lints/unselective-pattern.md"))
    W1204 "case-sensitive-value" Warning Lint (include_str!("lints/case-sensitive-value.md"))
    W1205 "windows-name-case" Warning Lint (include_str!("lints/windows-name-case.md"))
    W1206 "unknown-pattern-attribute" Warning Lint (include_str!("lints/unknown-pattern-attribute.md"))
    W1207 "number-compared-with-text" Warning Lint (include_str!("lints/number-compared-with-text.md"))
    W1208 "text-compared-with-number" Warning Lint (include_str!("lints/text-compared-with-number.md"))
    W1209 "null-as-text" Warning Lint (include_str!("lints/null-as-text.md"))
    W1210 "like-without-wildcard" Warning Lint (include_str!("lints/like-without-wildcard.md"))
    W1211 "single-value-list" Warning Lint (include_str!("lints/single-value-list.md"))
    W1212 "plain-regex" Warning Lint (include_str!("lints/plain-regex.md"))
    W1213 "backtracking-regex" Warning Lint (include_str!("lints/backtracking-regex.md"))
    W1214 "repeated-list-value" Warning Lint (include_str!("lints/repeated-list-value.md"))
    W1215 "network-compared-as-text" Warning Lint (include_str!("lints/network-compared-as-text.md"))
    W1216 "address-of-other-family" Warning Lint (include_str!("lints/address-of-other-family.md"))
    W1217 "hash-length" Warning Lint (include_str!("lints/hash-length.md"))
    W1218 "number-out-of-range" Warning Lint (include_str!("lints/number-out-of-range.md"))
    W1219 "defanged-indicator" Warning Lint (include_str!("lints/defanged-indicator.md"))
    W1220 "padded-value" Warning Lint (include_str!("lints/padded-value.md"))
    W1301 "plain-http-source" Warning Lint (include_str!("lints/plain-http-source.md"))
    W1302 "private-address-source" Warning Lint (include_str!("lints/private-address-source.md"))
    W1303 "repeated-get" Warning Lint (include_str!("lints/repeated-get.md"))
    W1304 "implicit-source" Warning Lint (include_str!("lints/implicit-source.md"))
    W1305 "limit-counts-records" Warning Lint (include_str!("lints/limit-counts-records.md"))
    W1306 "filter-after-get" Warning Lint (include_str!("lints/filter-after-get.md"))
    W1307 "find-without-source" Warning Lint (include_str!("lints/find-without-source.md"))
    W1308 "unknown-entity-type" Warning Lint (include_str!("lints/unknown-entity-type.md"))
    W1309 "unknown-shown-attribute" Warning Lint (include_str!("lints/unknown-shown-attribute.md"))
    W1310 "unordered-limit" Warning Lint (include_str!("lints/unordered-limit.md"))
    W1401 "unpinned-container" Warning Lint (include_str!("lints/unpinned-container.md"))
    W1402 "save-outside-folder" Warning Lint (include_str!("lints/save-outside-folder.md"))
    W1403 "save-over-input" Warning Lint (include_str!("lints/save-over-input.md"))
    W1501 "older-spelling" Warning Lint (include_str!("lints/older-spelling.md"))
    W1502 "missing-header" Warning Lint (include_str!("lints/missing-header.md"))
    W1503 "secret-in-text" Warning Lint (include_str!("lints/secret-in-text.md"))
    W1504 "invisible-character" Warning Lint (include_str!("lints/invisible-character.md"))
    W1901 "suppression-without-reason" Warning Lint (include_str!("lints/suppression-without-reason.md"))
    W1902 "unused-suppression" Warning Lint (include_str!("lints/unused-suppression.md"))
    W1903 "unknown-suppression" Warning Lint (include_str!("lints/unknown-suppression.md"))
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = UnknownCode;

    /// Reads a code as written or by its short name, in any case.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.as_str().eq_ignore_ascii_case(text) || code.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

/// The text is no registered code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no diagnostic code")]
pub struct UnknownCode(pub String);

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
