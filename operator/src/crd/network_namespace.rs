//! NetworkNamespace: the prefix that machines of one Kubernetes namespace are in.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NAME_PATTERN, null_as_default, without_empty_defaults};

const IPV4_PATTERN: &str = r"^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.|$)){4}$";
const IPV4_CIDR_PATTERN: &str =
    r"^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.|/)){4}(3[0-2]|[12]?[0-9])$";

/// A network that another controller provides; its prefix arrives in the status.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "vitistack.io",
    version = "v1alpha1",
    kind = "NetworkNamespace",
    namespaced,
    status = "NetworkNamespaceStatus",
    shortname = "nn",
    doc = "A network for machines, with the IPv4 prefix that a provider gave it",
    derive = "Default",
    derive = "PartialEq",
    printcolumn = r#"{"name":"Datacenter","type":"string","jsonPath":".spec.datacenterIdentifier"}"#,
    printcolumn = r#"{"name":"Prefix","type":"string","jsonPath":".status.ipv4Prefix"}"#,
    printcolumn = r#"{"name":"VLAN","type":"integer","priority":10,"jsonPath":".status.vlanId"}"#,
    printcolumn = r#"{"name":"Provisioning","type":"string","priority":1,"jsonPath":".status.provisioningPhase"}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.status"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = without_empty_defaults, extend("required" = ["datacenterIdentifier", "supervisorIdentifier"]))]
pub struct NetworkNamespaceSpec {
    /// Datacenter that the network is in.
    #[serde(default)]
    #[schemars(length(min = 2, max = 32), regex(pattern = NAME_PATTERN))]
    pub datacenter_identifier: String,

    /// Supervisor cluster that the network belongs to.
    #[serde(default)]
    #[schemars(length(min = 2, max = 32), regex(pattern = NAME_PATTERN))]
    pub supervisor_identifier: String,

    /// How machines get addresses; left out, by DHCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_allocation: Option<IpAllocation>,

    /// Where the prefix comes from. A field of `v1alpha2`, which clusters of the vitistack project serve; read there, and not
    /// part of the definition here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub network_provisioning: Option<NetworkProvisioning>,
}

/// Where a network comes from, in `v1alpha2`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkProvisioning {
    /// What a person says about it, where no system provides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<ManualProvisioning>,
}

/// A network as a person describes it, in `v1alpha2`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ManualProvisioning {
    /// Default gateway. No status tells it.
    #[serde(default, rename = "ipv4Gateway", skip_serializing_if = "Option::is_none")]
    pub ipv4_gateway: Option<String>,
}

/// How machines in the network get addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = without_empty_defaults, extend("required" = ["type"]))]
pub struct IpAllocation {
    /// `dhcp` or `static`.
    #[serde(default, rename = "type")]
    #[schemars(extend("enum" = ["dhcp", "static"]))]
    pub type_: String,

    /// Operator that allocates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = NAME_PATTERN))]
    pub provider: Option<String>,

    /// Settings of static allocation.
    #[serde(default, rename = "static", skip_serializing_if = "Option::is_none")]
    pub static_: Option<StaticAllocation>,

    /// Settings of allocation by DHCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dhcp: Option<DhcpAllocation>,
}

/// Settings of static allocation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_empty_defaults, extend("required" = ["ipv4CIDR", "ipv4Gateway"]))]
pub struct StaticAllocation {
    /// The network, such as `10.100.1.0/24`.
    #[serde(default, rename = "ipv4CIDR")]
    #[schemars(regex(pattern = IPV4_CIDR_PATTERN))]
    pub ipv4_cidr: String,

    /// Default gateway.
    #[serde(default, rename = "ipv4Gateway")]
    #[schemars(regex(pattern = IPV4_PATTERN))]
    pub ipv4_gateway: String,

    /// First address to give out.
    #[serde(default, rename = "ipv4RangeStart", skip_serializing_if = "Option::is_none")]
    pub ipv4_range_start: Option<String>,

    /// Last address to give out.
    #[serde(default, rename = "ipv4RangeEnd", skip_serializing_if = "Option::is_none")]
    pub ipv4_range_end: Option<String>,

    /// VLAN of the network.
    #[serde(default, rename = "vlanId", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4094))]
    pub vlan_id: Option<i64>,

    /// DNS servers.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,

    /// Life time of an allocation in seconds.
    #[serde(default = "default_ttl", rename = "ttlSeconds")]
    #[schemars(range(min = 60))]
    pub ttl_seconds: i64,
}

fn default_ttl() -> i64 {
    3600
}

/// Settings of allocation by DHCP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DhcpAllocation {
    /// Kea client classes that a device must match.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub require_client_classes: Vec<String>,
}

/// What the providing controller reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkNamespaceStatus {
    /// The state in parts.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,

    /// The state in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,

    /// Outcome of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,

    /// The state in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,

    /// When the network was first reported on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,

    /// Generation of the spec that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Attempts since the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<i64>,

    /// Datacenter that provided the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacenter_identifier: Option<String>,

    /// Supervisor cluster that the network belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervisor_identifier: Option<String>,

    /// Identity of the network at its provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_id: Option<String>,

    /// IPv4 prefix, such as `10.100.1.0/24`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_prefix: Option<String>,

    /// IPv6 prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_prefix: Option<String>,

    /// Address that IPv4 traffic leaves with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv4_egress_ip: Option<String>,

    /// Address that IPv6 traffic leaves with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipv6_egress_ip: Option<String>,

    /// VLAN of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan_id: Option<i64>,

    /// Kubernetes clusters that use the network.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub associated_kubernetes_cluster_ids: Vec<String>,

    /// `Pending`, `Ready` or `Error`, where the provider reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Pending", "Ready", "Error"]))]
    pub provisioning_phase: Option<String>,

    /// Addresses in use. In `v1alpha2` it has another name, and the counts alone.
    #[serde(default, alias = "ipAllocationSummary", skip_serializing_if = "Option::is_none")]
    pub ip_allocation_status: Option<IpAllocationStatus>,
}

/// Addresses of a network in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpAllocationStatus {
    /// `dhcp` or `static`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,

    /// Operator that allocates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,

    /// Addresses given out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_count: Option<i64>,

    /// Addresses left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_count: Option<i64>,

    /// Addresses in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_count: Option<i64>,

    /// Who has which address.
    #[serde(
        default,
        rename = "allocatedIPs",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub allocated_ips: Vec<AllocatedIp>,
}

/// One address in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = without_empty_defaults, extend("required" = ["ip", "networkConfiguration"]))]
pub struct AllocatedIp {
    /// The address.
    #[serde(default)]
    pub ip: String,

    /// NetworkConfiguration that has it.
    #[serde(default)]
    pub network_configuration: String,
}
