//! The log in a store file: the commits that its database does not have yet, one behind the other.
//!
//! A small commit costs one write here and one sync, of a page that the file has already, where the database would have
//! to write several pages anew. When the log is full, all of it goes to the database in one transaction, and only then is
//! it written from its beginning again. Nothing is ever erased: a commit in the log counts if its number follows on that
//! of the database and of the commits before it.
//!
//! The end of what was acknowledged cannot be told from a commit whose write was cut short by a crash, which is what a
//! commit there is that is not whole. One that is not whole and has others behind it is damage. As in other logs of that
//! kind, a sector that was written once is assumed to survive when it is written again with the same bytes and more.

use super::commit::{self, Changes, Commit};
use super::engine::EngineError;
use super::layout::LogArea;
use super::plan::Counters;

const MAGIC: u32 = 0x6b63_6d74;
/// Magic, checksum, length, number: each little-endian. The checksum is that of salt, length, number and payload.
const FRAME: usize = 4 + 4 + 8 + 8;
/// Commits begin at multiples of this, so that they can be found behind damage.
const ALIGNMENT: usize = 16;
/// What is larger goes to the database at once, as writing it twice would take longer than what a commit there takes.
const MOST: usize = 64 << 10;

/// The log of a file that is open for writing.
#[derive(Debug)]
pub(super) struct Log {
    area: LogArea,
    salt: u64,
    /// Where the next commit goes.
    end: usize,
    /// A write has failed, so that nobody knows what is at the end.
    doubtful: bool,
}

/// What was found in a log.
pub(super) struct Found {
    pub commits: Vec<Commit>,
    end: usize,
}

impl Log {
    /// A log in which nothing counts.
    pub fn new(area: LogArea, salt: u64) -> Self {
        Self { area, salt, end: 0, doubtful: false }
    }

    /// What counts behind the commit `after` of the database, in the bytes that are in the log.
    pub fn replay(&mut self, bytes: &[u8], after: u64) -> Result<Vec<Commit>, EngineError> {
        let found = scan(bytes, self.salt, after)?;
        if !found.commits.is_empty() {
            // A process that was killed may have written this, and not have synced it.
            self.area.sync()?;
        }
        self.end = found.end;
        Ok(found.commits)
    }

    /// Adds a commit, which is on disk when this is true. It is false where the commit does not fit, or could not be
    /// written: it must then go to the database under the same number, or not count.
    pub fn append(&mut self, changes: &Changes, counters: Counters, reservations: u64) -> bool {
        if self.doubtful {
            return false;
        }
        let room = self.area.length.saturating_sub(self.end + FRAME).min(MOST);
        let Ok(Some(payload)) = commit::encode(changes, counters, reservations, room) else { return false };
        let bytes = frame(self.salt, counters.commits, &payload);
        let written = self.area.write(self.end, &bytes).is_ok();
        self.doubtful = !written;
        if written {
            self.end = (self.end + bytes.len()).next_multiple_of(ALIGNMENT);
        }
        written
    }

    /// Whether a commit that was refused may be in it.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// The database has everything, so that nothing in the log counts.
    pub fn restart(&mut self) {
        self.end = 0;
        self.doubtful = false;
    }
}

fn frame(salt: u64, number: u64, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u64;
    let mut bytes = Vec::with_capacity(FRAME + payload.len());
    bytes.extend(MAGIC.to_le_bytes());
    bytes.extend(checksum(salt, length, number, payload).to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(payload);
    bytes
}

fn checksum(salt: u64, length: u64, number: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(&length.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// The commits in a log that follow on the commit `after` of the database.
pub(super) fn scan(area: &[u8], salt: u64, after: u64) -> Result<Found, EngineError> {
    let mut found = Found { commits: Vec::new(), end: 0 };
    let mut next = after + 1;
    while let Some((_, payload)) = whole(area, salt, found.end).filter(|(number, _)| *number == next) {
        let broken = |what| EngineError::Corrupt(format!("commit {next} in its log: {what}"));
        found.commits.push(commit::decode(next, payload).map_err(broken)?);
        found.end = (found.end + FRAME + payload.len()).next_multiple_of(ALIGNMENT);
        next += 1;
    }
    let behind = (found.end..area.len()).step_by(ALIGNMENT);
    let later = behind.filter_map(|at| whole(area, salt, at)).find(|(number, _)| *number >= next);
    match later {
        Some((later, _)) => Err(EngineError::Corrupt(format!(
            "commit {next} is missing in its log, and commit {later} is there"
        ))),
        None => Ok(found),
    }
}

/// The commit that begins there, if there is one that is whole: number and payload.
fn whole(area: &[u8], salt: u64, at: usize) -> Option<(u64, &[u8])> {
    let (magic, rest) = area.get(at..)?.split_first_chunk()?;
    if u32::from_le_bytes(*magic) != MAGIC {
        return None;
    }
    let (expected, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (length, number) = (u64::from_le_bytes(*length), u64::from_le_bytes(*number));
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    (checksum(salt, length, number, payload) == u32::from_le_bytes(*expected)).then_some((number, payload))
}
