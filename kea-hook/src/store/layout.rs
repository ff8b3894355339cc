//! How a store file is laid out: the head, one page that never changes; the log (see `log`); and the database (see
//! `engine`), which takes the rest.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use super::engine::{EngineError, guarded};

/// The file format that this library reads and writes.
pub(super) const FORMAT: u32 = 1;

/// First bytes of every store file.
pub(super) const MAGIC: &[u8; 8] = b"keahost\x1a";
const DATABASE_MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// The disk writes pages whole or, after a power loss, at least the sectors in them.
const PAGE: u32 = 4096;
/// Magic, format, length of the log, salt, checksum: each number little-endian. All formats have these here.
const HEAD_BYTES: usize = 28;
/// When the log is full, all that is in it goes to the database while Kea waits.
const LOG_BYTES: u32 = 256 << 10;
/// No head asks for more.
const MOST_LOG_BYTES: u32 = 64 << 20;

/// What the head of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    log_bytes: u32,
    /// Takes part in the checksums of the log, so that nobody can write a reservation that looks like a part of it.
    pub salt: u64,
}

impl Head {
    pub fn new() -> Self {
        Self { log_bytes: log_bytes(), salt: RandomState::new().hash_one(MAGIC) }
    }

    /// The head of an open file, which has a database behind it.
    pub fn of(file: &File) -> Result<Self, EngineError> {
        let mut bytes = [0; HEAD_BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let length = usize::try_from(file.metadata()?.len()).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
                file.read_exact_at(&mut bytes[..length], 0)?;
            }
            read => read?,
        }
        let head = Self::decode(&bytes)?;
        let mut start = [0; DATABASE_MAGIC.len()];
        match file.read_exact_at(&mut start, head.front()) {
            Ok(()) if start == DATABASE_MAGIC => Ok(head),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error.into()),
            _ => Err(EngineError::Corrupt("there is no database behind its log".into())),
        }
    }

    fn encode(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.log_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.salt.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..24]);
        bytes[24..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; HEAD_BYTES]) -> Result<Self, EngineError> {
        if bytes.starts_with(DATABASE_MAGIC) {
            return Err(EngineError::BareDatabase);
        }
        if !bytes.starts_with(MAGIC) {
            return Err(EngineError::NotAStore);
        }
        let broken = |what: &str| EngineError::Corrupt(format!("its head: {what}"));
        let short = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if short(24) != crc32fast::hash(&bytes[..24]) {
            return Err(broken("the checksum does not match"));
        }
        let log_bytes = short(12);
        match short(8) {
            FORMAT if log_bytes.is_multiple_of(PAGE) && log_bytes <= MOST_LOG_BYTES => {
                Ok(Self { log_bytes, salt: u64::from(short(16)) | u64::from(short(20)) << 32 })
            }
            FORMAT => Err(broken("the length of the log is none")),
            0 => Err(broken("format 0 does not exist")),
            newer => Err(EngineError::NewerFormat(newer)),
        }
    }

    /// Where the database begins.
    pub fn front(self) -> u64 {
        u64::from(PAGE) + u64::from(self.log_bytes)
    }

    /// Writes head and log into an empty file. They are on disk with the first commit of the database. The log is filled,
    /// so that no later write to it needs space.
    pub fn write(self, file: &File) -> Result<(), EngineError> {
        let mut front = vec![0; PAGE as usize + self.log_bytes as usize];
        front[..HEAD_BYTES].copy_from_slice(&self.encode());
        let disk = disk(file)?;
        guarded(|| Ok(disk.write(0, &front)?))
    }

    /// What is in the log.
    pub fn read_log(self, file: &File) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.log_bytes as usize];
        file.read_exact_at(&mut bytes, PAGE.into())?;
        Ok(bytes)
    }

    /// The part of the file that the log has.
    pub fn log_of(self, file: &File) -> Result<LogArea, EngineError> {
        Ok(LogArea { disk: Box::new(disk(file)?), length: self.log_bytes as usize })
    }

    /// The part of the file that the database has. It locks the file for as long as the database is open.
    pub fn database_of(self, file: &File) -> Result<impl StorageBackend + use<>, EngineError> {
        Ok(Behind { front: self.front(), disk: disk(file)? })
    }
}

fn log_bytes() -> u32 {
    #[cfg(test)]
    return super::tests::support::log_bytes().unwrap_or(LOG_BYTES);
    #[cfg(not(test))]
    LOG_BYTES
}

fn disk(file: &File) -> Result<impl StorageBackend + use<>, EngineError> {
    let disk = FileBackend::new(file.try_clone()?)?;
    #[cfg(test)]
    let disk = super::tests::faults::Faulty(disk);
    Ok(disk)
}

/// Where the log is in a file.
#[derive(Debug)]
pub(super) struct LogArea {
    disk: Box<dyn StorageBackend>,
    pub length: usize,
}

impl LogArea {
    /// Bytes in it, on disk when this returns.
    pub fn write(&self, at: usize, bytes: &[u8]) -> Result<(), EngineError> {
        guarded(|| Ok(self.disk.write(u64::from(PAGE) + at as u64, bytes)?))?;
        self.sync()
    }

    pub fn sync(&self) -> Result<(), EngineError> {
        guarded(|| Ok(self.disk.sync_data()?))
    }
}

/// A disk from some offset on.
#[derive(Debug)]
struct Behind<D> {
    front: u64,
    disk: D,
}

type Range = std::ops::Bound<u64>;

impl<D: StorageBackend> StorageBackend for Behind<D> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.len()?.saturating_sub(self.front))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(self.front + offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(self.front + len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(self.front + offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
    }

    fn try_lock_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.disk.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.disk.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.disk.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.disk.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.disk.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.disk.query_lock_range(start, end)
    }
}
