//! NetworkConfiguration: the network interfaces of one machine.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{self, LONGEST_ADDRESS, MOST_ADDRESSES, MOST_INTERFACES};
use super::{NAME_PATTERN, malformed_as_default, null_as_default, without_empty_defaults};

/// The network interfaces of one machine, each of which gets its DHCP reservation.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "vitistack.io",
    version = "v1alpha1",
    kind = "NetworkConfiguration",
    namespaced,
    status = "NetworkConfigurationStatus",
    shortname = "nc",
    doc = "The network interfaces of one machine, and the DHCP reservations made for them",
    derive = "Default",
    derive = "PartialEq",
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.status"}"#,
    // The API server prints only the first match of a path, so a path through the lists would hide all addresses but one.
    printcolumn = r#"{"name":"Addresses","type":"string","description":"Reserved addresses, in the order of the interfaces","jsonPath":".status.conditions[?(@.type==\"Reserved\")].message"}"#,
    printcolumn = r#"{"name":"Message","type":"string","priority":1,"jsonPath":".status.message"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = without_empty_defaults, extend("required" = ["name"]))]
pub struct NetworkConfigurationSpec {
    /// Name of the machine or of its network configuration.
    #[serde(default)]
    #[schemars(length(min = 2, max = 32), regex(pattern = NAME_PATTERN))]
    pub name: String,

    /// Free text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub description: Option<String>,

    /// NetworkNamespace, in the same Kubernetes namespace, whose IPv4 prefix the interfaces are in. Left out: the only
    /// NetworkNamespace there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_namespace_name: Option<String>,

    /// Datacenter that the machine is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = NAME_PATTERN))]
    pub datacenter_identifier: Option<String>,

    /// Supervisor cluster that manages the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = NAME_PATTERN))]
    pub supervisor_identifier: Option<String>,

    /// Kubernetes cluster that the machine belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = NAME_PATTERN))]
    pub cluster_identifier: Option<String>,

    /// Operator that allocates the addresses: `kea`, or left out, for DHCP reservations in Kea; others serve theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = NAME_PATTERN))]
    pub provider: Option<String>,

    /// The interfaces, in the order in which the status reports them.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_INTERFACES), extend("x-kubernetes-validations" = rules::interfaces()))]
    pub network_interfaces: Vec<NetworkInterface>,
}

/// One interface, as wished for in a spec and as reported in a status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInterface {
    /// Name of the interface, such as `eth0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// MAC address, 6 octets: `52:54:00:12:34:56`, `52-54-00-12-34-56`, `5254.0012.3456` or `525400123456`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = LONGEST_ADDRESS))]
    pub mac_address: Option<String>,

    /// IPv4 addresses.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_ADDRESSES), inner(length(max = LONGEST_ADDRESS)))]
    pub ipv4_addresses: Vec<String>,

    /// IPv6 addresses.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub ipv6_addresses: Vec<String>,

    /// VLAN of the interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<String>,

    /// IPv4 prefix of the NetworkNamespace, such as `10.100.1.0/24`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_subnet: Option<String>,

    /// IPv6 prefix of the NetworkNamespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_subnet: Option<String>,

    /// IPv4 default gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_gateway: Option<String>,

    /// IPv6 default gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_gateway: Option<String>,

    /// DNS servers.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,

    /// Whether a DHCP reservation holds the reported address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dhcp_reserved: Option<bool>,

    /// Whether the reported address is allocated to this interface for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_allocated: Option<bool>,

    /// How the address was allocated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["dhcp", "static"]))]
    pub allocation_method: Option<String>,

    /// When the allocation ends; left out where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation_expiry: Option<Time>,
}

/// What the operator found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkConfigurationStatus {
    /// The state in parts; `Ready` always agrees with `phase`.
    #[serde(default, deserialize_with = "malformed_as_default", skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,

    /// `Reconciling`, `Ready`, `Error` or `Deleting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,

    /// `InProgress`, `Success` or `Failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,

    /// The state in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,

    /// When the operator first reported on the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,

    /// The interfaces of the spec, in its order and with its spelling; after them, interfaces that left the spec and
    /// whose reservation is not released yet.
    #[serde(default, deserialize_with = "malformed_as_default", skip_serializing_if = "Vec::is_empty")]
    pub network_interfaces: Vec<NetworkInterface>,
}
