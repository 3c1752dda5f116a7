//! Tokens: words by their shape or as keywords, strings, signs.
//!
//! A token is small and owns nothing; its text is the source between `start` and
//! `end`. Whether a word is a keyword depends on its neighbours, see [`crate::classify`].

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "keywords and signs are what their names say")]
pub enum Kind {
    // Words by shape (language reference §1.2), narrowest shape first.
    /// Letters only: may be a relation, a variable and everything below.
    Letters,
    /// A variable name with a digit or underscore.
    Variable,
    /// A name with a hyphen.
    Name,
    /// `name.step…`, which may also be a reference to a variable's attribute.
    Dotted,
    /// An attribute that cannot be a reference, such as `protocols[*]`.
    Attribute,
    /// `type:attribute`.
    TypedAttribute,
    /// Digits.
    Int,
    /// An unsigned number with a fraction or an exponent.
    Number,
    /// A number with a minus sign.
    Negative,
    /// Digits and a time unit without a blank, such as `5d`.
    IntUnit,
    /// A timestamp without quotes.
    Timestamp,
    /// Fits a path, an address or a URL, and nothing above.
    Path,
    /// A word that fits no class at all.
    Junk,
    /// No token is ever of this kind; the grammar uses it where nothing can stand.
    Missing,

    // Strings.
    /// `'…'` or `"…"`.
    Plain,
    /// `r'…'`.
    Raw,
    /// `t'…'`.
    StixTime,

    // Commands.
    Get,
    Find,
    New,
    Load,
    Sort,
    Group,
    Join,
    Apply,
    Disp,
    Info,
    Describe,
    Save,
    Explain,

    // Clauses and other keywords.
    From,
    Where,
    Attr,
    /// `SORT` directly before `BY`.
    SortClause,
    By,
    /// A relation with `_BY` at its end, the spelling of 2021.
    RelationBy,
    Asc,
    Desc,
    Limit,
    Offset,
    With,
    As,
    On,
    To,
    Start,
    Stop,
    Last,
    Unit,
    And,
    Or,
    Not,
    In,
    Like,
    Matches,
    IsSubset,
    IsSuperset,
    Is,
    Null,
    True,
    False,
    /// `TIMESTAMPED`, `ADDOBSID` or `RECORDS` before `(`.
    Transformer,
    /// `BIN` before `(`.
    Bin,
    /// `MIN`, `MAX`, `SUM`, `AVG`, `COUNT` or `NUNIQUE`.
    Aggregate,

    // Signs.
    Assign,
    EqEq,
    NotEq,
    Less,
    LessEq,
    Greater,
    GreaterEq,
    ParenOpen,
    ParenClose,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
    Comma,
    Plus,
    Colon,

    /// Text that starts no token; what is wrong with it stands in [`crate::lexer::Lexed::problems`].
    Bad,
}

impl Kind {
    /// Returns the keyword that `word` is when it stands where that keyword is expected.
    pub fn keyword(word: &str) -> Option<Kind> {
        // The longest keyword is TIMESTAMPED.
        let mut upper = [0u8; 11];
        let upper = upper.get_mut(..word.len())?;
        upper.copy_from_slice(word.as_bytes());
        upper.make_ascii_uppercase();
        Some(match &*upper {
            b"GET" => Kind::Get,
            b"FIND" => Kind::Find,
            b"NEW" => Kind::New,
            b"LOAD" => Kind::Load,
            b"SORT" => Kind::Sort,
            b"GROUP" => Kind::Group,
            b"JOIN" => Kind::Join,
            b"APPLY" => Kind::Apply,
            b"DISP" => Kind::Disp,
            b"INFO" => Kind::Info,
            b"DESCRIBE" => Kind::Describe,
            b"SAVE" => Kind::Save,
            b"EXPLAIN" => Kind::Explain,
            b"FROM" => Kind::From,
            b"WHERE" => Kind::Where,
            b"ATTR" => Kind::Attr,
            b"BY" => Kind::By,
            b"ASC" => Kind::Asc,
            b"DESC" => Kind::Desc,
            b"LIMIT" => Kind::Limit,
            b"OFFSET" => Kind::Offset,
            b"WITH" => Kind::With,
            b"AS" => Kind::As,
            b"ON" => Kind::On,
            b"TO" => Kind::To,
            b"START" => Kind::Start,
            b"STOP" => Kind::Stop,
            b"LAST" => Kind::Last,
            b"D" | b"DAY" | b"DAYS" | b"H" | b"HOUR" | b"HOURS" | b"M" | b"MINUTE" | b"MINUTES" | b"S"
            | b"SECOND" | b"SECONDS" => Kind::Unit,
            b"AND" => Kind::And,
            b"OR" => Kind::Or,
            b"NOT" => Kind::Not,
            b"IN" => Kind::In,
            b"LIKE" => Kind::Like,
            b"MATCHES" => Kind::Matches,
            b"ISSUBSET" => Kind::IsSubset,
            b"ISSUPERSET" => Kind::IsSuperset,
            b"IS" => Kind::Is,
            b"NULL" => Kind::Null,
            b"TRUE" => Kind::True,
            b"FALSE" => Kind::False,
            b"TIMESTAMPED" | b"ADDOBSID" | b"RECORDS" => Kind::Transformer,
            b"BIN" => Kind::Bin,
            b"MIN" | b"MAX" | b"SUM" | b"AVG" | b"COUNT" | b"NUNIQUE" => Kind::Aggregate,
            _ => return None,
        })
    }

    /// Returns true for `=`, `==`, `!=`, `<`, `<=`, `>`, `>=`; a word before one is never a keyword.
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Kind::Assign
                | Kind::EqEq
                | Kind::NotEq
                | Kind::Less
                | Kind::LessEq
                | Kind::Greater
                | Kind::GreaterEq
        )
    }

    /// Returns true for strings of any kind.
    pub fn is_string(self) -> bool {
        matches!(self, Kind::Plain | Kind::Raw | Kind::StixTime)
    }

    /// Returns true for words, keywords included.
    pub fn is_word(self) -> bool {
        !self.is_string() && !self.is_sign() && self != Kind::Bad
    }

    /// Returns true for signs and brackets.
    pub fn is_sign(self) -> bool {
        self.is_comparison()
            || matches!(
                self,
                Kind::ParenOpen
                    | Kind::ParenClose
                    | Kind::BracketOpen
                    | Kind::BracketClose
                    | Kind::BraceOpen
                    | Kind::BraceClose
                    | Kind::Comma
                    | Kind::Plus
                    | Kind::Colon
            )
    }

    /// Returns true for keywords that start a command.
    pub fn is_command(self) -> bool {
        matches!(
            self,
            Kind::Get | Kind::Find | Kind::New | Kind::Load | Kind::Sort | Kind::Group | Kind::Join
        ) || self.is_effect()
    }

    /// Returns true for keywords of commands that yield no variable.
    pub fn is_effect(self) -> bool {
        matches!(self, Kind::Apply | Kind::Disp | Kind::Info | Kind::Describe | Kind::Save | Kind::Explain)
    }

    /// Returns true for words that may name a variable when they are no keyword.
    pub fn is_variable_shaped(self) -> bool {
        matches!(self, Kind::Letters | Kind::Variable | Kind::RelationBy) || self.is_keyword()
    }

    /// Returns true for keywords.
    pub fn is_keyword(self) -> bool {
        self.is_word()
            && !matches!(
                self,
                Kind::Letters
                    | Kind::Variable
                    | Kind::Name
                    | Kind::Dotted
                    | Kind::Attribute
                    | Kind::TypedAttribute
                    | Kind::Int
                    | Kind::Number
                    | Kind::Negative
                    | Kind::IntUnit
                    | Kind::Timestamp
                    | Kind::Path
                    | Kind::Junk
                    | Kind::Missing
                    | Kind::RelationBy
            )
    }

    /// Returns true for the keywords that start a clause of a statement.
    pub fn is_clause(self) -> bool {
        matches!(
            self,
            Kind::From
                | Kind::Where
                | Kind::Attr
                | Kind::SortClause
                | Kind::By
                | Kind::Limit
                | Kind::Offset
                | Kind::With
                | Kind::As
                | Kind::On
                | Kind::To
                | Kind::Start
                | Kind::Stop
                | Kind::Last
        )
    }
}

/// One token of a huntflow; `start` and `end` are byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Token {
    /// Returns its text; `text` is the source it was made from.
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}
