//! What is in a host source of Kea's, for a plan.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use kea_ffi::element::KeaError;
use kea_ffi::host::{By, Family, HostId, IdentifierType, Query, StoredReservation};
use kea_ffi::hosts::{Host, Source, SourceKind};
use kea_ffi::server;

use crate::owner;
use crate::store::{Base, Counters};

/// A reservation, as Kea has it and as plans take it.
pub struct Known {
    /// As Kea has it.
    pub host: Host,
    /// The same for a plan.
    pub stored: Arc<StoredReservation>,
}

/// A source of Kea's, and what was learned about it.
pub struct KeaSource<'a> {
    source: Source<'a>,
    family: Family,
    known: RefCell<HashMap<HostId, Known>>,
}

/// Numbers above those that a source gives.
const FIRST_NEW: u64 = 1 << 62;

impl<'a> KeaSource<'a> {
    /// Nothing is known yet.
    pub fn new(source: Source<'a>, family: Family) -> Self {
        Self { source, family, known: RefCell::default() }
    }

    /// Where the numbers of new reservations begin.
    #[allow(clippy::unused_self, reason = "belongs to the source")]
    pub fn counters(&self) -> Counters {
        Counters { commits: 0, last_id: FIRST_NEW, last_revision: 0 }
    }

    /// The source, and what is known of its reservations.
    pub fn into_known(self) -> (Source<'a>, HashMap<HostId, Known>) {
        (self.source, self.known.into_inner())
    }

    fn learn(&self, host: Host) -> Result<Arc<StoredReservation>, KeaError> {
        let id = HostId::new(host.id()).ok_or_else(|| KeaError("a reservation without a number".into()))?;
        let mut known = self.known.borrow_mut();
        if let Some(known) = known.get(&id) {
            return Ok(Arc::clone(&known.stored));
        }
        let stored = Arc::new(StoredReservation { id, revision: 0, reservation: host.stored_form()? });
        known.insert(id, Known { host, stored: Arc::clone(&stored) });
        Ok(stored)
    }
}

impl Base for KeaSource<'_> {
    type Error = KeaError;

    fn get(&self, id: HostId) -> Option<Arc<StoredReservation>> {
        self.known.borrow().get(&id).map(|known| Arc::clone(&known.stored))
    }

    fn answers(&self, query: &Query<'_>) -> Result<Vec<Arc<StoredReservation>>, KeaError> {
        self.source.find(query)?.into_iter().map(|host| self.learn(host)).collect()
    }

    /// A database that answers other questions has a reservation that Kea cannot read.
    fn unreadable(&self, error: KeaError) -> Result<String, KeaError> {
        // One byte is no hardware address that a client has.
        let nobody = By::Identifier(IdentifierType::HwAddress, &[0]);
        let answers = self.source.kind() == SourceKind::Other
            && self.source.find(&Query::in_subnet(self.family, 0, nobody)).is_ok();
        if !answers {
            return Err(error);
        }
        Ok(format!(
            "the database '{}' has a reservation there that Kea cannot read: {error}; ext-reservation-del can remove it",
            self.source.name()?
        ))
    }

    /// Those in the subnets that are configured, and the global ones.
    fn owned(&self, family: Family, owner: &[u8]) -> Result<Vec<Arc<StoredReservation>>, KeaError> {
        let subnets = server::subnets(family)?.into_iter().map(|subnet| subnet.id);
        let mut found = Vec::new();
        for subnet in std::iter::once(0).chain(subnets) {
            for host in self.source.find(&Query::in_subnet(self.family, subnet, By::Any))? {
                let stored = self.learn(host)?;
                if owner::of(&stored.reservation.body).as_deref() == Some(owner) {
                    found.push(stored);
                }
            }
        }
        Ok(found)
    }
}
