//! Numbers: 64-bit signed integers and finite floats (language reference §1.7).

use crate::ast::NumberValue;

/// Reads a number of the lexer's form, with an optional minus.
///
/// With neither fraction nor exponent it is an integer, leading zeros mean nothing.
pub fn decode(written: &str) -> Result<NumberValue, RangeError> {
    if written.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return written.parse().map(NumberValue::Int).map_err(|_| RangeError::Integer);
    }
    match written.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(NumberValue::Float(float)),
        _ => Err(RangeError::Float),
    }
}

/// The number cannot be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// An integer beyond 64 bits.
    #[error("integer out of range")]
    Integer,
    /// A float that overflows.
    #[error("float out of range")]
    Float,
}

impl RangeError {
    /// Returns the range, as a hunter reads it.
    pub fn help(self) -> &'static str {
        match self {
            RangeError::Integer => "whole numbers go from -9223372036854775808 to 9223372036854775807",
            RangeError::Float => "numbers go up to about 1.8e308",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_ranges() {
        assert_eq!(decode("007"), Ok(NumberValue::Int(7)));
        assert_eq!(decode("-9223372036854775808"), Ok(NumberValue::Int(i64::MIN)));
        assert_eq!(decode("9223372036854775808"), Err(RangeError::Integer));
        assert_eq!(decode("1e3"), Ok(NumberValue::Float(1000.0)));
        assert_eq!(decode("5."), Ok(NumberValue::Float(5.0)));
        assert_eq!(decode(".5"), Ok(NumberValue::Float(0.5)));
        assert_eq!(decode("-.5e+1"), Ok(NumberValue::Float(-5.0)));
        assert_eq!(decode("1e400"), Err(RangeError::Float));
    }
}
