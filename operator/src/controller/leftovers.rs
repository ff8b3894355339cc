//! Reservations that were found in Kea, marked as an object's, and that its status does not remember: the operator was killed
//! after it made them.

use std::collections::{BTreeSet, HashMap};

use kube::ResourceExt;
use parking_lot::Mutex;

use crate::crd::NetworkConfiguration;
use crate::domain::Mac;

/// Devices by uid of the object.
#[derive(Default)]
pub struct Leftovers(Mutex<HashMap<String, BTreeSet<Mac>>>);

impl Leftovers {
    /// Remembers devices for an object.
    pub fn add(&self, uid: &str, macs: impl IntoIterator<Item = Mac>) {
        self.0.lock().entry(uid.into()).or_default().extend(macs);
    }

    /// The devices of an object, which now sees to them.
    pub fn take(&self, object: &NetworkConfiguration) -> BTreeSet<Mac> {
        self.0.lock().remove(&object.uid().unwrap_or_default()).unwrap_or_default()
    }
}
