//! Which of a client's leases is reserved for it: `"address": "lease"` in `ext-reservation-apply`.

mod support;

use kea_lab::{Family, wait_for};
use serde_json::json;
use support::site::{Site, config6, with};
use support::wishes::{PATIENCE, apply, apply_one, pending, status_of, wait_for_wishes, wish, wish_of};
use support::{SUBNET_ID, config_without_store, mac};

/// Another subnet beside the usual one, of which clients get leases where the usual one is closed to them.
const OTHER_SUBNET: u32 = 700;

#[test]
fn leases_that_nobody_may_use_are_never_pinned() {
    let site = Site::new(Family::V4, config_without_store());
    let kea = &site.kea;
    let declined =
        json!({ "subnet-id": SUBNET_ID, "ip-address": "10.77.100.51", "hw-address": mac(1), "state": 1 });
    let expired = json!({
        "subnet-id": SUBNET_ID, "ip-address": "10.77.100.52", "hw-address": mac(2),
        "expire": 1_600_000_000, "valid-lft": 60,
    });
    for lease in [declined, expired] {
        kea.ask("lease4-add", &lease).unwrap();
    }
    let done = apply(kea, &[wish(1), wish(2)]);
    assert_eq!(done["counts"], json!({ "pending": 2 }));
    assert_eq!(pending(kea)["total"], json!(2));
}

#[test]
fn of_what_a_client_declined_and_what_it_got_the_latter_is_pinned() {
    for (family, configuration) in [(Family::V4, config_without_store()), (Family::V6, config6())] {
        let site = Site::new(family, configuration);
        let kea = &site.kea;
        let (intruder, device) = (site.device(2), site.device(1));
        let take = |address: &[&str]| {
            intruder.namespace().ip(&[&["address", "add"], address, &["dev", "eth0"]].concat()).unwrap();
        };
        // The first addresses of the pool.
        let (got, listed) = match family {
            Family::V4 => {
                take(&["10.77.100.1/16"]);
                let got = device.request().checking().run().unwrap().address.to_string();
                (json!(got), kea.leases4().unwrap())
            }
            Family::V6 => {
                take(&["2001:db8:77::100/64", "nodad"]);
                let got = device.request6().checking().run().unwrap().addresses[0].to_string();
                (json!([got]), kea.leases6().unwrap())
            }
        };
        assert!(
            listed.iter().any(|lease| lease["state"] == json!(1)),
            "{family}: nothing is declined: {listed:?}"
        );
        let entry = apply_one(kea, &wish_of(family, 1));
        assert_eq!(status_of(&entry), "added", "{family}: {entry}");
        assert_eq!(entry.get("ip-address").or(entry.get("ip-addresses")), Some(&got), "{family}: {entry}");
    }
}

#[test]
fn what_a_client_let_run_out_is_never_pinned() {
    let soon_over =
        json!({ "valid-lifetime": 2, "expired-leases-processing": { "reclaim-timer-wait-time": 1 } });
    let config6 = with(config6(), &json!({ "preferred-lifetime": 1 }));
    for (family, configuration) in [(Family::V4, config_without_store()), (Family::V6, config6)] {
        let site = Site::new(family, with(configuration, &soon_over));
        let kea = &site.kea;
        match family {
            Family::V4 => drop(site.device(1).dhcp().unwrap()),
            Family::V6 => drop(site.device(1).dhcp6().unwrap()),
        }
        wait_for("the lease to be reclaimed", PATIENCE, || {
            let leases = if family == Family::V4 { kea.leases4() } else { kea.leases6() };
            (leases.unwrap()[0]["state"] == json!(2)).then_some(())
        })
        .unwrap();
        let entry = apply_one(kea, &wish_of(family, 1));
        assert_eq!(status_of(&entry), "pending", "{family}: {entry}");
        wait_for_wishes(kea, 1);
        kea.reload().unwrap().success().unwrap();
        wait_for_wishes(kea, 1);
    }
}

/// A client may have sent one client identifier after the other.
#[test]
fn of_several_leases_the_newest_is_pinned() {
    let site = Site::new(Family::V4, config_without_store());
    let begin = 4_102_444_800_i64;
    for (index, older, newer) in [(1, 61, 62), (2, 64, 63)] {
        for (age, last) in [older, newer].into_iter().enumerate() {
            let lease = json!({
                "subnet-id": SUBNET_ID, "ip-address": format!("10.77.100.{last}"), "hw-address": mac(index),
                "client-id": format!("01:0{age}"), "valid-lft": 3600, "expire": begin + 60 * i64::try_from(age).unwrap(),
            });
            site.kea.ask("lease4-add", &lease).unwrap();
        }
        let entry = apply_one(&site.kea, &wish(index));
        assert_eq!(entry["ip-address"], json!(format!("10.77.100.{newer}")), "{entry}");
    }
}

#[test]
fn a_lease_in_another_subnet_is_told_and_not_pinned() {
    let mut config = config_without_store();
    let other = json!({ "id": OTHER_SUBNET, "subnet": "10.99.0.0/16" });
    config["subnet4"].as_array_mut().unwrap().push(other);
    let site = Site::new(Family::V4, config);
    let lease = json!({ "subnet-id": OTHER_SUBNET, "ip-address": "10.99.0.9", "hw-address": mac(1) });
    site.kea.ask("lease4-add", &lease).unwrap();
    let entry = apply_one(&site.kea, &wish(1));
    assert_eq!(
        entry,
        json!({
            "status": "pending",
            "text": "Host waits for a lease; it has leases in other subnets only.",
            "leases": [{ "subnet-id": OTHER_SUBNET, "ip-address": "10.99.0.9" }],
        })
    );
}
