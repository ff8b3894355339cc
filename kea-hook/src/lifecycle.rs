//! Loading and unloading. Kea does both again for every configuration that it takes.

use std::ffi::c_int;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use kea_ffi::element::KeaError;
use kea_ffi::hook;
use kea_ffi::library::{self, Library};
use kea_ffi::server::{self, Message};

use crate::commands::{self, Commands};
use crate::config::{Config, ConfigError};

/// The type of `hosts-databases` entries that open our store. Kea's parsers take this name, and no
/// backend of Kea's own uses it for hosts.
pub const SOURCE_TYPE: &str = "memfile";

/// Daemons that this library works in.
const DAEMONS: &[&str] = &["kea-dhcp4", "kea-dhcp6"];

/// Why the library cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Kea gave no handle.
    #[error("Kea gave no library handle")]
    NoHandle,
    /// Another daemon loads it.
    #[error(
        "this library works in {works_in}, not in '{found}'; remove it from that daemon's hooks-libraries"
    )]
    WrongDaemon {
        /// The daemon that loads it.
        found: String,
        /// Those that may.
        works_in: String,
    },
    /// Its `parameters` are wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another library has our source type.
    #[error(
        "another hook library has registered the host backend '{SOURCE_TYPE}' already; remove one of the two"
    )]
    SourceTaken,
    /// Kea refused something.
    #[error(transparent)]
    Kea(#[from] KeaError),
}

/// Runs an entry point: no panic leaves it, and a failure is logged. Returns what Kea wants to see.
pub fn guarded(entry: impl FnOnce() -> Result<(), LoadError>) -> c_int {
    match panic::catch_unwind(AssertUnwindSafe(entry)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            server::log(Message::LoadFailed, &error.to_string());
            1
        }
        // The panic hook has logged it.
        Err(_) => 1,
    }
}

/// Registers everything, or nothing. A running server that gets wrong parameters takes the library with defaults and
/// refuses the configuration afterwards, because Kea stops serving DHCP when a library does not load.
pub fn load(library: Option<Library<'_>>) -> Result<(), LoadError> {
    panic::set_hook(Box::new(|info| server::log(Message::InternalError, &info.to_string())));
    let mut library = library.ok_or(LoadError::NoHandle)?;
    let daemon = server::process_name()?;
    if !DAEMONS.contains(&daemon.as_str()) {
        return Err(LoadError::WrongDaemon { found: daemon, works_in: DAEMONS.join(" and ") });
    }
    let (config, refusal) = match Config::parse(library.parameters()?.as_ref()) {
        Err(error) if library::is_running() => (Config::default(), Some(error)),
        parsed => (parsed?, None),
    };
    let family = server::family()?;
    let names = commands::names_to_serve(&config, family, &library::library_names()?)?;

    if !library.register_source(SOURCE_TYPE)? {
        let taken = LoadError::SourceTaken;
        return if library::is_running() { refuse(&taken) } else { Err(taken) };
    }
    for name in names.all() {
        library.register_command(&name)?;
    }
    library.watch_leases(family)?;
    library.watch_statistics()?;
    library::begin_wakes()?;
    server::log(Message::Loaded, &names.to_string());
    hook::install(Arc::new(Commands::new(names, family, &config)));
    refusal.map_or(Ok(()), |error| refuse(&error.into()))
}

fn refuse(error: &LoadError) -> Result<(), LoadError> {
    server::log(Message::LoadFailed, &error.to_string());
    Ok(library::refuse_configuration_later(&format!("libdhcp_host_cmds_rs.so: {error}"))?)
}

/// Takes everything back. The stores close here, so that the next load finds them unlocked.
#[allow(clippy::unnecessary_wraps, reason = "has the shape of an entry point")]
pub fn unload() -> Result<(), LoadError> {
    library::end_wakes();
    library::remove_source();
    hook::uninstall();
    server::log(Message::Unloaded, "");
    drop(panic::take_hook());
    Ok(())
}
