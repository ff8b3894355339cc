//! The operator on a pair of Kea's high availability (`libdhcp_ha.so`), hot standby: leases are copied by Kea, reservations by the
//! operator. What becomes of objects while a partner is away is tested in `operator_servers`, on such a pair too.

mod support;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/operator.rs"]
mod operator;

use fleet::{Site, address, mac, pair};
use kea_lab::{Kea, Lab, wait_for};
use operator::PATIENCE;
use serde_json::{Value, json};

/// A pair on a network with devices; the standby has no part in the network, and gets its leases from its partner alone.
fn site(name: &str) -> (Lab, Site) {
    let lab = Lab::new(name).unwrap();
    let servers = pair(|number| Kea::on(&lab).unwrap().name(["a", "b"][number]));
    let site = Site::over(servers);
    for server in 0..2 {
        wait_for_state(&site, server, "hot-standby");
    }
    (lab, site)
}

fn state(server: &Kea) -> Value {
    server.ask("status-get", &Value::Null).unwrap()["high-availability"][0]["ha-servers"]["local"]["state"]
        .take()
}

fn wait_for_state(site: &Site, server: usize, wanted: &str) {
    let kea = &site.servers[server];
    wait_for(format!("the state {wanted}"), PATIENCE, || (state(kea) == wanted).then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}: {}\n{}", state(kea), kea.tail()));
}

fn wait_for_log(site: &Site, text: &str) {
    let operator = site.operator.as_ref().unwrap();
    wait_for(format!("'{text}' in the log"), PATIENCE, || operator.log().contains(text).then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", site.log()));
}

/// Gives a device a lease on one server, as the partner of one that is away does.
fn lease_on(server: &Kea, device: usize) {
    let lease = json!({ "ip-address": address(device), "hw-address": mac(device), "subnet-id": 1 });
    server.ask("lease4-add", &lease).unwrap();
}

/// What `doctor` says of the pair: of each finding its severity, its server and itself.
fn findings(site: &Site) -> Vec<(String, String, String)> {
    let objects = format!("dir:{}", site.servers[0].dir().join("objects").display());
    let (first, second) = (site.url(0), site.url(1));
    let arguments =
        ["doctor", "--source", &objects, "--kea-url", &first, "--kea-secondary-url", &second, "-o", "json"];
    let said = operator::run(&arguments, &[]);
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let found = report["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "ha");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    found
        .map(|finding| (text(finding, "severity"), text(finding, "subject"), text(finding, "what")))
        .collect()
}

#[test]
fn a_pair_shares_its_leases_and_gets_its_reservations_from_the_operator() {
    let (lab, mut site) = site("hapair");
    let device = lab.device("phone", &mac(1)).unwrap();
    let leased = device.dhcp().unwrap().address.to_string();
    wait_for("the lease on the partner", PATIENCE, || {
        site.servers[1].lease4_by_mac(&mac(1)).unwrap().first().map(drop)
    })
    .unwrap();
    site.wish("one", &[1]);
    site.start_operator(&[]);
    let status = site.wait_for_phase("one", "Ready");
    assert_eq!(status["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));
    site.wait_for_condition("one", "ServersAgree", "True");
    for server in 0..2 {
        assert_eq!(site.reservations(server)[0]["ip-address"], leased.as_str());
    }
    wait_for_log(&site, "state=\"hot-standby\" answers=\"a\"");
    wait_for_log(&site, "state=\"hot-standby\" answers=\"\"");
    assert!(findings(&site).iter().all(|(severity, ..)| severity == "ok"), "{:?}", findings(&site));
}

#[test]
fn a_partner_that_is_away_or_in_maintenance_does_no_harm() {
    let (_lab, mut site) = site("hapartner");
    site.lease(1);
    site.wish("one", &[1]);
    site.start_operator(&[]);
    site.wait_for_phase("one", "Ready");
    site.expect_on_all(&[1]);

    // The primary is away: the standby serves its clients, and has what was reserved.
    site.servers[0].kill9().unwrap();
    wait_for_state(&site, 1, "partner-down");
    lease_on(&site.servers[1], 2);
    site.wish("two", &[2]);
    site.wait_for_phase("two", "Ready");
    site.expect_on(1, &[1, 2]);
    wait_for_log(&site, "state=\"partner-down\" answers=\"a\"");
    let (second, found) = (site.url(1), findings(&site));
    let told = |(severity, server, what): &(String, String, String)| {
        severity == "warning" && *server == second && what.contains("partner-down")
    };
    assert!(found.iter().any(told), "{found:?}");

    // It returns, with the leases of its partner.
    site.servers[0].restart().unwrap();
    site.wait_for_condition("two", "ServersAgree", "True");
    site.expect_on_all(&[1, 2]);
    for server in 0..2 {
        wait_for_state(&site, server, "hot-standby");
    }
    assert_eq!(site.servers[0].lease4_by_mac(&mac(2)).unwrap().len(), 1);

    // The primary is taken out of service by its partner; it answers commands, and is written to.
    site.servers[1].ask("ha-maintenance-start", &Value::Null).unwrap();
    wait_for_state(&site, 1, "partner-in-maintenance");
    for server in &site.servers {
        lease_on(server, 3);
    }
    site.wish("three", &[3]);
    site.wait_for_phase("three", "Ready");
    site.wait_for_condition("three", "ServersAgree", "True");
    site.expect_on_all(&[1, 2, 3]);
    site.servers[1].ask("ha-maintenance-cancel", &Value::Null).unwrap();
    for server in 0..2 {
        wait_for_state(&site, server, "hot-standby");
    }
    site.unwish("one");
    site.wait_until_gone("one");
    site.expect_on_all(&[2, 3]);
}
