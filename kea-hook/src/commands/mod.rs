//! The commands: which there are, under which names, and who runs them.
//!
//! Each family has a file, and each command in it reads top to bottom: parse, act, reply. Texts and result
//! codes are those of Kea 3.0's own hooks, so that their clients need not know which hook they talk to.

mod arguments;
#[cfg(feature = "fault-injection")]
mod faults;
mod list;
mod names;
mod page;
mod reservation;
mod status;
mod subnet;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use kea_ffi::element::{Element, KeaError, Reply, ResultCode};
use kea_ffi::hook::Hook;
use kea_ffi::server::{self, Message};
use kea_ffi::source::{HostSource, SourceParameters};

pub use names::{Names, names_to_serve};

use crate::backend::StoreSource;
use crate::store::Store;

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

type Handler = fn(&Commands, Option<&Element>) -> Result<Reply, CommandError>;

/// A command.
struct Command {
    /// Its name with `ext-`, which is always there.
    name: &'static str,
    /// The name that Kea's own hooks give the same command, and the library that serves it there.
    stock: Option<(&'static str, &'static str)>,
    run: Handler,
}

const HOST_CMDS: &str = "libdhcp_host_cmds.so";
const SUBNET_CMDS: &str = "libdhcp_subnet_cmds.so";

const COMMANDS: &[Command] = &[
    Command {
        name: "ext-reservation-add",
        stock: Some(("reservation-add", HOST_CMDS)),
        run: |_, arguments| reservation::add(arguments),
    },
    Command {
        name: "ext-reservation-get",
        stock: Some(("reservation-get", HOST_CMDS)),
        run: |_, arguments| reservation::get(arguments),
    },
    Command {
        name: "ext-reservation-del",
        stock: Some(("reservation-del", HOST_CMDS)),
        run: |_, arguments| reservation::del(arguments),
    },
    Command {
        name: "ext-reservation-get-page",
        stock: Some(("reservation-get-page", HOST_CMDS)),
        run: |_, arguments| page::get_page(arguments),
    },
    Command {
        name: "ext-reservation-get-all",
        stock: Some(("reservation-get-all", HOST_CMDS)),
        run: |_, arguments| list::get_all(arguments),
    },
    Command {
        name: "ext-reservation-get-by-id",
        stock: Some(("reservation-get-by-id", HOST_CMDS)),
        run: |_, arguments| list::get_by_id(arguments),
    },
    Command {
        name: "ext-reservation-get-by-hostname",
        stock: Some(("reservation-get-by-hostname", HOST_CMDS)),
        run: |_, arguments| list::get_by_hostname(arguments),
    },
    Command {
        name: "ext-reservation-get-by-address",
        stock: Some(("reservation-get-by-address", HOST_CMDS)),
        run: |_, arguments| list::get_by_address(arguments),
    },
    Command {
        name: "ext-subnet4-list",
        stock: Some(("subnet4-list", SUBNET_CMDS)),
        run: |_, arguments| subnet::list4(arguments),
    },
    Command { name: "ext-status", stock: None, run: status::status },
    #[cfg(feature = "fault-injection")]
    Command { name: "ext-test-panic", stock: None, run: |_, _| faults::panics() },
    #[cfg(feature = "fault-injection")]
    Command { name: "ext-test-throw", stock: None, run: |_, arguments| faults::throws(arguments) },
];

/// The hook: runs commands, and knows the stores that are open.
pub struct Commands {
    names: Names,
    stores: Mutex<Vec<Weak<Store>>>,
}

impl Commands {
    /// A hook that serves these names.
    pub fn new(names: Names) -> Self {
        Self { names, stores: Mutex::default() }
    }

    fn open_stores(&self) -> Vec<Arc<Store>> {
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
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|store| store.strong_count() > 0);
        stores.push(Arc::downgrade(source.store()));
        Ok(Box::new(source))
    }

    fn command(&self, name: &str, arguments: Option<&Element>) -> Reply {
        let wanted = |command: &&Command| {
            command.name == name || command.stock.is_some_and(|(stock, _)| stock == name)
        };
        let Some(command) = COMMANDS.iter().find(wanted) else {
            return Reply::new(ResultCode::Error, format!("internal error: no handler for command '{name}'"));
        };
        (command.run)(self, arguments).unwrap_or_else(|error| {
            server::log(Message::CommandFailed, &format!("{name}: {error}"));
            Reply::new(ResultCode::Error, error.0)
        })
    }
}
