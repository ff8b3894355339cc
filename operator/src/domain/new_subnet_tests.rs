use super::*;
use proptest::prelude::*;

fn settings() -> NewSubnets {
    NewSubnets {
        gateway: GatewayRule::First,
        skip_first: 4,
        skip_last: 1,
        dns: vec![],
        classes: vec!["a".into()],
        lifetimes: Lifetimes::default(),
    }
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn asking(gateway: Option<&str>) -> Request {
    Request { gateway: gateway.map(ip), ..Request::default() }
}

fn subnet(id: u32, prefix: &str) -> Subnet {
    Subnet { id, prefix: prefix.parse().unwrap() }
}

fn design(prefix: &str, gateway: Option<&str>) -> NewSubnet {
    settings().design(prefix.parse().unwrap(), asking(gateway)).unwrap()
}

#[test]
fn the_router_comes_first_and_the_pool_after_some_room() {
    let made = design("10.1.0.0/24", None);
    assert_eq!(made.gateway, Some(ip("10.1.0.1")));
    assert_eq!(made.pools, [(ip("10.1.0.4"), ip("10.1.0.254"))]);
    assert_eq!(made.classes, ["a"]);
    let last = NewSubnets { gateway: GatewayRule::Last, ..settings() };
    let made = last.design("10.1.0.0/24".parse().unwrap(), asking(None)).unwrap();
    assert_eq!(made.gateway, Some(ip("10.1.0.254")));
    assert_eq!(made.pools, [(ip("10.1.0.4"), ip("10.1.0.253"))]);
}

#[test]
fn a_router_in_the_middle_is_not_leased() {
    let made = design("10.1.0.0/24", Some("10.1.0.100"));
    assert_eq!(made.pools, [(ip("10.1.0.4"), ip("10.1.0.99")), (ip("10.1.0.101"), ip("10.1.0.254"))]);
}

#[test]
fn a_router_outside_is_refused() {
    for gateway in ["10.2.0.1", "10.1.0.0", "10.1.0.255"] {
        let error = settings().design("10.1.0.0/24".parse().unwrap(), asking(Some(gateway))).unwrap_err();
        assert!(error.to_string().contains(gateway), "{error}");
    }
}

#[test]
fn small_prefixes_get_no_pool() {
    assert_eq!(design("10.1.0.0/29", None).pools, [(ip("10.1.0.4"), ip("10.1.0.6"))]);
    for (prefix, gateway) in [("10.1.0.0/30", Some("10.1.0.1")), ("10.1.0.0/31", None), ("10.1.0.0/32", None)]
    {
        let made = design(prefix, None);
        assert_eq!((made.pools.as_slice(), made.gateway), (&[][..], gateway.map(ip)), "{prefix}");
    }
}

#[test]
fn classes_of_the_namespace_win() {
    let request = Request { classes: vec!["b".into()], ..Request::default() };
    assert_eq!(settings().design("10.1.0.0/24".parse().unwrap(), request).unwrap().classes, ["b"]);
}

#[test]
fn times_follow_on_each_other() {
    let times = |valid, renew, rebind| Lifetimes { valid, renew, rebind }.are_in_order();
    assert!(
        times(None, None, None) && times(Some(4000), Some(1000), Some(2000)) && times(Some(2), Some(1), None)
    );
    assert!(
        !times(Some(4000), Some(4000), None)
            && !times(None, Some(2), Some(1))
            && !times(Some(1), None, Some(2))
    );
}

/// Numbers are part of what is stored with reservations: they must never change.
#[test]
fn numbers_stay_what_they_are() {
    let number = |prefix: &str| place(prefix.parse().unwrap(), &[("a", &[])]).unwrap();
    assert_eq!(number("10.1.0.0/24"), crc32fast::hash(b"10.1.0.0/24") + 1);
    assert_eq!(number("10.100.1.0/24"), 406_766_657);
}

#[test]
fn a_number_that_is_taken_anywhere_is_left_alone() {
    let prefix: IpNet = "10.1.0.0/24".parse().unwrap();
    let own = place(prefix, &[("a", &[])]).unwrap();
    let other = [subnet(own, "192.0.2.0/24")];
    let second = place(prefix, &[("a", &[]), ("b", &other)]).unwrap();
    assert_ne!(second, own);
    assert_eq!(place(prefix, &[("b", &other), ("a", &[])]), Ok(second));
}

#[test]
fn a_subnet_has_one_number_on_all_servers() {
    let prefix: IpNet = "10.1.0.0/24".parse().unwrap();
    let there = [subnet(7, "10.1.0.0/24")];
    assert_eq!(place(prefix, &[("a", &[]), ("b", &there)]), Ok(7));
    let taken = [subnet(7, "192.0.2.0/24")];
    let error = place(prefix, &[("a", &taken), ("b", &there)]).unwrap_err();
    assert!(error.to_string().contains("Kea subnet 7 (192.0.2.0/24) of a"), "{error}");
}

#[test]
fn nothing_overlaps() {
    let prefix: IpNet = "10.1.0.0/24".parse().unwrap();
    for other in ["10.0.0.0/8", "10.1.0.128/25"] {
        let others = [subnet(3, "192.0.2.0/24"), subnet(5, other)];
        let error = place(prefix, &[("a", &[]), ("b", &others)]).unwrap_err();
        assert!(error.to_string().contains(&format!("overlaps Kea subnet 5 ({other}) of b")), "{error}");
    }
}

#[test]
fn what_is_no_network_of_devices_is_not_made() {
    for prefix in [
        "0.0.0.0/0",
        "128.0.0.0/1",
        "10.0.0.0/7",
        "0.1.0.0/16",
        "127.0.0.0/24",
        "224.0.0.0/24",
        "255.255.255.252/30",
    ] {
        let error = settings().design(prefix.parse().unwrap(), asking(None)).unwrap_err();
        assert!(error.to_string().contains("it is no network of devices"), "{error}");
    }
}

proptest! {
    #[test]
    fn pools_are_addresses_of_devices(bits in 0x0100_0000u32..0x7f00_0000, len in 8u8..=32, first in 1u32..20, last in 1u32..20) {
        let prefix = Ipv4Net::new(bits.into(), len).unwrap().trunc();
        let settings = NewSubnets { skip_first: first, skip_last: last, ..settings() };
        let made = settings.design(prefix, asking(None)).unwrap();
        for (from, to) in made.pools {
            prop_assert!(from <= to && from > prefix.network() && to < prefix.broadcast());
            prop_assert!(made.gateway.is_none_or(|gateway| gateway < from || gateway > to));
        }
        let id = place(prefix.into(), &[]).unwrap();
        prop_assert!((1..=LAST_ID).contains(&id));
    }
}
