//! The files in `status/`: one per object, whole, written so that a crash leaves the old or the new one.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kube::ResourceExt;

use crate::crd::NetworkConfiguration;

/// Longest name of a record without its ending: file systems take 255 bytes, temporary names included.
const LONGEST: usize = 200;

/// The file with the identity of the folder.
const IDENTITY: &str = "cluster-id";

/// What a folder is called that no operator has served yet: nothing in Kea is its own.
const NOT_SERVED_YET: &str = "dir-not-served-yet";

/// The `status` folder.
pub struct Shelf {
    path: PathBuf,
    /// Held as long as the folder is served; none where it is only looked at, and nothing is written.
    lock: Option<File>,
}

impl Shelf {
    /// The `status` folder of `folder`, made if it is missing.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("status");
        std::fs::create_dir_all(&path)?;
        let lock = File::create(path.join(".lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                io::Error::other("another kea-operator serves this folder; stop it first")
            }
            TryLockError::Error(error) => error,
        })?;
        Ok(Self { path, lock: Some(lock) })
    }

    /// The `status` folder of `folder`, to look at while another process may serve it.
    pub fn look(folder: &Path) -> Self {
        Self { path: folder.join("status"), lock: None }
    }

    /// Whether the folder is only looked at.
    pub fn is_looked_at(&self) -> bool {
        self.lock.is_none()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file_of(&self, object: &NetworkConfiguration) -> PathBuf {
        let namespace = object.namespace().unwrap_or_default();
        let mut name = format!("networkconfiguration.{namespace}.{}", object.name_any());
        if name.len() > LONGEST {
            let sum = crc32fast::hash(name.as_bytes());
            name = format!("{}~{sum:08x}", &name[..name.floor_char_boundary(LONGEST)]);
        }
        self.path.join(name + ".yaml")
    }

    /// The identity of the folder, made up when it is first served or `wanted` otherwise: other folders have others.
    pub fn identity(&self, wanted: bool) -> io::Result<String> {
        let file = self.path.join(IDENTITY);
        match std::fs::read_to_string(&file) {
            Ok(text) if !text.trim().is_empty() => Ok(text.trim().into()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ if self.is_looked_at() && !wanted => Ok(NOT_SERVED_YET.into()),
            _ => {
                std::fs::create_dir_all(&self.path)?;
                let identity = format!("dir-{:08x}", fastrand::u32(..));
                self.replace(&file, format!("{identity}\n").as_bytes())?;
                Ok(identity)
            }
        }
    }

    /// Writes the record of an object.
    pub fn put(&self, object: &NetworkConfiguration) -> io::Result<()> {
        if self.is_looked_at() {
            return Ok(());
        }
        let yaml = serde_saphyr::to_string(object).map_err(io::Error::other)?;
        self.replace(&self.file_of(object), yaml.as_bytes())
    }

    /// Removes the record of an object; that there is none is as good.
    pub fn remove(&self, object: &NetworkConfiguration) -> io::Result<()> {
        if self.is_looked_at() {
            return Ok(());
        }
        remove(&self.file_of(object))
    }

    /// Every record that can be read; those that cannot are reported and left alone.
    pub fn records(&self) -> io::Result<Vec<NetworkConfiguration>> {
        if self.is_looked_at() && !self.path.exists() {
            return Ok(vec![]);
        }
        let mut records = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !name.starts_with("networkconfiguration.") || path.extension().is_none_or(|end| end != "yaml")
            {
                continue;
            }
            let read = std::fs::read_to_string(&path).map_err(|error| error.to_string());
            match read.and_then(|text| serde_saphyr::from_str(&text).map_err(|error| error.to_string())) {
                Ok(record) => records.push(record),
                Err(error) => tracing::error!(
                    file = %path.display(), error,
                    "a record cannot be read; reservations that only it remembers are not released by themselves"
                ),
            }
        }
        Ok(records)
    }

    /// Makes `*.error` files tell what is wrong with which file, and no others.
    pub fn report(&self, broken: &BTreeMap<String, String>) -> io::Result<()> {
        if self.is_looked_at() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.strip_suffix(".error").is_some_and(|file| !broken.contains_key(file)) {
                tracing::info!(report = name, "the file can be used again, or is gone");
                remove(&path)?;
            }
        }
        for (file, error) in broken {
            let path = self.path.join(format!("{file}.error"));
            let text = format!("{file} {error}\n");
            if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                tracing::warn!(file, "{}", text.trim_end());
                self.replace(&path, text.as_bytes())?;
            }
        }
        Ok(())
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".").suffix(".new").tempfile_in(&self.path)?;
        file.write_all(content)?;
        make_readable(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(&self.path)?.sync_all()
    }
}

/// Temporary files are private; a record is for everybody who may look into the folder.
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
