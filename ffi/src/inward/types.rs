//! The C types of the seam. Pointers in them are valid during the call only.

use std::ffi::c_void;
use std::slice;

use super::convert::to_resource;
use crate::host::{SUBNET_UNUSED, StoredReservation};
use crate::source::HostSource;

/// Borrowed bytes; `data` may be null when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KhrBytes {
    pub(super) data: *const u8,
    pub(super) len: usize,
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
    pub(super) unsafe fn get<'a>(self) -> &'a [u8] {
        if self.data.is_null() || self.len == 0 {
            return &[];
        }
        // SAFETY: not null, and the caller vouches for the rest.
        unsafe { slice::from_raw_parts(self.data, self.len) }
    }

    /// # Safety
    ///
    /// As for [`KhrBytes::get`].
    pub(super) unsafe fn text(self) -> String {
        // SAFETY: the caller vouches for it.
        String::from_utf8_lossy(unsafe { self.get() }).into_owned()
    }
}

/// A parameter of a `hosts-databases` entry.
#[repr(C)]
pub struct KhrParameter {
    pub(super) name: KhrBytes,
    pub(super) value: KhrBytes,
}

/// An IPv6 address or prefix.
#[repr(C)]
pub struct KhrResource {
    pub(super) address: [u8; 16],
    pub(super) prefix_length: u8,
    pub(super) is_prefix: bool,
}

/// A reservation. Subnet 0xffffffff means none, address 0 means none.
#[repr(C)]
pub struct KhrReservation {
    pub(super) id: u64,
    pub(super) revision: u64,
    pub(super) subnet_v4: u32,
    pub(super) subnet_v6: u32,
    /// In host byte order.
    pub(super) ipv4: u32,
    /// Kea's `Host::IdentifierType`.
    pub(super) identifier_type: u8,
    pub(super) identifier: KhrBytes,
    pub(super) hostname: KhrBytes,
    pub(super) resources: *const KhrResource,
    pub(super) resource_count: usize,
    pub(super) body: KhrBytes,
}

/// What the wanted reservations must have.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "values are made by the C++ side")]
pub enum KhrBy {
    Any,
    Identifier,
    Ipv4,
    Ipv6,
    Ipv6Prefix,
    Hostname,
}

/// A question for reservations.
#[repr(C)]
pub struct KhrQuery {
    /// 4, 6, or 0 for both.
    pub(super) family: u8,
    pub(super) has_subnet: bool,
    pub(super) subnet: u32,
    pub(super) by: KhrBy,
    pub(super) identifier_type: u8,
    pub(super) prefix_length: u8,
    /// In network byte order; an IPv4 address takes the first four.
    pub(super) address: [u8; 16],
    /// The identifier or the hostname.
    pub(super) bytes: KhrBytes,
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
    pub(super) context: *mut c_void,
    pub(super) take: unsafe extern "C" fn(context: *mut c_void, text: KhrBytes),
}

impl KhrText {
    pub(super) fn give(self, text: &str) {
        // SAFETY: the C++ side gives a function that fits its context, and both live during the call.
        unsafe { (self.take)(self.context, text.as_bytes().into()) }
    }
}

/// Takes each reservation that was found. Must not throw.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KhrVisitor {
    pub(super) context: *mut c_void,
    pub(super) visit: unsafe extern "C" fn(context: *mut c_void, reservation: *const KhrReservation),
}

impl KhrVisitor {
    pub(super) fn show(self, stored: &StoredReservation) {
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

/// What became of a lease.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "values are made by the C++ side")]
pub enum KhrLeaseChange {
    Committed,
    Released,
    Declined,
    Expired,
}

/// A lease, and what became of it.
#[repr(C)]
pub struct KhrLease {
    pub(super) change: KhrLeaseChange,
    /// 4 or 6.
    pub(super) family: u8,
    pub(super) prefix_length: u8,
    pub(super) is_prefix: bool,
    pub(super) subnet: u32,
    /// In network byte order; an IPv4 address takes the first four.
    pub(super) address: [u8; 16],
    pub(super) iaid: u32,
    pub(super) valid_lifetime: u32,
    /// In seconds since 1970.
    pub(super) started: i64,
    pub(super) hostname: KhrBytes,
    pub(super) hw_address: KhrBytes,
    pub(super) client_id: KhrBytes,
    pub(super) duid: KhrBytes,
}

/// An open source. Only a pointer to it crosses the seam.
pub struct KhrSource(pub(super) Box<dyn HostSource>);

/// The request of a command (`keahook::Element`).
#[repr(C)]
pub struct KhrElement {
    pub(super) private: [u8; 0],
}

/// Where the answer to a command goes (`keahook::Answer`).
#[repr(C)]
pub struct KhrAnswer {
    pub(super) private: [u8; 0],
}
