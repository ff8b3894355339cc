//! What a subnet tells its devices about their network.

use std::net::{IpAddr, Ipv4Addr};

/// DHCPv4 options of a subnet that are of interest to others (RFC 2132, sections 3.5 and 3.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkOptions {
    /// The first router: option 3.
    pub gateway: Option<IpAddr>,
    /// The DNS servers: option 6.
    pub dns: Vec<IpAddr>,
}

impl NetworkOptions {
    /// Fills in what is not set here from a wider scope: the shared network's, then the global options.
    #[must_use]
    pub fn or(self, wider: &Self) -> Self {
        Self {
            gateway: self.gateway.or(wider.gateway),
            dns: if self.dns.is_empty() { wider.dns.clone() } else { self.dns },
        }
    }
}

/// The addresses in an option's data, as text (`10.0.0.1, 10.0.0.2`) or, where `is_text` is false, as hexadecimal octets. What
/// cannot be read counts as not set.
pub fn addresses(data: &str, is_text: bool) -> Vec<IpAddr> {
    if is_text {
        let read: Option<Vec<IpAddr>> = data.split(',').map(|part| part.trim().parse().ok()).collect();
        return read.unwrap_or_default();
    }
    let hex: String =
        data.trim_start_matches("0x").chars().filter(|letter| !matches!(letter, ':' | ' ')).collect();
    let octets: Option<Vec<u8>> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    match octets {
        Some(octets) if octets.len() % 4 == 0 => octets
            .chunks_exact(4)
            .map(|four| Ipv4Addr::new(four[0], four[1], four[2], four[3]).into())
            .collect(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        format!("10.0.0.{last}").parse().unwrap()
    }

    #[test]
    fn data_is_text_or_octets() {
        assert_eq!(addresses("10.0.0.1, 10.0.0.2", true), [ip(1), ip(2)]);
        assert_eq!(addresses("0A000001:0a000002", false), [ip(1), ip(2)]);
        assert_eq!(addresses("0x0A000001", false), [ip(1)]);
        for (data, is_text) in [("router.example", true), ("", true), ("0A0000", false), ("zz", false)] {
            assert!(addresses(data, is_text).is_empty(), "{data}");
        }
    }

    #[test]
    fn the_narrower_scope_wins_option_by_option() {
        let subnet = NetworkOptions { gateway: Some(ip(1)), dns: vec![] };
        let global = NetworkOptions { gateway: Some(ip(9)), dns: vec![ip(8)] };
        assert_eq!(subnet.or(&global), NetworkOptions { gateway: Some(ip(1)), dns: vec![ip(8)] });
    }
}
