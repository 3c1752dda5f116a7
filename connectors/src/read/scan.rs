//! Finds where a JSON value ends, 64 bytes at a time, without reading what is in it.
//!
//! Only brackets outside strings count, whichever they are: whether they match is for the
//! JSON parser to say. The scan can stop anywhere and go on in the next block of input.

use wide::u8x16;

/// Where a scan is: in a string or not, after a backslash or not, how deep.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scanner {
    /// All ones inside a string.
    in_string: u64,
    /// 1 if the next byte is escaped.
    escaped: u64,
    depth: u64,
}

impl Scanner {
    /// Consumes `bytes`, the first of which follows what was consumed before; a new scanner
    /// begins at the opening bracket. Returns the index just after the closing one, or none
    /// if it is not in `bytes`.
    pub(crate) fn skip(&mut self, bytes: &[u8]) -> Option<usize> {
        let (blocks, rest) = bytes.as_chunks::<64>();
        for (n, block) in blocks.iter().enumerate() {
            if let Some(at) = self.block(block, 64) {
                return Some(n * 64 + at);
            }
        }
        if rest.is_empty() {
            return None;
        }
        let mut padded = [b' '; 64];
        padded[..rest.len()].copy_from_slice(rest);
        self.block(&padded, rest.len()).map(|at| blocks.len() * 64 + at)
    }

    /// Consumes `used` bytes of the block; the others are blanks. Returns which are opening and
    /// closing brackets outside of strings.
    #[inline]
    pub(crate) fn brackets(&mut self, block: &[u8; 64], used: usize) -> (u64, u64) {
        let masks = masks(block);
        let quotes = masks.quote & !self.escapes(masks.backslash, used);
        let inside = prefix_xor(quotes) ^ self.in_string;
        self.in_string = 0u64.wrapping_sub(inside >> 63);
        (masks.open & !inside, masks.close & !inside)
    }

    /// Consumes `used` bytes of the block; the others are blanks.
    #[inline]
    fn block(&mut self, block: &[u8; 64], used: usize) -> Option<usize> {
        let (open, close) = self.brackets(block, used);
        let closing = u64::from(close.count_ones());
        if self.depth > closing {
            self.depth = self.depth + u64::from(open.count_ones()) - closing;
            return None;
        }
        let mut brackets = open | close;
        while brackets != 0 {
            let bit = brackets & brackets.wrapping_neg();
            if open & bit != 0 {
                self.depth += 1;
            } else {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Some(bit.trailing_zeros() as usize + 1);
                }
            }
            brackets ^= bit;
        }
        None
    }

    /// Returns the bytes that a backslash escapes.
    #[inline]
    fn escapes(&mut self, backslash: u64, used: usize) -> u64 {
        if backslash == 0 {
            return std::mem::take(&mut self.escaped);
        }
        const EVEN: u64 = 0x5555_5555_5555_5555;
        // A backslash that is escaped itself starts nothing.
        let backslash = backslash & !self.escaped;
        let follows = backslash << 1 | self.escaped;
        let odd_starts = backslash & !EVEN & !follows;
        let (even_runs, overflow) = odd_starts.overflowing_add(backslash);
        let escaped = (EVEN ^ (even_runs << 1)) & follows;
        self.escaped = if used == 64 { u64::from(overflow) } else { escaped >> used & 1 };
        escaped
    }
}

/// Bit n is the exclusive or of bits 0 to n: ones from each quote up to the next.
#[inline]
fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[derive(Debug, PartialEq, Eq)]
struct Masks {
    quote: u64,
    backslash: u64,
    open: u64,
    close: u64,
}

/// Bit n of a mask says whether byte n is the wanted one.
#[inline]
fn masks(block: &[u8; 64]) -> Masks {
    let (quote, backslash) = (u8x16::splat(b'"'), u8x16::splat(b'\\'));
    // `[` and `{`, `]` and `}` differ in one bit.
    let (case, open, close) = (u8x16::splat(0x20), u8x16::splat(b'{'), u8x16::splat(b'}'));
    let mut masks = Masks { quote: 0, backslash: 0, open: 0, close: 0 };
    let (sixteens, _) = block.as_chunks::<16>();
    for (n, bytes) in sixteens.iter().enumerate() {
        let bytes = u8x16::new(*bytes);
        let folded = bytes | case;
        let shift = n * 16;
        masks.quote |= u64::from(bytes.simd_eq(quote).to_bitmask()) << shift;
        masks.backslash |= u64::from(bytes.simd_eq(backslash).to_bitmask()) << shift;
        masks.open |= u64::from(folded.simd_eq(open).to_bitmask()) << shift;
        masks.close |= u64::from(folded.simd_eq(close).to_bitmask()) << shift;
    }
    masks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end_of(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut string, mut escaped) = (0usize, false, false);
        for (n, byte) in bytes.iter().enumerate() {
            // Outside strings, where none belongs, a backslash hides quotes only.
            if std::mem::take(&mut escaped) && matches!(byte, b'"' | b'\\') {
                continue;
            }
            match byte {
                b'\\' => escaped = true,
                b'"' => string = !string,
                b'{' | b'[' if !string => depth += 1,
                b'}' | b']' if !string => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(n + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    proptest! {
        #[test]
        fn masks_are_those_of_each_byte(text in "[\\[\\]{}\"\\\\a:;|Z\\x00-\\xff]{64}") {
            let block = text.as_bytes().first_chunk::<64>().expect("at least 64 bytes");
            let mask = |wanted: &[u8]| {
                block.iter().enumerate().fold(0, |mask, (n, byte)| mask | u64::from(wanted.contains(byte)) << n)
            };
            let plain = Masks { quote: mask(b"\""), backslash: mask(b"\\"), open: mask(b"[{"), close: mask(b"]}") };
            prop_assert_eq!(masks(block), plain);
        }

        #[test]
        fn finds_the_same_end_as_a_plain_loop(text in "[\\[\\]{}\"\\\\a ]{0,300}", cut in 0usize..300) {
            let text = format!("{{{text}");
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let mut scanner = Scanner::default();
            let found = scanner.skip(&bytes[..cut]).or_else(|| scanner.skip(&bytes[cut..]).map(|at| at + cut));
            prop_assert_eq!(found, end_of(bytes));
        }
    }
}
