//! How one reservation is written in the file: a CRC-32 of id and record, then the record in postcard encoding.
//!
//! The layout is format 1. Every change to [`Record`] needs a new format number, and code that still reads this one.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use kea_ffi::host::{HostId, Identifier, IdentifierType, Ipv6Resource, Reservation, StoredReservation};

const CHECKSUM_BYTES: usize = 4;
/// Prefix length that stands for an address: no delegated prefix is longer than 128 bits.
const ADDRESS: u8 = u8::MAX;

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    revision: u64,
    kind: u8,
    identifier: &'a [u8],
    subnet_v4: Option<u32>,
    subnet_v6: Option<u32>,
    ipv4: Option<Ipv4Addr>,
    ipv6: Vec<(Ipv6Addr, u8)>,
    hostname: &'a [u8],
    body: &'a [u8],
}

pub(super) fn encode(stored: &StoredReservation) -> Result<Vec<u8>, postcard::Error> {
    let Reservation { identifier, subnet_v4, subnet_v6, ipv4, ipv6, hostname, body } = &stored.reservation;
    let record = Record {
        revision: stored.revision,
        kind: identifier.kind as u8,
        identifier: &identifier.value,
        subnet_v4: *subnet_v4,
        subnet_v6: *subnet_v6,
        ipv4: *ipv4,
        ipv6: ipv6.iter().map(flatten).collect(),
        hostname,
        body,
    };
    let mut bytes = postcard::to_extend(&record, vec![0; CHECKSUM_BYTES])?;
    let checksum = checksum(stored.id, &bytes[CHECKSUM_BYTES..]);
    bytes[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

/// The reason is meant for the text of an error about the file.
pub(super) fn decode(id: u64, bytes: &[u8]) -> Result<StoredReservation, String> {
    let broken = |what: &str| format!("reservation {id}: {what}");
    let host_id = HostId::new(id).ok_or_else(|| broken("no valid number"))?;
    let (expected, bytes) = bytes.split_first_chunk().ok_or_else(|| broken("too short"))?;
    if u32::from_le_bytes(*expected) != checksum(host_id, bytes) {
        return Err(broken("its checksum does not match"));
    }
    let record: Record<'_> = postcard::from_bytes(bytes).map_err(|error| broken(&error.to_string()))?;
    let kind = IdentifierType::try_from(record.kind).map_err(|error| broken(&error.to_string()))?;
    Ok(StoredReservation {
        id: host_id,
        revision: record.revision,
        reservation: Reservation {
            identifier: Identifier { kind, value: record.identifier.into() },
            subnet_v4: record.subnet_v4,
            subnet_v6: record.subnet_v6,
            ipv4: record.ipv4,
            ipv6: record.ipv6.into_iter().map(unflatten).collect(),
            hostname: record.hostname.into(),
            body: record.body.into(),
        },
    })
}

/// The id takes part, so that a record under the wrong number is noticed too.
fn checksum(id: HostId, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&id.get().to_le_bytes());
    hasher.update(record);
    hasher.finalize()
}

fn flatten(resource: &Ipv6Resource) -> (Ipv6Addr, u8) {
    match *resource {
        Ipv6Resource::Address(address) => (address, ADDRESS),
        Ipv6Resource::Prefix(prefix, length) => (prefix, length),
    }
}

fn unflatten((address, length): (Ipv6Addr, u8)) -> Ipv6Resource {
    if length == ADDRESS { Ipv6Resource::Address(address) } else { Ipv6Resource::Prefix(address, length) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kea_ffi::host::Hex;

    fn example() -> StoredReservation {
        StoredReservation {
            id: HostId::after(299),
            revision: 301,
            reservation: Reservation {
                identifier: Identifier { kind: IdentifierType::Duid, value: [0, 1, 0xab].into() },
                subnet_v4: None,
                subnet_v6: Some(7),
                ipv4: Some(Ipv4Addr::new(10, 0, 0, 1)),
                ipv6: [
                    Ipv6Resource::Address("2001:db8::1".parse().unwrap()),
                    Ipv6Resource::Prefix("2001:db8:1::".parse().unwrap(), 48),
                ]
                .into(),
                hostname: b"A".as_slice().into(),
                body: b"{}".as_slice().into(),
            },
        }
    }

    /// Files written by released versions must stay readable: when this fails, the format number must change.
    #[test]
    fn the_layout_is_fixed() {
        let expected = concat!(
            "e1cf4bf4",
            "ad02",
            "01",
            "030001ab",
            "00",
            "0107",
            "010a000001",
            "02",
            "20010db8000000000000000000000001ff",
            "20010db8000100000000000000000000",
            "30",
            "0141",
            "027b7d",
        );
        let bytes = encode(&example()).unwrap();
        assert_eq!(Hex(&bytes).to_string().to_lowercase(), expected);
        assert_eq!(decode(300, &bytes).unwrap(), example());
    }

    #[test]
    fn damage_and_misplacement_are_noticed() {
        let bytes = encode(&example()).unwrap();
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x10;
            assert_eq!(decode(300, &damaged).unwrap_err(), "reservation 300: its checksum does not match");
        }
        assert!(decode(301, &bytes).unwrap_err().contains("checksum"));
        assert!(decode(0, &bytes).unwrap_err().contains("no valid number"));
        assert!(decode(300, &bytes[..3]).unwrap_err().contains("too short"));
    }
}
