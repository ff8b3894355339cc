//! Reservations that an object may have in Kea beyond what its status remembers. Kea has them before the status does: the status
//! may fail to be written, the answer of Kea be lost, or the operator be killed in between; and meanwhile the object may wish
//! for something else.

use std::collections::{BTreeSet, HashMap};

use kube::ResourceExt;
use parking_lot::Mutex;

use crate::crd::NetworkConfiguration;
use crate::domain::Mac;

/// Devices by uid of the object.
#[derive(Default)]
pub struct Leftovers(Mutex<HashMap<String, BTreeSet<Mac>>>);

impl Leftovers {
    /// Remembers devices for an object: it may have reservations for them.
    pub fn add(&self, uid: &str, macs: impl IntoIterator<Item = Mac>) {
        let mut macs = macs.into_iter().peekable();
        if macs.peek().is_some() {
            self.0.lock().entry(uid.into()).or_default().extend(macs);
        }
    }

    /// The devices of an object.
    pub fn of(&self, object: &NetworkConfiguration) -> BTreeSet<Mac> {
        self.0.lock().get(&object.uid().unwrap_or_default()).cloned().unwrap_or_default()
    }

    /// Forgets devices of an object: they are released, or in its status.
    pub fn settle(&self, uid: &str, macs: &BTreeSet<Mac>) {
        let mut all = self.0.lock();
        if let Some(known) = all.get_mut(uid) {
            known.retain(|mac| !macs.contains(mac));
            if known.is_empty() {
                all.remove(uid);
            }
        }
    }

    /// Forgets an object.
    pub fn forget(&self, uid: &str) {
        self.0.lock().remove(uid);
    }
}
