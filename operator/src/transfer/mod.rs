//! Reservations on their way between a store and a file.
//!
//! A format ([`json`], [`csv`], [`kea`], [`dhcpd`]) reads a file into [`Entry`]s, and writes them; [`reservation`] makes
//! what a store keeps of an entry, and an entry of that. [`import`] decides what a store takes over of files, [`export`]
//! writes what it has. Text is bytes here, as it is for Kea: each character of a string stands for one byte (see
//! [`text`]).

pub mod csv;
pub mod dhcpd;
pub mod export;
mod identifier;
pub mod import;
pub mod json;
pub mod kea;
pub mod reservation;
pub mod subnets;
pub mod text;

use std::fmt;

use dhcp_host_cmds_rs::store::{Family, Kept, KeptKey};
use serde_json::{Map, Value};
use subnets::Subnet;

/// The members of a reservation, with the names and the meaning that they have in Kea's configuration.
pub type Members = Map<String, Value>;

/// A place in a file, counted from 1; 0 where it is not known. A column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Which line.
    pub line: usize,
    /// Which character of it.
    pub column: usize,
}

impl Place {
    /// The file as a whole.
    pub const NOWHERE: Self = Self { line: 0, column: 0 };

    /// A line as a whole.
    pub fn line(line: usize) -> Self {
        Self { line, column: 0 }
    }

    /// Goes over a byte. Those within a character of UTF-8 have no column of their own.
    fn pass(&mut self, byte: u8) {
        match byte {
            b'\n' => *self = Self { line: self.line + 1, column: 1 },
            0x80..=0xbf => {}
            _ => self.column += 1,
        }
    }
}

/// As compilers write it behind the name of the file: `:7:12`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        [self.line, self.column]
            .iter()
            .filter(|number| **number > 0)
            .try_for_each(|number| write!(f, ":{number}"))
    }
}

/// One reservation of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where it begins in the file.
    pub at: Place,
    /// The DHCP that it is for.
    pub family: Family,
    /// Its subnet, 0 for a global one; none where the file does not say it.
    pub subnet: Option<u32>,
    /// What it says, without the subnet.
    pub members: Members,
}

/// A subnet or shared network that is kept in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEntry {
    /// Where it begins in the file.
    pub at: Place,
    /// Which one.
    pub key: KeptKey,
    /// How it is described.
    pub kept: Kept,
}

/// Something that cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is in the file.
    pub at: Place,
    /// What it is, and what to do.
    pub text: String,
    /// Whether it concerns a part of a reservation, without which the rest can be taken over.
    pub part: bool,
}

impl Problem {
    /// Something that cannot be taken over at all.
    pub fn at(place: Place, text: impl Into<String>) -> Self {
        Self { at: place, text: text.into(), part: false }
    }

    /// A part of a reservation that cannot.
    pub fn part_at(place: Place, text: impl Into<String>) -> Self {
        Self { at: place, text: text.into(), part: true }
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Document {
    /// Its reservations, in the order of the file.
    pub entries: Vec<Entry>,
    /// Subnets and shared networks to keep.
    pub kept: Vec<KeptEntry>,
    /// What cannot be taken over.
    pub problems: Vec<Problem>,
    /// The subnets that it describes beside its reservations.
    pub subnets: Vec<Subnet>,
}

/// A format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Our own; it can say everything.
    Json,
    /// A table.
    Csv,
    /// Kea's configuration, of which the reservations count.
    Kea,
    /// ISC dhcpd's configuration, of which the hosts count.
    Dhcpd,
}

impl Format {
    /// What a file looks like: the formats begin differently.
    pub fn guess(bytes: &[u8]) -> Option<Self> {
        let bytes = without_mark(bytes);
        if let Ok(json) = text::Json::new(bytes)
            && json.text().trim_start().starts_with(['{', '['])
        {
            return Some(if json.names(json::MARK) { Self::Json } else { Self::Kea });
        }
        if csv::is_table(bytes) {
            return Some(Self::Csv);
        }
        bytes.contains(&b';').then_some(Self::Dhcpd)
    }

    /// Reads a file of this format.
    pub fn read(self, bytes: &[u8]) -> Document {
        let bytes = without_mark(bytes);
        let read = match self {
            Self::Json => json::read(bytes),
            Self::Csv => csv::read(bytes),
            Self::Kea => kea::read(bytes),
            Self::Dhcpd => dhcpd::read(bytes),
        };
        read.unwrap_or_else(|problem| Document { problems: vec![problem], ..Document::default() })
    }
}

/// Refuses what has two bytes a character, and would be read as anything but that.
///
/// # Errors
/// Says what to do.
pub fn check_encoding(bytes: &[u8]) -> Result<(), &'static str> {
    let is_utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if is_utf16 { Err("it is UTF-16: save it as UTF-8") } else { Ok(()) }
}

/// Without the mark that some editors put before UTF-8.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// A number of Kea's and ours for a family.
pub fn family_of(number: u64) -> Option<Family> {
    [Family::V4, Family::V6].into_iter().find(|family| u64::from(family.number()) == number)
}

#[cfg(test)]
mod tests;
