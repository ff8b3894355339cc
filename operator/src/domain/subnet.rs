//! Kea subnets, and which of them a NetworkNamespace's prefix is in.

use std::fmt;

use ipnet::IpNet;

/// A subnet that Kea serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Kea's number of it.
    pub id: u32,
    /// Its prefix, host bits cleared.
    pub prefix: IpNet,
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id, self.prefix)
    }
}

/// Why a prefix leads to no subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubnetError {
    /// The prefix is no prefix.
    #[error("prefix {text:?} is no network prefix; write one such as 10.100.1.0/24")]
    Malformed {
        /// The text as given.
        text: String,
    },
    /// No subnet contains the prefix.
    #[error(
        "subnet not found for prefix {prefix}: {}; add a subnet that contains it to Kea's configuration, or correct the NetworkNamespace",
        candidates(subnets)
    )]
    NotFound {
        /// The prefix that was looked for.
        prefix: IpNet,
        /// Kea's subnets of the same family.
        subnets: Vec<Subnet>,
    },
    /// Several subnets fit equally well.
    #[error(
        "prefix {prefix} fits Kea subnets {} equally well; leave only one of them in Kea's configuration",
        join(subnets)
    )]
    Ambiguous {
        /// The prefix that was looked for.
        prefix: IpNet,
        /// The subnets that fit.
        subnets: Vec<Subnet>,
    },
}

/// How many subnets a message lists before it only counts.
const LISTED: usize = 5;

fn candidates(subnets: &[Subnet]) -> String {
    match subnets {
        [] => "Kea has no subnet of this family".into(),
        some => format!("Kea has {}", join(some)),
    }
}

fn join(subnets: &[Subnet]) -> String {
    let mut text = subnets.iter().take(LISTED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if subnets.len() > LISTED {
        text = format!("{text} and {} more", subnets.len() - LISTED);
    }
    text
}

/// Reads a prefix; host bits are cleared, so `10.0.0.5/24` is `10.0.0.0/24`.
pub fn parse_prefix(text: &str) -> Result<IpNet, SubnetError> {
    let net: IpNet = text.trim().parse().map_err(|_| SubnetError::Malformed { text: text.into() })?;
    Ok(net.trunc())
}

/// The subnet whose prefix equals `prefix`, else the smallest that contains it.
pub fn resolve(prefix: IpNet, subnets: &[Subnet]) -> Result<Subnet, SubnetError> {
    // `contains` is false between families.
    let containing = subnets.iter().filter(|subnet| subnet.prefix.contains(&prefix));
    let longest = containing.clone().map(|subnet| subnet.prefix.prefix_len()).max();
    let mut best: Vec<Subnet> =
        containing.filter(|subnet| Some(subnet.prefix.prefix_len()) == longest).cloned().collect();
    best.sort_by_key(|subnet| subnet.id);
    best.dedup();
    match best.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(SubnetError::NotFound { prefix, subnets: same_family(prefix, subnets) }),
        _ => Err(SubnetError::Ambiguous { prefix, subnets: best }),
    }
}

fn same_family(prefix: IpNet, subnets: &[Subnet]) -> Vec<Subnet> {
    let v4 = |net: IpNet| net.addr().is_ipv4();
    let mut same: Vec<Subnet> = subnets.iter().filter(|s| v4(s.prefix) == v4(prefix)).cloned().collect();
    same.sort_by_key(|subnet| subnet.id);
    same
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::Ipv4Net;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn subnets(prefixes: &[&str]) -> Vec<Subnet> {
        (1..).zip(prefixes).map(|(id, p)| Subnet { id, prefix: p.parse().unwrap() }).collect()
    }

    fn resolved(prefix: &str, prefixes: &[&str]) -> Result<u32, SubnetError> {
        resolve(parse_prefix(prefix)?, &subnets(prefixes)).map(|s| s.id)
    }

    #[test]
    fn equal_prefix_wins_over_a_larger_one() {
        assert_eq!(resolved("10.1.0.0/24", &["10.0.0.0/8", "10.1.0.0/24", "10.1.0.0/16"]), Ok(2));
    }

    #[test]
    fn else_the_smallest_that_contains_it() {
        assert_eq!(resolved("10.1.0.0/24", &["10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/25"]), Ok(2));
    }

    #[test]
    fn host_bits_and_blanks_do_not_matter() {
        assert_eq!(resolved(" 10.1.0.7/24 ", &["10.1.0.0/24"]), Ok(1));
    }

    #[test]
    fn none_lists_what_there_is() {
        let error = resolved("10.2.0.0/24", &["10.1.0.0/24", "2001:db8::/64"]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("subnet not found for prefix 10.2.0.0/24: Kea has 1 (10.1.0.0/24);")
        );
        let error = resolved("10.2.0.0/24", &[]).unwrap_err();
        assert!(error.to_string().contains("Kea has no subnet of this family"), "{error}");
    }

    #[test]
    fn equal_prefixes_are_ambiguous() {
        let error = resolved("10.1.0.0/24", &["10.1.0.0/24", "10.1.0.0/24"]).unwrap_err();
        assert!(error.to_string().contains("1 (10.1.0.0/24), 2 (10.1.0.0/24)"), "{error}");
    }

    #[test]
    fn a_long_list_is_cut() {
        let many: Vec<String> = (0..9).map(|i| format!("10.{i}.0.0/24")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let error = resolved("192.0.2.0/24", &many).unwrap_err();
        assert!(error.to_string().contains("5 (10.4.0.0/24) and 4 more"), "{error}");
    }

    #[test]
    fn what_is_no_prefix_is_named() {
        for text in ["", "10.0.0.0", "10.0.0.0/33", "ten/8"] {
            assert_eq!(parse_prefix(text), Err(SubnetError::Malformed { text: text.into() }));
        }
    }

    fn net() -> impl Strategy<Value = IpNet> {
        // Few high bits, so that containment happens often.
        (0u32..8, 0u8..=8).prop_map(|(bits, len)| {
            IpNet::from(Ipv4Net::new(Ipv4Addr::from(bits << 24), len).unwrap()).trunc()
        })
    }

    proptest! {
        #[test]
        fn what_is_resolved_contains_and_nothing_smaller_does(prefix in net(), nets in prop::collection::vec(net(), 0..8)) {
            let all: Vec<Subnet> = (1..).zip(nets).map(|(id, prefix)| Subnet { id, prefix }).collect();
            let fits = |s: &&Subnet| s.prefix.contains(&prefix);
            match resolve(prefix, &all) {
                Ok(subnet) => {
                    prop_assert!(fits(&&subnet));
                    let rivals = all.iter().filter(fits).filter(|s| s.prefix.prefix_len() >= subnet.prefix.prefix_len());
                    prop_assert_eq!(rivals.count(), 1);
                }
                Err(SubnetError::NotFound { .. }) => prop_assert!(!all.iter().any(|s| fits(&s))),
                Err(SubnetError::Ambiguous { subnets, .. }) => prop_assert!(subnets.len() > 1 && subnets.iter().all(|s| fits(&s))),
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
