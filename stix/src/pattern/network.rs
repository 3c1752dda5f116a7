//! IPv4 and IPv6 networks, for `ISSUBSET` and `ISSUPERSET`.

use std::net::IpAddr;

/// An address with a prefix length; host bits may be set and do not count.
///
/// Source: entities specification 11.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `10.0.0.1` (a network of one), `10.0.0.0/8`, `fe80::/10`; none for other texts.
    pub fn parse(text: &str) -> Option<Network> {
        let text = text.trim_ascii();
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() <= 3 => {
                digits.parse().ok().filter(|prefix| *prefix <= longest)?
            }
            Some(_) => return None,
        };
        Some(Network { address, prefix })
    }

    /// Returns the address as written, host bits included.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns the prefix length: 0 to 32, or 0 to 128.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Returns true if every address of this network is in `outer`; false across families.
    pub fn is_subset(&self, outer: &Network) -> bool {
        let differing = match (self.address, outer.address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        self.prefix >= outer.prefix && differing >= u32::from(outer.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_follow_prefix_and_mask() {
        let subset = |a: &str, b: &str| match (Network::parse(a), Network::parse(b)) {
            (Some(a), Some(b)) => a.is_subset(&b),
            _ => false,
        };
        for (inner, outer) in [
            ("10.1.2.3", "10.0.0.0/8"),
            ("10.9.0.0/16", "10.0.0.0/8"),
            ("10.9.0.0/16", "10.200.3.4/8"),
            ("1.2.3.4", "0.0.0.0/0"),
            ("1.2.3.4", "1.2.3.4"),
            ("fe80::1", "fe80::/10"),
            ("::1", "::/0"),
        ] {
            assert!(subset(inner, outer), "{inner} in {outer}");
        }
        for (inner, outer) in [
            ("11.1.2.3", "10.0.0.0/8"),
            ("10.0.0.0/7", "10.0.0.0/8"),
            ("::ffff:10.1.2.3", "10.0.0.0/8"),
            ("1.2.3.4", "::/0"),
            ("example.com", "0.0.0.0/0"),
            ("1.2.3.4", "1.2.3.4/33"),
            ("1.2.3.4", "1.2.3.4/+8"),
            ("1.2.3.4", "1.2.3.4/"),
        ] {
            assert!(!subset(inner, outer), "{inner} in {outer}");
        }
    }
}
