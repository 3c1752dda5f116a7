//! Sizes and durations as people write them in configuration: `500M`, `90s`.

use std::time::Duration;

/// Reads a size in bytes: a whole number with K, M, G or T, in powers of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write a number with K, M or G, such as 500M");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let shift = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return Err(wrong()),
    };
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(wrong)
}

/// Reads a duration: a whole number with s, m or h.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write a number with s, m or h, such as 90s");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).filter(|total| *total > 0).map(Duration::from_secs).ok_or_else(wrong)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    Some((digits.trim_end().parse().ok()?, &text[digits.len()..]))
}

/// Writes a duration as configuration has it.
pub fn duration_words(limit: Duration) -> String {
    let seconds = limit.as_secs();
    match seconds {
        0 => format!("{} ms", limit.as_millis()),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// Writes a size with the largest unit that fits.
pub fn size_words(bytes: u64) -> String {
    for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] {
        if bytes >= 1 << shift && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations() {
        assert_eq!(size("512M"), Ok(512 << 20));
        assert_eq!(size(" 2 GiB "), Ok(2 << 30));
        assert!(size("0").is_err() && size("x").is_err() && size("99999999999T").is_err());
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert!(duration("0").is_err() && duration("5 days").is_err());
        assert_eq!(
            (duration_words(Duration::from_secs(90)), duration_words(Duration::from_secs(7200))),
            ("90s".to_owned(), "2h".to_owned())
        );
        assert_eq!((size_words(512 << 20).as_str(), size_words(3).as_str()), ("512M", "3"));
    }
}
