//! One attribute test, compiled once and applied to many values.
//!
//! Source: entities specification 11.3, 11.4; language specification 3.1.

use std::{
    borrow::{Borrow, Cow},
    cmp::Ordering,
    collections::HashSet,
    hash::Hash,
    sync::atomic::{AtomicU32, Ordering as Memory},
};

use base64::Engine;
use fancy_regex::{Regex, RegexBuilder};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{Comparison, Like, Network, Operator, values::elements};
use crate::{Timestamp, Value, record::ValueRef, schema};

/// Where a test is applied; two rules depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Site {
    /// On records of a data source, as STIX patterns are: `LIKE` minds case, and numbers never
    /// equal texts.
    Source,
    /// On the entities of a variable: `LIKE` ignores the case of ASCII letters, and a text that
    /// spells a number compares with numbers as one.
    Variable,
}

/// A comparison that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOperand {
    /// References must be replaced by values first.
    #[error("the test still refers to a variable")]
    Unresolved,
    /// Only `=`, `!=`, `IN` and `NOT IN` take several values or none.
    #[error("`{operator}` needs exactly one value, not {count}")]
    NotOneValue {
        /// The operator.
        operator: Operator,
        /// How many values there are.
        count: usize,
    },
    /// The regular expression cannot be read.
    #[error("`{pattern}` is no regular expression: {reason}")]
    BadRegex {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// How many steps one regular expression may take back on one value. Only expressions with
/// back references or lookaround go back at all.
const BACKTRACK_LIMIT: usize = 1_000_000;
/// After so many values on which that did not suffice, the rest is not tried.
const PATIENCE: u32 = 200;

/// A compiled comparison.
#[derive(Debug)]
pub struct Test {
    negated: bool,
    check: Check,
    site: Site,
    form: Form,
    /// The path has `[*]`: elements of a list are tested, not the list.
    each: bool,
    gave_up: AtomicU32,
}

#[derive(Debug)]
enum Check {
    Null,
    Equal(Box<Equal>),
    Order(Operator, Bound),
    Like(Like),
    Matches(Regex),
    Subset(Option<Network>),
    Superset(Option<Network>),
}

/// What the texts of an attribute stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Time,
    Base64,
    Hex,
}

impl Test {
    /// Compiles a comparison whose references have been replaced by values.
    pub fn new(comparison: &Comparison, site: Site) -> Result<Test, BadOperand> {
        let Comparison { path, operator, negated, operand, .. } = comparison;
        if !operand.references.is_empty() {
            return Err(BadOperand::Unresolved);
        }
        let key = path.last_key();
        let form = if schema::is_time_attribute(key) {
            Form::Time
        } else if schema::is_binary_attribute(key) {
            Form::Base64
        } else if schema::is_hex_attribute(key) {
            Form::Hex
        } else {
            Form::Text
        };
        let one = || match operand.values.as_slice() {
            [value] => Ok(value),
            values => Err(BadOperand::NotOneValue { operator: *operator, count: values.len() }),
        };
        let check = match operator {
            Operator::IsNull => Check::Null,
            Operator::Equal => Check::Equal(Box::new(Equal::new(&operand.values, site, form))),
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                Check::Order(*operator, Bound::new(one()?, site, form))
            }
            Operator::Like => Check::Like(Like::new(&nfc(&one()?.to_string()), site == Site::Variable)),
            Operator::Matches => Check::Matches(regex(&one()?.to_string())?),
            Operator::IsSubset => Check::Subset(Network::parse(&one()?.to_string())),
            Operator::IsSuperset => Check::Superset(Network::parse(&one()?.to_string())),
        };
        Ok(Test { negated: *negated, check, site, form, each: path.has_any(), gave_up: AtomicU32::new(0) })
    }

    /// Applies the test to a present value. Where the path has `[*]`, any element of a list may
    /// satisfy the plain test, and a negated one holds if none does; elsewhere a list is
    /// compared as its JSON text, so that it equals no scalar.
    pub fn holds(&self, value: &ValueRef<'_>) -> bool {
        self.plain(value) != self.negated
    }

    /// Applies the test to an absent value: only `IS NULL` holds.
    pub fn holds_if_absent(&self) -> bool {
        matches!(self.check, Check::Null) && !self.negated
    }

    /// Applies the test to all values that a path leads to: with any of them, like the
    /// elements of a list. No values are an absent one.
    pub fn holds_among<'v>(&self, values: impl IntoIterator<Item = &'v ValueRef<'v>>) -> bool {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return self.holds_if_absent();
        }
        values.any(|value| self.plain(value)) != self.negated
    }

    /// Returns on how many values a regular expression took too long and was taken not to
    /// match. To be reported when it is not 0.
    pub fn gave_up(&self) -> u32 {
        self.gave_up.load(Memory::Relaxed)
    }

    /// Applies the test without its negation.
    fn plain(&self, value: &ValueRef<'_>) -> bool {
        match (&self.check, value) {
            (Check::Null, _) => false,
            (Check::Equal(equal), ValueRef::Json(text)) if equal.has_json(text) => true,
            (_, ValueRef::Json(text)) if self.each => match elements(text) {
                Some(elements) => elements.iter().any(|element| self.scalar(&element.into())),
                None => self.scalar(value),
            },
            _ => self.scalar(value),
        }
    }

    fn scalar(&self, value: &ValueRef<'_>) -> bool {
        match &self.check {
            Check::Null => false,
            Check::Equal(equal) => equal.holds(value, self.site, self.form),
            Check::Order(operator, bound) => {
                bound.compare(value, self.site, self.form).is_some_and(|ordering| match operator {
                    Operator::Less => ordering.is_lt(),
                    Operator::LessEqual => ordering.is_le(),
                    Operator::Greater => ordering.is_gt(),
                    _ => ordering.is_ge(),
                })
            }
            Check::Like(like) => self.on_text(value, |text| like.matches(text)),
            Check::Matches(regex) => self.on_text(value, |text| self.search(regex, text)),
            Check::Subset(operand) => {
                networks(value, operand.as_ref(), |value, operand| value.is_subset(operand))
            }
            Check::Superset(operand) => {
                networks(value, operand.as_ref(), |value, operand| operand.is_subset(value))
            }
        }
    }

    fn on_text(&self, value: &ValueRef<'_>, test: impl Fn(&str) -> bool) -> bool {
        match value {
            ValueRef::Text(text) => decoded(text, self.form).is_some_and(|text| test(&nfc(&text))),
            ValueRef::Json(text) => test(&nfc(text)),
            number => test(&number.to_value().to_string()),
        }
    }

    fn search(&self, regex: &Regex, text: &str) -> bool {
        if self.gave_up() > PATIENCE {
            self.gave_up.fetch_add(1, Memory::Relaxed);
            return false;
        }
        regex.is_match(text).unwrap_or_else(|_| {
            self.gave_up.fetch_add(1, Memory::Relaxed);
            false
        })
    }
}

/// The values of `=` and `IN`, by what they can equal.
#[derive(Debug, Default)]
struct Equal {
    texts: Set<String>,
    numbers: Set<Number>,
    /// The numbers that texts spell; empty at sources.
    spelled: Set<Number>,
    times: Set<Timestamp>,
    lists: Set<String>,
    matches_true: bool,
    matches_false: bool,
}

impl Equal {
    fn new(values: &[Value], site: Site, form: Form) -> Equal {
        let (mut texts, mut numbers, mut spelled) = (Vec::new(), Vec::new(), Vec::new());
        let (mut times, mut lists) = (Vec::new(), Vec::new());
        for value in values {
            match value {
                Value::Int(n) => numbers.push(Number::Int(*n)),
                Value::Float(n) => numbers.push(Number::from(*n)),
                Value::Bool(b) => texts.push(b.to_string()),
                Value::Json(text) => lists.push(text.clone()),
                Value::Text(text) => {
                    texts.push(nfc(text).into_owned());
                    if form == Form::Hex {
                        texts.push(text.to_ascii_lowercase());
                    }
                    if site == Site::Variable {
                        spelled.extend(Number::spelled(text));
                    }
                    if form == Form::Time {
                        times.extend(Timestamp::parse(text));
                    }
                }
            }
        }
        let truths: Vec<bool> = values.iter().filter_map(truth).collect();
        Equal {
            texts: texts.into(),
            numbers: numbers.into(),
            spelled: spelled.into(),
            times: times.into(),
            lists: lists.into(),
            matches_true: truths.contains(&true),
            matches_false: truths.contains(&false),
        }
    }

    fn holds(&self, value: &ValueRef<'_>, site: Site, form: Form) -> bool {
        let number = |n: &Number| self.numbers.contains(n) || self.spelled.contains(n);
        match value {
            ValueRef::Int(n) => number(&Number::Int(*n)),
            ValueRef::Float(n) => number(&Number::from(*n)),
            ValueRef::Bool(b) => {
                if *b {
                    self.matches_true
                } else {
                    self.matches_false
                }
            }
            ValueRef::Json(text) => self.has_json(text),
            ValueRef::Text(text) => {
                let spelled = || site == Site::Variable && !self.numbers.is_empty();
                match form {
                    Form::Text | Form::Time if self.texts.contains(&*nfc(text)) => true,
                    Form::Time if !self.times.is_empty() => {
                        Timestamp::parse(text).is_some_and(|time| self.times.contains(&time))
                    }
                    Form::Text | Form::Time => {
                        spelled() && Number::spelled(text).is_some_and(|n| self.numbers.contains(&n))
                    }
                    Form::Base64 => decoded(text, form).is_some_and(|plain| {
                        self.texts.contains(&**text) || self.texts.contains(&*nfc(&plain))
                    }),
                    Form::Hex => decoded(text, form).is_some_and(|plain| {
                        self.texts.contains(text.to_ascii_lowercase().as_str())
                            || self.texts.contains(&*nfc(&plain))
                    }),
                }
            }
        }
    }

    /// A whole list or dictionary equals its JSON text.
    fn has_json(&self, text: &str) -> bool {
        self.lists.contains(text) || self.texts.contains(text)
    }
}

/// The right side of `<`, `<=`, `>`, `>=`.
#[derive(Debug)]
struct Bound {
    number: Option<Number>,
    /// The number that a text spells; none at sources.
    spelled: Option<Number>,
    time: Option<Timestamp>,
    text: Option<String>,
    truth: Option<bool>,
}

impl Bound {
    fn new(value: &Value, site: Site, form: Form) -> Bound {
        let text = if let Value::Text(text) = value { Some(text.as_str()) } else { None };
        Bound {
            number: match value {
                Value::Int(n) => Some(Number::Int(*n)),
                Value::Float(n) => Some(Number::from(*n)),
                _ => None,
            },
            spelled: text.filter(|_| site == Site::Variable).and_then(Number::spelled),
            time: text.filter(|_| form == Form::Time).and_then(Timestamp::parse),
            text: text.map(|text| nfc(text).into_owned()),
            truth: truth(value),
        }
    }

    /// Compares a value with the bound; none when the two have no order.
    fn compare(&self, value: &ValueRef<'_>, site: Site, form: Form) -> Option<Ordering> {
        match value {
            ValueRef::Int(n) => Some(Number::Int(*n).compare(&self.number.or(self.spelled)?)),
            ValueRef::Float(n) => Some(Number::from(*n).compare(&self.number.or(self.spelled)?)),
            ValueRef::Bool(b) => Some(b.cmp(&self.truth?)),
            ValueRef::Json(_) => None,
            ValueRef::Text(text) => match (&self.text, self.time) {
                (_, Some(time)) => Some(Timestamp::parse(text)?.cmp(&time)),
                (Some(bound), None) => Some(match form {
                    Form::Text | Form::Time => (*nfc(text)).cmp(bound.as_str()),
                    Form::Base64 | Form::Hex => (**text).cmp(bound.as_str()),
                }),
                (None, None) if site == Site::Variable => Some(Number::spelled(text)?.compare(&self.number?)),
                (None, None) => None,
            },
        }
    }
}

/// A number by value: a float without fraction is an integer where one can hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Number {
    Int(i64),
    /// Bits of a float that no integer equals.
    Float(u64),
}

impl From<f64> for Number {
    fn from(n: f64) -> Self {
        // 2⁶³ itself is no i64.
        if n.fract() == 0.0 && (-TWO_63..TWO_63).contains(&n) {
            Number::Int(n as i64)
        } else {
            Number::Float(n.to_bits())
        }
    }
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

impl Number {
    /// Reads the number a text spells.
    fn spelled(text: &str) -> Option<Number> {
        let text = text.trim_ascii();
        if !text.bytes().next()?.is_ascii_digit() && !text.starts_with(['-', '+', '.']) {
            return None;
        }
        if let Ok(n) = text.parse() {
            return Some(Number::Int(n));
        }
        text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Number::from)
    }

    fn compare(&self, other: &Number) -> Ordering {
        match (*self, *other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(&b),
            (Number::Float(a), Number::Float(b)) => f64::from_bits(a).total_cmp(&f64::from_bits(b)),
            (Number::Int(a), Number::Float(b)) => int_with_float(a, f64::from_bits(b)),
            (Number::Float(a), Number::Int(b)) => int_with_float(b, f64::from_bits(a)).reverse(),
        }
    }
}

/// Compares exactly; the float has a fraction or is beyond every integer.
fn int_with_float(int: i64, float: f64) -> Ordering {
    if float >= TWO_63 {
        Ordering::Less
    } else if float < -TWO_63 {
        Ordering::Greater
    } else {
        int.cmp(&(float.floor() as i64)).then(Ordering::Less)
    }
}

/// A set that costs little when small and nothing per element when large.
#[derive(Debug)]
enum Set<T> {
    Few(Vec<T>),
    Many(HashSet<T, ahash::RandomState>),
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Set::Few(Vec::new())
    }
}

impl<T: Eq + Hash> From<Vec<T>> for Set<T> {
    fn from(values: Vec<T>) -> Self {
        if values.len() > 8 { Set::Many(values.into_iter().collect()) } else { Set::Few(values) }
    }
}

impl<T: Eq + Hash> Set<T> {
    fn contains<Q: Eq + Hash + ?Sized>(&self, value: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        match self {
            Set::Few(values) => values.iter().any(|one| one.borrow() == value),
            Set::Many(values) => values.contains(value),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Set::Few(values) if values.is_empty())
    }
}

/// What a literal means for a boolean attribute.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        Value::Float(n) if *n == 0.0 => Some(false),
        Value::Float(n) if *n == 1.0 => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Unicode normal form C.
fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// The text behind an attribute's encoding; none if it cannot be decoded.
fn decoded(text: &str, form: Form) -> Option<Cow<'_, str>> {
    let bytes = match form {
        Form::Text | Form::Time => return Some(Cow::Borrowed(text)),
        Form::Base64 => {
            base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT.decode(text.trim_ascii()).ok()?
        }
        Form::Hex => unhex(text.trim_ascii())?,
    };
    Some(Cow::Owned(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => error.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    }))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()).collect()
}

fn regex(pattern: &str) -> Result<Regex, BadOperand> {
    let built =
        RegexBuilder::new(&nfc(pattern)).dot_matches_new_line(true).backtrack_limit(BACKTRACK_LIMIT).build();
    built.map_err(|error| BadOperand::BadRegex { pattern: pattern.to_owned(), reason: error.to_string() })
}

fn networks(
    value: &ValueRef<'_>,
    operand: Option<&Network>,
    test: impl Fn(&Network, &Network) -> bool,
) -> bool {
    let value = value.as_text().and_then(Network::parse);
    value.zip(operand).is_some_and(|(value, operand)| test(&value, operand))
}

#[cfg(test)]
mod tests;
