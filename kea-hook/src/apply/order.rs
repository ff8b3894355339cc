//! What a client wants.

use std::collections::HashMap;
use std::net::IpAddr;

use kea_ffi::host::{By, Family, IdentifierType, Query, Reservation};

/// What there shall be, and what not.
#[derive(Debug, Clone)]
pub struct Order {
    /// The family of the server, and so of everything in the order.
    pub family: Family,
    /// Whose order it is; none for what nobody owns.
    pub owner: Option<Vec<u8>>,
    /// Whether reservations that nobody owns become the owner's where they are as they shall be.
    pub adopt: bool,
    /// Whether to remove what the owner has and does not list.
    pub prune: bool,
    /// What shall be there, with the mark of the owner; or why it makes no sense.
    pub wanted: Vec<Result<Reservation, String>>,
    /// What shall not be there; or why it makes no sense.
    pub unwanted: Vec<Result<Removal, String>>,
}

impl Order {
    /// Refuses what comes a second time: which of the two is meant is not known.
    pub fn refuse_repeated(&mut self) {
        let mut seen = HashMap::with_capacity(self.wanted.len());
        let mut repeated = Vec::new();
        for (place, wanted) in self.wanted.iter().enumerate() {
            let Ok(reservation) = wanted else { continue };
            let client = (reservation.subnet(self.family), &reservation.identifier);
            if let Some(first) = seen.insert(client, place) {
                seen.insert(client, first);
                repeated.push((place, first));
            }
        }
        for (place, first) in repeated {
            self.wanted[place] = Err(format!(
                "the same client in the same subnet is listed before, as number {} of the list",
                first + 1
            ));
        }
    }

    /// Whether something in it makes no sense. Then it is not known what the owner lists, and nothing is pruned.
    pub fn has_invalid(&self) -> bool {
        self.wanted.iter().any(Result::is_err) || self.unwanted.iter().any(Result::is_err)
    }
}

/// One entry of an [`Order`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A place in `wanted`.
    Wanted(usize),
    /// A place in `unwanted`.
    Unwanted(usize),
}

/// Names a reservation of a subnet that shall go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The subnet; 0 is global.
    pub subnet: u32,
    /// Which reservation there.
    pub key: HostKey,
}

impl Removal {
    /// The question for it.
    pub fn query(&self, family: Family) -> Query<'_> {
        Query::in_subnet(family, self.subnet, self.key.by())
    }
}

/// What names one reservation of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKey {
    /// A reserved address.
    Address(IpAddr),
    /// Type and value of the client's identifier.
    Identifier(IdentifierType, Vec<u8>),
}

impl HostKey {
    /// The same for a query.
    pub fn by(&self) -> By<'_> {
        match self {
            Self::Address(IpAddr::V4(address)) => By::Ipv4(*address),
            Self::Address(IpAddr::V6(address)) => By::Ipv6(*address),
            Self::Identifier(kind, value) => By::Identifier(*kind, value),
        }
    }
}
