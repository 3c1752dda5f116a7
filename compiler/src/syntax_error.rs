//! Says what is wrong with a text that does not parse, in the words of the language.
//!
//! Knows the place, what the grammar expects there, and the mistakes people make; for
//! those it says what to do. The rules are tried in order, the general message is last.

use kestrel_ir::diagnostic::{Code, Diagnostic, SourceId, Span};

use crate::builder::shorten;
use crate::classify;
use crate::lexer::{Problem, problem_at};
use crate::syntax_context::{Context, Expected};
use crate::token::{Kind, Token};

/// Where the parser stopped.
pub(crate) struct Place<'p> {
    /// The whole text.
    pub(crate) text: &'p str,
    pub(crate) source: SourceId,
    /// All tokens of the text.
    pub(crate) tokens: &'p [Token],
    pub(crate) problems: &'p [(u32, Problem)],
    /// The first token of the statement being read.
    pub(crate) first: usize,
    /// The token that does not fit; one past the last one at the end of the text.
    pub(crate) at: usize,
    /// The terminals of the grammar that would fit.
    pub(crate) expected: &'p [String],
}

/// A message without its place.
struct Finding {
    code: Code,
    message: String,
    help: Option<String>,
}

impl Finding {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Finding { code, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Makes the diagnostic for a syntax error.
pub(crate) fn explain(place: &Place<'_>) -> Diagnostic {
    let context = Context::new(place.text, place.tokens, place.first, place.at);
    let expected = Expected::new(place.expected);
    let finding = match place.tokens.get(place.at) {
        None => end_of_text(place, &context, &expected),
        Some(found) if found.kind == Kind::Bad => bad_token(place, &context, *found),
        Some(found) => RULES
            .iter()
            .find_map(|rule| rule(place, &context, &expected, *found))
            .unwrap_or_else(|| general(place, &context, &expected, *found)),
    };
    let span = match place.tokens.get(place.at) {
        Some(found) => Span::new(place.source, found.start as usize, found.end as usize),
        None => {
            let end = place.tokens.last().map_or(place.text.len(), |last| last.end as usize);
            Span::new(place.source, end, end)
        }
    };
    let mut diagnostic = Diagnostic::new(finding.code, finding.message).at(span);
    diagnostic.help = finding.help;
    diagnostic
}

fn general(place: &Place<'_>, context: &Context<'_>, expected: &Expected, found: Token) -> Finding {
    let shown = shown(place, found);
    let message = match expected.describe(context) {
        Some(expected) => format!("unexpected {shown} {}, expected {expected}", context.describe()),
        None => format!("unexpected {shown} {}", context.describe()),
    };
    let finding = Finding::new(Code::E0101, message);
    match context.misread_keyword() {
        Some((word, role)) => {
            finding.help(format!("`{word}` was read as {role}; is something missing before it?"))
        }
        None if context.command() == Some("GET") && expected.has("WHERE") && !expected.is_name() => {
            finding.help("GET needs a condition, such as `WHERE pid > 0`")
        }
        None => finding,
    }
}

fn end_of_text(place: &Place<'_>, context: &Context<'_>, expected: &Expected) -> Finding {
    if let Some(word) = context.lone_word() {
        return Finding::new(
            Code::E0102,
            format!("the text ends after `{}`, which is no statement", shorten(word)),
        )
        .help(command_help(word, context.follows_statement()));
    }
    let message = match expected.describe(context) {
        Some(expected) => format!("the text ends {}, expected {expected}", context.describe()),
        None => format!("the text ends {}", context.describe()),
    };
    let finding = Finding::new(Code::E0102, message);
    let last = place.tokens.last().map(|token| token.kind);
    match (last, context.command()) {
        (Some(Kind::Dotted | Kind::Attribute), _) => finding,
        (_, Some("DESCRIBE")) => finding.help("name variable and attribute: `DESCRIBE procs.pid`"),
        (_, Some("APPLY")) if expected.has("ON") => {
            finding.help("name the variables: `APPLY python://score ON procs`")
        }
        (_, Some("GET")) if expected.has("WHERE") && !expected.is_name() => {
            finding.help("GET needs a condition, such as `WHERE pid > 0`")
        }
        _ => match context.misread_keyword() {
            Some((word, role)) => {
                finding.help(format!("`{word}` was read as {role}; is something missing before it?"))
            }
            None => finding,
        },
    }
}

// ---------------------------------------------------------------- text that is no token

fn bad_token(place: &Place<'_>, context: &Context<'_>, found: Token) -> Finding {
    let text = found.text(place.text);
    let shown = shorten(text);
    match problem_at(place.problems, found.start) {
        Problem::Character => {
            Finding::new(Code::E0114, format!("unknown character `{shown}` {}", context.describe()))
                .help(character_help(text, context))
        }
        Problem::OpenString => Finding::new(Code::E0106, format!("string not closed: `{shown}`"))
            .help("close it on its line; write a line break as `\\n` and a quote as `\\'`"),
        Problem::OpenRaw => Finding::new(Code::E0106, format!("raw string not closed: `{shown}`")).help(
            "a backslash before a quote keeps the string open; for text that ends in one write `'C:\\\\'`",
        ),
        Problem::OpenStep => {
            Finding::new(Code::E0106, format!("quote not closed in an attribute: `{shown}`"))
                .help("a quoted step holds letters, digits, `_` and `-`: `hashes.'SHA-256'`")
        }
        Problem::LessGreater => {
            Finding::new(Code::E0101, format!("unknown operator `<>` {}", context.describe()))
                .help("write `!=`")
        }
        Problem::TooDeep => Finding::new(
            Code::E0115,
            format!("`{shown}` nests too deep, only {} brackets may be open", classify::MAX_DEPTH),
        )
        .help("take a part of the pattern into a step of its own"),
    }
}

fn character_help(text: &str, context: &Context<'_>) -> String {
    let character = text.chars().next().unwrap_or_default();
    match character {
        ';' => "nothing separates statements, leave it out".into(),
        '&' => "write `AND`".into(),
        '|' => "write `OR`".into(),
        '!' => "write `!=`, or `NOT` before IN, LIKE, MATCHES".into(),
        '*' if context.command() == Some("GROUP") => "name an attribute, such as `COUNT(pid)`".into(),
        '*' => "only `[*]` directly after a name is allowed".into(),
        '$' => "a path with `$` needs quotes: `\"$HOME/in.csv\"`".into(),
        '\\' => "a path with `\\` needs quotes: `r'C:\\Windows'`".into(),
        '%' | '@' | '?' | '^' => "text with this character needs quotes".into(),
        '‘' | '’' | '“' | '”' | '`' => "write straight quotes, `'` or `\"`".into(),
        c if c.is_alphabetic() => {
            "names hold the letters a to z, digits and `_`; other text needs quotes".into()
        }
        c if c.is_whitespace() => "this blank is none for the language; replace it by a space".into(),
        _ => "text with this character needs quotes; comments start with `#`".into(),
    }
}

// ---------------------------------------------------------------- mistakes people make

type Rule = fn(&Place<'_>, &Context<'_>, &Expected, Token) -> Option<Finding>;

const RULES: &[Rule] = &[
    statement_start,
    unknown_command,
    assigned,
    stix_operators,
    clauses,
    in_pattern,
    in_value,
    numbers_and_times,
    lists,
    glued_keyword,
    single_inputs,
];

fn statement_start(place: &Place<'_>, context: &Context<'_>, _: &Expected, found: Token) -> Option<Finding> {
    if context.position() != 0 {
        return None;
    }
    let word = found.text(place.text);
    if context.next_is(Kind::Assign) && found.kind.is_word() {
        let help = if word.starts_with(|c: char| c.is_ascii_digit()) {
            "a variable name starts with a letter or `_`"
        } else {
            "a variable name holds letters, digits and `_`"
        };
        return Some(
            Finding::new(Code::E0101, format!("`{}` cannot be a variable name", shorten(word))).help(help),
        );
    }
    if word.starts_with("//") || word.starts_with("--") {
        return Some(
            Finding::new(Code::E0101, format!("unexpected `{}`, expected a statement", shorten(word)))
                .help("comments start with `#`"),
        );
    }
    if let Some(keyword) = context.clause_name(found.kind) {
        return Some(
            Finding::new(Code::E0104, format!("`{keyword}` cannot stand {}", context.describe()))
                .help("a statement starts with a command or with `name =`"),
        );
    }
    let shown = shown(place, found);
    let finding = Finding::new(Code::E0101, format!("unexpected {shown}, expected a statement"));
    Some(match context.previous_string(found) {
        Some(help) => finding.help(help),
        None => finding.help("a statement starts with a command or with `name =`"),
    })
}

fn unknown_command(place: &Place<'_>, context: &Context<'_>, _: &Expected, found: Token) -> Option<Finding> {
    if context.position() != 1 {
        return None;
    }
    let word = context.first_word()?;
    if found.kind == Kind::Plus {
        return Some(
            Finding::new(
                Code::E0101,
                format!("unexpected `+` after `{}`: a merge needs a result variable", shorten(word)),
            )
            .help(format!("write `result = {} + …`", shorten(word))),
        );
    }
    let shown = shown(place, found);
    Some(
        Finding::new(
            Code::E0103,
            format!("unexpected {shown} after `{}`, which is no command", shorten(word)),
        )
        .help(command_help(word, context.follows_statement())),
    )
}

/// Proposes what a word at the start of a statement may have meant.
fn command_help(word: &str, follows_statement: bool) -> String {
    const COMMANDS: &[&str] = &[
        "GET", "FIND", "NEW", "LOAD", "SORT", "GROUP", "JOIN", "APPLY", "DISP", "INFO", "DESCRIBE", "SAVE",
        "EXPLAIN",
    ];
    const CLAUSES: &[&str] =
        &["FROM", "WHERE", "ATTR", "LIMIT", "OFFSET", "WITH", "START", "STOP", "LAST", "AND", "OR"];
    const OTHERS: &[(&str, &str)] = &[
        ("FETCH", "GET"),
        ("SELECT", "GET"),
        ("SEARCH", "GET"),
        ("SHOW", "DISP"),
        ("PRINT", "DISP"),
        ("DISPLAY", "DISP"),
        ("LIST", "DISP"),
        ("HEAD", "DISP"),
        ("OPEN", "LOAD"),
        ("READ", "LOAD"),
        ("WRITE", "SAVE"),
        ("STORE", "SAVE"),
        ("RUN", "APPLY"),
        ("CALL", "APPLY"),
        ("CREATE", "NEW"),
    ];
    let upper = shorten(word).to_ascii_uppercase();
    if matches!(upper.as_str(), "SET" | "LET" | "VAR" | "ASSIGN") {
        return "an assignment is written `name = …` without a word before it".to_owned();
    }
    if upper == "MERGE" {
        return "a merge is written `result = a + b`".to_owned();
    }
    if let Some((_, command)) = OTHERS.iter().find(|(other, _)| *other == upper) {
        return format!("did you mean `{command}`?");
    }
    let clauses = if follows_statement { CLAUSES } else { &[] };
    let nearest = COMMANDS
        .iter()
        .chain(clauses)
        .map(|candidate| (strsim::osa_distance(&upper, candidate), *candidate))
        .min()
        .filter(|(distance, candidate)| *distance * 3 <= candidate.len() + 1);
    match nearest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None => {
            "a statement starts with a command (GET, FIND, NEW, LOAD, SORT, GROUP, JOIN, APPLY, DISP, INFO, \
                 DESCRIBE, SAVE, EXPLAIN) or with `name =`"
                .to_owned()
        }
    }
}

fn assigned(place: &Place<'_>, context: &Context<'_>, _: &Expected, found: Token) -> Option<Finding> {
    if !(context.position() == 2 && context.is_assignment()) {
        return None;
    }
    let word = shorten(found.text(place.text));
    if found.kind.is_effect() {
        let upper = word.to_ascii_uppercase();
        return Some(
            Finding::new(Code::E0105, format!("`{word}` yields no variable and cannot be assigned"))
                .help(format!("write `{upper} …` without `{} =`", context.target().unwrap_or("name"))),
        );
    }
    if found.kind == Kind::Dotted {
        let (variable, attribute) = found.text(place.text).split_once('.')?;
        return Some(
            Finding::new(Code::E0101, format!("`{word}` is an attribute of a variable, not a variable")).help(format!(
                "a variable holds entities; write `{0} ATTR {1}`, or use `{word}` on the right of a comparison",
                shorten(variable),
                shorten(attribute)
            )),
        );
    }
    None
}

fn stix_operators(place: &Place<'_>, context: &Context<'_>, _: &Expected, found: Token) -> Option<Finding> {
    if context.previous() != Some(Kind::BracketClose) {
        return None;
    }
    let word = found.text(place.text);
    if matches!(found.kind, Kind::And | Kind::Or) && context.clause() == Some("WHERE") {
        return Some(
            Finding::new(Code::E0101, format!("unexpected `{word}`: there is only one bracketed pattern"))
                .help("combine the conditions inside one pair of brackets"),
        );
    }
    (found.kind == Kind::Junk && classify::is_stix_operator(word)).then(|| {
        Finding::new(Code::E0101, format!("`{word}` is no part of the language"))
            .help("a pattern describes one observation; use several `GET` or `FIND` steps")
    })
}

fn clauses(place: &Place<'_>, context: &Context<'_>, expected: &Expected, found: Token) -> Option<Finding> {
    let keyword = context.clause_name(found.kind)?;
    let word = shorten(found.text(place.text));
    let order = context.clause_order()?;
    let misplaced = |message: String| Some(Finding::new(Code::E0104, message).help(order.help));
    if !order.allowed.contains(&keyword) {
        if context.command() == Some("merge") {
            return misplaced(format!("`{word}` cannot stand here: a merge takes no clauses"));
        }
        if expected.statement_end() || context.command() == Some("GET") {
            return misplaced(format!(
                "`{word}` cannot stand here: {} takes no {keyword}",
                context.command_noun()
            ));
        }
        return None;
    }
    // Of the clauses before it, the first one that has to come later.
    let rank = |name: &str| order.allowed.iter().position(|clause| *clause == name);
    let mine = rank(keyword)?;
    if context.clauses().any(|clause| clause == keyword) && expected.statement_end() {
        return misplaced(format!("`{word}` stands twice {}", context.describe_command()));
    }
    if let Some(later) = context.clauses().find(|clause| rank(clause).is_some_and(|rank| rank > mine))
        && expected.statement_end()
    {
        return misplaced(format!("`{word}` must come before {later} {}", context.describe_command()));
    }
    if expected.has("WHERE") && context.command() == Some("GET") && keyword != "FROM" {
        return misplaced(format!("`{word}` must come after WHERE in GET"));
    }
    None
}

fn in_pattern(
    place: &Place<'_>,
    context: &Context<'_>,
    expected: &Expected,
    found: Token,
) -> Option<Finding> {
    let word = found.text(place.text);
    let shown = shown(place, found);
    let context_text = context.describe();
    if expected.is_tested_attribute() {
        if found.kind == Kind::Not {
            return Some(
                Finding::new(
                    Code::E0101,
                    format!("unexpected `{word}` {context_text}, expected an attribute"),
                )
                .help("NOT may only stand before IN, LIKE, MATCHES, ISSUBSET, ISSUPERSET, or after IS"),
            );
        }
        if found.kind.is_string() || matches!(found.kind, Kind::Int | Kind::Number | Kind::Negative) {
            return Some(
                Finding::new(
                    Code::E0101,
                    format!("unexpected {shown} {context_text}, expected an attribute"),
                )
                .help("the attribute stands on the left: `name = 'cmd.exe'`"),
            );
        }
        if word.contains("..") {
            return Some(
                Finding::new(Code::E0101, format!("empty step in the attribute {shown} {context_text}"))
                    .help("write a name between the dots"),
            );
        }
    }
    if expected.is_operator() {
        let message = format!("unexpected {shown} {context_text}, expected an operator");
        let help = match found.kind {
            Kind::BracketOpen => "only `[*]` is allowed as an index",
            Kind::Colon => "no blank is allowed inside `type:attribute`",
            _ if word.eq_ignore_ascii_case("not") => "NOT cannot be combined with a sign; write `!=`",
            _ if context.previous_is_not() => "after NOT comes IN, LIKE, MATCHES, ISSUBSET or ISSUPERSET",
            _ if word == "~" || word.starts_with('~') => "write LIKE or MATCHES",
            _ => return None,
        };
        return Some(Finding::new(Code::E0101, message).help(help));
    }
    None
}

fn in_value(place: &Place<'_>, context: &Context<'_>, expected: &Expected, found: Token) -> Option<Finding> {
    let word = found.text(place.text);
    let shown = shown(place, found);
    let message = |what: &str| format!("{shown} {}: {what}", context.describe());
    if let Some(help) = context.previous_string(found) {
        return Some(
            Finding::new(Code::E0101, format!("unexpected {shown} {}", context.describe())).help(help),
        );
    }
    if !expected.is_value() || !found.kind.is_word() {
        return None;
    }
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let quoted = format!("quote it: `'{}'`", shorten(word));
    let finding = if word.starts_with("0x") || word.starts_with("0X") {
        Finding::new(Code::E0101, message("there are no hexadecimal numbers"))
            .help("write the number in decimal")
    } else if word.contains("://") || looks_like_address(word) {
        Finding::new(Code::E0101, message("an address needs quotes")).help(quoted)
    } else if digits > 0 && Kind::keyword(word.get(digits..).unwrap_or_default()).is_some() {
        let (number, keyword) = word.split_at(digits);
        Finding::new(Code::E0101, message("a blank is missing after the number"))
            .help(format!("write `{number} {keyword}`"))
    } else {
        Finding::new(
            Code::E0101,
            message("text with other characters than letters, digits, `_`, `-` needs quotes"),
        )
        .help(quoted)
    };
    Some(finding)
}

/// Four numbers with dots, or anything with two colons.
fn looks_like_address(word: &str) -> bool {
    let address = word.split('/').next().unwrap_or_default();
    address.parse::<std::net::IpAddr>().is_ok()
        || (address.matches('.').count() == 3 && address.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

fn numbers_and_times(
    place: &Place<'_>,
    context: &Context<'_>,
    expected: &Expected,
    found: Token,
) -> Option<Finding> {
    let shown = shown(place, found);
    let after = context.previous_word().map(str::to_ascii_uppercase).unwrap_or_default();
    if expected.has("timestamp") {
        let word = found.text(place.text);
        let offset = classify::plain_shape(word) == Kind::Junk && word.contains('T');
        let help = if offset {
            "only UTC is possible, written `Z`: `2021-04-03T00:00:00Z`"
        } else {
            "write date, time and `Z`: `2021-04-03T00:00:00Z`"
        };
        return Some(
            Finding::new(Code::E0101, format!("unexpected {shown} after {after}, expected a timestamp"))
                .help(help),
        );
    }
    if expected.has("unit") && !expected.statement_end() && context.previous() == Some(Kind::Int) {
        return Some(
            Finding::new(Code::E0101, format!("unknown time unit {shown} {}", context.describe()))
                .help("the units are D, DAYS, H, HOURS, M, MINUTES, S, SECONDS"),
        );
    }
    if expected.has("int") && !expected.is_value() && matches!(after.as_str(), "LIMIT" | "OFFSET" | "LAST") {
        let example = if after == "LAST" { "LAST 5 DAYS".to_owned() } else { format!("{after} 10") };
        return Some(
            Finding::new(Code::E0101, format!("unexpected {shown} after {after}, expected a whole number"))
                .help(format!("write it with digits only, such as `{example}`")),
        );
    }
    None
}

fn lists(place: &Place<'_>, context: &Context<'_>, _: &Expected, found: Token) -> Option<Finding> {
    let shown = shown(place, found);
    let closing = matches!(found.kind, Kind::ParenClose | Kind::BracketClose | Kind::BraceClose);
    match context.previous() {
        Some(Kind::Comma) if closing => Some(
            Finding::new(Code::E0101, format!("unexpected {shown} {} after a comma", context.describe()))
                .help("leave out the comma, or add an element"),
        ),
        Some(Kind::ParenOpen | Kind::BraceOpen) if closing => Some(
            Finding::new(
                Code::E0101,
                format!("unexpected {shown} {}: the list is empty", context.describe()),
            )
            .help("add an element"),
        ),
        _ if context.command() != Some("NEW") => None,
        Some(Kind::BraceOpen) if found.kind.is_word() => Some(
            Finding::new(
                Code::E0101,
                format!("unexpected {shown} {}, expected a key in quotes", context.describe()),
            )
            .help("write `{\"name\": \"cmd.exe\"}`"),
        ),
        Some(Kind::Colon) if matches!(found.kind, Kind::BracketOpen | Kind::BraceOpen) => Some(
            Finding::new(
                Code::E0101,
                format!("unexpected {shown} {}: values do not nest", context.describe()),
            )
            .help("a value is a string, a number, TRUE, FALSE or NULL"),
        ),
        Some(Kind::Comma) if found.kind == Kind::BraceOpen || found.kind.is_string() => Some(
            Finding::new(Code::E0101, format!("unexpected {shown} {}", context.describe()))
                .help("a list holds strings or objects, not both"),
        ),
        _ => None,
    }
}

/// A keyword and more in one word, such as `FROMlab` or `ISNOTNULL`.
fn glued_keyword(
    place: &Place<'_>,
    context: &Context<'_>,
    expected: &Expected,
    found: Token,
) -> Option<Finding> {
    let word = found.text(place.text);
    if !found.kind.is_word() || expected.is_name() {
        return None;
    }
    let keyword = expected.keywords().find(|keyword| {
        word.len() > keyword.len()
            && word.get(..keyword.len()).is_some_and(|start| start.eq_ignore_ascii_case(keyword))
    })?;
    let help = if word.eq_ignore_ascii_case("isnotnull") {
        "write `IS NOT NULL`".to_owned()
    } else if word.eq_ignore_ascii_case("isnull") {
        "write `IS NULL`".to_owned()
    } else {
        let (start, rest) = word.split_at(keyword.len());
        format!("write `{start} {}`", shorten(rest))
    };
    Some(
        Finding::new(
            Code::E0101,
            format!(
                "unexpected `{}` {}: a blank is missing after {keyword}",
                shorten(word),
                context.describe()
            ),
        )
        .help(help),
    )
}

fn single_inputs(
    place: &Place<'_>,
    context: &Context<'_>,
    expected: &Expected,
    found: Token,
) -> Option<Finding> {
    let word = found.text(place.text);
    let shown = shown(place, found);
    let finding = |message: String, help: &str| Some(Finding::new(Code::E0101, message).help(help));
    if found.kind == Kind::Comma && expected.statement_end() {
        if context.clause() == Some("SORT") || context.command() == Some("SORT") {
            return finding(
                format!("unexpected {shown}: there is only one sort key"),
                "sort by one attribute",
            );
        }
        if let Some(command @ ("DISP" | "FIND" | "INFO" | "EXPLAIN" | "SORT")) = context.command() {
            return finding(
                format!("unexpected {shown}: {command} takes one variable"),
                "use one statement for each variable, or merge them first: `both = a + b`",
            );
        }
    }
    if found.kind == Kind::ParenOpen && context.previous() == Some(Kind::Transformer) {
        return finding(
            format!("unexpected {shown}: transformers do not nest"),
            "apply one transformer only",
        );
    }
    if found.kind == Kind::Plus && context.is_assignment() && expected.statement_end() {
        return finding(
            format!("unexpected {shown}: only plain variables can be merged"),
            "assign each part to a variable first, then merge the variables",
        );
    }
    if context.command() == Some("DESCRIBE") && word.starts_with('.') {
        return finding(
            format!(
                "unexpected {shown} {}, expected a dot and an attribute directly after the variable",
                context.describe()
            ),
            "no blank is allowed around the dot: `DESCRIBE procs.pid`",
        );
    }
    if found.kind == Kind::Dotted && expected.is_variable() {
        return finding(
            format!("unexpected {shown} {}, expected a variable", context.describe()),
            "name the variable without an attribute",
        );
    }
    if context.command() == Some("GROUP") && context.clause() == Some("WITH") && expected.has("aggregate") {
        return finding(
            format!("unexpected {shown} {}, expected an aggregation", context.describe()),
            "the aggregations are MIN, MAX, SUM, AVG, COUNT and NUNIQUE: `COUNT(pid)`",
        );
    }
    if context.command() == Some("APPLY") && found.kind == Kind::Comma && context.clause() == Some("WITH") {
        return finding(
            format!("unexpected {shown} {}, expected `=`", context.describe()),
            "write several values of one argument as a list: `k=(a, b, c)`",
        );
    }
    if context.is_k2_projection(found) {
        return finding(
            format!("unexpected {shown} {}, expected an entity type", context.describe()),
            "projections with a dot belong to Kestrel 2",
        );
    }
    None
}

// ---------------------------------------------------------------- text in messages

/// The token in backticks.
fn shown(place: &Place<'_>, token: Token) -> String {
    format!("`{}`", shorten(token.text(place.text)))
}
