use serde_json::json;

use super::*;

fn one(file: &str) -> Entry {
    let mut document = read(file.as_bytes()).unwrap();
    assert!(document.problems.is_empty(), "{:?}", document.problems);
    assert_eq!(document.entries.len(), 1);
    document.entries.remove(0)
}

fn members(file: &str) -> Value {
    Value::Object(one(file).members)
}

fn problem(file: &str) -> Problem {
    let mut document = read(file.as_bytes()).unwrap();
    assert_eq!(document.problems.len(), 1, "{:?}", document.problems);
    document.problems.remove(0)
}

#[test]
fn a_host_with_everything() {
    let file = r#"
        # The printer.
        host printer {
            hardware ethernet 2:0:0:0:0:A; fixed-address 10.0.0.1;
            option host-name "laser"; option routers 10.0.0.254; option domain-name-servers 192.0.2.1, 192.0.2.2;
            filename "boot"; server-name "tftp"; next-server 192.0.2.3; allow booting;
        }"#;
    assert_eq!(one(file).at, Place { line: 3, column: 9 });
    assert_eq!(
        members(file),
        json!({
            "hw-address": "02:00:00:00:00:0a", "ip-address": "10.0.0.1", "hostname": "laser",
            "option-data": [{ "code": 3, "data": "10.0.0.254" }, { "code": 6, "data": "192.0.2.1, 192.0.2.2" }],
            "boot-file-name": "boot", "server-hostname": "tftp", "next-server": "192.0.2.3",
            "user-context": { "dhcpd-host": "printer" },
        })
    );
}

#[test]
fn groups_speak_for_their_hosts() {
    let file = r#"
        option domain-name "not of a host";
        use-host-decl-names on;
        group {
            group office { host a { hardware ethernet 02:00:00; option routers 10.0.0.2; } filename "inner"; }
            subnet 10.0.0.0 netmask 255.255.0.0 { option routers 10.0.0.9; pool { range 10.0.0.1 10.0.0.2; } }
            option routers 10.0.0.1;
            option log-servers 10.0.0.1;
            filename "outer";
        }"#;
    assert_eq!(
        members(file),
        json!({
            "hw-address": "02:00:00", "hostname": "a", "boot-file-name": "inner",
            "option-data": [{ "code": 3, "data": "10.0.0.2" }, { "code": 7, "data": "10.0.0.1" }],
        })
    );
}

#[test]
fn hosts_of_dhcpv6() {
    let file = r"
        group {
            option domain-name-servers 192.0.2.1; option dhcp6.name-servers 2001:db8::53;
            host x {
                host-identifier option dhcp6.client-id 00:01:0a;
                fixed-address6 2001:db8::1; fixed-prefix6 2001:db8:1::/48;
            }
        }";
    assert_eq!(one(file).family, Family::V6);
    assert_eq!(
        members(file),
        json!({
            "duid": "00:01:0a", "ip-addresses": ["2001:db8::1"], "prefixes": ["2001:db8:1::/48"],
            "option-data": [{ "code": 23, "data": "2001:db8::53" }], "user-context": { "dhcpd-host": "x" },
        })
    );
}

#[test]
fn each_address_is_a_reservation() {
    let document =
        read(b"host a { option dhcp-client-identifier \"port 7\"; fixed-address 10.0.0.1, 10.1.0.1; }")
            .unwrap();
    let addresses: Vec<_> =
        document.entries.iter().map(|entry| entry.members["ip-address"].clone()).collect();
    assert_eq!(addresses, [json!("10.0.0.1"), json!("10.1.0.1")]);
    assert_eq!(document.entries[1].members["client-id"], json!("70:6f:72:74:20:37"));
}

#[test]
fn nothing_is_lost_silently() {
    for (statement, text, part) in [
        ("option vendor-thing 5;", "'option vendor-thing 5' cannot be taken over", true),
        ("max-lease-time 5;", "'max-lease-time 5' cannot be taken over", true),
        ("if known { filename \"x\"; }", "'if known { … }' cannot be taken over", true),
        ("option routers gw;", "no IPv4 address", true),
        ("next-server tftp;", "no IPv4 address", true),
        ("fixed-address printer.example;", "write the address of that name", false),
        ("deny booting;", "the class DROP", false),
        ("uid \"x\";", "several identifiers", false),
        ("host-identifier option agent.remote-id 1:2;", "flex-id", false),
        ("hardware token-ring 1:2:3;", "only 'hardware ethernet'", false),
        ("fixed-address 10.0.0.1; fixed-address6 2001:db8::1;", "make it two hosts", false),
    ] {
        let file = format!("host x {{\nhardware ethernet 02:00:00;\n{statement}\n}}");
        let found = problem(&file);
        assert!(found.text.contains(text) && found.text.starts_with("host x: "), "{statement}: {found:?}");
        assert_eq!(found.part, part, "{statement}");
        assert_eq!(read(file.as_bytes()).unwrap().entries.len(), usize::from(part), "{statement}");
        assert!(matches!(found.at.line, 1 | 3), "{found:?}");
    }
    assert!(problem("host x { fixed-address 10.0.0.1; }").text.contains("no identifier"));
    assert!(problem("include \"hosts.conf\";").text.contains("by itself"));
    assert!(problem("class \"x\" { host a { } }").text.contains("1 hosts in 'class \"x\"'"));
    assert!(problem("group { default-lease-time 5; host a { hardware ethernet 1:2; } }").part);
    // Nobody is concerned.
    assert!(
        read(b"group { default-lease-time 5; } failover peer \"x\" { mclt 5; }").unwrap().problems.is_empty()
    );
}
