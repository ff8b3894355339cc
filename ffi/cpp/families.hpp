// What Kea calls the configuration of subnets and shared networks in each family.
#ifndef KEAHOOK_FAMILIES_HPP
#define KEAHOOK_FAMILIES_HPP

#include <dhcpsrv/cfg_hosts.h>
#include <dhcpsrv/cfg_shared_networks.h>
#include <dhcpsrv/cfg_subnets4.h>
#include <dhcpsrv/cfg_subnets6.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/parsers/dhcp_parsers.h>
#include <dhcpsrv/parsers/shared_network_parser.h>
#include <dhcpsrv/parsers/simple_parser4.h>
#include <dhcpsrv/parsers/simple_parser6.h>

#include <cstdint>

namespace keahook {

struct V4 {
    using Subnets = isc::dhcp::CfgSubnets4;
    using SubnetPtr = isc::dhcp::Subnet4Ptr;
    using SubnetParser = isc::dhcp::Subnet4ConfigParser;
    using NetworkPtr = isc::dhcp::SharedNetwork4Ptr;
    using NetworkParser = isc::dhcp::SharedNetwork4Parser;
    using Defaults = isc::dhcp::SimpleParser4;

    static constexpr const char* name = "IPv4";
    static constexpr const char* subnet_list = "subnet4";

    static auto subnets(const isc::dhcp::SrvConfigPtr& config) { return (config->getCfgSubnets4()); }
    static auto networks(const isc::dhcp::SrvConfigPtr& config) { return (config->getCfgSharedNetworks4()); }
    static void delete_hosts(isc::dhcp::CfgHosts& hosts, std::uint32_t subnet) { hosts.delAll4(subnet); }
};

struct V6 {
    using Subnets = isc::dhcp::CfgSubnets6;
    using SubnetPtr = isc::dhcp::Subnet6Ptr;
    using SubnetParser = isc::dhcp::Subnet6ConfigParser;
    using NetworkPtr = isc::dhcp::SharedNetwork6Ptr;
    using NetworkParser = isc::dhcp::SharedNetwork6Parser;
    using Defaults = isc::dhcp::SimpleParser6;

    static constexpr const char* name = "IPv6";
    static constexpr const char* subnet_list = "subnet6";

    static auto subnets(const isc::dhcp::SrvConfigPtr& config) { return (config->getCfgSubnets6()); }
    static auto networks(const isc::dhcp::SrvConfigPtr& config) { return (config->getCfgSharedNetworks6()); }
    static void delete_hosts(isc::dhcp::CfgHosts& hosts, std::uint32_t subnet) { hosts.delAll6(subnet); }
};

/// Runs code that is the same in both families; `act` gets a value whose type is `V4` or `V6`.
template <typename Act>
auto
in_family(std::uint8_t family, Act act) {
    return (family == 6 ? act(V6()) : act(V4()));
}

} // namespace keahook

#endif
