#include "erasing.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include <dhcpsrv/cfg_hosts.h>

#include <map>
#include <set>
#include <utility>

using isc::dhcp::BaseHostDataSource;
using isc::dhcp::ConstHostPtr;
using isc::dhcp::SUBNET_ID_UNUSED;

namespace keahook {

namespace {

void
erase_one(BaseHostDataSource& source, const isc::dhcp::Host& host) {
    const std::vector<std::uint8_t>& identifier = host.getIdentifier();
    if (is_v6(host)) {
        source.del6(host.getIPv6SubnetID(), host.getIdentifierType(), identifier.data(), identifier.size());
    } else {
        source.del4(host.getIPv4SubnetID(), host.getIdentifierType(), identifier.data(), identifier.size());
    }
}

#if KEA_API < 20600
using Client = std::pair<isc::dhcp::Host::IdentifierType, std::vector<std::uint8_t>>;

Client
client(const isc::dhcp::Host& host) {
    return {host.getIdentifierType(), host.getIdentifier()};
}

/// Kea 2.2.0 can only empty a whole subnet of its configuration: the others are put back.
void
erase_in_subnet(isc::dhcp::CfgHosts& memory, bool v6, isc::dhcp::SubnetID subnet, const std::set<Client>& gone) {
    const isc::dhcp::HostCollection all = v6 ? memory.getAll6(subnet) : memory.getAll4(subnet);
    if (v6) {
        memory.delAll6(subnet);
    } else {
        memory.delAll4(subnet);
    }
    for (const isc::dhcp::HostPtr& host : all) {
        if (gone.count(client(*host)) == 0) {
            memory.add(host);
        }
    }
}
#endif

} // namespace

bool
is_v6(const isc::dhcp::Host& host) {
    return (host.getIPv4SubnetID() == SUBNET_ID_UNUSED);
}

bool
has(const BaseHostDataSource& source, const isc::dhcp::Host& host) {
    const std::vector<std::uint8_t>& identifier = host.getIdentifier();
    const auto type = host.getIdentifierType();
    const ConstHostPtr found = is_v6(host) ?
        source.get6(host.getIPv6SubnetID(), type, identifier.data(), identifier.size()) :
        source.get4(host.getIPv4SubnetID(), type, identifier.data(), identifier.size());
    return (static_cast<bool>(found));
}

void
erase(BaseHostDataSource& source, SourceKind kind, const isc::dhcp::Host& host) {
#if KEA_API < 20600
    if (kind == SourceKind::Memory) {
        const isc::dhcp::SubnetID subnet = is_v6(host) ? host.getIPv6SubnetID() : host.getIPv4SubnetID();
        return (erase_in_subnet(dynamic_cast<isc::dhcp::CfgHosts&>(source), is_v6(host), subnet, {client(host)}));
    }
#else
    static_cast<void>(kind);
#endif
    erase_one(source, host);
}

void
erase_from_memory(BaseHostDataSource& memory, const Hosts& hosts) {
#if KEA_API < 20600
    std::map<std::pair<bool, isc::dhcp::SubnetID>, std::set<Client>> gone;
    for (const Host& host : hosts) {
        const isc::dhcp::Host& one = *host.host();
        gone[{is_v6(one), is_v6(one) ? one.getIPv6SubnetID() : one.getIPv4SubnetID()}].insert(client(one));
    }
    for (const auto& [subnet, clients] : gone) {
        erase_in_subnet(dynamic_cast<isc::dhcp::CfgHosts&>(memory), subnet.first, subnet.second, clients);
    }
#else
    for (const Host& host : hosts) {
        erase_one(memory, *host.host());
    }
#endif
}

} // namespace keahook
