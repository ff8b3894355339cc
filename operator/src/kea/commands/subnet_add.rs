//! Adding a subnet, and making it last.

use serde_json::{Value, json};

use super::super::reply::Code;
use super::super::{KeaError, Repeat, Server};
use crate::domain::{NewSubnet, subnet_context};

/// What to do where a server cannot add subnets.
const REMEDY: &str = "load the hook libdhcp_host_cmds_rs.so (or, from Kea 2.7.7 on, Kea's own libdhcp_subnet_cmds.so) into \
                      kea-dhcp4, or add the subnet to its configuration";
/// From this release on, `require-client-classes` has another name.
const RENAMED: (u32, u32, u32) = (2, 7, 4);

impl Server {
    /// Adds a subnet, with this number, marked as that of the operator whose mark is `mark`.
    pub async fn add_subnet(&self, new: &NewSubnet, id: u32, mark: &str) -> Result<(), KeaError> {
        let Some(command) = self.dialect().await?.adds_subnets else {
            return Err(self.unsupported("subnet4-add", REMEDY));
        };
        let classes = if new.classes.is_empty() { "" } else { self.name_of_classes().await? };
        let arguments = json!({"subnet4": [description(new, id, mark, classes)]});
        // Whether a second attempt was one too many is seen in the list of subnets, which is read afterwards.
        let reply = self.call(command, Some(arguments), Repeat::Safe).await?;
        match reply.code {
            Code::Success => Ok(()),
            _ => Err(self.refused(command, reply)),
        }
    }

    /// What the classes of a pool that are evaluated late are called in this release of Kea.
    async fn name_of_classes(&self) -> Result<&'static str, KeaError> {
        let reply = self.call("version-get", None, Repeat::Safe).await?;
        Ok(match version(&reply.text) {
            Some(version) if version >= RENAMED => "evaluate-additional-classes",
            // The new name is unknown to older ones; newer ones know the old name, too.
            _ => "require-client-classes",
        })
    }

    /// Whether our hook is there and keeps subnets by itself.
    pub async fn keeps_subnets(&self) -> Result<bool, KeaError> {
        let config = self.found("config-get", None).await?.unwrap_or_default();
        Ok(has_keeper(&config))
    }

    /// Has Kea write its configuration, as it is now, into its file.
    pub async fn write_config(&self) -> Result<(), KeaError> {
        let command = "config-write";
        let reply = self.call(command, Some(json!({})), Repeat::Safe).await?;
        match reply.code {
            Code::Success => Ok(()),
            _ => Err(self.refused(command, reply)),
        }
    }
}

/// The release in a reply to `version-get`, such as `2.2.0` or `3.1.0-git`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = text.trim().split(['.', '-', '+']).map(|part| part.parse::<u32>().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

/// Whether a configuration has our hook with `persist-subnets`.
fn has_keeper(config: &Value) -> bool {
    let libraries = config["Dhcp4"]["hooks-libraries"].as_array().map_or(&[][..], Vec::as_slice);
    let is_ours = |library: &&Value| {
        library["library"].as_str().is_some_and(|path| path.ends_with("libdhcp_host_cmds_rs.so"))
    };
    libraries.iter().filter(is_ours).any(|library| library["parameters"]["persist-subnets"] == true)
}

fn description(new: &NewSubnet, id: u32, mark: &str, classes: &str) -> Value {
    let pools = new.pools.iter().map(|(first, last)| {
        let mut pool = json!({"pool": format!("{first} - {last}")});
        if !new.classes.is_empty() {
            pool[classes] = json!(new.classes);
        }
        pool
    });
    let dns: Vec<String> = new.dns.iter().map(ToString::to_string).collect();
    let options = [
        ("routers", 3, new.gateway.map(|gateway| gateway.to_string())),
        ("domain-name-servers", 6, (!dns.is_empty()).then(|| dns.join(", "))),
    ];
    let options = options.into_iter().filter_map(|(name, code, data)| {
        Some(json!({"name": name, "code": code, "space": "dhcp4", "csv-format": true, "data": data?}))
    });
    let mut subnet = json!({
        "id": id,
        "subnet": new.prefix,
        "pools": pools.collect::<Vec<_>>(),
        "option-data": options.collect::<Vec<_>>(),
        "user-context": subnet_context(mark, &new.request.namespace, &new.request.name),
    });
    let times = new.lifetimes;
    for (key, seconds) in
        [("valid-lifetime", times.valid), ("renew-timer", times.renew), ("rebind-timer", times.rebind)]
    {
        if let Some(seconds) = seconds {
            subnet[key] = seconds.into();
        }
    }
    subnet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Lifetimes, Request};

    #[test]
    fn releases_are_read() {
        assert_eq!(version("2.2.0"), Some((2, 2, 0)));
        assert_eq!(version("3.1.0-git\n"), Some((3, 1, 0)));
        assert!(version("2.7.4") >= Some(RENAMED) && version("2.7.3") < Some(RENAMED));
        assert_eq!(version("?"), None);
    }

    #[test]
    fn our_hook_keeps_subnets_only_if_it_is_told_to() {
        let config = |library: &str, keeps: Value| json!({"Dhcp4": {"hooks-libraries": [{"library": library, "parameters": {"persist-subnets": keeps}}]}});
        assert!(has_keeper(&config("/usr/lib/libdhcp_host_cmds_rs.so", true.into())));
        assert!(!has_keeper(&config("/usr/lib/libdhcp_host_cmds_rs.so", false.into())));
        assert!(!has_keeper(&config("/usr/lib/libdhcp_subnet_cmds.so", true.into())));
        assert!(!has_keeper(&json!({"Dhcp4": {}})));
    }

    #[test]
    fn what_is_not_set_is_not_said() {
        let mut new = NewSubnet {
            prefix: "10.1.0.0/24".parse().unwrap(),
            gateway: None,
            pools: vec![],
            dns: vec![],
            classes: vec![],
            lifetimes: Lifetimes::default(),
            request: Request { namespace: "a".into(), name: "n".into(), ..Request::default() },
        };
        let context = json!({"ext-owner": "m", "kea-operator": {"namespace": "a", "name": "n"}});
        assert_eq!(
            description(&new, 5, "m", ""),
            json!({"id": 5, "subnet": "10.1.0.0/24", "pools": [], "option-data": [], "user-context": context})
        );
        new.gateway = Some([10, 1, 0, 1].into());
        new.dns = vec![[10, 9, 9, 9].into(), [10, 9, 9, 8].into()];
        new.pools = vec![([10, 1, 0, 4].into(), [10, 1, 0, 254].into())];
        new.classes = vec!["c".into()];
        new.lifetimes = Lifetimes { valid: Some(4000), renew: Some(1000), rebind: Some(2000) };
        let said = description(&new, 5, "m", "require-client-classes");
        assert_eq!(
            said["pools"],
            json!([{"pool": "10.1.0.4 - 10.1.0.254", "require-client-classes": ["c"]}])
        );
        let data: Vec<&str> = said["option-data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|option| option["data"].as_str().unwrap())
            .collect();
        assert_eq!(data, ["10.1.0.1", "10.9.9.9, 10.9.9.8"]);
        assert_eq!(
            (&said["valid-lifetime"], &said["renew-timer"], &said["rebind-timer"]),
            (&json!(4000), &json!(1000), &json!(2000))
        );
    }
}
