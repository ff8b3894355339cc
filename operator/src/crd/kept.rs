//! A NetworkConfiguration as it is kept in memory.
//!
//! There are thousands, all of them in memory all the time, each with dozens of small texts that are the same in nearly all.
//! So the larger part of each is packed, and unpacked for as long as somebody looks at it.

use std::borrow::Cow;
use std::sync::LazyLock;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use lz4_flex::block::{compress_prepend_size_with_dict, decompress_size_prepended_with_dict};
use serde::{Deserialize, Deserializer};

use super::{NetworkConfiguration, NetworkConfigurationSpec, NetworkConfigurationStatus};

/// What most objects have in common is taken from here, so that it need not be in each. It says nothing about what is
/// possible.
static COMMON: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let condition = |kind, reason, message| {
        format!(
            r#"{{"lastTransitionTime":"2026-01-01T00:00:00Z","message":"{message}","observedGeneration":1,"reason":"{reason}","status":"True","type":"{kind}"}}"#
        )
    };
    let conditions = [
        condition("ServersAgree", "InSync", "one server"),
        condition("KeaReachable", "Reachable", "http://kea:8000"),
        condition("Reserved", "Reserved", "10.0.0.10, 10.0.0.11"),
        condition("LeasesObserved", "Leased", "all leases are known"),
        condition("SubnetResolved", "Resolved", "prefix 10.0.0.0/24 is in Kea subnet 10.0.0.0/24 (id 1)"),
        condition("Ready", "Configured", "1 of 1 interfaces reserved"),
    ];
    let spec = r#"{"name":"vm","description":"","networkNamespaceName":"network","datacenterIdentifier":"","supervisorIdentifier":"","clusterIdentifier":"","provider":"kea","networkInterfaces":[{"name":"eth0","macAddress":"02:00:00:00:00:00"}]}"#;
    let interface = r#"{"name":"eth0","macAddress":"02:00:00:00:00:00","ipv4Addresses":["10.0.0.10"],"vlan":"","ipv4Subnet":"10.0.0.0/24","ipv4Gateway":"10.0.0.1","dns":["10.0.0.2"],"dhcpReserved":true,"ipAllocated":true,"allocationMethod":"dhcp"}"#;
    format!(
        r#"[{spec},{{"conditions":[{}],"phase":"Ready","status":"Success","message":"2 of 2 interfaces reserved","created":"2026-01-01T00:00:00Z","networkInterfaces":[{interface},{interface}]}}]"#,
        conditions.join(",")
    )
    .into_bytes()
});

/// A [`NetworkConfiguration`] as it arrives: readable, or malformed with its metadata still known.
#[derive(Clone, Debug)]
pub struct AnyConfiguration {
    metadata: ObjectMeta,
    /// Spec and status, packed; or what is wrong with them.
    rest: Result<Box<[u8]>, String>,
}

impl AnyConfiguration {
    /// The object, or what is wrong with it.
    // It is read where it is looked at, and seldom an error.
    #[allow(clippy::result_large_err)]
    pub fn read(&self) -> Result<NetworkConfiguration, InvalidObject> {
        let invalid = |error| InvalidObject { error, metadata: self.metadata.clone() };
        let packed = self.rest.as_ref().map_err(|error| invalid(error.clone()))?;
        let (spec, status) = unpack(packed).map_err(invalid)?;
        Ok(NetworkConfiguration { metadata: self.metadata.clone(), spec, status })
    }
}

type Rest = (NetworkConfigurationSpec, Option<NetworkConfigurationStatus>);

fn pack(
    spec: &NetworkConfigurationSpec,
    status: Option<&NetworkConfigurationStatus>,
) -> Result<Box<[u8]>, String> {
    let json = serde_json::to_vec(&(spec, status)).map_err(|error| error.to_string())?;
    Ok(compress_prepend_size_with_dict(&json, &COMMON).into())
}

fn unpack(packed: &[u8]) -> Result<Rest, String> {
    let json = decompress_size_prepended_with_dict(packed, &COMMON).map_err(|error| error.to_string())?;
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}

impl From<NetworkConfiguration> for AnyConfiguration {
    fn from(object: NetworkConfiguration) -> Self {
        let NetworkConfiguration { metadata, spec, status } = object;
        Self { metadata, rest: pack(&spec, status.as_ref()) }
    }
}

impl<'de> Deserialize<'de> for AnyConfiguration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match DeserializeGuard::<NetworkConfiguration>::deserialize(deserializer)?.0 {
            Ok(object) => object.into(),
            Err(InvalidObject { error, metadata }) => Self { metadata, rest: Err(error) },
        })
    }
}

impl Resource for AnyConfiguration {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        NetworkConfiguration::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        NetworkConfiguration::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        NetworkConfiguration::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        NetworkConfiguration::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// As the API server sends an object that is ready.
    fn ready() -> Value {
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({
                "type": kind, "status": "True", "reason": reason, "message": message, "observedGeneration": 3,
                "lastTransitionTime": "2026-05-04T03:02:01Z",
            })
        };
        let interface = |name: &str, mac: &str, address: &str| {
            json!({
                "name": name, "macAddress": mac, "ipv4Addresses": [address], "ipv4Subnet": "10.64.0.0/10",
                "dhcpReserved": true, "ipAllocated": true, "allocationMethod": "dhcp",
            })
        };
        json!({
            "apiVersion": "vitistack.io/v1alpha1", "kind": "NetworkConfiguration",
            "metadata": {"name": "vm-07", "namespace": "team-a", "uid": "3f1c", "resourceVersion": "77"},
            "spec": {
                "name": "vm-07", "networkNamespaceName": "lab",
                "networkInterfaces": [
                    {"name": "eth0", "macAddress": "52:54:00:12:34:56"}, {"name": "eth1", "macAddress": "52:54:00:ab:cd:ef"},
                ],
            },
            "status": {
                "phase": "Ready", "status": "Success", "message": "2 of 2 interfaces reserved",
                "created": "2026-05-04T03:02:01Z",
                "conditions": [
                    condition("Ready", "Configured", "2 of 2 interfaces reserved"),
                    condition("SubnetResolved", "Resolved", "prefix 10.64.0.0/10 is in Kea subnet 10.64.0.0/10 (id 1)"),
                    condition("Reserved", "Reserved", "10.65.12.34, 10.65.12.35"),
                    condition("KeaReachable", "Reachable", "http://127.0.0.1:8000"),
                ],
                "networkInterfaces": [
                    interface("eth0", "52:54:00:12:34:56", "10.65.12.34"),
                    interface("eth1", "52:54:00:ab:cd:ef", "10.65.12.35"),
                ],
            },
        })
    }

    #[test]
    fn what_is_kept_is_what_came() {
        let bare = json!({"metadata": {"name": "vm"}, "spec": {"name": "vm"}});
        for object in [ready(), bare] {
            let kept: AnyConfiguration = serde_json::from_value(object.clone()).unwrap();
            let came: NetworkConfiguration = serde_json::from_value(object).unwrap();
            assert_eq!(kept.read().unwrap(), came);
            assert_eq!(kept.meta(), &came.metadata);
        }
    }

    #[test]
    fn it_takes_little_room() {
        let kept: AnyConfiguration = serde_json::from_value(ready()).unwrap();
        let length = kept.rest.unwrap().len();
        assert!(length < 600, "{length} bytes");
    }

    #[test]
    fn a_malformed_one_keeps_its_name_and_says_why() {
        let object = json!({"metadata": {"name": "vm"}, "spec": {"name": 5}});
        let kept: AnyConfiguration = serde_json::from_value(object).unwrap();
        let invalid = kept.read().unwrap_err();
        assert_eq!(invalid.metadata.name.as_deref(), Some("vm"));
        assert!(invalid.error.to_lowercase().contains("expected a string"), "{}", invalid.error);
    }
}
