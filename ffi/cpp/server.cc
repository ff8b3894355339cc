// The server that the hook is loaded into, and its subnets.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"

#include <asiolink/io_address.h>
#include <dhcpsrv/cfg_subnets4.h>
#include <dhcpsrv/cfg_subnets6.h>
#include <dhcpsrv/cfgmgr.h>
#include <hooks/hooks.h>
#include <hooks/hooks_manager.h>
#include <process/daemon.h>

#include <stdexcept>

using isc::asiolink::IOAddress;
using isc::dhcp::CfgMgr;

namespace keahook {

namespace {

/// Whether a client must belong to a class before the subnet is used.
bool
is_guarded(const isc::dhcp::Subnet& subnet) {
#if KEA_API >= 30000
    return (!subnet.getClientClasses().empty());
#else
    return (!subnet.getClientClass().empty());
#endif
}

template <typename SomeSubnet>
Subnet
describe(const SomeSubnet& subnet) {
    Subnet described;
    described.id = subnet.getID();
    described.prefix = lossy(subnet.toText());
    described.shared_network = copied(slice(subnet.getSharedNetworkName()));
    described.guarded = is_guarded(subnet);
    return (described);
}

template <typename Subnets>
rust::Vec<Subnet>
describe_all(const Subnets& subnets) {
    rust::Vec<Subnet> described;
    for (const auto& subnet : *subnets.getAll()) {
        described.push_back(describe(*subnet));
    }
    return (described);
}

template <typename Subnets>
bool
find_subnet(const Subnets& subnets, std::uint32_t id, Subnet& found) {
    const auto subnet = subnets.getBySubnetId(id);
    if (subnet) {
        found = describe(*subnet);
    }
    return (static_cast<bool>(subnet));
}

} // namespace

rust::Vec<Subnet>
subnets(std::uint8_t family) {
    const auto config = CfgMgr::instance().getCurrentCfg();
    return (family == 6 ? describe_all(*config->getCfgSubnets6()) : describe_all(*config->getCfgSubnets4()));
}

bool
subnet(std::uint8_t family, std::uint32_t id, Subnet& found) {
    const auto config = CfgMgr::instance().getCurrentCfg();
    return (family == 6 ? find_subnet(*config->getCfgSubnets6(), id, found) :
                          find_subnet(*config->getCfgSubnets4(), id, found));
}

bool
subnet_contains(std::uint8_t family, std::uint32_t id, rust::Slice<const std::uint8_t> address) {
    const auto config = CfgMgr::instance().getCurrentCfg();
    const IOAddress wanted = IOAddress::fromBytes(address.size() == 4 ? AF_INET : AF_INET6, address.data());
    if (family == 6) {
        const auto subnet = config->getCfgSubnets6()->getBySubnetId(id);
        return (subnet && wanted.isV6() && subnet->inRange(wanted));
    }
    const auto subnet = config->getCfgSubnets4()->getBySubnetId(id);
    return (subnet && wanted.isV4() && subnet->inRange(wanted));
}

rust::String
canonical_address(rust::Str address) {
    return (lossy(IOAddress(std::string(address)).toText()));
}

std::int32_t
hooks_version() noexcept {
    return (KEA_HOOKS_VERSION);
}

rust::String
kea_version() {
    return (lossy(VERSION));
}

rust::String
process_name() {
    return (lossy(isc::process::Daemon::getProcName()));
}

rust::Vec<rust::String>
library_names() {
    rust::Vec<rust::String> names;
    for (const auto& name : isc::hooks::HooksManager::getLibraryNames()) {
        names.push_back(lossy(name));
    }
    return (names);
}

bool
command_is_taken(rust::Str name) {
    return (isc::hooks::HooksManager::commandHandlersPresent(std::string(name)));
}

void
write_after_free() noexcept {
    // Volatile, so that the compiler does not see what this is about.
    int* volatile place = new int[4];
    delete[] place;
    place[1] = 1;
}

void
write_behind_end() noexcept {
    int* volatile place = new int[4];
    place[4] = 1;
    delete[] place;
}

void
throw_exception(bool standard) {
    if (standard) {
        throw std::runtime_error("thrown on purpose");
    }
    throw 42;
}

} // namespace keahook
