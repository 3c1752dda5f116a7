//! Points in time, UTC, to the microsecond (language reference §1.8).

use crate::classify::is_timestamp;

/// Why a text is no point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum TimeError {
    #[error("it needs date, time with seconds and `Z`, nothing else")]
    Form,
    #[error("the year starts at 1")]
    Year,
    #[error("there are twelve months")]
    Month,
    #[error("the month has no such day")]
    Day,
    #[error("the last hour is 23")]
    Hour,
    #[error("the last minute is 59")]
    Minute,
    #[error("the last second is 59")]
    Second,
}

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction]Z` as microseconds since 1970; finer fractions are cut.
pub fn decode(text: &str) -> Result<i64, TimeError> {
    if !is_timestamp(text.as_bytes()) {
        return Err(TimeError::Form);
    }
    let field = |from: usize, to: usize| {
        text.get(from..to).and_then(|t| t.parse::<i64>().ok()).ok_or(TimeError::Form)
    };
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let checks = [
        (year >= 1, TimeError::Year),
        ((1..=12).contains(&month), TimeError::Month),
        ((1..=days_in_month).contains(&day), TimeError::Day),
        (hour <= 23, TimeError::Hour),
        (minute <= 59, TimeError::Minute),
        (second <= 59, TimeError::Second),
    ];
    if let Some((_, error)) = checks.into_iter().find(|(holds, _)| !holds) {
        return Err(error);
    }
    let fraction = text.get(20..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit);
    let micros = fraction.chain(std::iter::repeat(b'0')).take(6).fold(0, |n, b| n * 10 + i64::from(b - b'0'));
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Ok(seconds * 1_000_000 + micros)
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years start in March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_and_fractions() {
        assert_eq!(decode("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(decode("2021-04-03T00:00:00.1234567Z"), Ok(1_617_408_000_123_456));
        assert_eq!(decode("2000-02-29T23:59:59Z"), Ok(951_868_799_000_000));
        assert_eq!(decode("0001-01-01T00:00:00Z"), Ok(-62_135_596_800_000_000));
        assert_eq!(decode("2021-02-30T00:00:00Z"), Err(TimeError::Day));
        assert_eq!(decode("2021-13-01T00:00:00Z"), Err(TimeError::Month));
        assert_eq!(decode("2021-01-01T24:00:00Z"), Err(TimeError::Hour));
        assert_eq!(decode("2021-01-01T00:00:60Z"), Err(TimeError::Second));
        assert_eq!(decode("2021-01-01T00:00:00+01:00"), Err(TimeError::Form));
        assert_eq!(decode("2021-01-01T00:00:00.Z"), Err(TimeError::Form));
    }
}
