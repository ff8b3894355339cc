//! The Kubernetes objects that the operator reads, `vitistack.io/v1alpha1`.
//!
//! The types are wider than the schemas: where a schema restricts a string, the type keeps it a string, so that an
//! object written under other rules (an older CRD, a YAML file) is still read and reported on, never lost.

mod kept;
mod network_configuration;
mod network_namespace;
mod rules;
mod yaml;

use kube::core::DeserializeGuard;

pub use kept::AnyConfiguration;
pub use network_configuration::{
    NetworkConfiguration, NetworkConfigurationSpec, NetworkConfigurationStatus, NetworkInterface,
};
pub use network_namespace::{
    AllocatedIp, DhcpAllocation, IpAllocation, IpAllocationStatus, ManualProvisioning, NetworkNamespace,
    NetworkNamespaceSpec, NetworkNamespaceStatus, NetworkProvisioning, StaticAllocation,
};
pub use yaml::{definition_yaml, definitions};

/// A [`NetworkNamespace`] as it arrives: readable, or malformed with its metadata still known.
pub type AnyNamespace = DeserializeGuard<NetworkNamespace>;

/// API group of all objects here.
pub const GROUP: &str = "vitistack.io";

/// Pattern of names and identifiers in specs.
const NAME_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// Reads an explicit `null` as the empty value; YAML written by hand has `networkInterfaces:` with nothing after it.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// For what the operator itself writes, and writes anew: what somebody else made of it must not make the object unreadable.
fn malformed_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::de::DeserializeOwned,
{
    let value: serde_json::Value = serde::Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

/// Takes `default: ""` out of a schema. The types read a missing text as empty; to the API server it is missing, and an
/// empty default would break the schema's own rules.
fn without_empty_defaults(schema: &mut schemars::Schema) {
    let properties = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut);
    for property in properties.into_iter().flat_map(|properties| properties.values_mut()) {
        if let Some(property) = property.as_object_mut()
            && property.get("default").is_some_and(|default| default == "")
        {
            property.remove("default");
        }
    }
}
