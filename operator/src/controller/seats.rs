//! Which of several objects makes the reservation of a device, where their prefixes are in one Kea subnet: there can be but one,
//! and all plans of a moment are made before the first of them is carried out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Context;
use crate::domain::{Mac, Outcome, Rank, Step, Steps, Subnet};
use crate::kea::Member;

impl Context {
    /// Lets the first object make its reservations, and tells the others which it is.
    pub(super) fn seat(&self, uid: &str, subnet: &Subnet, plans: &mut [(Arc<Member>, Steps)]) {
        let mut claims = self.claims.lock();
        for step in plans.iter_mut().flat_map(|(_, steps)| &mut steps.interfaces) {
            if let Step::Put(put) = step
                && let Err(first) = claims.take_seat(put.mac, subnet.prefix, uid)
            {
                *step = Step::Settled(Outcome::Conflict {
                    held: None,
                    leased: put.leased,
                    reason: taken(put.mac, &first, subnet),
                });
            }
        }
    }

    /// Lets others have what came to nothing.
    pub(super) fn unseat(&self, uid: &str, failed: &BTreeSet<Mac>) {
        let mut claims = self.claims.lock();
        for mac in failed {
            claims.leave_seat(*mac, uid);
        }
    }
}

fn taken(mac: Mac, Rank { namespace, name, .. }: &Rank, subnet: &Subnet) -> String {
    format!(
        "MAC address {mac} is reserved for NetworkConfiguration {namespace}/{name}, whose prefix is in the same Kea subnet \
         {subnet}; take it out of one of the two"
    )
}
