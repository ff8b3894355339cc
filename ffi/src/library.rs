//! Loading and unloading of the hook library.

use std::ffi::c_void;
use std::pin::Pin;

use crate::bridge::ffi;
use crate::element::{Element, KeaError};
use crate::host::Family;

/// The number that `version()` must return for this build of Kea.
pub fn hooks_version() -> i32 {
    ffi::hooks_version()
}

/// Kea's handle of this library, valid while `load` runs.
pub struct Library<'a>(Pin<&'a mut ffi::LibraryHandle>);

impl Library<'_> {
    /// Takes the handle that Kea gave to `load`.
    ///
    /// # Safety
    ///
    /// `handle` must be the argument of `load`, and must not be used in another way while the result lives.
    #[must_use]
    pub unsafe fn from_load(handle: *mut c_void) -> Option<Self> {
        // SAFETY: the caller vouches for the pointer; Kea's handle is not moved by anything in the bridge.
        unsafe { handle.cast::<ffi::LibraryHandle>().as_mut().map(|handle| Self(Pin::new_unchecked(handle))) }
    }

    /// What the configuration gives this library under `parameters`.
    pub fn parameters(&mut self) -> Result<Option<Element>, KeaError> {
        let parameters = ffi::library_parameters(self.0.as_mut())?;
        if parameters.is_null() { Ok(None) } else { Element::from_shim(parameters).map(Some) }
    }

    /// Makes Kea hand the command to the installed hook.
    pub fn register_command(&mut self, name: &str) -> Result<(), KeaError> {
        Ok(ffi::register_command(self.0.as_mut(), name)?)
    }

    /// Makes `hosts-databases` entries of this type open a source of the installed hook. False where somebody
    /// else serves the type.
    pub fn register_source(&mut self, kind: &str) -> Result<bool, KeaError> {
        Ok(ffi::register_source(self.0.as_mut(), kind)?)
    }

    /// Makes Kea tell the installed hook what becomes of leases ([`crate::hook::Hook::lease_changed`]).
    pub fn watch_leases(&mut self, family: Family) -> Result<(), KeaError> {
        Ok(ffi::watch_leases(self.0.as_mut(), family.number())?)
    }

    /// Makes Kea tell the installed hook when statistics are forgotten ([`crate::hook::Hook::statistics_forgotten`]).
    pub fn watch_statistics(&mut self) -> Result<(), KeaError> {
        Ok(ffi::watch_statistics(self.0.as_mut())?)
    }
}

/// Lets [`crate::server::wake`] work. On the main thread.
pub fn begin_wakes() -> Result<(), KeaError> {
    Ok(ffi::begin_wakes()?)
}

/// From now on the hook is not woken any more. On the main thread.
pub fn end_wakes() {
    ffi::end_wakes();
}

/// Paths of all hook libraries of the configuration that is being loaded or is in use.
pub fn library_names() -> Result<Vec<String>, KeaError> {
    Ok(ffi::library_names()?)
}

/// Whether a library that was loaded before serves this command.
pub fn command_is_taken(name: &str) -> Result<bool, KeaError> {
    Ok(ffi::command_is_taken(name)?)
}

/// Closes all sources that entries of the registered type opened, and takes the registration back.
pub fn remove_source() {
    ffi::remove_source();
}

/// Whether there is a configuration in use, to which a server can go back.
pub fn is_running() -> bool {
    ffi::is_running()
}

/// Lets the configuration that is being loaded fail with this reason, once DHCP is served again. (Kea 2.2.0 stops
/// serving DHCP when a library refuses to load into a running server.)
pub fn refuse_configuration_later(reason: &str) -> Result<(), KeaError> {
    Ok(ffi::refuse_configuration_later(reason)?)
}
