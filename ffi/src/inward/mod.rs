//! What Kea's half calls: the C ABI of `include/keahook/abi.h`, which `cbindgen` makes from this folder.
//!
//! Every function catches panics: none may unwind into C++. Pointers are valid for the call only, in both
//! directions.

mod convert;
mod types;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr;

use convert::{from_lease, from_query, from_reservation};
use types::{
    KhrAnswer, KhrBytes, KhrElement, KhrLease, KhrParameter, KhrQuery, KhrReservation, KhrSource, KhrStatus,
    KhrText, KhrVisitor,
};

use crate::bridge::ffi;
use crate::element::{Element, Reply, ResultCode};
use crate::hook;
use crate::host::{HostId, Query, Reservation, StoredReservation};
use crate::server::{Message, log};
use crate::source::{HostSource, SourceError, SourceParameters};

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}

/// Runs `body`, and turns errors and panics into a status with a reason.
fn guard(error: KhrText, body: impl FnOnce() -> Result<(), SourceError>) -> KhrStatus {
    let (status, reason) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return KhrStatus::Ok,
        Ok(Err(refusal)) => {
            let status = match refusal {
                SourceError::Duplicate(_) => KhrStatus::Duplicate,
                SourceError::AddressTaken(_) => KhrStatus::AddressTaken,
                SourceError::NotFound(_) => KhrStatus::NotFound,
                SourceError::Failed(_) => KhrStatus::Failed,
            };
            (status, refusal.to_string())
        }
        Err(payload) => {
            let reason = format!("internal error: panic in the host store: {}", panic_text(&*payload));
            log(Message::InternalError, &reason);
            (KhrStatus::Failed, reason)
        }
    };
    error.give(&reason);
    status
}

/// Opens a source; null with a reason where that fails.
///
/// # Safety
///
/// `parameters` must point to `count` parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_open(
    parameters: *const KhrParameter,
    count: usize,
    error: KhrText,
) -> *mut KhrSource {
    let mut opened = ptr::null_mut();
    guard(error, || {
        let mut given = SourceParameters::new();
        for index in 0..count {
            // SAFETY: the C++ side gives `count` parameters with valid texts.
            unsafe {
                let parameter = &*parameters.add(index);
                given.insert(parameter.name.text(), parameter.value.text());
            }
        }
        let hook =
            hook::installed().ok_or_else(|| SourceError::Failed("the hook library is not loaded".into()))?;
        let source = hook.open_source(&given).map_err(SourceError::Failed)?;
        opened = Box::into_raw(Box::new(KhrSource(source)));
        Ok(())
    });
    opened
}

/// Stands in for a source that cannot be opened.
struct Unavailable(String);

impl HostSource for Unavailable {
    fn find(&self, _: &Query<'_>, _: &mut dyn FnMut(&StoredReservation)) {}

    fn page(&self, _: &Query<'_>, _: Option<HostId>, _: usize, _: &mut dyn FnMut(&StoredReservation)) {}

    fn add(&self, _: Reservation) -> Result<HostId, SourceError> {
        Err(SourceError::Failed(self.0.clone()))
    }

    fn update(&self, _: Reservation) -> Result<(), SourceError> {
        Err(SourceError::Failed(self.0.clone()))
    }

    fn remove(&self, _: &Query<'_>) -> Result<usize, SourceError> {
        Err(SourceError::Failed(self.0.clone()))
    }

    fn set_addresses_unique(&self, _: bool) -> bool {
        true
    }
}

/// A source that has nothing and refuses changes for this reason; null only on an internal error.
///
/// # Safety
///
/// `reason` must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_unavailable(reason: KhrBytes) -> *mut KhrSource {
    let made = catch_unwind(|| {
        // SAFETY: the caller vouches for the bytes.
        let reason = unsafe { reason.text() };
        Box::into_raw(Box::new(KhrSource(Box::new(Unavailable(reason)))))
    });
    made.unwrap_or(ptr::null_mut())
}

/// Closes a source.
///
/// # Safety
///
/// `source` must come from `khr_source_open` and is gone afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_close(source: *mut KhrSource) {
    let closed = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the pointer was made by `Box::into_raw` and the caller gives it up.
        drop(unsafe { Box::from_raw(source) });
    }));
    if let Err(payload) = closed {
        log(
            Message::InternalError,
            &format!("panic while closing the host store: {}", panic_text(&*payload)),
        );
    }
}

/// Shows the reservations that the query means.
///
/// # Safety
///
/// The pointers must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_find(
    source: *const KhrSource,
    query: *const KhrQuery,
    visitor: KhrVisitor,
    error: KhrText,
) -> KhrStatus {
    guard(error, || {
        // SAFETY: the caller vouches for the pointers.
        let (source, query) = unsafe { (&*source, from_query(&*query)?) };
        source.0.find(&query, &mut |stored| visitor.show(stored));
        Ok(())
    })
}

/// Shows at most `limit` reservations with ids above `after`.
///
/// # Safety
///
/// The pointers must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_page(
    source: *const KhrSource,
    query: *const KhrQuery,
    after: u64,
    limit: usize,
    visitor: KhrVisitor,
    error: KhrText,
) -> KhrStatus {
    guard(error, || {
        // SAFETY: the caller vouches for the pointers.
        let (source, query) = unsafe { (&*source, from_query(&*query)?) };
        source.0.page(&query, HostId::new(after), limit, &mut |stored| {
            visitor.show(stored);
        });
        Ok(())
    })
}

/// Adds a reservation, on disk before it returns, and tells its id.
///
/// # Safety
///
/// The pointers must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_add(
    source: *const KhrSource,
    reservation: *const KhrReservation,
    id: *mut u64,
    error: KhrText,
) -> KhrStatus {
    guard(error, || {
        // SAFETY: the caller vouches for the pointers.
        let (source, reservation) = unsafe { (&*source, from_reservation(&*reservation)?) };
        let added = source.0.add(reservation)?;
        // SAFETY: the caller vouches for the pointer.
        unsafe { id.write(added.get()) };
        Ok(())
    })
}

/// Puts a reservation in the place of the one that the same client has in the same subnet, on disk before it returns.
/// A refusal changes nothing.
///
/// # Safety
///
/// The pointers must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_update(
    source: *const KhrSource,
    reservation: *const KhrReservation,
    error: KhrText,
) -> KhrStatus {
    guard(error, || {
        // SAFETY: the caller vouches for the pointers.
        let (source, reservation) = unsafe { (&*source, from_reservation(&*reservation)?) };
        source.0.update(reservation)
    })
}

/// Removes what the query means, and tells how many.
///
/// # Safety
///
/// The pointers must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_remove(
    source: *const KhrSource,
    query: *const KhrQuery,
    removed: *mut usize,
    error: KhrText,
) -> KhrStatus {
    guard(error, || {
        // SAFETY: the caller vouches for the pointers.
        let (source, query) = unsafe { (&*source, from_query(&*query)?) };
        let count = source.0.remove(&query)?;
        // SAFETY: the caller vouches for the pointer.
        unsafe { removed.write(count) };
        Ok(())
    })
}

/// Kea's `ip-reservations-unique`.
///
/// # Safety
///
/// `source` must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_source_set_addresses_unique(source: *const KhrSource, unique: bool) -> bool {
    let set = || {
        // SAFETY: the caller vouches for the pointer.
        let source = unsafe { &*source };
        source.0.set_addresses_unique(unique)
    };
    catch_unwind(AssertUnwindSafe(set)).unwrap_or(false)
}

/// Tells that a configuration was applied, before it comes into use. `Failed`, with a reason, where it must not.
///
/// # Safety
///
/// `error` must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_configured(error: KhrText) -> KhrStatus {
    guard(error, || match hook::installed() {
        Some(hook) => hook.configured().map_err(SourceError::Failed),
        None => Ok(()),
    })
}

/// Lets the hook do what it asked to be woken for.
#[unsafe(no_mangle)]
pub extern "C" fn khr_woken() {
    beside_packets(|hook| hook.woken());
}

/// Tells that a command set statistics of the server to zero, or removed them.
#[unsafe(no_mangle)]
pub extern "C" fn khr_statistics_forgotten() {
    beside_packets(|hook| hook.statistics_forgotten());
}

fn beside_packets(work: impl FnOnce(&dyn hook::Hook)) {
    let done = catch_unwind(AssertUnwindSafe(|| {
        if let Some(hook) = hook::installed() {
            work(&*hook);
        }
    }));
    if let Err(payload) = done {
        let text = format!("internal error: panic beside the packets: {}", panic_text(&*payload));
        log(Message::InternalError, &text);
    }
}

/// Tells what became of a lease. Called on packet threads.
///
/// # Safety
///
/// `lease` must be valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_lease_changed(lease: *const KhrLease) {
    let told = catch_unwind(AssertUnwindSafe(|| {
        let Some(hook) = hook::installed() else { return };
        // SAFETY: the caller vouches for the pointer and what it leads to.
        let (change, lease) = unsafe { from_lease(&*lease) };
        hook.lease_changed(change, &lease);
    }));
    if let Err(payload) = told {
        log(Message::InternalError, &format!("panic while a lease was looked at: {}", panic_text(&*payload)));
    }
}

/// Runs a command and leaves its answer.
///
/// # Safety
///
/// `request` must be a `keahook::Element` with the whole request, `answer` a `keahook::Answer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_command(request: *const KhrElement, answer: *mut KhrAnswer) {
    // SAFETY: the caller vouches for the pointers; an answer is not moved by anything in the bridge.
    let (request, answer) =
        unsafe { (&*request.cast::<ffi::Element>(), Pin::new_unchecked(&mut *answer.cast::<ffi::Answer>())) };
    let reply = catch_unwind(AssertUnwindSafe(|| run(request))).unwrap_or_else(|payload| {
        let text = format!("internal error: panic in a command: {}", panic_text(&*payload));
        log(Message::InternalError, &text);
        Reply::new(ResultCode::Error, text)
    });
    if let Err(error) = reply.give(answer) {
        log(Message::InternalError, &format!("an answer could not be given: {error}"));
    }
}

fn run(request: &ffi::Element) -> Reply {
    let parts = || -> Result<_, cxx::Exception> {
        let name = request.member("command")?;
        let name = name.as_ref().map(ffi::Element::text).transpose()?;
        let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok((name, request.member("arguments")?))
    };
    match (parts(), hook::installed()) {
        (Ok((name, arguments)), Some(hook)) => {
            let arguments =
                (!arguments.is_null()).then(|| Element::from_shim(arguments)).and_then(Result::ok);
            hook.command(&name, arguments.as_ref())
        }
        (Err(error), _) => {
            Reply::new(ResultCode::Error, format!("internal error: unreadable request: {error}"))
        }
        (_, None) => Reply::new(ResultCode::Error, "the hook library is being unloaded, repeat the command"),
    }
}
