//! Instants and time windows: UTC, microseconds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
///
/// Finer fractions of a source are cut off; the text a source gave is kept beside it where it
/// is shown (see [`crate::record::Moment`]). Source: entities specification 1.2, 1.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant of year 0.
    pub const MIN: Timestamp = Timestamp(-719_528 * DAY);
    /// The last microsecond of year 9999.
    pub const MAX: Timestamp = Timestamp(2_932_897 * DAY - 1);

    /// Makes an instant from microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// Returns the microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads a time as sources write it: RFC 3339 with any offset; also a blank for `T`, lower
    /// case, a missing zone (taken as UTC), an offset without colon and a leap second. A
    /// fraction may have any length and is cut to microseconds.
    ///
    /// Returns none for other texts, impossible dates and years outside 0000 to 9999.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let bytes = text.trim_ascii().as_bytes();
        let (local, rest) = date_and_time(bytes, |separator| matches!(separator, b'T' | b't' | b' '), 60)?;
        let offset_minutes = match rest {
            [] | [b'Z' | b'z'] => 0,
            [b' ', zone @ ..] => offset(zone)?,
            zone => offset(zone)?,
        };
        in_range(local - offset_minutes * 60 * SECOND)
    }

    /// Reads a time as huntflows write it: `YYYY-MM-DDTHH:MM:SS`, any fraction, `Z`, nothing
    /// else. Source: language specification 1.8.
    pub fn parse_strict(text: &str) -> Option<Timestamp> {
        let (utc, rest) = date_and_time(text.as_bytes(), |separator| separator == b'T', 59)?;
        (rest == b"Z").then_some(Timestamp(utc))
    }

    /// Returns the text with exactly three decimals, finer ones cut: `2021-04-01T00:00:00.123Z`.
    /// Patterns carry this form.
    pub fn millis_text(self) -> String {
        Timestamp(self.0 - self.0.rem_euclid(1000)).to_string()
    }

    /// Returns true if `text` is exactly what [`fmt::Display`] writes.
    pub fn is_spelled(self, text: &str) -> bool {
        let mut buffer = [0; 40];
        self.write(&mut buffer).is_some_and(|length| &buffer[..length] == text.as_bytes())
    }

    /// Returns the instant `seconds` later, at most [`Timestamp::MAX`] and at least [`Timestamp::MIN`].
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Timestamp {
        let micros = seconds.saturating_mul(SECOND).saturating_add(self.0);
        Timestamp(micros.clamp(Timestamp::MIN.0, Timestamp::MAX.0))
    }

    /// Writes years 0000 to 9999 into the buffer and returns the length; none for others.
    fn write(self, buffer: &mut [u8; 40]) -> Option<usize> {
        in_range(self.0)?;
        let (year, month, day) = civil(self.0.div_euclid(DAY));
        let of_day = self.0.rem_euclid(DAY);
        let seconds = of_day / SECOND;
        let micros = of_day % SECOND;
        let mut at = 0;
        let mut put = |number: i64, digits: usize, after: u8| {
            let mut rest = number;
            for place in (at..at + digits).rev() {
                buffer[place] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            buffer[at + digits] = after;
            at += digits + 1;
        };
        put(year, 4, b'-');
        put(month, 2, b'-');
        put(day, 2, b'T');
        put(seconds / 3600, 2, b':');
        put(seconds / 60 % 60, 2, b':');
        put(seconds % 60, 2, b'.');
        if micros % 1000 == 0 {
            put(micros / 1000, 3, b'Z');
        } else {
            put(micros, 6, b'Z');
        }
        Some(at)
    }
}

/// Shows RFC 3339 in UTC: three decimals, or six when the instant is no whole millisecond.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; 40];
        match self.write(&mut buffer) {
            Some(length) => f.pad(std::str::from_utf8(&buffer[..length]).unwrap_or_default()),
            None => {
                // Beyond four-digit years; nothing that is read makes such an instant.
                let (year, month, day) = civil(self.0.div_euclid(DAY));
                let of_day = self.0.rem_euclid(DAY);
                let (seconds, micros) = (of_day / SECOND, of_day % SECOND);
                let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
                write!(f, "{year:+05}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
            }
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no time")))
    }
}

/// A time window, start inclusive, stop exclusive; an absent bound is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeWindow {
    /// First instant that is in.
    pub start: Option<Timestamp>,
    /// First instant that is out again.
    pub stop: Option<Timestamp>,
}

impl TimeWindow {
    /// Makes the window from `start` to just before `stop`.
    pub fn new(start: Timestamp, stop: Timestamp) -> Self {
        TimeWindow { start: Some(start), stop: Some(stop) }
    }

    /// Returns true if neither bound is set, so that every record matches.
    pub fn is_open(&self) -> bool {
        self.start.is_none() && self.stop.is_none()
    }

    /// Returns true if no instant is in it.
    pub fn is_empty(&self) -> bool {
        matches!((self.start, self.stop), (Some(start), Some(stop)) if start >= stop)
    }

    /// Returns true if a record with these times overlaps the window: `last_observed ≥ start`,
    /// `first_observed < stop`, and the window is not empty. A record without the time that a
    /// bound needs does not match. Source: entities specification 11.2.
    pub fn matches(&self, first: Option<Timestamp>, last: Option<Timestamp>) -> bool {
        !self.is_empty()
            && self.start.is_none_or(|start| last.is_some_and(|last| last >= start))
            && self.stop.is_none_or(|stop| first.is_some_and(|first| first < stop))
    }

    /// Returns the smallest window that holds both.
    #[must_use]
    pub fn union(&self, other: &TimeWindow) -> TimeWindow {
        TimeWindow {
            start: self.start.zip(other.start).map(|(a, b)| a.min(b)),
            stop: self.stop.zip(other.stop).map(|(a, b)| a.max(b)),
        }
    }

    /// Returns the window with both bounds moved, in seconds: a negative start offset and a
    /// positive stop offset make it wider. Bounds stay within years 0000 to 9999.
    #[must_use]
    pub fn widened(&self, start_offset: i64, stop_offset: i64) -> TimeWindow {
        TimeWindow {
            start: self.start.map(|start| start.plus_seconds(start_offset)),
            stop: self.stop.map(|stop| stop.plus_seconds(stop_offset)),
        }
    }
}

/// Shows `START t'…' STOP t'…'` as patterns do; an open bound is written as the first or last
/// possible instant, and an open window as nothing.
impl fmt::Display for TimeWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_open() {
            return Ok(());
        }
        let start = self.start.unwrap_or(Timestamp::MIN).millis_text();
        let stop = self.stop.unwrap_or(Timestamp::MAX).millis_text();
        write!(f, "START t'{start}' STOP t'{stop}'")
    }
}

fn in_range(micros: i64) -> Option<Timestamp> {
    (Timestamp::MIN.0..=Timestamp::MAX.0).contains(&micros).then_some(Timestamp(micros))
}

/// Reads `YYYY-MM-DD?HH:MM:SS[.f…]` and returns its microseconds and what follows.
fn date_and_time(bytes: &[u8], separator: impl Fn(u8) -> bool, last_second: i64) -> Option<(i64, &[u8])> {
    let (fixed, mut rest) = bytes.split_first_chunk::<19>()?;
    let number = |range: std::ops::Range<usize>| {
        fixed[range]
            .iter()
            .try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    if fixed[4] != b'-' || fixed[7] != b'-' || !separator(fixed[10]) || fixed[13] != b':' || fixed[16] != b':'
    {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > last_second {
        return None;
    }
    let mut micros = 0;
    if let [b'.', fraction @ ..] = rest {
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return None;
        }
        for place in 0..6 {
            let digit = fraction[..length].get(place).map_or(0, |digit| digit - b'0');
            micros = micros * 10 + i64::from(digit);
        }
        rest = &fraction[length..];
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some((days(year, month, day) * DAY + seconds * SECOND + micros, rest))
}

/// Reads `+HH:MM`, `+HHMM` or `+HH` and returns minutes.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, digits) = match zone {
        [b'Z' | b'z'] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let two = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let (hours, minutes) = match *digits {
        [a, b, b':', c, d] | [a, b, c, d] => (two(a, b)?, two(c, d)?),
        [a, b] => (two(a, b)?, 0),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch of a date in the proleptic Gregorian calendar. Years are counted from
/// March, so that the leap day is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The reverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(text: &str) -> String {
        Timestamp::parse(text).map_or_else(|| "none".to_owned(), |time| time.to_string())
    }

    #[test]
    fn every_accepted_spelling_gives_utc() {
        for (text, shown) in [
            ("2021-04-01T00:00:00Z", "2021-04-01T00:00:00.000Z"),
            ("2021-04-01T00:00:00.5Z", "2021-04-01T00:00:00.500Z"),
            ("2021-04-01T00:00:00.123456789Z", "2021-04-01T00:00:00.123456Z"),
            ("2021-04-01 00:00:00", "2021-04-01T00:00:00.000Z"),
            ("2021-04-01t00:00:00z", "2021-04-01T00:00:00.000Z"),
            ("2021-04-01T00:00:00+02:00", "2021-03-31T22:00:00.000Z"),
            ("2021-04-01T00:00:00.25-0130", "2021-04-01T01:30:00.250Z"),
            ("2021-04-01 00:00:00 +01", "2021-03-31T23:00:00.000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
            (" 2024-02-29T23:59:59Z ", "2024-02-29T23:59:59.000Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(show(text), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2021-04-01",
            "2021-13-01T00:00:00Z",
            "2021-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2021-04-01T24:00:00Z",
            "2021-04-01T00:60:00Z",
            "2021-04-01T00:00:00.Z",
            "2021-04-01T00:00:00Zx",
            "2021-04-01T00:00:00+25:00",
            "0000-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "٢٠٢١-04-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert!(Timestamp::parse_strict("2021-04-01T00:00:00.5Z").is_some());
        for text in [
            "2021-04-01T00:00:00",
            "2021-04-01t00:00:00Z",
            "2016-12-31T23:59:60Z",
            "2021-04-01T00:00:00+00:00",
        ] {
            assert_eq!(Timestamp::parse_strict(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_carry_cut_milliseconds() {
        let time = Timestamp::parse("2021-04-01T00:00:00.123999Z").expect("a time");
        assert_eq!(time.millis_text(), "2021-04-01T00:00:00.123Z");
        let early = Timestamp::parse("1969-12-31T23:59:59.123999Z").expect("a time");
        assert_eq!(early.millis_text(), "1969-12-31T23:59:59.123Z");
    }

    #[test]
    fn windows_are_half_open_and_overlap() {
        let at = |second: i64| Some(Timestamp::from_micros(second * SECOND));
        let window = TimeWindow { start: at(10), stop: at(20) };
        assert!(window.matches(at(5), at(10)));
        assert!(!window.matches(at(5), at(9)));
        assert!(window.matches(at(19), at(30)));
        assert!(!window.matches(at(20), at(30)));
        assert!(!window.matches(None, None));
        assert!(TimeWindow::default().matches(None, None));
        assert!(!TimeWindow { start: at(10), stop: at(10) }.matches(at(10), at(10)));
        assert_eq!(
            window.union(&TimeWindow { start: at(5), stop: at(15) }),
            TimeWindow { start: at(5), stop: at(20) }
        );
        assert_eq!(window.widened(-5, 5), TimeWindow { start: at(5), stop: at(25) });
        assert_eq!(window.widened(i64::MIN, i64::MAX), TimeWindow::new(Timestamp::MIN, Timestamp::MAX));
        assert_eq!(window.to_string(), "START t'1970-01-01T00:00:10.000Z' STOP t'1970-01-01T00:00:20.000Z'");
    }

    #[test]
    fn instants_beyond_four_digit_years_still_print() {
        assert_eq!(
            Timestamp::from_micros(Timestamp::MAX.micros() + 1).to_string(),
            "+10000-01-01T00:00:00.000000Z"
        );
        assert!(!Timestamp::from_micros(i64::MIN).to_string().is_empty());
    }

    proptest! {
        #[test]
        fn text_round_trips(micros in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let time = Timestamp::from_micros(micros);
            let text = time.to_string();
            prop_assert_eq!(Timestamp::parse(&text), Some(time));
            prop_assert_eq!(Timestamp::parse_strict(&text), Some(time));
            prop_assert!(time.is_spelled(&text));
            let json = serde_json::to_string(&time).expect("text");
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("a time"), time);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}") {
            Timestamp::parse(&text);
            Timestamp::parse_strict(&text);
        }
    }
}
