//! A disk that fails on demand, and what the store makes of it.

use std::cell::Cell;
use std::io;
use std::ops::Bound;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

use super::power::{Sent, note};

/// How an operation of the disk fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// A write is refused, nothing of it is done.
    Full,
    /// A write or sync is done, and then reported as failed.
    Late,
    /// The database panics.
    Panic,
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    fault: Fault,
    /// Operations (writes, length changes, syncs) that still succeed.
    after: usize,
    /// Operations that then fail.
    count: usize,
}

thread_local! {
    /// The store has no threads, so a test's faults concern its own stores alone.
    static PLAN: Cell<Option<Plan>> = const { Cell::new(None) };
}

pub fn inject(fault: Fault, after: usize, count: usize) {
    PLAN.set(Some(Plan { fault, after, count }));
}

/// Ends the faults; true if one happened.
pub fn cease() -> bool {
    PLAN.take().is_some_and(|plan| plan.after == 0)
}

fn disk<T>(operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let Some(plan) = PLAN.get() else {
        return operation();
    };
    if plan.after > 0 {
        PLAN.set(Some(Plan { after: plan.after - 1, ..plan }));
        return operation();
    }
    if plan.count == 0 {
        return operation();
    }
    PLAN.set(Some(Plan { count: plan.count - 1, ..plan }));
    match plan.fault {
        Fault::Full => Err(io::ErrorKind::StorageFull.into()),
        Fault::Late => operation().and_then(|_| Err(io::Error::other("injected"))),
        Fault::Panic => panic!("injected"),
    }
}

#[derive(Debug)]
pub struct Faulty(pub FileBackend);

type Range = Bound<u64>;

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        note(Some(Sent::Length(len)));
        disk(|| self.0.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        disk(|| self.0.sync_data())?;
        note(None);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        note(Some(Sent::Bytes(offset, data.into())));
        disk(|| self.0.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Range, end: Range) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Range, end: Range) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}
