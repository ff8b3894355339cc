//! What is kept of an object in memory: not what nobody reads, which is the larger part.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::takeover;

/// The whole object once more, as `kubectl apply` leaves it in each object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether the list of conditions has one owner. Every object tells the same: it depends on the
/// CustomResourceDefinition alone.
#[derive(Clone, Default)]
pub struct ConditionList(Arc<AtomicBool>);

impl ConditionList {
    /// Takes note of what an object tells.
    pub fn note(&self, metadata: &ObjectMeta) {
        if let Some(is_one) = takeover::conditions_are_one(metadata) {
            self.0.store(is_one, Ordering::Relaxed);
        }
    }

    /// Whether it has, as far as objects told.
    pub fn is_one(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Drops what is not kept.
pub fn slim(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_others_say_is_kept() {
        let annotations = [(LAST_APPLIED, "{}"), ("vitistack.io/kea-skip-cleanup", "true")];
        let annotations: BTreeMap<String, String> =
            annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let mut metadata = ObjectMeta {
            annotations: Some(annotations),
            managed_fields: Some(vec![]),
            name: Some("vm".into()),
            ..ObjectMeta::default()
        };
        slim(&mut metadata);
        assert_eq!(metadata.managed_fields, None);
        assert_eq!(metadata.name.as_deref(), Some("vm"));
        let kept: Vec<String> = metadata.annotations.unwrap().into_keys().collect();
        assert_eq!(kept, ["vitistack.io/kea-skip-cleanup"]);
    }
}
