//! The database in a store file: redb, with a table of records, one of counters, and one of kept subnets.
//!
//! redb reports most damage as an error and panics on some of it; here both become an [`EngineError`], so that
//! nothing unwinds into Kea. After a failed write a database refuses everything: drop the engine and open a new one.

use std::any::Any;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, StorageError, TableDefinition,
    TableError,
};

use super::commit::Changes;
use super::kept::{self, KeptMap};
use super::plan::Counters;
use super::record;
use kea_ffi::host::StoredReservation;

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("reservations");
const KEPT: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("subnets");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const META_COMMITS: &str = "commits";
const META_LAST_ID: &str = "last-id";
const META_LAST_REVISION: &str = "last-revision";
const META_RESERVATIONS: &str = "reservations";

/// The index answers all reads, so the page cache serves only the inner pages that a commit touches.
const CACHE_BYTES: usize = 16 << 20;

/// What can go wrong below the store; the callers add the path and the advice.
#[derive(Debug)]
pub(super) enum EngineError {
    Locked,
    NotAStore,
    /// A database without head and log.
    BareDatabase,
    NewerFormat(u32),
    NoSpace(String),
    Corrupt(String),
    Io(io::Error),
}

pub(super) struct Engine {
    /// Taken only on drop.
    database: Option<Database>,
}

impl Engine {
    /// Writes an empty store into an empty file.
    pub fn create(backend: impl StorageBackend) -> Result<Self, EngineError> {
        let engine = Self::on(backend)?;
        engine.write(&[&Changes::default()], Counters::default(), 0)?;
        Ok(engine)
    }

    /// Opens what [`Self::create`] made, and recovers it if its last user was killed.
    pub fn open(backend: impl StorageBackend) -> Result<Self, EngineError> {
        Self::on(backend)
    }

    /// redb verifies every page of a file that it recovers, but trusts one that was closed cleanly; that one is
    /// verified here, so that no damage, in its list of free pages for example, spreads with the next write.
    fn on(backend: impl StorageBackend) -> Result<Self, EngineError> {
        guarded(|| {
            let verified = Arc::new(AtomicBool::new(false));
            let recovering = Arc::clone(&verified);
            let mut database = Database::builder()
                .set_cache_size(CACHE_BYTES)
                .set_repair_callback(move |_| recovering.store(true, Ordering::Relaxed))
                .create_with_backend(backend)?;
            if !verified.load(Ordering::Relaxed) {
                database.check_integrity()?;
            }
            Ok(Self { database: Some(database) })
        })
    }

    fn database(&self) -> Result<&Database, EngineError> {
        self.database.as_ref().ok_or_else(|| EngineError::Io(io::ErrorKind::NotConnected.into()))
    }

    pub fn counters(&self) -> Result<Counters, EngineError> {
        guarded(|| {
            let meta = self.database()?.begin_read()?.open_table(META)?;
            counters(&meta)
        })
    }

    /// Hands every reservation to `sink`, in the order of ids. Finds damage that redb does not look for: pages are
    /// not verified when a cleanly closed database is opened.
    pub fn load(&self, mut sink: impl FnMut(StoredReservation)) -> Result<Counters, EngineError> {
        guarded(|| {
            let transaction = self.database()?.begin_read()?;
            let meta = transaction.open_table(META)?;
            let counters = counters(&meta)?;
            let expected = counter(&meta, META_RESERVATIONS)?;
            let mut found = 0;
            for row in transaction.open_table(RECORDS)?.iter()? {
                let (id, bytes) = row?;
                let stored = record::decode(id.value(), bytes.value()).map_err(EngineError::Corrupt)?;
                if !counters.cover(&stored) {
                    return Err(EngineError::Corrupt(format!(
                        "reservation {}: beyond the counters",
                        stored.id
                    )));
                }
                sink(stored);
                found += 1;
                if found > expected {
                    break;
                }
            }
            if found != expected {
                return Err(EngineError::Corrupt(format!("{found} of {expected} reservations are readable")));
            }
            Ok(counters)
        })
    }

    /// The subnets and shared networks that are kept.
    pub fn load_kept(&self) -> Result<KeptMap, EngineError> {
        guarded(|| {
            let table = self.database()?.begin_read()?.open_table(KEPT)?;
            let mut all = KeptMap::new();
            for row in table.iter()? {
                let (key, value) = row?;
                let (key, kept) = kept::decode(key.value(), value.value()).map_err(EngineError::Corrupt)?;
                all.insert(key, kept);
            }
            Ok(all)
        })
    }

    /// One transaction, on disk when this returns: the changes, later ones over earlier ones, the counters, and how many
    /// reservations there are afterwards.
    pub fn write(
        &self,
        changes: &[&Changes],
        counters: Counters,
        reservations: u64,
    ) -> Result<(), EngineError> {
        guarded(|| {
            let transaction = self.database()?.begin_write()?;
            {
                let mut records = transaction.open_table(RECORDS)?;
                for (id, effect) in changes.iter().flat_map(|changes| &changes.effects) {
                    if let Some(stored) = effect {
                        records.insert(id.get(), encoded(record::encode(stored))?.as_slice())?;
                    } else {
                        records.remove(id.get())?;
                    }
                }
                let mut table = transaction.open_table(KEPT)?;
                for (key, change) in changes.iter().flat_map(|changes| &changes.kept) {
                    if let Some(kept) = change {
                        table.insert(key.encode().as_slice(), encoded(kept.encode(key))?.as_slice())?;
                    } else {
                        table.remove(key.encode().as_slice())?;
                    }
                }
                let mut meta = transaction.open_table(META)?;
                for (name, value) in [
                    (META_COMMITS, counters.commits),
                    (META_LAST_ID, counters.last_id),
                    (META_LAST_REVISION, counters.last_revision),
                    (META_RESERVATIONS, reservations),
                ] {
                    meta.insert(name, value)?;
                }
            }
            Ok(transaction.commit()?)
        })
    }

    /// Adds reservations behind all that are there, in the order of ids; counts nothing. This packs pages full, and is
    /// several times as fast as [`Self::write`].
    pub fn append(&self, reservations: &[Arc<StoredReservation>]) -> Result<(), EngineError> {
        guarded(|| {
            let transaction = self.database()?.begin_write()?;
            {
                let mut records = transaction.open_table(RECORDS)?;
                let mut end = records.upper_bound_mut(Bound::<u64>::Unbounded)?;
                for stored in reservations {
                    end.insert_before(stored.id.get(), encoded(record::encode(stored))?.as_slice())?;
                }
                end.close()?;
            }
            Ok(transaction.commit()?)
        })
    }

    /// The ids on disk, whatever their records say.
    pub fn ids(&self) -> Result<Vec<u64>, EngineError> {
        guarded(|| {
            let records = self.database()?.begin_read()?.open_table(RECORDS)?;
            records.iter()?.map(|row| Ok(row?.0.value())).collect()
        })
    }
}

impl Drop for Engine {
    /// Closing writes the allocator state, and so may fail as any write; the file is then recovered at the next open.
    fn drop(&mut self) {
        let database = self.database.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }
}

fn counters(meta: &impl ReadableTable<&'static str, u64>) -> Result<Counters, EngineError> {
    Ok(Counters {
        commits: counter(meta, META_COMMITS)?,
        last_id: counter(meta, META_LAST_ID)?,
        last_revision: counter(meta, META_LAST_REVISION)?,
    })
}

fn counter(meta: &impl ReadableTable<&'static str, u64>, name: &'static str) -> Result<u64, EngineError> {
    let row = meta.get(name)?;
    row.map(|row| row.value()).ok_or_else(|| EngineError::Corrupt(format!("the counter '{name}' is missing")))
}

/// What cannot be encoded is not written.
pub(super) fn encoded<T>(bytes: Result<T, postcard::Error>) -> Result<T, EngineError> {
    bytes.map_err(|error| EngineError::Io(io::Error::other(error)))
}

/// Runs code over redb; a panic in it becomes an error.
pub(super) fn guarded<T>(run: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(EngineError::Corrupt(describe(&*panic))))
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
    format!("internal inconsistency ({text})")
}

impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{
            FileTooLarge, InvalidData, InvalidInput, QuotaExceeded, StorageFull, UnexpectedEof,
        };
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::NoSpace(error.to_string()),
            // redb followed a reference to where nothing can be.
            UnexpectedEof | InvalidData | InvalidInput => Self::Corrupt(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

impl From<redb::Error> for EngineError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Locked,
            redb::Error::Io(error) => error.into(),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => Self::Io(io::Error::other(error)),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

macro_rules! through_redb_error {
    ($($error:ty),*) => {$(
        impl From<$error> for EngineError {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}
through_redb_error!(
    DatabaseError,
    TableError,
    StorageError,
    redb::TransactionError,
    redb::CommitError,
    redb::CursorError
);
