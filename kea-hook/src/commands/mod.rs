//! The commands: which there are, under which names, and who runs them.
//!
//! Each family has a file, and each command in it reads top to bottom: parse, act, reply. Texts and result
//! codes are those of Kea 3.0's own hooks, so that their clients need not know which hook they talk to.

mod arguments;
mod buffers;
pub mod event;
#[cfg(feature = "fault-injection")]
mod faults;
mod lease;
mod names;
mod network;
pub mod reservation;
mod status;
mod store;
mod subnet;
mod table;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use kea_ffi::element::{Element, KeaError, Reply, ResultCode};
use kea_ffi::hook::Hook;
use kea_ffi::host::Family;
use kea_ffi::lease::{Lease, LeaseChange};
use kea_ffi::server::{self, Message};
use kea_ffi::source::{HostSource, SourceParameters};

pub use names::{Names, names_to_serve};

use self::event::Events;
use crate::backend::StoreSource;
use crate::config::Config;
use crate::lifecycle::SOURCE_TYPE;
use crate::pins::Pins;
use crate::statistics;
use crate::store::{Store, StoreError, Upkeep};

/// Why a command was refused. The text is the reply's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(String);

impl CommandError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<KeaError> for CommandError {
    fn from(error: KeaError) -> Self {
        Self(error.0)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// The answer to `persist-subnets` without a store.
const NO_STORE_FOR_SUBNETS: &str = "'persist-subnets' needs a store: add an entry such as { \"type\": \"memfile\", \
     \"name\": \"/var/lib/kea/kea-hosts.db\" } to hosts-databases, or remove 'persist-subnets' from the parameters of \
     libdhcp_host_cmds_rs.so";

/// The hook: runs commands, and knows the stores that are open.
pub struct Commands {
    names: Names,
    /// The family that the daemon serves.
    pub family: Family,
    /// `persist-subnets`.
    persist_subnets: bool,
    /// `max-apply-items`.
    max_apply_items: usize,
    /// `max-resolve-identifiers`.
    max_resolve_identifiers: usize,
    /// `receive-buffer-size`.
    receive_buffer_size: u32,
    /// A new configuration is to get it.
    buffers_wanted: AtomicBool,
    /// The configuration that this library was loaded for is not the one in use.
    refused: AtomicBool,
    /// Up to which write of the store the statistics count.
    counted_writes: AtomicU64,
    /// Reservations that wait for leases.
    pins: Arc<Pins>,
    /// What happened lately.
    pub events: Arc<Events>,
    stores: Mutex<Vec<Weak<Upkeep>>>,
}

impl Commands {
    /// A hook that serves these names.
    pub fn new(names: Names, family: Family, config: &Config) -> Self {
        let pins = Arc::new(Pins::new(family));
        Self {
            names,
            family,
            persist_subnets: config.persist_subnets,
            max_apply_items: config.max_apply_items,
            max_resolve_identifiers: config.max_resolve_identifiers,
            receive_buffer_size: config.receive_buffer_size,
            buffers_wanted: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            counted_writes: AtomicU64::new(0),
            events: Arc::new(Events::new(config, Arc::clone(&pins))),
            stores: Mutex::default(),
            pins,
        }
    }

    /// Whether what commands do to subnets is kept. Not for a configuration that went on without a store, after one
    /// that asks for it was refused.
    fn keeps_subnets(&self) -> bool {
        self.persist_subnets && !(self.refused.load(Ordering::Relaxed) && self.open_stores().is_empty())
    }

    /// Brings the statistics about the store up to date.
    fn count_store(&self) {
        let Some(store) = self.open_stores().pop() else { return };
        let figures = store.figures();
        let writes = figures.commits + figures.errors;
        if self.counted_writes.swap(writes, Ordering::Relaxed) != writes {
            statistics::store(figures);
        }
    }

    fn open_stores(&self) -> Vec<Arc<Store>> {
        self.upkeeps().iter().map(|upkeep| Arc::clone(upkeep.store())).collect()
    }

    /// The open stores, and what is under way for them.
    fn upkeeps(&self) -> Vec<Arc<Upkeep>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }
}

impl Hook for Commands {
    fn open_source(&self, parameters: &SourceParameters) -> Result<Box<dyn HostSource>, String> {
        // Kea writes to all databases one after the other: with two stores, a refusal could be half a change.
        if let Some(open) = self.open_stores().first() {
            return Err(format!(
                "hosts-databases may have one entry of type \"memfile\", and '{}' is open already: remove the other",
                open.status().path.display()
            ));
        }
        let source = StoreSource::open(parameters).map_err(|error| error.to_string())?;
        server::log(Message::StoreOpened, &source.describe());
        if let Some(warning) = source.warning() {
            server::log(Message::StoreCut, &warning);
        }
        let (events, name) = (Arc::clone(&self.events), Arc::from(SOURCE_TYPE));
        source.store().observe(move |changes| events.committed(&name, changes));
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|store| store.strong_count() > 0);
        stores.push(Arc::downgrade(source.upkeep()));
        Ok(Box::new(source))
    }

    fn configured(&self) -> Result<(), String> {
        statistics::begin();
        self.count_store();
        // Kea sets up its threads after this.
        self.buffers_wanted.store(true, Ordering::Relaxed);
        server::wake();
        self.pins.configured();
        if !self.persist_subnets {
            return Ok(());
        }
        let Some(store) = self.open_stores().pop() else {
            self.refused.store(true, Ordering::Relaxed);
            return Err(NO_STORE_FOR_SUBNETS.to_owned());
        };
        // What is missing is better than no DHCP at all.
        if let Err(error) = subnet::restore(self.family, &store) {
            server::log(Message::SubnetNotRestored, &format!("kept subnets cannot be restored: {error}"));
        }
        Ok(())
    }

    fn lease_changed(&self, change: LeaseChange, lease: &Lease<'_>) {
        if change == LeaseChange::Committed {
            self.pins.saw(lease);
        }
        event::lease_changed(self, change, lease);
    }

    fn woken(&self) {
        if self.buffers_wanted.swap(false, Ordering::Relaxed)
            && let Err(error) = buffers::enlarge(self.receive_buffer_size)
        {
            server::log(Message::InternalError, &format!("buffers for packets: {error}"));
        }
        let stores = self.open_stores();
        match self.pins.work(self, stores.first().map(AsRef::as_ref)) {
            Ok(true) => server::wake(),
            Ok(false) => {}
            Err(error) => {
                server::log(Message::PinRefused, &format!("reservations that wait for leases: {error}"));
                if self.pins.has_more() {
                    server::wake();
                }
            }
        }
        self.count_store();
    }

    fn statistics_forgotten(&self) {
        statistics::begin();
        if let Some(store) = self.open_stores().pop() {
            statistics::store(store.figures());
        }
    }

    fn command(&self, name: &str, arguments: Option<&Element>) -> Reply {
        let Some(command) = table::of(self.family).find(|command| command.is_called(name)) else {
            return Reply::new(ResultCode::Error, format!("internal error: no handler for command '{name}'"));
        };
        // A client that sends one command after the other would keep the main thread from everything else.
        if self.pins.has_more() {
            self.woken();
        }
        let reply = (command.run)(self, arguments).unwrap_or_else(|error| {
            server::log(Message::CommandFailed, &format!("{name}: {error}"));
            Reply::new(ResultCode::Error, error.0)
        });
        statistics::command(reply.result);
        self.count_store();
        reply
    }
}
