// The server that the hook is loaded into, and its subnets.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"

#include <asiolink/io_address.h>
#include <dhcpsrv/cfg_subnets4.h>
#include <dhcpsrv/cfgmgr.h>
#include <exceptions/exceptions.h>
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
is_guarded(const isc::dhcp::Subnet4& subnet) {
#if KEA_API >= 30000
    return (!subnet.getClientClasses().empty());
#else
    return (!subnet.getClientClass().empty());
#endif
}

Subnet
describe(const isc::dhcp::Subnet4& subnet) {
    Subnet described;
    described.id = subnet.getID();
    described.prefix = lossy(subnet.toText());
    described.shared_network = lossy(subnet.getSharedNetworkName());
    described.guarded = is_guarded(subnet);
    return (described);
}

} // namespace

rust::Vec<Subnet>
subnets4() {
    rust::Vec<Subnet> subnets;
    for (const auto& subnet : *CfgMgr::instance().getCurrentCfg()->getCfgSubnets4()->getAll()) {
        subnets.push_back(describe(*subnet));
    }
    return (subnets);
}

bool
subnet4(std::uint32_t id, Subnet& found) {
    const auto subnet = CfgMgr::instance().getCurrentCfg()->getCfgSubnets4()->getBySubnetId(id);
    if (subnet) {
        found = describe(*subnet);
    }
    return (static_cast<bool>(subnet));
}

bool
subnet4_contains(std::uint32_t id, rust::Str address) {
    const auto subnet = CfgMgr::instance().getCurrentCfg()->getCfgSubnets4()->getBySubnetId(id);
    return (subnet && subnet->inRange(IOAddress(std::string(address))));
}

rust::String
canonical_address4(rust::Str address) {
    const IOAddress parsed{std::string(address)};
    if (!parsed.isV4()) {
        isc_throw(isc::BadValue, "'" << std::string(address) << "' is no IPv4 address");
    }
    return (lossy(parsed.toText()));
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
throw_exception(bool standard) {
    if (standard) {
        throw std::runtime_error("thrown on purpose");
    }
    throw 42;
}

} // namespace keahook
