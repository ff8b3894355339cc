//! The parts of a server's configuration that the checks look at.

use std::fmt;

use serde_json::Value;

/// `Dhcp4` as `config-get` prints it. Kea replaces the `reservation-mode` of older configurations by flags there.
#[derive(Clone, Copy)]
pub struct Config<'a>(pub &'a Value);

/// A subnet and where it is.
#[derive(Clone, Copy)]
pub struct Subnet<'a> {
    own: &'a Value,
    network: Option<&'a Value>,
}

/// Where a setting is from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Set for all subnets, or Kea's default.
    Global,
    /// Of the shared network of that name.
    Network(String),
    /// Of the subnet itself.
    Subnet(String),
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => write!(f, "the top level of Dhcp4"),
            Self::Network(name) => write!(f, "shared network {name}"),
            Self::Subnet(name) => write!(f, "subnet {name}"),
        }
    }
}

/// The items of a list; none where there is no such list.
pub fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

impl<'a> Config<'a> {
    /// All subnets, those of shared networks too.
    pub fn subnets(self) -> impl Iterator<Item = Subnet<'a>> {
        let alone = items(self.0, "subnet4").iter().map(|own| Subnet { own, network: None });
        let shared = items(self.0, "shared-networks").iter().flat_map(|network| {
            items(network, "subnet4").iter().map(move |own| Subnet { own, network: Some(network) })
        });
        alone.chain(shared)
    }

    /// A setting of the top level, or Kea's `default` of it.
    pub fn flag(self, name: &str, default: bool) -> bool {
        self.0[name].as_bool().unwrap_or(default)
    }

    /// What counts for a subnet: its own setting, else that of its shared network, else that of the top level.
    pub fn flag_of(self, subnet: Subnet<'_>, name: &str, default: bool) -> (bool, Level) {
        if let Some(value) = subnet.own[name].as_bool() {
            return (value, Level::Subnet(subnet.name()));
        }
        if let Some((network, value)) = subnet.network.and_then(|n| Some((n, n[name].as_bool()?))) {
            return (value, Level::Network(network["name"].as_str().unwrap_or_default().into()));
        }
        (self.flag(name, default), Level::Global)
    }

    /// The host databases, in their order.
    pub fn hosts_databases(self) -> Vec<&'a Value> {
        let one = self.0.get("hosts-database").filter(|entry| entry.is_object());
        one.into_iter().chain(items(self.0, "hosts-databases")).collect()
    }

    /// A hook library, by the beginning of its file name.
    pub fn hook(self, file: &str) -> Option<&'a Value> {
        items(self.0, "hooks-libraries").iter().find(|hook| {
            hook["library"]
                .as_str()
                .is_some_and(|path| path.rsplit('/').next().unwrap_or(path).starts_with(file))
        })
    }

    /// The folder of the hooks that are loaded, or Debian's.
    pub fn hooks_folder(self) -> &'a str {
        items(self.0, "hooks-libraries")
            .iter()
            .find_map(|hook| Some(hook["library"].as_str()?.rsplit_once('/')?.0))
            .unwrap_or("/usr/lib/x86_64-linux-gnu/kea/hooks")
    }
}

impl Subnet<'_> {
    /// All of it.
    pub fn json(&self) -> &Value {
        self.own
    }

    /// Number and prefix.
    pub fn name(self) -> String {
        format!("{} ({})", self.own["id"], self.own["subnet"].as_str().unwrap_or("no prefix"))
    }

    /// Whether addresses are given out without a reservation.
    pub fn has_pools(self) -> bool {
        !items(self.own, "pools").is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_nearest_setting_counts() {
        let config = json!({
            "f": false,
            "subnet4": [{"id": 1, "subnet": "10.0.1.0/24"}, {"id": 2, "subnet": "10.0.2.0/24", "f": true}],
            "shared-networks": [
                {"name": "n", "f": true, "subnet4": [{"id": 3, "subnet": "10.0.3.0/24"}]},
                {"name": "m", "subnet4": [{"id": 4, "subnet": "10.0.4.0/24"}]},
            ],
        });
        let config = Config(&config);
        let found: Vec<(bool, Level)> = config.subnets().map(|s| config.flag_of(s, "f", true)).collect();
        assert_eq!(
            found,
            [
                (false, Level::Global),
                (true, Level::Subnet("2 (10.0.2.0/24)".into())),
                (true, Level::Network("n".into())),
                (false, Level::Global),
            ]
        );
        let subnet = config.subnets().next().unwrap();
        assert_eq!(config.flag_of(subnet, "g", true), (true, Level::Global));
    }

    #[test]
    fn hooks_are_known_by_their_file() {
        let config = json!({"hooks-libraries": [{"library": "/a/libdhcp_ha.so"}]});
        assert!(Config(&config).hook("libdhcp_ha.so").is_some());
        assert!(Config(&config).hook("libdhcp_lease_cmds.so").is_none());
        assert_eq!(Config(&config).hooks_folder(), "/a");
    }
}
