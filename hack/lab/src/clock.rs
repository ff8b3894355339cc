//! A wall clock for one process that can be set while it runs. It is libfaketime's, since time namespaces do not have the
//! wall clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::places::parts;

const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The wall clock of one process, or of several.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    offset: PathBuf,
}

impl Clock {
    /// A clock that is right, kept in a file of this folder.
    ///
    /// # Errors
    /// When libfaketime is not there.
    pub fn new(dir: &Path) -> Result<Self> {
        let library = library().context("there is no libfaketimeMT.so.1: run 'hack/deps run'")?;
        let clock = Self { library, offset: dir.join("clock") };
        clock.set("+0")?;
        Ok(clock)
    }

    /// Gives the program that clock. What measures time that passes is not changed, as by a clock that is set.
    pub fn give_to(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }

    /// Sets the clock: so far from what is right, in seconds, or in minutes (`+3m`), hours or days (`-1d`).
    pub fn set(&self, offset: &str) -> Result<()> {
        // In one piece: the file is read whenever somebody asks for the time.
        let new = self.offset.with_extension("new");
        fs::write(&new, offset)?;
        Ok(fs::rename(new, &self.offset)?)
    }
}

fn library() -> Option<PathBuf> {
    let below = |root: PathBuf| {
        let lib = root.join("usr/lib");
        let folders = lib.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        folders.map(|folder| folder.join(LIBRARY)).find(|path| path.exists())
    };
    parts().into_iter().find_map(below)
}
