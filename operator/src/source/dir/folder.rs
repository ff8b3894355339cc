//! What a folder holds, as a cluster would: objects with a uid, a generation, finalizers and a status. An object whose file
//! is removed is deleted, and stays, marked so, until its finalizer is gone.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, ObjectRef, Store, store::Writer};
use kube::runtime::watcher::Event;

use super::OpenError;
use super::documents::{self, Document, Reading};
use super::records::Shelf;
use crate::crd::{AnyConfiguration, AnyNamespace, NetworkConfiguration, NetworkNamespace};
use crate::source::{SourceError, references_in};

/// Annotation of a record: the file that its object came from. A file that cannot be read deletes none of its objects.
const FILE: &str = "kea-operator/file";

/// Namespace and name.
type Key = (String, String);

/// A folder and what is known of it.
pub struct Folder {
    path: PathBuf,
    shelf: Shelf,
    configurations: BTreeMap<Key, NetworkConfiguration>,
    namespaces: BTreeMap<Key, (String, NetworkNamespace)>,
    configuration_writer: Writer<AnyConfiguration>,
    namespace_writer: Writer<AnyNamespace>,
    version: u64,
    /// Whether the folder was read once: until then, the stores are being filled.
    complete: bool,
    /// What is wrong with which file.
    broken: BTreeMap<String, String>,
    /// Whether the last reading failed, so that a lasting failure is reported once.
    unreadable: bool,
}

fn key<K: ResourceExt>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

impl Folder {
    /// Opens a folder with the records of earlier runs. Its files are read by [`Folder::scan`].
    pub fn open(path: &Path) -> Result<(Self, Store<AnyConfiguration>, Store<AnyNamespace>), OpenError> {
        Self::with(path, Shelf::open)
    }

    /// Opens a folder that another process may serve, and writes nothing there.
    pub fn look(path: &Path) -> Result<(Self, Store<AnyConfiguration>, Store<AnyNamespace>), OpenError> {
        Self::with(path, |path| Ok(Shelf::look(path)))
    }

    fn with(
        path: &Path,
        shelf: impl FnOnce(&Path) -> io::Result<Shelf>,
    ) -> Result<(Self, Store<AnyConfiguration>, Store<AnyNamespace>), OpenError> {
        std::fs::read_dir(path).map_err(|cause| OpenError::Folder { path: path.into(), cause })?;
        let status = |cause| OpenError::Status { path: path.join("status"), cause };
        let shelf = shelf(path).map_err(status)?;
        let configurations = shelf.records().map_err(status)?.into_iter().map(|o| (key(&o), o)).collect();
        let (configuration_store, configuration_writer) = reflector::store();
        let (namespace_store, namespace_writer) = reflector::store();
        let folder = Self {
            path: path.into(),
            shelf,
            configurations,
            namespaces: BTreeMap::new(),
            configuration_writer,
            namespace_writer,
            version: 0,
            complete: false,
            broken: BTreeMap::new(),
            unreadable: false,
        };
        Ok((folder, configuration_store, namespace_store))
    }

    /// The identity of the folder.
    pub fn identity(&self) -> io::Result<String> {
        self.shelf.identity(false)
    }

    /// What is wrong with which file, since the last reading.
    pub fn broken(&self) -> &BTreeMap<String, String> {
        &self.broken
    }

    /// Reads the folder and takes over what changed; returns the objects that it changed for.
    pub fn scan(&mut self) -> Vec<ObjectRef<AnyConfiguration>> {
        let reading = match self.read() {
            Ok(reading) => reading,
            Err(error) => {
                if !std::mem::replace(&mut self.unreadable, true) {
                    tracing::error!(path = %self.path.display(), %error, "the folder cannot be read; nothing is changed");
                }
                return vec![];
            }
        };
        self.unreadable = false;
        let touched = self.merge(reading);
        if !std::mem::replace(&mut self.complete, true) {
            self.configuration_writer.apply_watcher_event(&Event::InitDone);
            self.namespace_writer.apply_watcher_event(&Event::InitDone);
        }
        touched
    }

    fn read(&self) -> io::Result<Reading> {
        // A folder that is not mounted looks like one without files. Ours has `status/` in it.
        if !self.shelf.is_looked_at() && !self.shelf.path().is_dir() {
            return Err(io::Error::other("its status folder is gone; is the folder mounted?"));
        }
        documents::read(&self.path)
    }

    fn merge(&mut self, mut reading: Reading) -> Vec<ObjectRef<AnyConfiguration>> {
        let (wished, networks) = sort_out(&mut reading);
        if let Err(error) = self.shelf.report(&reading.broken) {
            tracing::error!(%error, "cannot report broken files in the status folder");
        }
        self.broken.clone_from(&reading.broken);
        let mut touched = self.merge_configurations(wished, &reading.broken);
        for namespace in self.merge_namespaces(networks, &reading.broken) {
            touched.extend(references_in(&self.configuration_writer.as_reader(), Some(&namespace)));
        }
        touched
    }

    fn merge_configurations(
        &mut self,
        mut wished: BTreeMap<Key, (String, NetworkConfiguration)>,
        broken: &BTreeMap<String, String>,
    ) -> Vec<ObjectRef<AnyConfiguration>> {
        let mut next = Vec::new();
        for (key, known) in &self.configurations {
            let changed = match wished.remove(key) {
                Some((file, wish)) => renewed(known, &file, wish),
                None if known.annotations().get(FILE).is_some_and(|file| broken.contains_key(file)) => None,
                None => deleted(known),
            };
            if let Some(object) = changed.or_else(|| (!self.complete).then(|| known.clone())) {
                next.push(object);
            }
        }
        next.extend(wished.into_iter().map(|(_, (file, wish))| created(&file, wish)));
        next.into_iter().map(|object| self.store(object)).collect()
    }

    /// Takes over an object, or its end: a deleted object that nobody holds goes at once.
    fn store(&mut self, mut object: NetworkConfiguration) -> ObjectRef<AnyConfiguration> {
        self.version += 1;
        object.metadata.resource_version = Some(self.version.to_string());
        let guarded = AnyConfiguration::from(object.clone());
        let reference = ObjectRef::from_obj(&guarded);
        if object.metadata.deletion_timestamp.is_some() && object.finalizers().is_empty() {
            self.configurations.remove(&key(&object));
            if let Err(error) = self.shelf.remove(&object) {
                tracing::warn!(%error, "cannot remove the record of a deleted object");
            }
            self.configuration_writer.apply_watcher_event(&Event::Delete(guarded));
        } else {
            self.configurations.insert(key(&object), object);
            let event = self.arrival(guarded);
            self.configuration_writer.apply_watcher_event(&event);
        }
        reference
    }

    fn arrival<K>(&self, object: K) -> Event<K> {
        if self.complete { Event::Apply(object) } else { Event::InitApply(object) }
    }

    fn merge_namespaces(
        &mut self,
        networks: BTreeMap<Key, (String, NetworkNamespace)>,
        broken: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let mut changed = Vec::new();
        let gone: Vec<Key> = self
            .namespaces
            .iter()
            .filter(|(key, (file, _))| !networks.contains_key(*key) && !broken.contains_key(file))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            if let Some((_, namespace)) = self.namespaces.remove(&key) {
                self.namespace_writer.apply_watcher_event(&Event::Delete(DeserializeGuard(Ok(namespace))));
                changed.push(key.0);
            }
        }
        for (key, (file, namespace)) in networks {
            if self.namespaces.get(&key).is_none_or(|(_, known)| *known != namespace) {
                let guarded = DeserializeGuard(Ok(namespace.clone()));
                let event = self.arrival(guarded);
                self.namespace_writer.apply_watcher_event(&event);
                changed.push(key.0.clone());
            }
            self.namespaces.insert(key, (file, namespace));
        }
        changed
    }

    /// Changes what the operator knows of an object, on disk first. Returns the new version.
    pub fn change(
        &mut self,
        object: &NetworkConfiguration,
        how: impl FnOnce(&mut NetworkConfiguration),
    ) -> Result<String, SourceError> {
        let mut known = self.configurations.get(&key(object)).cloned().ok_or(SourceError::Gone)?;
        how(&mut known);
        self.shelf.put(&known).map_err(|error| {
            SourceError::Failed(format!("cannot write to {}: {error}", self.shelf.path().display()))
        })?;
        self.store(known);
        Ok(self.version.to_string())
    }

    /// Ends a deleted object.
    pub fn finish(&mut self, object: &NetworkConfiguration) -> Result<(), SourceError> {
        let mut known = self.configurations.get(&key(object)).cloned().ok_or(SourceError::Gone)?;
        if known.metadata.deletion_timestamp.is_none() {
            return Err(SourceError::Conflict("its file is back".into()));
        }
        known.metadata.finalizers = None;
        self.store(known);
        Ok(())
    }
}

type Sorted = (BTreeMap<Key, (String, NetworkConfiguration)>, BTreeMap<Key, (String, NetworkNamespace)>);

/// Objects by name. The first file that has an object keeps it; a second one is reported.
fn sort_out(reading: &mut Reading) -> Sorted {
    let mut sorted = Sorted::default();
    for (file, document) in std::mem::take(&mut reading.documents) {
        let twice = match document {
            Document::Configuration(object) => insert(&mut sorted.0, &file, *object),
            Document::Namespace(object) => insert(&mut sorted.1, &file, *object),
        };
        if let Some((name, first)) = twice {
            reading
                .broken
                .insert(file, format!("has the object {name}, which {first} has too; keep one of them"));
        }
    }
    sorted
}

fn insert<K: ResourceExt>(
    all: &mut BTreeMap<Key, (String, K)>,
    file: &str,
    object: K,
) -> Option<(String, String)> {
    let key = key(&object);
    if let Some((first, _)) = all.get(&key) {
        return Some((format!("{}/{}", key.0, key.1), first.clone()));
    }
    all.insert(key, (file.into(), object));
    None
}

fn created(file: &str, mut object: NetworkConfiguration) -> NetworkConfiguration {
    let (namespace, name) = key(&object);
    object.metadata.uid = Some(format!("{namespace}/{name}"));
    object.metadata.generation = Some(1);
    object.metadata.creation_timestamp = Timestamp::from_second(Timestamp::now().as_second()).ok().map(Time);
    object.metadata.finalizers = None;
    object.metadata.deletion_timestamp = None;
    object.annotations_mut().insert(FILE.into(), file.into());
    // What is known of an object is in its record alone.
    object.status = None;
    object
}

/// The known object with the wishes of its file, if these changed.
fn renewed(
    known: &NetworkConfiguration,
    file: &str,
    wish: NetworkConfiguration,
) -> Option<NetworkConfiguration> {
    let wish = created(file, wish);
    let same_spec = known.spec == wish.spec;
    if same_spec
        && known.annotations() == wish.annotations()
        && known.labels() == wish.labels()
        && known.metadata.deletion_timestamp.is_none()
    {
        return None;
    }
    let mut object = known.clone();
    object.metadata.deletion_timestamp = None;
    object.metadata.annotations = wish.metadata.annotations;
    object.metadata.labels = wish.metadata.labels;
    object.spec = wish.spec;
    if !same_spec {
        object.metadata.generation = Some(known.metadata.generation.unwrap_or_default() + 1);
    }
    Some(object)
}

/// The known object as deleted, if it is not yet.
fn deleted(known: &NetworkConfiguration) -> Option<NetworkConfiguration> {
    let mut object = known.clone();
    if object.metadata.deletion_timestamp.is_some() {
        return None;
    }
    object.metadata.deletion_timestamp = Some(Time(Timestamp::now()));
    Some(object)
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
