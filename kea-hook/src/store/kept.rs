//! Descriptions of subnets and shared networks that commands made, to make them again from.
//!
//! They are in a table of their own, `subnets`: the key is the family, `n` or `s`, and the name of the network or the id
//! of the subnet; the value is a checksum and the record.

use std::collections::BTreeMap;

use kea_ffi::host::Family;
use serde::{Deserialize, Serialize};

const CHECKSUM_BYTES: usize = 4;
const NETWORK: u8 = b'n';
const SUBNET: u8 = b's';

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptKey {
    family: u8,
    what: What,
}

/// A shared network or a subnet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The shared network of this name.
    Network(Vec<u8>),
    /// The subnet of this id.
    Subnet(u32),
}

/// How it was described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The shared network that the subnet is in.
    pub network: Option<Vec<u8>>,
    /// JSON, as the command got it.
    pub description: Vec<u8>,
}

/// All that is kept.
pub type KeptMap = BTreeMap<KeptKey, Kept>;

/// What is to be kept in place of what was; nothing where it goes.
pub type KeptChanges = BTreeMap<KeptKey, Option<Kept>>;

impl KeptKey {
    /// A shared network.
    pub fn network(family: Family, name: &[u8]) -> Self {
        Self { family: family.number(), what: What::Network(name.into()) }
    }

    /// A subnet.
    pub fn subnet(family: Family, id: u32) -> Self {
        Self { family: family.number(), what: What::Subnet(id) }
    }

    /// What it is, if it is of that family.
    pub fn of(&self, family: Family) -> Option<&What> {
        (self.family == family.number()).then_some(&self.what)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let (kind, name) = match &self.what {
            What::Network(name) => (NETWORK, name.clone()),
            What::Subnet(id) => (SUBNET, id.to_be_bytes().into()),
        };
        [vec![self.family, kind], name].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[family, kind], name) = bytes.split_first_chunk()?;
        let what = match kind {
            NETWORK => What::Network(name.into()),
            SUBNET => What::Subnet(u32::from_be_bytes(name.try_into().ok()?)),
            _ => return None,
        };
        Some(Self { family, what })
    }
}

impl Kept {
    pub(super) fn encode(&self, key: &KeptKey) -> Result<Vec<u8>, postcard::Error> {
        let mut bytes = postcard::to_extend(self, vec![0; CHECKSUM_BYTES])?;
        let checksum = checksum(&key.encode(), &bytes[CHECKSUM_BYTES..]);
        bytes[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }
}

/// The reason is meant for the text of an error about the file.
pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<(KeptKey, Kept), String> {
    let broken = |what: &str| format!("a kept subnet or shared network: {what}");
    let (expected, record) = value.split_first_chunk().ok_or_else(|| broken("too short"))?;
    if u32::from_le_bytes(*expected) != checksum(key, record) {
        return Err(broken("its checksum does not match"));
    }
    let key = KeptKey::decode(key).ok_or_else(|| broken("no valid key"))?;
    let kept = postcard::from_bytes(record).map_err(|error| broken(&error.to_string()))?;
    Ok((key, kept))
}

/// The key takes part, so that a record under the wrong one is noticed too.
fn checksum(key: &[u8], record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(record);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kea_ffi::host::Hex;

    fn example() -> (KeptKey, Kept) {
        let kept = Kept { network: Some(b"floor".into()), description: b"{}".into() };
        (KeptKey::subnet(Family::V6, 300), kept)
    }

    /// Files written by released versions must stay readable: when this fails, the format number must change.
    #[test]
    fn the_layout_is_fixed() {
        let (key, kept) = example();
        let value = kept.encode(&key).unwrap();
        assert_eq!(Hex(&key.encode()).to_string().to_lowercase(), "06730000012c");
        assert_eq!(Hex(&value[CHECKSUM_BYTES..]).to_string().to_lowercase(), "0105666c6f6f72027b7d");
        assert_eq!(decode(&key.encode(), &value).unwrap(), (key, kept));
        let network = KeptKey::network(Family::V4, b"floor");
        assert_eq!(network.encode(), b"\x04nfloor");
        assert_eq!(KeptKey::decode(b"\x04nfloor"), Some(network));
    }

    #[test]
    fn damage_and_misplacement_are_noticed() {
        let (key, kept) = example();
        let value = kept.encode(&key).unwrap();
        for position in 0..value.len() {
            let mut damaged = value.clone();
            damaged[position] ^= 0x10;
            assert!(decode(&key.encode(), &damaged).unwrap_err().contains("checksum"));
        }
        let other = KeptKey::subnet(Family::V6, 301).encode();
        assert!(decode(&other, &value).unwrap_err().contains("checksum"));
        assert!(decode(&key.encode(), &value[..3]).unwrap_err().contains("too short"));
    }
}
