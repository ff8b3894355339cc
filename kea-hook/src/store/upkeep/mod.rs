//! Long work on a store that is in use: a backup, a compaction. A thread does it, so that neither packets nor other
//! commands wait, and ends with the store.

mod backup;
mod compaction;
mod copy;
mod error;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kea_ffi::thread::Thread;

use super::{Store, twin};

pub use error::UpkeepError;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// A copy of the store in a new file.
    Backup(PathBuf),
    /// The same content in a file without holes.
    Compaction,
}

/// How far a task is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The task.
    pub task: Task,
    /// Whether it goes on.
    pub state: State,
    /// Reservations copied so far.
    pub copied: u64,
    /// Reservations to copy, as of the beginning.
    pub reservations: u64,
    /// What the store's file took of the disk before a compaction.
    pub bytes_before: Option<u64>,
    /// What the file that was made takes of the disk.
    pub bytes: Option<u64>,
    /// How long it took so far.
    pub took: Duration,
}

/// Whether a task goes on.
#[derive(Debug, Clone)]
pub enum State {
    /// It has not found out yet whether it can begin.
    Starting,
    /// It is under way.
    Running,
    /// It is done, and on disk.
    Done,
    /// It left everything as it was.
    Failed(UpkeepError),
}

/// A store, and the one task that may be under way for it. Dropping it gives the task up, and then closes the store
/// unless others have it as well.
pub struct Upkeep {
    /// Dropped first: a thread that works on the store.
    worker: Mutex<Option<Thread>>,
    watch: Arc<Watch>,
    store: Arc<Store>,
}

/// What the thread and those who ask about it share.
#[derive(Default)]
struct Watch {
    progress: Mutex<Option<Progress>>,
    changed: Condvar,
    give_up: AtomicBool,
}

/// Longest time that a caller waits to hear whether a task could begin: that of opening a file.
const BEGINNING: Duration = Duration::from_millis(100);

impl Upkeep {
    /// Takes care of a store.
    pub fn of(store: Store) -> Self {
        Self { worker: Mutex::default(), watch: Arc::default(), store: Arc::new(store) }
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Begins a task, and returns when it is under way, or has failed at once. `ended` is told how it ended, on another
    /// thread.
    pub fn start(&self, task: Task, ended: impl Fn(&Progress) + Send + 'static) -> Result<(), UpkeepError> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = self.watch.progress().as_ref().filter(|progress| progress.is_going_on()) {
            return Err(UpkeepError::Busy(running.task.clone()));
        }
        // One that has ended.
        *worker = None;
        *self.watch.progress() = Some(Progress::new(task, &self.store));
        let (store, watch) = (Arc::clone(&self.store), Arc::clone(&self.watch));
        let thread = Thread::start(move || {
            run(&store, &watch);
            // Others may ask for it while it is told.
            let progress = watch.progress().clone();
            progress.iter().for_each(ended);
        });
        *worker = Some(thread.map_err(|error| {
            *self.watch.progress() = None;
            UpkeepError::NoThread(error.to_string())
        })?);
        drop(worker);
        self.watch.beginning()
    }

    /// Does a task on this thread, where a test makes the disk fail.
    #[cfg(test)]
    pub fn run_here(&self, task: Task) -> Option<State> {
        *self.watch.progress() = Some(Progress::new(task, &self.store));
        run(&self.store, &self.watch);
        self.progress().map(|progress| progress.state)
    }

    /// The task that is under way, or the last one.
    pub fn progress(&self) -> Option<Progress> {
        self.watch.progress().clone()
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.watch.give_up.store(true, Ordering::Relaxed);
        let worker = self.worker.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Waits for its end.
        drop(worker.take());
    }
}

/// Does the task that the watch names.
fn run(store: &Store, watch: &Watch) {
    let start = Instant::now();
    let Some(task) = watch.progress().as_ref().map(|progress| progress.task.clone()) else { return };
    let work = || match &task {
        Task::Backup(path) => backup::run(store, path, watch),
        Task::Compaction => compaction::run(store, watch),
    };
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(UpkeepError::Internal));
    if let Some(mut writer) = store.writer() {
        writer.stop_journal();
    }
    watch.note(|progress| {
        progress.took = start.elapsed();
        progress.state = match outcome {
            Ok(bytes) => {
                progress.bytes = Some(bytes);
                State::Done
            }
            Err(error) => State::Failed(error),
        };
    });
}

impl Progress {
    fn new(task: Task, store: &Store) -> Self {
        let before = std::fs::metadata(&store.path).ok().map(|metadata| twin::disk_bytes(&metadata));
        Self {
            bytes_before: before.filter(|_| task == Task::Compaction),
            task,
            state: State::Starting,
            copied: 0,
            reservations: store.index().count() as u64,
            bytes: None,
            took: Duration::ZERO,
        }
    }

    fn is_going_on(&self) -> bool {
        matches!(self.state, State::Starting | State::Running)
    }
}

impl Watch {
    fn progress(&self) -> MutexGuard<'_, Option<Progress>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        if let Some(progress) = &mut *self.progress() {
            change(progress);
        }
        self.changed.notify_all();
    }

    /// The task can be done as far as anybody can tell.
    fn begun(&self) {
        self.note(|progress| progress.state = State::Running);
    }

    /// More reservations were copied. Ends the task where it is to be given up.
    fn copied(&self, more: usize) -> Result<(), UpkeepError> {
        self.note(|progress| progress.copied += more as u64);
        if self.give_up.load(Ordering::Relaxed) { Err(UpkeepError::GivenUp) } else { Ok(()) }
    }

    /// Waits until the task has begun, and tells why it has not.
    fn beginning(&self) -> Result<(), UpkeepError> {
        let starting = |progress: &mut Option<Progress>| {
            progress.as_ref().is_some_and(|progress| matches!(progress.state, State::Starting))
        };
        let waited = self.changed.wait_timeout_while(self.progress(), BEGINNING, starting);
        let (progress, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match progress.as_ref().map(|progress| &progress.state) {
            Some(State::Failed(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}
