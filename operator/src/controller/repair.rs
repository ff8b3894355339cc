//! What others change of what the operator wrote is made good soon, and not at the next look only: consumers go by the status,
//! and without its finalizer an object may go while its reservations stay.
//!
//! A watch cannot tell such changes from the operator's own: its events may come before the answer to the write. So what is
//! there is compared now and then with what was there after the last look.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::status::ours;
use super::triage::with_ours;
use crate::crd::{AnyConfiguration, NetworkConfiguration};

/// How often the objects are compared.
const PAUSE: Duration = Duration::from_secs(3);

/// What this process wrote of objects, by uid.
#[derive(Default)]
pub struct Writings(Mutex<HashMap<String, Writing>>);

#[derive(Default)]
struct Writing {
    /// The last version that this process wrote.
    version: Option<u64>,
    /// The last version that was compared.
    seen: Option<u64>,
    /// What is there as it should be; none for an object that is not served.
    settled: Option<Settled>,
}

/// What is there as it should be.
#[derive(Clone, Copy)]
enum Settled {
    /// What was written last; how the source keeps it is not seen yet.
    AsWritten,
    /// What has this fingerprint.
    As(u64),
}

impl Writings {
    /// Notes a version that this process wrote.
    pub fn wrote(&self, object: &NetworkConfiguration, version: &str) {
        if let (Some(uid), Ok(version)) = (object.uid(), version.parse()) {
            self.0.lock().entry(uid).or_default().version = Some(version);
        }
    }

    /// Notes that the object is as the operator wants it: since its last write, or as it was seen.
    pub fn settle(&self, object: &NetworkConfiguration, written: bool) {
        // Its finalizers may have been written since it was seen.
        let written = written || self.is_stale(object);
        let settled = if written { Settled::AsWritten } else { Settled::As(fingerprint(object)) };
        self.0.lock().entry(object.uid().unwrap_or_default()).or_default().settled = Some(settled);
    }

    /// The object is not served any more, and others may do with it as they like.
    pub fn let_go(&self, uid: &str) {
        if let Some(writing) = self.0.lock().get_mut(uid) {
            writing.settled = None;
        }
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().remove(uid);
    }

    /// Whether the object is older than what this process wrote itself: the cache has yet to catch up.
    pub fn is_stale(&self, object: &NetworkConfiguration) -> bool {
        let written = object.metadata.uid.as_ref().and_then(|uid| self.0.lock().get(uid)?.version);
        matches!((version(&object.metadata), written), (Some(seen), Some(written)) if seen < written)
    }

    /// Whether somebody else may have changed what the operator wrote: there is a version that nobody looked at. It is told once
    /// for each.
    fn is_newer(&self, metadata: &ObjectMeta) -> bool {
        let mut writings = self.0.lock();
        let Some(writing) = metadata.uid.as_ref().and_then(|uid| writings.get_mut(uid)) else {
            return false;
        };
        let there = version(metadata);
        let is_newer = match writing.settled {
            None => false,
            Some(Settled::AsWritten) => there >= writing.version,
            Some(Settled::As(_)) => there > writing.version,
        };
        is_newer && std::mem::replace(&mut writing.seen, there) != there
    }

    /// Whether somebody else changed what the operator wrote of an object in its present version. It is told once for each
    /// change.
    fn is_disturbed(&self, object: &NetworkConfiguration) -> bool {
        if object.metadata.deletion_timestamp.is_some() {
            return false;
        }
        let mut writings = self.0.lock();
        let Some(writing) = object.metadata.uid.as_ref().and_then(|uid| writings.get_mut(uid)) else {
            return false;
        };
        let now = fingerprint(object);
        match writing.settled.replace(Settled::As(now)) {
            None => {
                writing.settled = None;
                false
            }
            Some(Settled::AsWritten) => version(&object.metadata) != writing.version,
            Some(Settled::As(before)) => now != before,
        }
    }
}

fn version(metadata: &ObjectMeta) -> Option<u64> {
    metadata.resource_version.as_deref()?.parse().ok()
}

/// The same for as long as the operator's part of the object is.
fn fingerprint(object: &NetworkConfiguration) -> u64 {
    let is_claimed = object.finalizers() == with_ours(object.finalizers());
    let status = object.status.as_ref().and_then(|status| serde_json::to_string(&ours(status)).ok());
    let mut hasher = DefaultHasher::new();
    (is_claimed, status).hash(&mut hasher);
    hasher.finish()
}

/// Compares until `stop`.
pub async fn run(context: Arc<Context>, configurations: Store<AnyConfiguration>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
        for object in configurations.state() {
            if context.writings.is_newer(object.meta())
                && object.read().is_ok_and(|object| context.writings.is_disturbed(&object))
            {
                // The operator stops where nobody listens.
                let _ = context.triggers.send(ObjectRef::from_obj(&*object));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::FINALIZER;
    use crate::crd::NetworkConfigurationStatus;

    fn object(version: u64, phase: &str) -> NetworkConfiguration {
        let status = NetworkConfigurationStatus { phase: Some(phase.into()), ..Default::default() };
        let mut object = NetworkConfiguration { status: Some(status), ..Default::default() };
        object.metadata.uid = Some("uid".into());
        object.metadata.resource_version = Some(version.to_string());
        object.metadata.finalizers = Some(vec![FINALIZER.into()]);
        object
    }

    fn disturbed(writings: &Writings, object: &NetworkConfiguration) -> bool {
        writings.is_newer(&object.metadata) && writings.is_disturbed(object)
    }

    #[test]
    fn what_others_change_is_told_once() {
        let writings = Writings::default();
        let before = object(1, "Reconciling");
        assert!(!disturbed(&writings, &before), "nothing is known of it");
        writings.wrote(&before, "2");
        writings.settle(&before, true);
        assert!(writings.is_stale(&before) && !disturbed(&writings, &before));
        assert!(!disturbed(&writings, &object(2, "Ready")));
        // A label, say.
        assert!(!disturbed(&writings, &object(3, "Ready")));
        assert!(disturbed(&writings, &object(4, "")));
        assert!(!disturbed(&writings, &object(5, "")));
        let mut unclaimed = object(6, "");
        unclaimed.metadata.finalizers = None;
        assert!(disturbed(&writings, &unclaimed));
        writings.let_go("uid");
        assert!(!disturbed(&writings, &object(7, "other")));
    }

    #[test]
    fn a_finalizer_that_was_put_back_is_watched_on() {
        let writings = Writings::default();
        let mut taken = object(1, "Ready");
        taken.metadata.finalizers = None;
        writings.wrote(&taken, "2");
        writings.settle(&taken, false);
        assert!(!disturbed(&writings, &object(2, "Ready")));
        taken.metadata.resource_version = Some("3".into());
        assert!(disturbed(&writings, &taken));
    }

    #[test]
    fn what_was_right_without_a_write_is_watched_too() {
        let writings = Writings::default();
        writings.settle(&object(1, "Ready"), false);
        assert!(!disturbed(&writings, &object(1, "Ready")));
        assert!(disturbed(&writings, &object(2, "Failed")));
    }

    #[test]
    fn a_change_that_came_before_the_own_write_was_seen_is_looked_at() {
        let writings = Writings::default();
        writings.wrote(&object(1, ""), "2");
        writings.settle(&object(1, ""), true);
        assert!(disturbed(&writings, &object(3, "Ready")));
        assert!(!disturbed(&writings, &object(3, "Ready")));
    }
}
