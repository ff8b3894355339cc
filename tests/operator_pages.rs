//! The listing of all reservations, with a real Kea: our hook, and where Kea has its own, that alone.

mod support;

use futures::TryStreamExt;
use kea_lab::{Database, Kea, KeaInstallation, SqlKind};
use kea_operator::domain::{Extras, Identifier, Ownership};
use kea_operator::kea::{Endpoint, HttpSettings, Limits, Listed, Server, open};
use serde_json::{Value, json};
use support::site::{add, with};
use support::{SUBNET_ID, config, config_without_store, expect, key, mac, reservation};

fn server(kea: &Kea) -> Server {
    let endpoint = Endpoint::Unix(kea.socket().path().to_owned());
    let transport = open(&endpoint, &HttpSettings::default()).unwrap();
    Server::new(transport, endpoint.to_string(), Limits::default())
}

fn list(kea: &Kea) -> Vec<Listed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(server(kea).reservations().try_collect()).unwrap()
}

/// Source, number of the client, and whether Kea uses another one for it.
fn told(listed: &[Listed]) -> Vec<(u32, usize, bool)> {
    let told = |listed: &Listed| {
        let Identifier::HwAddress(device) = &listed.reservation.identifier else {
            panic!("{listed:?}");
        };
        let number = u32::from_str_radix(&device.to_string().replace(':', "")[6..], 16).unwrap();
        assert_eq!(listed.reservation.subnet_id, SUBNET_ID);
        (listed.source_index, usize::try_from(number).unwrap(), listed.shadowed)
    };
    listed.iter().map(told).collect()
}

#[test]
fn everything_is_listed_once_in_order_and_with_its_owner() {
    const COUNT: usize = 2300;
    let builder = Kea::without_network("pages").unwrap();
    let config = config(&builder.dir().join("hosts4.db"));
    let builder = builder.config(config).lease_cmds().unwrap();
    let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    assert_eq!(list(&kea), []);
    let wanted: Vec<Value> = (1..=COUNT).map(|index| reservation(index)["reservation"].take()).collect();
    kea.ask("ext-reservation-apply", &json!({ "owner": "a", "reservations": wanted })).unwrap();
    for index in [7, COUNT + 1] {
        add(&kea, "memory", &reservation(index)["reservation"]);
    }
    let in_memory = [(0, 7, false), (0, COUNT + 1, false)];
    let stored = |index| (1, index, index == 7);
    let expected: Vec<_> = in_memory.into_iter().chain((1..=COUNT).map(stored)).collect();
    let listed = list(&kea);
    assert_eq!(told(&listed), expected);
    assert_eq!(listed[0].reservation.ownership, Ownership::Unowned);
    assert_eq!(listed[2].reservation.ownership, Ownership::Owned { owner: "a".into(), object: None });
    assert_eq!(listed[2].reservation.extras, Extras::Some);

    // An end in the middle of a page, and the other end of one.
    kea.command("ext-reservation-del", &key(1)).unwrap().success().unwrap();
    assert_eq!(list(&kea).len(), expected.len() - 1);
}

/// Reservations of DHCPv6 fill whole pages between those of DHCPv4.
#[test]
fn keas_own_hook_hides_nothing() {
    if !KeaInstallation::find().unwrap().hook("libdhcp_host_cmds.so").exists() {
        return;
    }
    let database = Database::new(SqlKind::PostgreSql).unwrap();
    let builder = Kea::without_network("pages").unwrap();
    let subnets = json!([{ "id": 2, "subnet": "10.78.0.0/16" }, config_without_store()["subnet4"][0]]);
    let builder = builder.config(with(config_without_store(), &json!({ "subnet4": subnets })));
    let builder = builder.stock_hook("libdhcp_host_cmds.so", Value::Null).unwrap().lease_cmds().unwrap();
    let kea = builder.hosts_database(&database).unwrap().start().unwrap();
    let add = |index: usize, target: &str| {
        let arguments = with(reservation(index), &json!({ "operation-target": target }));
        expect(&kea.command("reservation-add", &arguments).unwrap(), 0, "Host added.");
    };
    add(1, "database");
    let of_dhcp6 = "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp6_subnet_id) \
                    SELECT decode(lpad(to_hex(i), 12, '0'), 'hex'), 0, 1 FROM generate_series(1, 1999) AS i";
    database.query(of_dhcp6).unwrap();
    add(2, "database");
    add(2, "memory");
    let page = json!({ "limit": 1000, "source-index": 1, "from": 1 });
    // The trap that this is about.
    assert_eq!(kea.command("reservation-get-page", &page).unwrap().result, 3);
    let listed = list(&kea);
    assert_eq!(told(&listed), [(0, 2, false), (1, 1, false), (1, 2, true)]);
    assert_eq!(listed[0].reservation.identifier.to_string(), format!("MAC {}", mac(2)));
}
