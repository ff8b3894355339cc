#include <config.h>

#include "kea-fuzz/cpp/server.hpp"

#include <cc/data.h>
#include <dhcp/dhcp4.h>
#include <dhcp/dhcp6.h>
#include <dhcp/iface_mgr.h>
#include <dhcp/pkt4.h>
#include <dhcp/pkt6.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/host_mgr.h>
#include <dhcpsrv/lease.h>
#include <dhcpsrv/lease_mgr_factory.h>
#include <dhcpsrv/subnet.h>
#include <hooks/callout_handle.h>
#include <hooks/hooks_manager.h>
#include <log/logger_support.h>
#include <process/daemon.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>
#include <stdexcept>
#include <string>

// The numbers of DHCPv6 messages are in no namespace in Kea 2.2.
using namespace isc::dhcp;
using isc::asiolink::IOAddress;
using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::hooks::CalloutHandlePtr;
using isc::hooks::HooksManager;

namespace keafuzz {

namespace {

bool is_v6 = false;

/// The hook points for leases: their numbers by what they tell.
std::map<std::string, int> lease_hooks;

/// The daemons register these; here there are none.
void
register_hooks() {
    const std::string digit = is_v6 ? "6" : "4";
    HooksManager::registerHook("dhcp" + digit + "_srv_configured");
    lease_hooks["committed"] = HooksManager::registerHook("leases" + digit + "_committed");
    lease_hooks["released"] = HooksManager::registerHook("lease" + digit + "_release");
    lease_hooks["declined"] = HooksManager::registerHook("lease" + digit + "_decline");
    lease_hooks["expired"] = HooksManager::registerHook("lease" + digit + "_expire");
}

/// What is to be done on the main thread comes between packets, a little at a time.
void
go_round() {
    for (int round = 0; round < 4; ++round) {
        if (is_v6) {
            IfaceMgr::instance().receive6(0, 0);
        } else {
            IfaceMgr::instance().receive4(0, 0);
        }
    }
}

Lease4Ptr
make_lease4(const HWAddrPtr& hardware, std::uint8_t client, std::uint32_t subnet, const IOAddress& address) {
    const ClientIdPtr id(new ClientId({1, 2, client}));
    return (Lease4Ptr(new Lease4(address, hardware, id, 3600, std::time(nullptr), subnet)));
}

Lease6Ptr
make_lease6(const HWAddrPtr& hardware, std::uint8_t client, std::uint32_t subnet, const IOAddress& address) {
    const DuidPtr duid(new DUID({1, 2, client}));
    // Whole networks are delegated, single addresses are not.
    const auto bytes = address.toBytes();
    const bool prefix = std::all_of(bytes.begin() + 8, bytes.end(), [](std::uint8_t byte) { return (byte == 0); });
    return (Lease6Ptr(new Lease6(prefix ? Lease::TYPE_PD : Lease::TYPE_NA, address, duid, 1, 3600, 3600, subnet,
                                 hardware, prefix ? 56 : 128)));
}

Lease4Ptr
find_lease(const Lease4& lease) {
    return (LeaseMgrFactory::instance().getLease4(lease.addr_));
}

Lease6Ptr
find_lease(const Lease6& lease) {
    return (LeaseMgrFactory::instance().getLease6(lease.type_, lease.addr_));
}

template <typename LeaseType, typename Query>
void
change(const std::string& what, const boost::shared_ptr<LeaseType>& lease, const Query& query) {
    typedef std::vector<boost::shared_ptr<LeaseType>> Leases;
    const std::string digit = is_v6 ? "6" : "4";
    LeaseMgr& leases = LeaseMgrFactory::instance();
    if (const auto held = find_lease(*lease)) {
        leases.deleteLease(held);
    }
    const CalloutHandlePtr handle = HooksManager::createCalloutHandle();
    handle->setArgument("query" + digit, query);
    if (what == "committed") {
        leases.addLease(lease);
        handle->setArgument("leases" + digit, boost::make_shared<Leases>(1, lease));
        handle->setArgument("deleted_leases" + digit, boost::make_shared<Leases>());
    } else {
        handle->setArgument("lease" + digit, lease);
    }
    HooksManager::callCallouts(lease_hooks.at(what), *handle);
}

} // namespace

void
start(bool six, rust::Str library, rust::Str store) {
    isc::log::initLogger("kea-fuzz", isc::log::NONE);
    isc::process::Daemon::setProcName(six ? "kea-dhcp6" : "kea-dhcp4");
    is_v6 = six;
    register_hooks();

    CfgMgr& manager = CfgMgr::instance();
    manager.setFamily(six ? AF_INET6 : AF_INET);
    const auto config = manager.getStagingCfg();
    if (six) {
        config->getCfgSubnets6()->add(Subnet6::create(IOAddress("2001:db8:77::"), 48, 1000, 2000, 3000, 4000, 1));
    } else {
        config->getCfgSubnets4()->add(Subnet4::create(IOAddress("10.77.0.0"), 16, 1000, 2000, 4000, 1));
    }

    // Commands about subnets ask how many leases there are.
    isc::dhcp::LeaseMgrFactory::create(std::string("type=memfile persist=false universe=") + (six ? "6" : "4"));
    HostMgr::create();
    isc::hooks::HookLibsCollection libraries;
    libraries.emplace_back(std::string(library), ConstElementPtr());
    if (!HooksManager::loadLibraries(libraries)) {
        throw std::runtime_error("Kea does not load " + std::string(library));
    }
    // As a daemon does; the fuzzer just leaves.
    std::atexit([] {
        HooksManager::prepareUnloadLibraries();
        HooksManager::unloadLibraries();
    });
    HostMgr::addBackend(std::string("type=memfile universe=") + (six ? "6" : "4") + " name=" + std::string(store));
    manager.commit();
}

rust::String
command(rust::Str request) {
    const ConstElementPtr element = Element::fromJSON(std::string(request));
    const std::string name = element->get("command")->stringValue();
    if (!HooksManager::commandHandlersPresent(name)) {
        throw std::runtime_error("nobody serves " + name);
    }
    const auto handle = HooksManager::createCalloutHandle();
    handle->setArgument("command", element);
    HooksManager::callCommandHandlers(name, *handle);
    ConstElementPtr response;
    handle->getArgument("response", response);
    if (!response) {
        throw std::runtime_error("no answer");
    }
    go_round();
    return (rust::String::lossy(response->str()));
}

void
change_lease(rust::Str what, std::uint8_t client, std::uint32_t subnet, rust::Str address) {
    const HWAddrPtr hardware(new HWAddr({2, 0x77, 0, 0, 0, client}, HTYPE_ETHER));
    const IOAddress at{std::string(address)};
    if (is_v6) {
        const Pkt6Ptr query(new Pkt6(DHCPV6_REQUEST, 1));
        change(std::string(what), make_lease6(hardware, client, subnet, at), query);
    } else {
        const Pkt4Ptr query(new Pkt4(DHCPREQUEST, 1));
        change(std::string(what), make_lease4(hardware, client, subnet, at), query);
    }
    go_round();
}

void
wipe_leases(std::uint32_t subnet) {
    LeaseMgr& leases = LeaseMgrFactory::instance();
    if (is_v6) {
        leases.wipeLeases6(subnet);
    } else {
        leases.wipeLeases4(subnet);
    }
}

} // namespace keafuzz
