//! Bad arguments: each gets one precise reply, changes nothing, and DHCP goes on.

mod support;

use kea_lab::{Kea, Lab};
use serde_json::{Value, json};
use support::mutations::{mutations, values, well_formed, well_formed_own};
use support::{
    SUBNET_ID, all_reservations, command_server, config, expect, expect_error, key, mac, reservation,
};

#[test]
fn texts_are_those_of_the_stock_hook() {
    let kea = command_server("texts");
    let missing_subnet = "missing parameter 'subnet-id', use 'reservation-get-by-address' with 'ip-address' set to \
                          \"10.77.1.1\" to get the list of reservations with this address";
    let missing_subnet_id = "missing parameter 'subnet-id', use 'reservation-get-by-id' with 'identifier-type' set \
                             to \"duid\" and 'identifier' to \"01:02:03\" to get the list of reservations with this \
                             identifier";
    let rows = [
        ("add", Value::Null, "no parameters specified for the command"),
        ("add", json!({}), "reservation must be specified"),
        (
            "add",
            json!({ "reservation": { "subnet-id": 99, "hw-address": mac(1), "ip-address": "10.77.1.1" }}),
            "IPv4 subnet with ID of '99' is not configured",
        ),
        (
            "add",
            json!({ "reservation": { "subnet-id": SUBNET_ID, "hw-address": mac(1), "ip-address": "10.78.1.1" }}),
            "specified reservation '10.78.1.1' is not matching the IPv4 subnet prefix '10.77.0.0/16'",
        ),
        (
            "add",
            json!({ "reservation": { "subnet-id": -1, "hw-address": mac(1) }}),
            "subnet-id: -1 is invalid, must be between 0 and 4294967294 (inclusive).",
        ),
        (
            "add",
            json!({ "reservation": { "subnet-id": 4_294_967_295_u32, "hw-address": mac(1) }}),
            "subnet-id: 4294967295 is invalid, must be between 0 and 4294967294 (inclusive).",
        ),
        (
            "add",
            json!({ "reservation": { "subnet-id": "1", "hw-address": mac(1) }}),
            "'subnet-id' parameter is not integer.",
        ),
        (
            "add",
            json!({ "reservation": { "hw-address": mac(1), "ip-address": "10.77.1.1" }}),
            "Mandatory 'subnet-id' parameter missing. The address '10.77.1.1' belongs to subnet '10.77.0.0/16' id 1.",
        ),
        (
            "add",
            json!({ "reservation": { "hw-address": mac(1), "ip-address": "192.0.2.1" }}),
            "Mandatory 'subnet-id' parameter missing. The address '192.0.2.1' belongs to no configured subnet.",
        ),
        ("get", Value::Null, "Parameters missing or are not a map."),
        ("get", json!([1]), "Parameters missing or are not a map."),
        ("del", json!("text"), "Parameters missing or are not a map."),
        ("get", json!({ "ip-address": "10.77.1.1" }), missing_subnet),
        ("del", json!({ "identifier-type": "duid", "identifier": "01:02:03" }), missing_subnet_id),
        (
            "get",
            json!({ "subnet-id": -1, "ip-address": "10.77.1.1" }),
            "The 'subnet-id' value (-1) is not within expected range: (0 - 4294967294)",
        ),
        (
            "get",
            json!({ "subnet-id": 1 }),
            "No 'ip-address' provided and 'identifier-type' is either missing or not a string.",
        ),
        (
            "get",
            json!({ "subnet-id": 1, "identifier-type": "duid" }),
            "No 'ip-address' provided and 'identifier' is either missing or not a string.",
        ),
        ("get", json!({ "subnet-id": 1, "ip-address": 7 }), "'ip-address' is not a string."),
        (
            "get",
            json!({ "subnet-id": 1, "identifier-type": "nose", "identifier": "01" }),
            "Value of 'identifier-type' was not recognized.",
        ),
        (
            "get",
            json!({ "subnet-id": 1, "identifier-type": "duid", "identifier": "zz" }),
            "Unable to parse 'identifier' value.",
        ),
        (
            "get",
            json!({ "subnet-id": 1, "identifier-type": "duid", "identifier": "" }),
            "Unable to query for empty 'identifier'.",
        ),
        (
            "get",
            json!({ "subnet-id": 1, "ip-address": "10.77.1.1", "operation-target": "moon" }),
            "The 'operation-target' value (moon) is not within expected set: (memory, database, all, default)",
        ),
        ("get-all", json!({ "subnet-id": 7777 }), "IPv4 subnet with ID of '7777' is not configured"),
        ("get-all", json!([]), "Parameters missing or are not a map."),
        (
            "get-by-id",
            json!({ "subnet-id": 1, "identifier-type": "duid", "identifier": "01:02:03" }),
            "'subnet-id' is forbidden in reservation-get-by-id",
        ),
        ("get-by-id", json!({}), "'identifier-type' is either missing or not a string."),
        (
            "get-by-id",
            json!({ "identifier-type": "duid" }),
            "'identifier' is either missing or not a string.",
        ),
        ("get-by-hostname", json!({ "hostname": "" }), "Empty hostname"),
        (
            "get-by-hostname",
            json!({ "hostname": "h", "subnet-id": 4_294_967_295_u32 }),
            "The 'subnet-id' value (4294967295) is not within expected range: (0 - 4294967294)",
        ),
        (
            "get-by-address",
            json!({ "ip-address": "10.77.1.1", "subnet-id": 7777 }),
            "IPv4 subnet with ID of '7777' is not configured",
        ),
        ("get-page", json!({ "limit": 0 }), "page size of retrieved hosts must not be 0"),
        (
            "get-page",
            json!({ "limit": 1, "source-index": 11 }),
            "The 'source-index' value (11) is not within expected range: (0 - 10)",
        ),
        (
            "get-page",
            json!({ "limit": 1, "subnet-id": 7777 }),
            "IPv4 subnet with ID of '7777' is not configured",
        ),
    ];
    for (command, arguments, text) in rows {
        for prefix in ["ext-", ""] {
            expect(&kea.command(&format!("{prefix}reservation-{command}"), &arguments).unwrap(), 1, text);
        }
    }
    let page = kea.command("ext-reservation-get-page", &json!({})).unwrap();
    expect_error(&page, &["missing parameter 'limit' (<wire>:0:"]);
    for (command, missing) in
        [("get-all", "subnet-id"), ("get-by-hostname", "hostname"), ("get-by-address", "ip-address")]
    {
        let reply = kea.command(&format!("ext-reservation-{command}"), &json!({})).unwrap();
        expect_error(&reply, &[&format!("missing parameter '{missing}' (<wire>:0:")]);
    }
    let global = json!({ "reservation": { "hw-address": mac(1), "hostname": "g" }});
    let text = "Host added. subnet-id not specified, assumed global (subnet-id 0).";
    expect(&kea.command("ext-reservation-add", &global).unwrap(), 0, text);
}

#[test]
fn senseless_reservations_are_refused() {
    let kea = command_server("senseless");
    let rows = [
        (json!({ "hw-address": "02-77-00-00-00-01" }), "invalid host identifier value '02-77-00-00-00-01'"),
        (json!({ "hw-address": "not a mac" }), "invalid host identifier value 'not a mac'"),
        (json!({ "hw-address": "" }), "host identifier"),
        (
            json!({ "hw-address": "01:".repeat(20) + "01" }),
            "too long client identifier type hw-address length 21 (:0:0)",
        ),
        (json!({ "hostname": "nobody" }), "one of the supported identifiers must be specified"),
        (json!({ "hw-address": mac(1), "duid": "01:02:03" }), "are mutually exclusive"),
        (json!({ "hw-address": mac(1), "ip-address": "10.77.1" }), "10.77.1"),
        (json!({ "hw-address": mac(1), "ip-address": "2001:db8::1" }), "2001:db8::1"),
        (json!({ "hw-address": mac(1), "ip-address": "0.0.0.0" }), "0.0.0.0"),
        (json!({ "hw-address": mac(1), "color": "red" }), "unsupported configuration parameter 'color'"),
        (json!({ "hw-address": mac(1), "user-context": null }), "'user-context' must be a map"),
        (json!({ "hw-address": mac(1), "user-context": "text" }), "'user-context' must be a map"),
        (
            json!({ "hw-address": mac(1), "option-data": [{ "name": "no-such-option", "data": "1" }]}),
            "definition for the option 'dhcp4.no-such-option' does not exist",
        ),
    ];
    for (mut reservation, text) in rows {
        reservation["subnet-id"] = json!(SUBNET_ID);
        let reply = kea.command("ext-reservation-add", &json!({ "reservation": reservation })).unwrap();
        expect_error(&reply, &[text]);
    }
    assert!(all_reservations(&kea).is_empty());
}

#[test]
fn wrong_types_everywhere_get_a_reply_and_dhcp_goes_on() {
    let lab = Lab::new("types").unwrap();
    let store = lab.dir().join("hosts4.db");
    let kea = Kea::on(&lab).unwrap().config(config(&store)).host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let device = lab.device("phone", &mac(1)).unwrap();
    let before = device.dhcp().unwrap().address;

    let mut replies = 0;
    let stock = well_formed().into_iter().map(|(command, arguments)| (command, arguments, true));
    let own = well_formed_own().into_iter().map(|(command, arguments)| (command, arguments, false));
    for (command, arguments, is_stock) in stock.chain(own) {
        for wrong in values() {
            for mutated in mutations(&arguments, &wrong) {
                let names = [Some(format!("ext-{command}")), is_stock.then(|| command.to_owned())];
                for name in names.into_iter().flatten() {
                    let reply = kea.command(&name, &mutated);
                    let reply = reply.unwrap_or_else(|error| panic!("{name} {mutated}: {error:#}"));
                    assert!(matches!(reply.result, 0 | 1 | 3), "{name} {mutated}: {}", reply.raw);
                    assert!(!reply.text.is_empty(), "{name} {mutated}: {}", reply.raw);
                    assert!(!reply.text.contains("internal error"), "{name} {mutated}: {}", reply.raw);
                    replies += 1;
                }
            }
        }
        // What some mutation added by being harmless must not be in the way of the next.
        kea.command("ext-reservation-del", &key(9)).unwrap();
    }
    for wrong in values() {
        let reply = kea.command("ext-status", &wrong).unwrap();
        assert_eq!(reply.result, 0, "{}", reply.raw);
        replies += 1;
    }
    assert!(replies > 1000, "only {replies} requests were made");
    assert_eq!(device.dhcp().unwrap().address, before, "{}", kea.tail());
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
}
