//! From the events of a watch to the objects that say something new.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};

use crate::crd::{AnyConfiguration, AnyNamespace};

/// An object of which some changes matter.
pub trait Matters: Resource<DynamicType = ()> + Clone + 'static {
    /// The same for as long as nothing that matters has changed.
    fn fingerprint(&self) -> u64;
}

impl Matters for AnyConfiguration {
    /// Spec and deletion (both are in the generation) and annotations; the operator's own writes change none of them.
    fn fingerprint(&self) -> u64 {
        let metadata = self.meta();
        fingerprint(&(&metadata.uid, metadata.generation, &metadata.annotations))
    }
}

impl Matters for AnyNamespace {
    /// What the users of a NetworkNamespace go by.
    fn fingerprint(&self) -> u64 {
        match &self.0 {
            Ok(namespace) => {
                let allocation = namespace.spec.ip_allocation.as_ref();
                let allocation = allocation.map(|allocation| (&allocation.type_, &allocation.provider));
                let status = namespace.status.as_ref();
                let status = status.map(|status| (&status.ipv4_prefix, &status.provisioning_phase));
                let network = namespace.spec.network_provisioning.as_ref();
                let gateway = network.and_then(|network| network.manual.as_ref()?.ipv4_gateway.as_ref());
                fingerprint(&(allocation, status, gateway))
            }
            Err(invalid) => fingerprint(&invalid.error),
        }
    }
}

fn fingerprint(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Finds news by what is in the store: it need not be remembered a second time.
pub struct News<K: Matters> {
    listed: HashSet<ObjectRef<K>>,
    new: Vec<ObjectRef<K>>,
}

impl<K: Matters> Default for News<K> {
    fn default() -> Self {
        Self { listed: HashSet::new(), new: Vec::new() }
    }
}

impl<K: Matters> News<K> {
    /// The objects of which `event`, which `store` does not know yet, tells something new. What a list brings is told at its
    /// end, since only then it gets into the store.
    pub fn of(&mut self, event: &Event<K>, store: &Store<K>) -> Vec<ObjectRef<K>> {
        match event {
            Event::Init => {
                self.listed.clear();
                self.new.clear();
                vec![]
            }
            Event::InitApply(object) => {
                if is_new(object, store) {
                    self.new.push(reference(object));
                }
                self.listed.insert(reference(object));
                vec![]
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let mut new = std::mem::take(&mut self.new);
                // What the list lacks went while nobody watched.
                let known = store.state();
                let gone = known.iter().map(|object| reference(object.as_ref()));
                new.extend(gone.filter(|object| !listed.contains(object)));
                new
            }
            Event::Apply(object) if is_new(object, store) => vec![reference(object)],
            Event::Apply(_) => vec![],
            Event::Delete(object) => vec![reference(object)],
        }
    }
}

fn is_new<K: Matters>(object: &K, store: &Store<K>) -> bool {
    store.get(&reference(object)).is_none_or(|known| known.fingerprint() != object.fingerprint())
}

/// The object by its name alone: many references are in memory, and nobody reads more from them.
fn reference<K: Matters>(object: &K) -> ObjectRef<K> {
    let reference = ObjectRef::new(&object.name_any());
    match object.namespace() {
        Some(namespace) => reference.within(&namespace),
        None => reference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{NetworkConfiguration, NetworkConfigurationSpec};
    use kube::runtime::reflector::{self, store::Writer};

    struct Watched {
        store: Store<AnyConfiguration>,
        writer: Writer<AnyConfiguration>,
        news: News<AnyConfiguration>,
    }

    impl Watched {
        fn new() -> Self {
            let (store, writer) = reflector::store();
            Self { store, writer, news: News::default() }
        }

        fn names(&mut self, event: &Event<AnyConfiguration>) -> Vec<String> {
            let mut names: Vec<String> =
                self.news.of(event, &self.store).into_iter().map(|object| object.name).collect();
            self.writer.apply_watcher_event(event);
            names.sort();
            names
        }

        fn lists(&mut self, objects: &[AnyConfiguration]) -> Vec<String> {
            assert!(self.names(&Event::Init).is_empty());
            for object in objects {
                assert!(self.names(&Event::InitApply(object.clone())).is_empty());
            }
            self.names(&Event::InitDone)
        }
    }

    fn object(name: &str, generation: i64) -> AnyConfiguration {
        let mut object = NetworkConfiguration::new(name, NetworkConfigurationSpec::default());
        object.metadata.generation = Some(generation);
        object.into()
    }

    #[test]
    fn a_list_tells_what_is_new_changed_or_gone_at_its_end() {
        let mut watched = Watched::new();
        assert_eq!(watched.lists(&[object("a", 1), object("b", 1), object("c", 1)]), ["a", "b", "c"]);
        assert_eq!(watched.lists(&[object("a", 1), object("b", 2), object("d", 1)]), ["b", "c", "d"]);
        assert!(watched.lists(&[object("a", 1), object("b", 2), object("d", 1)]).is_empty());
    }

    #[test]
    fn only_what_matters_is_told() {
        let mut watched = Watched::new();
        watched.lists(&[object("a", 1)]);
        let mut touched = object("a", 1);
        touched.meta_mut().resource_version = Some("9".into());
        assert!(watched.names(&Event::Apply(touched.clone())).is_empty());
        touched.annotations_mut().insert("k".into(), "v".into());
        assert_eq!(watched.names(&Event::Apply(touched.clone())), ["a"]);
        assert_eq!(watched.names(&Event::Delete(touched.clone())), ["a"]);
        assert_eq!(watched.names(&Event::Apply(touched)), ["a"]);
    }
}
