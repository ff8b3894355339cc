//! Wishes: reservations whose address is that of their client's lease. Until there is such a lease, a wish is a reservation
//! without an address, so that every host backend can keep it. A mark in its `user-context` tells it from others.

use kea_ffi::host::Reservation;
use serde_json::{Map, Value};

use crate::marks;

/// The member of `user-context` that says where the address comes from.
pub const MEMBER: &str = "ext-address";
/// What it says.
pub const LEASE: &str = "lease";

/// Whether the address of a reservation comes, or came, from a lease.
fn is_marked(body: &[u8]) -> bool {
    marks::read(body, MEMBER).as_deref() == Some(LEASE)
}

/// Whether a reservation has an address or a prefix.
pub fn has_address(reservation: &Reservation) -> bool {
    reservation.ipv4.is_some() || !reservation.ipv6.is_empty()
}

/// Whether a reservation waits for a lease.
pub fn is_pending(reservation: &Reservation) -> bool {
    !has_address(reservation) && is_marked(&reservation.body)
}

/// Whether a reservation without an address has nothing but its client and a `user-context`.
pub fn reserves_nothing(reservation: &Reservation) -> bool {
    let body = String::from_utf8_lossy(&reservation.body);
    let members = serde_json::from_str::<Map<String, Value>>(&body).unwrap_or_default();
    let says_nothing = |name: &str| name == "user-context" || name == reservation.identifier.kind.name();
    members.keys().all(|name| says_nothing(name))
}

#[cfg(test)]
mod tests {
    use kea_ffi::host::{Identifier, IdentifierType};

    use super::*;

    fn reservation(body: &str, address: Option<std::net::Ipv4Addr>) -> Reservation {
        Reservation {
            identifier: Identifier { kind: IdentifierType::HwAddress, value: Box::from([2, 0, 0, 0, 0, 1]) },
            subnet_v4: Some(1),
            subnet_v6: None,
            ipv4: address,
            ipv6: Box::from([]),
            hostname: Box::from([]),
            body: body.as_bytes().into(),
        }
    }

    #[test]
    fn a_wish_is_marked_and_has_no_address() {
        let marked = r#"{ "user-context": { "ext-address": "lease", "ext-owner": "a" } }"#;
        assert!(is_pending(&reservation(marked, None)));
        assert!(!is_pending(&reservation(marked, Some([192, 0, 2, 1].into()))));
        let others = [
            "{}",
            "no JSON with ext-address",
            r#"{ "hostname": "ext-address" }"#,
            r#"{ "ext-address": "lease" }"#,
            r#"{ "user-context": { "ext-address": "192.0.2.1" } }"#,
            r#"{ "user-context": { "ext-address": 5 } }"#,
            r#"{ "user-context": { "site": { "ext-address": "lease" } } }"#,
        ];
        for body in others {
            assert!(!is_pending(&reservation(body, None)), "{body}");
        }
    }

    #[test]
    fn a_hostname_or_an_option_is_something() {
        assert!(reserves_nothing(&reservation(
            r#"{ "hw-address": "02:00:00:00:00:01", "user-context": { "a": 1 } }"#,
            None
        )));
        assert!(!reserves_nothing(&reservation(
            r#"{ "hw-address": "02:00:00:00:00:01", "hostname": "h" }"#,
            None
        )));
        assert!(!reserves_nothing(&reservation(r#"{ "option-data": [], "user-context": {} }"#, None)));
    }
}
