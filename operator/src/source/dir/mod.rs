//! Objects of a folder: YAML and JSON files in it are the wishes, files in its `status/` are what the operator knows and
//! reports. One process serves a folder at a time.

mod documents;
mod folder;
mod records;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kube::runtime::reflector::ObjectRef;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

use super::{Notice, Objects, Source, SourceError};
use crate::crd::{
    AnyConfiguration, IpAllocationStatus, NetworkConfiguration, NetworkConfigurationStatus, NetworkNamespace,
};

use folder::Folder;
use records::Shelf;

/// How long a folder must be quiet before it is read: editors and tools write in several steps.
const SETTLE: Duration = Duration::from_millis(300);
/// How often it is read whatever the notifications say; network file systems send none.
const POLL: Duration = Duration::from_secs(10);

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error("cannot read the folder {}: {cause}; create it, or correct --source", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Its `status` folder cannot be made or locked.
    #[error("cannot use the folder {}: {cause}; the operator keeps there what it reserved", path.display())]
    Status {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

/// Opens the folder `path`. `cluster_id` overrides its identity, which is kept in `status/`.
pub fn open(path: &Path, cluster_id: Option<String>) -> Result<Source, OpenError> {
    let (folder, configurations, namespaces) = Folder::open(path)?;
    let cluster_id = identity(&folder, path, cluster_id)?;
    let folder = Arc::new(Mutex::new(folder));
    let (triggers, triggered) = mpsc::unbounded_channel();
    tokio::spawn(watch(path.to_owned(), folder.clone(), triggers));
    Ok(Source {
        configurations,
        namespaces,
        namespaces_late: CancellationToken::new(),
        triggers: triggered,
        objects: Arc::new(Records { folder }),
        cluster_id,
    })
}

/// Reads the folder `path` once, while another process may serve it; also tells what is wrong with files. Nothing is written
/// there.
pub fn look(path: &Path, cluster_id: Option<String>) -> Result<(Source, Vec<String>), OpenError> {
    let (mut folder, configurations, namespaces) = Folder::look(path)?;
    folder.scan();
    let broken = folder.broken().iter().map(|(file, problem)| format!("{file} {problem}")).collect();
    let (_, triggers) = mpsc::unbounded_channel();
    let cluster_id = identity(&folder, path, cluster_id)?;
    let folder = Arc::new(Mutex::new(folder));
    let namespaces_late = CancellationToken::new();
    let objects = Arc::new(Records { folder });
    let source = Source { configurations, namespaces, namespaces_late, triggers, objects, cluster_id };
    Ok((source, broken))
}

/// Gives a folder its identity, where something is to be marked with it before it is served.
pub fn give_identity(path: &Path) -> Result<(), OpenError> {
    let made = Shelf::look(path).identity(true);
    made.map(|_| ()).map_err(|cause| OpenError::Status { path: path.join("status/cluster-id"), cause })
}

fn identity(folder: &Folder, path: &Path, given: Option<String>) -> Result<String, OpenError> {
    let own = || {
        folder.identity().map_err(|cause| OpenError::Status { path: path.join("status/cluster-id"), cause })
    };
    given.map_or_else(own, Ok)
}

/// Reads the folder now, after each quiet end of changes, and now and then.
async fn watch(
    path: PathBuf,
    folder: Arc<Mutex<Folder>>,
    triggers: UnboundedSender<ObjectRef<AnyConfiguration>>,
) {
    let (sender, mut changes) = mpsc::unbounded_channel();
    let watcher = notifier(&path, sender);
    if let Err(error) = &watcher {
        tracing::warn!(path = %path.display(), %error, "no notifications; the folder is read every {} s", POLL.as_secs());
    }
    loop {
        let touched = folder.lock().scan();
        for reference in touched {
            if triggers.send(reference).is_err() {
                return;
            }
        }
        tokio::select! {
            Some(()) = changes.recv() => settled(&mut changes).await,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

async fn settled(changes: &mut UnboundedReceiver<()>) {
    while let Ok(Some(())) = tokio::time::timeout(SETTLE, changes.recv()).await {}
}

fn notifier(path: &Path, changes: UnboundedSender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the folder is an access too, and no reason to read it again.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // Nobody listens any more when the operator stops.
            let _ = changes.send(());
        }
    })?;
    // Not `status/`, where the operator itself writes.
    watcher.watch(path, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// The way back to a folder.
struct Records {
    folder: Arc<Mutex<Folder>>,
}

#[async_trait]
impl Objects for Records {
    async fn write_status(
        &self,
        object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> Result<String, SourceError> {
        self.folder.lock().change(object, |known| known.status = Some(status.clone()))
    }

    async fn set_finalizers(
        &self,
        object: &NetworkConfiguration,
        finalizers: &[String],
    ) -> Result<Option<String>, SourceError> {
        let mut folder = self.folder.lock();
        if object.metadata.deletion_timestamp.is_some() && finalizers.is_empty() {
            folder.finish(object)?;
            return Ok(None);
        }
        folder
            .change(object, |known| {
                known.metadata.finalizers = Some(finalizers.to_vec());
            })
            .map(Some)
    }

    async fn write_usage(
        &self,
        _namespace: &NetworkNamespace,
        _usage: Option<&IpAllocationStatus>,
    ) -> Result<(), SourceError> {
        // Their files are others'.
        Ok(())
    }

    async fn notify(&self, object: &NetworkConfiguration, notice: &Notice) {
        notice.log(object);
    }
}
