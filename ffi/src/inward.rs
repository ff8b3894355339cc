//! What Kea's half calls: the C ABI of `include/keahook/abi.h`, which `cbindgen` makes from this file.
//!
//! Every function catches panics: none may unwind into C++. Pointers are valid for the call only, in both
//! directions.

use std::ffi::c_void;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::{ptr, slice};

use crate::bridge::ffi;
use crate::element::{Element, Reply, ResultCode};
use crate::hook;
use crate::host::{
    By, Family, HostId, Identifier, IdentifierType, Ipv6Resource, Query, Reservation, StoredReservation,
};
use crate::server::{Message, log};
use crate::source::{HostSource, SourceError, SourceParameters};

/// Subnet id that means "none" (Kea's `SUBNET_ID_UNUSED`).
const SUBNET_UNUSED: u32 = u32::MAX;

/// Borrowed bytes; `data` may be null when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KhrBytes {
    data: *const u8,
    len: usize,
}

impl From<&[u8]> for KhrBytes {
    fn from(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr(), len: bytes.len() }
    }
}

impl KhrBytes {
    /// # Safety
    ///
    /// `data` must point to `len` bytes that stay as they are while the result lives.
    unsafe fn get<'a>(self) -> &'a [u8] {
        if self.data.is_null() || self.len == 0 {
            return &[];
        }
        // SAFETY: not null, and the caller vouches for the rest.
        unsafe { slice::from_raw_parts(self.data, self.len) }
    }

    /// # Safety
    ///
    /// As for [`KhrBytes::get`].
    unsafe fn text(self) -> String {
        // SAFETY: the caller vouches for it.
        String::from_utf8_lossy(unsafe { self.get() }).into_owned()
    }
}

/// A parameter of a `hosts-databases` entry.
#[repr(C)]
pub struct KhrParameter {
    name: KhrBytes,
    value: KhrBytes,
}

/// An IPv6 address or prefix.
#[repr(C)]
pub struct KhrResource {
    address: [u8; 16],
    prefix_length: u8,
    is_prefix: bool,
}

/// A reservation. Subnet 0xffffffff means none, address 0 means none.
#[repr(C)]
pub struct KhrReservation {
    id: u64,
    revision: u64,
    subnet_v4: u32,
    subnet_v6: u32,
    /// In host byte order.
    ipv4: u32,
    /// Kea's `Host::IdentifierType`.
    identifier_type: u8,
    identifier: KhrBytes,
    hostname: KhrBytes,
    resources: *const KhrResource,
    resource_count: usize,
    body: KhrBytes,
}

/// What the wanted reservations must have.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "values are made by the C++ side")]
pub enum KhrBy {
    Any,
    Identifier,
    Ipv4,
    Ipv6Address,
    Ipv6Prefix,
    Hostname,
}

/// A question for reservations.
#[repr(C)]
pub struct KhrQuery {
    /// 4, 6, or 0 for both.
    family: u8,
    has_subnet: bool,
    subnet: u32,
    by: KhrBy,
    identifier_type: u8,
    prefix_length: u8,
    /// In network byte order; an IPv4 address takes the first four.
    address: [u8; 16],
    /// The identifier or the hostname.
    bytes: KhrBytes,
}

/// How a call went.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum KhrStatus {
    Ok,
    Duplicate,
    AddressTaken,
    NotFound,
    Failed,
}

/// Takes the reason of a status that is not `Ok`. Must not throw.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KhrText {
    context: *mut c_void,
    take: unsafe extern "C" fn(context: *mut c_void, text: KhrBytes),
}

impl KhrText {
    fn give(self, text: &str) {
        // SAFETY: the C++ side gives a function that fits its context, and both live during the call.
        unsafe { (self.take)(self.context, text.as_bytes().into()) }
    }
}

/// Takes each reservation that was found. Must not throw.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KhrVisitor {
    context: *mut c_void,
    visit: unsafe extern "C" fn(context: *mut c_void, reservation: *const KhrReservation),
}

impl KhrVisitor {
    fn show(self, stored: &StoredReservation) {
        let reservation = &stored.reservation;
        let resources: Vec<KhrResource> = reservation.ipv6.iter().map(to_resource).collect();
        let shown = KhrReservation {
            id: stored.id.get(),
            revision: stored.revision,
            subnet_v4: reservation.subnet_v4.unwrap_or(SUBNET_UNUSED),
            subnet_v6: reservation.subnet_v6.unwrap_or(SUBNET_UNUSED),
            ipv4: reservation.ipv4.map_or(0, u32::from),
            identifier_type: reservation.identifier.kind as u8,
            identifier: (&*reservation.identifier.value).into(),
            hostname: (&*reservation.hostname).into(),
            resources: resources.as_ptr(),
            resource_count: resources.len(),
            body: (&*reservation.body).into(),
        };
        // SAFETY: the C++ side gives a function that fits its context; all that `shown` borrows outlives the call.
        unsafe { (self.visit)(self.context, &raw const shown) }
    }
}

/// An open source. Only a pointer to it crosses the seam.
pub struct KhrSource(Box<dyn HostSource>);

/// The request of a command (`keahook::Element`).
#[repr(C)]
pub struct KhrElement {
    private: [u8; 0],
}

/// Where the answer to a command goes (`keahook::Answer`).
#[repr(C)]
pub struct KhrAnswer {
    private: [u8; 0],
}

fn to_resource(resource: &Ipv6Resource) -> KhrResource {
    match *resource {
        Ipv6Resource::Address(address) => {
            KhrResource { address: address.octets(), prefix_length: 128, is_prefix: false }
        }
        Ipv6Resource::Prefix(address, length) => {
            KhrResource { address: address.octets(), prefix_length: length, is_prefix: true }
        }
    }
}

fn from_resource(resource: &KhrResource) -> Ipv6Resource {
    let address = Ipv6Addr::from(resource.address);
    if resource.is_prefix {
        Ipv6Resource::Prefix(address, resource.prefix_length)
    } else {
        Ipv6Resource::Address(address)
    }
}

fn identifier_type(number: u8) -> Result<IdentifierType, SourceError> {
    IdentifierType::try_from(number)
        .map_err(|unknown| SourceError::Failed(unknown.to_string()))
}

/// # Safety
///
/// All that the reservation points to must be valid.
unsafe fn from_reservation(given: &KhrReservation) -> Result<Reservation, SourceError> {
    let resources = if given.resources.is_null() || given.resource_count == 0 {
        &[]
    } else {
        // SAFETY: not null, and the caller vouches for the count.
        unsafe { slice::from_raw_parts(given.resources, given.resource_count) }
    };
    // SAFETY: the caller vouches for the bytes.
    let (identifier, hostname, body) =
        unsafe { (given.identifier.get(), given.hostname.get(), given.body.get()) };
    Ok(Reservation {
        identifier: Identifier { kind: identifier_type(given.identifier_type)?, value: identifier.into() },
        subnet_v4: Some(given.subnet_v4).filter(|id| *id != SUBNET_UNUSED),
        subnet_v6: Some(given.subnet_v6).filter(|id| *id != SUBNET_UNUSED),
        ipv4: Some(Ipv4Addr::from(given.ipv4)).filter(|address| !address.is_unspecified()),
        ipv6: resources.iter().map(from_resource).collect(),
        hostname: hostname.into(),
        body: body.into(),
    })
}

/// # Safety
///
/// The bytes of the query must be valid while the result lives.
unsafe fn from_query(given: &KhrQuery) -> Result<Query<'_>, SourceError> {
    // SAFETY: the caller vouches for the bytes.
    let bytes = unsafe { given.bytes.get() };
    let v4 = Ipv4Addr::new(given.address[0], given.address[1], given.address[2], given.address[3]);
    let v6 = Ipv6Addr::from(given.address);
    let by = match given.by {
        KhrBy::Any => By::Any,
        KhrBy::Identifier => By::Identifier(identifier_type(given.identifier_type)?, bytes),
        KhrBy::Ipv4 => By::Ipv4(v4),
        KhrBy::Ipv6Address => By::Ipv6Address(v6),
        KhrBy::Ipv6Prefix => By::Ipv6Prefix(v6, given.prefix_length),
        KhrBy::Hostname => By::Hostname(bytes),
    };
    let family = match given.family {
        4 => Some(Family::V4),
        6 => Some(Family::V6),
        _ => None,
    };
    Ok(Query { family, subnet: given.has_subnet.then_some(given.subnet), by })
}

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
        let hook = hook::installed().ok_or_else(|| SourceError::Failed("the hook library is not loaded".into()))?;
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
        log(Message::InternalError, &format!("panic while closing the host store: {}", panic_text(&*payload)));
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
        source.0.page(&query, HostId::new(after), limit, &mut |stored| visitor.show(stored));
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
    // SAFETY: the caller vouches for the pointer.
    catch_unwind(AssertUnwindSafe(|| unsafe { &*source }.0.set_addresses_unique(unique))).unwrap_or(false)
}

/// Runs a command and leaves its answer.
///
/// # Safety
///
/// `request` must be a `keahook::Element` with the whole request, `answer` a `keahook::Answer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn khr_command(request: *const KhrElement, answer: *mut KhrAnswer) {
    // SAFETY: the caller vouches for the pointers; an answer is not moved by anything in the bridge.
    let (request, answer) = unsafe {
        (&*request.cast::<ffi::Element>(), Pin::new_unchecked(&mut *answer.cast::<ffi::Answer>()))
    };
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
        let name = name.as_ref().map(ffi::Element::text).transpose()?.unwrap_or_default();
        Ok((String::from_utf8_lossy(&name).into_owned(), request.member("arguments")?))
    };
    match (parts(), hook::installed()) {
        (Ok((name, arguments)), Some(hook)) => {
            let arguments = (!arguments.is_null()).then(|| Element::from_shim(arguments)).and_then(Result::ok);
            hook.command(&name, arguments.as_ref())
        }
        (Err(error), _) => Reply::new(ResultCode::Error, format!("internal error: unreadable request: {error}")),
        (_, None) => Reply::new(ResultCode::Error, "the hook library is being unloaded, repeat the command"),
    }
}
