use super::*;
use crate::controller::dereference::DereferenceError;
use crate::controller::finding::{Attended, Obstacle};
use crate::crd::NetworkConfigurationSpec;
use crate::domain::{Absence, Interface, NetworkOptions, PinMode, Subnet, Wish};
use crate::kea::KeaError;
use std::net::IpAddr;

const PREFIX: &str = "10.0.0.0/24";

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn mac(last: u8) -> Mac {
    format!("52:54:00:00:00:{last:02x}").parse().unwrap()
}

fn address(last: u8) -> IpAddr {
    format!("10.0.0.{last}").parse().unwrap()
}

/// An object with interfaces `eth1`, `eth2`, … of the devices given, in upper case.
fn object(devices: &[u8]) -> NetworkConfiguration {
    let network_interfaces = devices
        .iter()
        .map(|device| NetworkInterface {
            name: Some(format!("eth{device}")),
            mac_address: Some(mac(*device).to_string().to_uppercase()),
            vlan: Some("7".into()),
            ..NetworkInterface::default()
        })
        .collect();
    let spec = NetworkConfigurationSpec { name: "vm".into(), network_interfaces, ..Default::default() };
    let mut object = NetworkConfiguration::new("vm", spec);
    object.metadata.generation = Some(3);
    object
}

fn finding(outcomes: Vec<(u8, Outcome)>) -> Finding {
    let interfaces = outcomes
        .into_iter()
        .map(|(device, outcome)| {
            (
                Interface {
                    label: format!("eth{device}"),
                    wish: Wish::Reserve { mac: mac(device), requested: None, remembered: None },
                },
                outcome,
            )
        })
        .collect();
    Finding {
        servers: vec![Attended { name: "http://kea:8000".into(), trouble: None }],
        prefix: Some(PREFIX.parse().unwrap()),
        subnet: Some(Subnet { id: 1, prefix: PREFIX.parse().unwrap() }),
        caveat: None,
        options: None,
        interfaces,
        unreleased: vec![],
        obstacle: None,
    }
}

fn reserved(device: u8) -> (u8, Outcome) {
    (device, Outcome::Reserved { mac: mac(device), address: address(device), owned: true })
}

fn waiting(device: u8) -> (u8, Outcome) {
    (device, Outcome::Waiting { mac: mac(device), absence: Absence::NoLease, held: false })
}

fn unreachable() -> Obstacle {
    Obstacle::Kea(KeaError::Unreachable { server: "http://kea:8000".into(), cause: "refused".into() })
}

fn condition<'a>(status: &'a NetworkConfigurationStatus, kind: &str) -> &'a Condition {
    status.conditions.iter().find(|condition| condition.type_ == kind).unwrap()
}

/// `phase`, `status`, and status and reason of `Ready`.
fn summary(status: &NetworkConfigurationStatus) -> [&str; 4] {
    let ready = condition(status, "Ready");
    assert_eq!(status.message.as_ref(), Some(&ready.message));
    assert_eq!(ready.observed_generation, Some(3));
    [status.phase.as_deref().unwrap(), status.status.as_deref().unwrap(), &ready.status, &ready.reason]
}

#[test]
fn all_reserved_is_ready() {
    let status = compute(&object(&[1, 2]), None, &finding(vec![reserved(1), reserved(2)]), &at(5));
    assert_eq!(summary(&status), ["Ready", "Success", "True", "Configured"]);
    assert_eq!(condition(&status, "Reserved").message, "10.0.0.1, 10.0.0.2");
    let first = &status.network_interfaces[0];
    assert_eq!(first.mac_address.as_deref(), Some("52:54:00:00:00:01"));
    assert_eq!(first.vlan.as_deref(), Some("7"));
    assert_eq!(first.ipv4_addresses, ["10.0.0.1"]);
    assert_eq!(first.ipv4_subnet.as_deref(), Some(PREFIX));
    assert_eq!((first.dhcp_reserved, first.ip_allocated), (Some(true), Some(true)));
    assert_eq!(first.allocation_method.as_deref(), Some("dhcp"));
    assert_eq!(status.conditions.iter().map(|c| c.type_.as_str()).collect::<Vec<_>>(), conditions::TYPES);
}

#[test]
fn the_spelling_of_a_mac_is_that_of_the_spec() {
    let mut spelled = object(&[0xab]);
    spelled.spec.network_interfaces[0].mac_address = Some("52-54-00-00-00-AB".into());
    let status = compute(&spelled, None, &finding(vec![reserved(0xab)]), &at(5));
    assert_eq!(status.network_interfaces[0].mac_address.as_deref(), Some("52-54-00-00-00-AB"));
}

#[test]
fn without_interfaces_there_is_nothing_to_do() {
    let status = compute(&object(&[]), None, &finding(vec![]), &at(5));
    assert_eq!(summary(&status), ["Ready", "Success", "True", "Configured"]);
    assert_eq!(status.message.as_deref(), Some("No MAC addresses to configure"));
}

#[test]
fn a_missing_lease_is_waited_for() {
    let status = compute(&object(&[1, 2]), None, &finding(vec![reserved(1), waiting(2)]), &at(5));
    assert_eq!(summary(&status), ["Reconciling", "InProgress", "False", "Reconciling"]);
    assert_eq!(condition(&status, "Reserved").message, "10.0.0.1, eth2: no lease yet");
    assert_eq!(
        condition(&status, "LeasesObserved").message,
        "eth2: no lease found for MAC 52:54:00:00:00:02"
    );
    assert_eq!(status.network_interfaces[1].dhcp_reserved, Some(false));
    assert!(status.network_interfaces[1].ipv4_addresses.is_empty());
}

#[test]
fn what_is_wrong_with_one_interface_is_said_and_the_others_count() {
    let invalid = (2, Outcome::Invalid { held: None, reason: "MAC address \"x\" …".into() });
    let conflict =
        (3, Outcome::Conflict { held: None, leased: Some(address(9)), reason: "10.0.0.9 is taken".into() });
    let status = compute(&object(&[1, 2, 3]), None, &finding(vec![reserved(1), invalid, conflict]), &at(5));
    assert_eq!(summary(&status), ["Error", "Failed", "False", "Error"]);
    assert_eq!(
        status.message.as_deref(),
        Some("1 of 3 interfaces reserved; eth2: MAC address \"x\" …; eth3: 10.0.0.9 is taken")
    );
    assert_eq!(condition(&status, "Reserved").reason, "Conflict");
    assert_eq!(condition(&status, "Reserved").message, "10.0.0.1, eth2: invalid, 10.0.0.9 (conflict)");
    // The device has the address, and keeps it visible.
    assert_eq!(status.network_interfaces[2].ipv4_addresses, ["10.0.0.9"]);
    assert_eq!(status.network_interfaces[2].dhcp_reserved, Some(false));
}

#[test]
fn what_stays_reserved_stays_visible_whatever_is_wrong() {
    let vm = object(&[1]);
    let (held, leased, reason) = (Some(address(1)), Some(address(9)), String::from("no"));
    let wrong = [
        Outcome::Invalid { held, reason: reason.clone() },
        Outcome::Conflict { held, leased, reason: reason.clone() },
        Outcome::Refused { held, leased, address: leased, reason },
    ];
    for outcome in wrong {
        let status = compute(&vm, None, &finding(vec![(1, outcome)]), &at(5));
        assert_eq!(status.network_interfaces[0].ipv4_addresses, ["10.0.0.1"]);
        assert_eq!(status.network_interfaces[0].dhcp_reserved, Some(true));
        assert_eq!(summary(&status)[0], "Error");
    }
}

#[test]
fn messages_are_never_too_long_to_be_written() {
    let many: Vec<u8> = (1..=200).collect();
    let outcomes = |device: &u8| (*device, Outcome::Invalid { held: None, reason: "ä".repeat(1000) });
    let finding = finding(many.iter().map(outcomes).collect());
    let status = compute(&object(&many), None, &finding, &at(5));
    let messages = status.conditions.iter().map(|condition| &condition.message);
    for message in messages.chain(&status.message) {
        assert!(message.len() < 5000, "{}", message.len());
    }
    assert!(status.message.unwrap().ends_with("ä … (cut)"));
}

#[test]
fn a_known_address_survives_an_unreachable_kea() {
    let vm = object(&[1]);
    let mut ready = compute(&vm, None, &finding(vec![reserved(1)]), &at(5));
    ready.network_interfaces[0].ipv4_gateway = Some("10.0.0.254".into());
    let mut down = finding(vec![(1, Outcome::Unknown)]);
    down.obstacle = Some(unreachable());
    let status = compute(&vm, Some(&ready), &down, &at(9));
    assert_eq!(summary(&status), ["Error", "Failed", "False", "Error"]);
    assert_eq!(status.network_interfaces, ready.network_interfaces);
    assert_eq!(condition(&status, "KeaReachable").reason, "KeaUnreachable");
    assert_eq!(condition(&status, "Reserved").status, "Unknown");
    assert_eq!(condition(&status, "Reserved").message, "10.0.0.1 (not checked)");
}

#[test]
fn times_change_with_the_status_of_a_condition_alone() {
    let vm = object(&[1]);
    let first = compute(&vm, None, &finding(vec![waiting(1)]), &at(5));
    let second = compute(&vm, Some(&first), &finding(vec![reserved(1)]), &at(9));
    assert_eq!(condition(&second, "Ready").last_transition_time, at(9));
    assert_eq!(condition(&second, "SubnetResolved").last_transition_time, at(5));
    assert_eq!(second.created, Some(at(5)));
    assert_eq!(compute(&vm, Some(&second), &finding(vec![reserved(1)]), &at(13)), second);
}

#[test]
fn what_is_the_same_is_not_written_and_others_conditions_do_not_count() {
    let status = compute(&object(&[1]), None, &finding(vec![reserved(1)]), &at(5));
    let mut before = status.clone();
    let mut foreign = before.conditions[0].clone();
    foreign.type_ = "Foreign".into();
    before.conditions.insert(1, foreign);
    before.conditions.reverse();
    assert!(says_the_same(Some(&before), &status));
    before.message = Some("else".into());
    assert!(!says_the_same(Some(&before), &status));
    assert!(!says_the_same(None, &status));
}

#[test]
fn an_interface_leaves_the_status_when_its_reservation_is_gone_and_not_before() {
    let both = compute(&object(&[1, 2]), None, &finding(vec![reserved(1), reserved(2)]), &at(5));
    let vm = object(&[2]);
    let mut stuck = finding(vec![(2, Outcome::Unknown)]);
    stuck.unreleased = both.network_interfaces.iter().filter_map(remembered).collect();
    stuck.obstacle = Some(unreachable());
    let status = compute(&vm, Some(&both), &stuck, &at(9));
    let names = |status: &NetworkConfigurationStatus| -> Vec<String> {
        status.network_interfaces.iter().filter_map(|interface| interface.name.clone()).collect()
    };
    assert_eq!(names(&status), ["eth2", "eth1"]);
    assert_eq!(names(&compute(&vm, Some(&status), &finding(vec![reserved(2)]), &at(13))), ["eth2"]);
}

#[test]
fn a_move_to_another_prefix_remembers_the_old_one_until_it_is_released() {
    let vm = object(&[1]);
    let before = compute(&vm, None, &finding(vec![reserved(1)]), &at(5));
    let mut moved = finding(vec![waiting(1)]);
    moved.prefix = Some("10.9.0.0/24".parse().unwrap());
    moved.unreleased = before.network_interfaces.iter().filter_map(remembered).collect();
    moved.obstacle = Some(unreachable());
    let status = compute(&vm, Some(&before), &moved, &at(9));
    let subnets: Vec<&str> =
        status.network_interfaces.iter().filter_map(|interface| interface.ipv4_subnet.as_deref()).collect();
    assert_eq!(subnets, ["10.9.0.0/24", PREFIX]);
    assert_eq!(status.network_interfaces[1].ipv4_addresses, ["10.0.0.1"]);
}

#[test]
fn a_missing_namespace_is_an_error_that_names_it() {
    let mut lost = finding(vec![(1, Outcome::Unknown)]);
    (lost.prefix, lost.subnet) = (None, None);
    let error = DereferenceError::Missing { name: "nn".into(), namespace: "a".into() };
    lost.obstacle = Some(Obstacle::Namespace(error));
    let status = compute(&object(&[1]), None, &lost, &at(5));
    assert_eq!(summary(&status), ["Error", "Failed", "False", "Error"]);
    assert_eq!(condition(&status, "SubnetResolved").reason, "NamespaceMissing");
    assert_eq!(condition(&status, "KeaReachable").status, "Unknown");
}

#[test]
fn a_deleted_object_is_deleting() {
    let mut vm = object(&[1]);
    vm.metadata.deletion_timestamp = Some(at(1));
    let mut stuck = finding(vec![(1, Outcome::Unknown)]);
    stuck.obstacle = Some(unreachable());
    let status = compute(&vm, None, &stuck, &at(5));
    assert_eq!(summary(&status), ["Deleting", "InProgress", "False", "Reconciling"]);
}

#[test]
fn each_transition_is_told_once() {
    let vm = object(&[1]);
    let reasons =
        |before: Option<&NetworkConfigurationStatus>, after: &NetworkConfigurationStatus| -> Vec<String> {
            notices::transitions(before, after).into_iter().map(|notice| notice.reason).collect()
        };
    let first = compute(&vm, None, &finding(vec![waiting(1)]), &at(5));
    assert_eq!(reasons(None, &first), ["NoLease"]);
    assert!(reasons(Some(&first), &first).is_empty());
    let mut down = finding(vec![(1, Outcome::Unknown)]);
    down.obstacle = Some(unreachable());
    let second = compute(&vm, Some(&first), &down, &at(6));
    assert_eq!(reasons(Some(&first), &second), ["KeaUnreachable"]);
    let third = compute(&vm, Some(&second), &finding(vec![reserved(1)]), &at(7));
    assert_eq!(reasons(Some(&second), &third), ["KeaReachable"]);
    let conflict = (1, Outcome::Conflict { held: None, leased: None, reason: "held by X".into() });
    let fourth = compute(&vm, Some(&third), &finding(vec![conflict]), &at(8));
    let told = notices::transitions(Some(&third), &fourth);
    assert_eq!(told[0].reason, "Conflict");
    assert!(told[0].note.contains("held by X"), "{told:?}");
}

#[test]
fn a_server_that_is_away_is_named_while_another_has_it_all() {
    let mut half = finding(vec![reserved(1)]);
    half.servers.push(Attended { name: "http://kea2:8000".into(), trouble: Some(unreachable()) });
    let status = compute(&object(&[1]), None, &half, &at(5));
    assert_eq!(summary(&status), ["Ready", "Success", "True", "Configured"]);
    let agree = condition(&status, "ServersAgree");
    assert_eq!((agree.status.as_str(), agree.reason.as_str()), ("False", "KeaUnreachable"));
    assert!(agree.message.starts_with("http://kea2:8000: "), "{}", agree.message);
    assert_eq!(condition(&status, "KeaReachable").message, "Kea at http://kea:8000 answers");
}

#[test]
fn what_is_not_pinned_is_reported_as_leased_and_why() {
    let unpinned = |mode| (1, Outcome::Unpinned { mac: mac(1), leased: address(1), mode });
    let status = compute(&object(&[1]), None, &finding(vec![unpinned(PinMode::Log)]), &at(5));
    assert_eq!(summary(&status), ["Ready", "Success", "True", "Configured"]);
    assert!(status.message.unwrap().contains("KEA_PIN_RESERVATIONS is log"));
    assert_eq!(status.network_interfaces[0].ipv4_addresses, ["10.0.0.1"]);
    assert_eq!(status.network_interfaces[0].dhcp_reserved, Some(false));
    let off = compute(&object(&[1]), None, &finding(vec![unpinned(PinMode::Off)]), &at(5));
    assert!(off.message.unwrap().ends_with("is not reserved: KEA_PIN_RESERVATIONS is off"));
}

#[test]
fn gateway_and_dns_are_reported_and_stay_while_they_are_not_known() {
    let vm = object(&[1]);
    let mut told = finding(vec![reserved(1)]);
    told.options = Some(NetworkOptions { gateway: Some(address(254)), dns: vec![address(53)] });
    let status = compute(&vm, None, &told, &at(5));
    let first = &status.network_interfaces[0];
    assert_eq!(
        (first.ipv4_gateway.as_deref(), &first.dns[..]),
        (Some("10.0.0.254"), &["10.0.0.53".to_owned()][..])
    );
    assert_eq!(
        compute(&vm, Some(&status), &finding(vec![reserved(1)]), &at(5)).network_interfaces,
        status.network_interfaces
    );
    told.options = Some(NetworkOptions::default());
    let status = compute(&vm, Some(&status), &told, &at(5));
    assert_eq!(status.network_interfaces[0].ipv4_gateway, None);
    assert!(status.network_interfaces[0].dns.is_empty());
}
