//! Options in Kea's configuration.

use std::collections::HashMap;

use serde_json::Value;

use crate::domain::{NetworkOptions, option_addresses};

/// Numbers of the options (RFC 2132, sections 3.5 and 3.8).
const ROUTERS: u64 = 3;
const DNS: u64 = 6;

/// Arguments of a `config-get` reply: what each subnet, by number, tells its devices.
pub fn options_of_config(arguments: &Value) -> Result<HashMap<u32, NetworkOptions>, String> {
    let config = arguments.get("Dhcp4").ok_or("\"Dhcp4\" is missing")?;
    let global = options(config);
    let mut of_subnets = HashMap::new();
    let mut enter = |scope: &Value, wider: &NetworkOptions| {
        for subnet in items(scope, "subnet4") {
            if let Some(id) = subnet.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok()) {
                of_subnets.insert(id, options(subnet).or(wider));
            }
        }
    };
    enter(config, &global);
    for network in items(config, "shared-networks") {
        enter(network, &options(network).or(&global));
    }
    Ok(of_subnets)
}

fn items<'a>(scope: &'a Value, key: &str) -> &'a [Value] {
    scope.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The options of one scope. The first of a number counts, as a client takes the first address.
fn options(scope: &Value) -> NetworkOptions {
    let of = |number: u64| {
        let found = items(scope, "option-data").iter().find(|option| {
            let space = option.get("space").and_then(Value::as_str).unwrap_or("dhcp4");
            option.get("code").and_then(Value::as_u64) == Some(number) && space == "dhcp4"
        });
        let is_text =
            found.and_then(|option| option.get("csv-format")).and_then(Value::as_bool).unwrap_or(true);
        let data = found.and_then(|option| option.get("data")).and_then(Value::as_str).unwrap_or_default();
        option_addresses(data, is_text)
    };
    NetworkOptions { gateway: of(ROUTERS).first().copied(), dns: of(DNS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_come_from_the_subnet_its_network_or_all() {
        let routers = |data: &str| json!({"code": 3, "name": "routers", "space": "dhcp4", "data": data, "csv-format": true});
        let dns = |data: &str| json!({"code": 6, "name": "domain-name-servers", "data": data});
        let config = json!({"Dhcp4": {
            "option-data": [dns("10.0.0.53, 10.0.0.54"), {"code": 3, "space": "vendor-1", "data": "9.9.9.9"}],
            "subnet4": [{"id": 1, "option-data": [routers("10.0.1.1,10.0.1.2")]}, {"id": 2}],
            "shared-networks": [{"name": "n", "option-data": [routers("10.0.3.1"), dns("10.0.3.53")],
                "subnet4": [{"id": 3}, {"id": 4, "option-data": [routers("10.0.4.1")]}]}],
        }});
        let found = options_of_config(&config).unwrap();
        let text = |id: u32| {
            let options = &found[&id];
            let dns: Vec<String> = options.dns.iter().map(ToString::to_string).collect();
            (options.gateway.map(|gateway| gateway.to_string()), dns.join(","))
        };
        assert_eq!(text(1), (Some("10.0.1.1".into()), "10.0.0.53,10.0.0.54".into()));
        assert_eq!(text(2), (None, "10.0.0.53,10.0.0.54".into()));
        assert_eq!(text(3), (Some("10.0.3.1".into()), "10.0.3.53".into()));
        assert_eq!(text(4), (Some("10.0.4.1".into()), "10.0.3.53".into()));
        assert!(options_of_config(&json!({})).is_err());
    }
}
