//! Ethernet MAC addresses, in the spellings that people use.

use std::fmt;
use std::str::FromStr;

/// An Ethernet MAC address: 6 octets, shown as lower-case hex with colons, the form that Kea takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

/// Why a text is no MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// Nothing but blanks.
    #[error("the MAC address is empty; write one such as 52:54:00:12:34:56")]
    Empty,
    /// A character that is neither a hex digit nor a separator.
    #[error(
        "MAC address {text:?} has the character {character:?}; only 0-9, a-f and the separators : - . may stand there"
    )]
    Character {
        /// The text as given.
        text: String,
        /// The first such character.
        character: char,
    },
    /// Another number of octets.
    #[error("MAC address {text:?} has {octets} octets; an Ethernet MAC address has 6")]
    Length {
        /// The text as given.
        text: String,
        /// Octets found.
        octets: usize,
    },
    /// Digits grouped in none of the known ways.
    #[error(
        "MAC address {text:?} is not grouped in a known way; write 52:54:00:12:34:56, 52-54-00-12-34-56, \
         5254.0012.3456 or 525400123456"
    )]
    Grouping {
        /// The text as given.
        text: String,
    },
}

impl Mac {
    /// The octets, first on the wire first.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(given: &str) -> Result<Self, MacError> {
        let text = given.trim();
        if text.is_empty() {
            return Err(MacError::Empty);
        }
        if let Some(character) = text.chars().find(|c| !c.is_ascii_hexdigit() && !is_separator(*c)) {
            return Err(MacError::Character { text: text.into(), character });
        }
        let digits: Vec<u8> =
            text.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| d.try_into().ok()).collect();
        if !well_grouped(text) {
            return Err(MacError::Grouping { text: text.into() });
        }
        let octets: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let octets: [u8; 6] = octets
            .try_into()
            .map_err(|o: Vec<u8>| MacError::Length { text: text.into(), octets: o.len() })?;
        Ok(Self(octets))
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, ':' | '-' | '.')
}

/// One kind of separator at most, and digits in pairs (`:` or `-`), in fours (`.`), or all together.
fn well_grouped(text: &str) -> bool {
    let grouped = |separator: char, size: usize| text.split(separator).all(|group| group.len() == size);
    match text.chars().find(|c| is_separator(*c)) {
        None => text.len().is_multiple_of(2),
        Some('.') => grouped('.', 4),
        Some(separator) => grouped(separator, 2),
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, octet) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { ":" };
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("52:54:00:12:34:56")]
    #[case("52-54-00-12-34-56")]
    #[case("52:54:00:12:34:56 ")]
    #[case("5254.0012.3456")]
    #[case("525400123456")]
    fn every_spelling_becomes_the_canonical_one(#[case] text: &str) {
        assert_eq!(text.parse::<Mac>().unwrap().to_string(), "52:54:00:12:34:56");
    }

    #[rstest]
    #[case("", MacError::Empty)]
    #[case("  ", MacError::Empty)]
    #[case("52:54:00:12:34:5g", MacError::Character { text: "52:54:00:12:34:5g".into(), character: 'g' })]
    #[case("52:54:00:12:34", MacError::Length { text: "52:54:00:12:34".into(), octets: 5 })]
    #[case("52:54:00:ff:fe:12:34:56", MacError::Length { text: "52:54:00:ff:fe:12:34:56".into(), octets: 8 })]
    #[case("52:54:0:12:34:56", MacError::Grouping { text: "52:54:0:12:34:56".into() })]
    #[case("52:54-00:12:34:56", MacError::Grouping { text: "52:54-00:12:34:56".into() })]
    #[case("52540012345", MacError::Grouping { text: "52540012345".into() })]
    fn what_is_no_mac_says_why(#[case] text: &str, #[case] error: MacError) {
        assert_eq!(text.parse::<Mac>(), Err(error));
    }

    proptest! {
        #[test]
        fn spelling_does_not_matter(octets: [u8; 6]) {
            let canonical = Mac(octets);
            let pairs = octets.map(|octet| format!("{octet:02x}"));
            let quads: Vec<String> = pairs.chunks(2).map(<[String]>::concat).collect();
            for text in [pairs.join(":").to_uppercase(), pairs.join("-"), quads.join("."), format!(" {}\n", pairs.concat())] {
                prop_assert_eq!(text.parse::<Mac>(), Ok(canonical));
            }
        }

        #[test]
        fn any_text_is_a_mac_or_an_error(text in "\\PC{0,40}") {
            if let Ok(mac) = text.parse::<Mac>() {
                prop_assert_eq!(mac.to_string().parse::<Mac>(), Ok(mac));
            }
        }
    }
}
