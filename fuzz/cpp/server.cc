#include <config.h>

#include "kea-fuzz/cpp/server.hpp"

#include <cc/data.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/host_mgr.h>
#include <dhcpsrv/lease_mgr_factory.h>
#include <dhcpsrv/subnet.h>
#include <hooks/callout_handle.h>
#include <hooks/hooks_manager.h>
#include <log/logger_support.h>
#include <process/daemon.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

using isc::asiolink::IOAddress;
using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::dhcp::CfgMgr;
using isc::dhcp::HostMgr;
using isc::dhcp::Subnet4;
using isc::dhcp::Subnet6;
using isc::hooks::HooksManager;

namespace keafuzz {

void
start(bool six, rust::Str library, rust::Str store) {
    isc::log::initLogger("kea-fuzz", isc::log::NONE);
    isc::process::Daemon::setProcName(six ? "kea-dhcp6" : "kea-dhcp4");
    // The daemons register these; here there are none.
    HooksManager::registerHook("dhcp4_srv_configured");
    HooksManager::registerHook("dhcp6_srv_configured");

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
    return (rust::String::lossy(response->str()));
}

} // namespace keafuzz
