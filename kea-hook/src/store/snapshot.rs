//! Reading a store without locking or changing it, also while a server writes to it.
//!
//! `kea-dhcp4 -T` opens the store beside the running server. redb's own read-only mode refuses a file that is open
//! elsewhere or was not closed cleanly, so a copy in memory is opened, and recovered there if need be.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::layout::Head;

/// Length of redb's file header. It changes with each commit to the database, and no page that the last commit can reach is
/// ever overwritten before the next one: equal headers before and after copying prove that the copy holds one commit,
/// and a whole one. The log only grows in between.
const HEADER: u64 = 320;
const CHUNK: u64 = 1 << 20;

/// How often to look for a moment without commits.
const ATTEMPTS: usize = 20;

/// A copy of the database as of one commit, and of the log with the commits that followed.
pub(super) struct Snapshot {
    pub database: InMemoryBackend,
    /// The log, read three times: in one that met two commits, the later one may be there without the one before it.
    pub logs: [Vec<u8>; 3],
}

/// A copy of an open file; `None` when it changes all the time.
pub(super) fn copy(file: &File, head: Head) -> io::Result<Option<Snapshot>> {
    for _ in 0..ATTEMPTS {
        let before = read(file, head.front(), HEADER)?;
        let database = copy_database(file, head.front())?;
        let logs = [head.read_log(file)?, head.read_log(file)?, head.read_log(file)?];
        if read(file, head.front(), HEADER)? == before {
            return Ok(Some(Snapshot { database, logs }));
        }
    }
    Ok(None)
}

fn copy_database(file: &File, from: u64) -> io::Result<InMemoryBackend> {
    let copy = InMemoryBackend::new();
    let mut length = 0;
    loop {
        let chunk = read(file, from + length, CHUNK)?;
        if chunk.is_empty() {
            return Ok(copy);
        }
        copy.set_len(length + chunk.len() as u64)?;
        copy.write(length, &chunk)?;
        length += chunk.len() as u64;
    }
}

/// The bytes from `offset` on, at most `limit`, fewer at the end of the file.
fn read(file: &File, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len().saturating_sub(offset).min(limit);
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
