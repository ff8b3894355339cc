//! A server with the hook and an embedded store, on a network with real clients.

use std::net::Ipv4Addr;

use kea_lab::{Device, Family, Interface4, Kea, Lab, Relay, SERVER_INTERFACE};
use serde_json::{Value, json};

use super::expect;

/// The network behind the relay of [`Site::relay`].
pub const BEHIND: Interface4 = Interface4 { address: Ipv4Addr::new(10, 88, 0, 1), prefix_length: 16 };
/// The relay's address in the network of the server.
const UPLINK: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// Where the commands put a reservation: both are tested everywhere.
pub const TARGETS: [&str; 2] = ["memory", "database"];

/// A lab with one server, which has the hook under test, a store and `lease_cmds`.
#[derive(Debug)]
pub struct Site {
    // Before the lab that it stands in: fields are dropped in this order.
    pub kea: Kea,
    pub lab: Lab,
}

impl Site {
    /// With this content of `Dhcp4` or `Dhcp6`, which names no database.
    pub fn new(family: Family, config: Value) -> Self {
        Self::with_hooks(family, config, &[])
    }

    /// With hooks of Kea beside, and their parameters.
    pub fn with_hooks(family: Family, config: Value, hooks: &[(&str, Value)]) -> Self {
        let lab = Lab::new("site").unwrap();
        let mut builder = Kea::on(&lab).unwrap().family(family).config(Self::with_store(&lab, config));
        for (file, parameters) in hooks {
            builder = builder.stock_hook(file, parameters.clone()).unwrap();
        }
        let kea = builder.lease_cmds().unwrap().host_cmds(Value::Null).unwrap().start().unwrap();
        Self { kea, lab }
    }

    fn with_store(lab: &Lab, mut config: Value) -> Value {
        config["hosts-databases"] = json!([{ "type": "memfile", "name": lab.dir().join("hosts.db") }]);
        config
    }

    /// Gives the server another configuration. Reservations in its memory are gone, those in the store are not.
    pub fn reconfigure(&self, config: Value) {
        self.kea.config_set(&Self::with_store(&self.lab, config)).unwrap().success().unwrap();
    }

    /// Plugs in a device with the MAC address of client number `index`.
    pub fn device(&self, index: usize) -> Device {
        self.lab.device(&format!("d{index}"), &super::mac(index)).unwrap()
    }

    /// Connects the network [`BEHIND`] through a relay.
    pub fn relay(&self) -> Relay {
        self.lab.relay("relay", BEHIND, UPLINK).unwrap()
    }
}

impl Site {
    /// Expects that of a device's reservations, one for each of its `identifiers`, the right one counts: `rows` has the
    /// types that are looked at, in their order, and the one that wins. `reserved` makes what is reserved (for the n-th
    /// target, for the n-th identifier), and `asks` what the device gets, in the same form.
    pub fn expect_winners(
        &self,
        rows: &[(&[&str], &str)],
        identifiers: &[(&str, String)],
        configuration: impl Fn(&[&str]) -> Value,
        subnet: u32,
        reserved: impl Fn(usize, usize) -> Value,
        asks: impl Fn() -> Value,
    ) {
        for (number, target) in (1..).zip(TARGETS) {
            let fill = || {
                for (place, (kind, identifier)) in (1..).zip(identifiers) {
                    let mut reservation = reserved(number, place);
                    reservation["subnet-id"] = json!(subnet);
                    reservation[*kind] = json!(identifier);
                    add(&self.kea, target, &reservation);
                }
            };
            if target == "database" {
                fill();
            }
            for (types, winner) in rows {
                self.reconfigure(configuration(types));
                if target == "memory" {
                    fill();
                }
                let place = identifiers.iter().position(|(kind, _)| kind == winner).unwrap() + 1;
                assert_eq!(asks(), reserved(number, place), "{target}: {types:?}");
            }
        }
    }
}

/// A configuration of kea-dhcp6 with small pools of addresses and prefixes.
pub fn config6() -> Value {
    json!({
        "subnet6": [{
            "id": super::SUBNET_ID,
            "subnet": "2001:db8:77::/64",
            "interface": SERVER_INTERFACE,
            "pools": [{ "pool": "2001:db8:77::100 - 2001:db8:77::11f" }],
            "pd-pools": [{ "prefix": "2001:db8:8000::", "prefix-len": 48, "delegated-len": 56 }],
        }],
        "option-data": [{ "name": "preference", "data": "255", "always-send": true }],
        "ddns-send-updates": false,
    })
}

/// Adds a reservation.
#[track_caller]
pub fn add(kea: &Kea, target: &str, reservation: &Value) {
    let arguments = json!({ "reservation": reservation, "operation-target": target });
    expect(&kea.command("ext-reservation-add", &arguments).unwrap(), 0, "Host added.");
}

/// Updates a reservation.
#[track_caller]
pub fn update(kea: &Kea, target: &str, reservation: &Value) {
    let arguments = json!({ "reservation": reservation, "operation-target": target });
    expect(&kea.command("ext-reservation-update", &arguments).unwrap(), 0, "Host updated.");
}

/// Deletes the reservation that `key` names.
#[track_caller]
pub fn delete(kea: &Kea, target: &str, key: &Value) {
    let mut arguments = key.clone();
    arguments["operation-target"] = json!(target);
    expect(&kea.command("ext-reservation-del", &arguments).unwrap(), 0, "Host deleted.");
}

/// `value` with some of its members replaced, or removed where they are `null`.
pub fn with(mut value: Value, changes: &Value) -> Value {
    let map = value.as_object_mut().unwrap();
    for (name, change) in changes.as_object().unwrap() {
        map.remove(name);
        if !change.is_null() {
            map.insert(name.clone(), change.clone());
        }
    }
    value
}
