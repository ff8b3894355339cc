//! The hook library that Kea's calls go to.

use std::sync::{Arc, PoisonError, RwLock};

use crate::element::{Element, Reply};
use crate::lease::{Lease, LeaseChange};
use crate::source::{HostSource, SourceParameters};

/// A hook library.
pub trait Hook: Send + Sync {
    /// Opens the source of a `hosts-databases` entry. An error stops the configuration; its text says why.
    fn open_source(&self, parameters: &SourceParameters) -> Result<Box<dyn HostSource>, String>;

    /// A configuration was applied with its sources, and comes into use unless this refuses it; the text of the error says
    /// why.
    fn configured(&self) -> Result<(), String>;

    /// Somebody called [`crate::server::wake`]. On the main thread, and never while a command runs.
    fn woken(&self);

    /// Runs a command. `arguments` is what the request has under that name, whatever type it is of.
    fn command(&self, name: &str, arguments: Option<&Element>) -> Reply;

    /// A command set statistics of the server to zero, or removed them. On the main thread, after that command.
    fn statistics_forgotten(&self);

    /// Something became of a lease, and is in the lease database (a release or an end is about to be); only told after [`crate::library::Library::watch_leases`].
    /// Packet threads call this, several at once, and packets wait for it: it must not wait for anything, and it cannot
    /// fail.
    fn lease_changed(&self, change: LeaseChange, lease: &Lease<'_>);
}

/// The library may stay mapped after `unload`, so nothing here may rely on fresh statics. A lock of `std`, because
/// others keep something per thread that would keep the library mapped.
static INSTALLED: RwLock<Option<Arc<dyn Hook>>> = RwLock::new(None);

/// Sends Kea's calls to `hook` from now on.
pub fn install(hook: Arc<dyn Hook>) {
    *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = Some(hook);
}

/// Forgets the installed hook.
pub fn uninstall() {
    INSTALLED.write().unwrap_or_else(PoisonError::into_inner).take();
}

pub(crate) fn installed() -> Option<Arc<dyn Hook>> {
    INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone()
}
