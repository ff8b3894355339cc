//! The entry points that Kea looks up by name (Kea ARM, "Hook Libraries"; Kea developer's guide,
//! "Framework Functions").
//!
//! They are Rust functions because the linker hides every C++ symbol of a Rust library.

// The only file outside `ffi/` that may: the names must be exported, and `load` gets a raw pointer.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

use kea_ffi::library::{self, Library};

use crate::lifecycle;

/// Kea refuses the library unless this equals its own `KEA_HOOKS_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn version() -> c_int {
    library::hooks_version()
}

/// Commands and sources lock what they share, so packet threads may run beside them.
#[unsafe(no_mangle)]
pub extern "C" fn multi_threading_compatible() -> c_int {
    1
}

/// Registers the commands and the host backend; not 0 makes Kea refuse its configuration.
///
/// # Safety
///
/// Called by Kea with its `LibraryHandle`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn load(handle: *mut c_void) -> c_int {
    // SAFETY: Kea gives its handle, and uses it again only after this returns.
    let library = unsafe { Library::from_load(handle) };
    lifecycle::guarded(|| lifecycle::load(library))
}

/// Closes the stores and takes every registration back.
#[unsafe(no_mangle)]
pub extern "C" fn unload() -> c_int {
    lifecycle::guarded(lifecycle::unload)
}
