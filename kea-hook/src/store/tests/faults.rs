//! A disk that fails on demand, and what the store makes of it.

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Bound;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

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

/// What a disk has, as far as it was synced, and what it was sent since then. Of one file and one thread.
#[derive(Debug, Default)]
struct Power {
    /// Operations until it goes.
    left: usize,
    synced: Vec<u8>,
    sent: Vec<Sent>,
}

#[derive(Debug, Clone)]
enum Sent {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

thread_local! {
    static POWER: RefCell<Option<Power>> = const { RefCell::new(None) };
}

/// A loss of power after some operations. What is done later to the file does not count.
pub struct PowerLoss;

impl PowerLoss {
    pub fn begin(path: &Path, left: usize) -> Self {
        let synced = std::fs::read(path).unwrap();
        POWER.set(Some(Power { left, synced, sent: Vec::new() }));
        Self
    }

    pub fn is_lost(&self) -> bool {
        POWER.with_borrow(|power| power.as_ref().is_some_and(|power| power.left == 0))
    }

    /// What may be on the disk: all that was synced, and any sectors of the rest.
    pub fn image(&self, random: impl Fn(usize) -> usize) -> Vec<u8> {
        POWER.with_borrow(|power| {
            let power = power.as_ref().unwrap();
            let mut image = power.synced.clone();
            for sent in &power.sent {
                match sent {
                    Sent::Length(length) => image.resize(usize::try_from(*length).unwrap(), 0),
                    Sent::Bytes(at, bytes) => {
                        write_some(&mut image, usize::try_from(*at).unwrap(), bytes, &random)
                    }
                }
            }
            image
        })
    }

    pub fn end(self) {
        POWER.set(None);
    }
}

const SECTOR: usize = 512;

fn write_some(image: &mut Vec<u8>, at: usize, bytes: &[u8], random: &impl Fn(usize) -> usize) {
    // Often all, often nothing.
    let most = random(3);
    let mut from = at;
    while from < at + bytes.len() {
        let to = ((from / SECTOR + 1) * SECTOR).min(at + bytes.len());
        if most == 0 || (most == 1 && random(2) == 0) {
            image.resize(image.len().max(to), 0);
            image[from..to].copy_from_slice(&bytes[from - at..to - at]);
        }
        from = to;
    }
}

/// Notes what a disk is sent.
fn note(sent: Option<Sent>) {
    POWER.with_borrow_mut(|power| {
        let Some(power) = power.as_mut().filter(|power| power.left > 0) else { return };
        power.left -= 1;
        match sent {
            Some(sent) => power.sent.push(sent),
            None => {
                for sent in power.sent.drain(..) {
                    match sent {
                        Sent::Length(length) => power.synced.resize(usize::try_from(length).unwrap(), 0),
                        Sent::Bytes(at, bytes) => {
                            write_some(&mut power.synced, usize::try_from(at).unwrap(), &bytes, &|_| 0);
                        }
                    }
                }
            }
        }
    });
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
