// Who opens hosts-databases entries of our type, and what becomes of a configuration whose store cannot be used.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "store_source.hpp"

#include <dhcpsrv/cfg_db_access.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/host_data_source_factory.h>
#include <dhcpsrv/host_mgr.h>
#include <hooks/callout_handle.h>

#include <algorithm>

using isc::db::DatabaseConnection;
using isc::dhcp::CfgMgr;
using isc::dhcp::HostDataSourceFactory;
using isc::dhcp::HostDataSourcePtr;
using isc::dhcp::HostMgr;

namespace keahook {

namespace {

/// The type of the entries that are ours.
std::string source_type;

/// Why the configuration that is being applied cannot have its store; empty where it can.
std::string refusal;

/// Whether there is a configuration to go back to.
bool
is_running() {
    return (CfgMgr::instance().getCurrentCfg()->getSequence() != 0);
}

/// Opens the source of an entry.
///
/// A server that starts with an unusable store ends here, with the reason. One that is running must go on:
/// Kea 2.2.0 stops serving DHCP when a source throws, so the refusal waits until sockets are open again
/// (refuse_configuration), and a source that has nothing stands in.
HostDataSourcePtr
open_source(const DatabaseConnection::ParameterMap& parameters) {
    try {
        return (open_store(parameters));
    } catch (const std::exception& error) {
        if (!is_running()) {
            throw;
        }
        refusal = error.what();
        return (unavailable_store(parameters, refusal));
    }
}

/// Puts the stores of the configuration that stays in place of those of the one that was refused.
void
restore_running_stores() {
    auto& sources = HostMgr::instance().getHostDataSourceList();
    sources.erase(std::remove_if(sources.begin(), sources.end(),
                                 [&](const HostDataSourcePtr& source) { return (source->getType() == source_type); }),
                  sources.end());
    const auto running = CfgMgr::instance().getCurrentCfg()->getCfgDbAccess();
    for (const std::string& access : running->getHostDbAccessStringList()) {
        const auto parameters = DatabaseConnection::parse(access);
        const auto entry = parameters.find("type");
        if (entry == parameters.end() || entry->second != source_type) {
            continue;
        }
        try {
            const HostDataSourcePtr source = open_store(parameters);
            source->setIPReservationsUnique(running->getIPReservationsUnique());
            sources.push_back(source);
        } catch (const std::exception& error) {
            log(Message::StoreFailed, error.what());
        }
    }
}

/// The callout of dhcp4_srv_configured: everything is applied but not yet committed, and DHCP is served.
extern "C" int
refuse_configuration(isc::hooks::CalloutHandle& handle) {
    try {
        if (!refusal.empty()) {
            std::string reason;
            reason.swap(refusal);
            restore_running_stores();
            log(Message::StoreKept, reason);
            handle.setArgument("error", "Unable to open database: " + reason);
            handle.setStatus(isc::hooks::CalloutHandle::NEXT_STEP_DROP);
        }
        return (0);
    } catch (const std::exception& error) {
        log(Message::InternalError, error.what());
    } catch (...) {
        log(Message::InternalError, "an exception of unknown type after a configuration");
    }
    return (1);
}

} // namespace

bool
register_source(isc::hooks::LibraryHandle& library, rust::Str type) {
    refusal.clear();
    source_type = std::string(type);
    library.registerCallout("dhcp4_srv_configured", refuse_configuration);
    return (HostDataSourceFactory::registerFactory(source_type, open_source));
}

void
remove_source() noexcept {
    try {
        // Makes the manager where a server that is starting has none yet: delBackend would end the process.
        HostMgr::instance();
        // The objects' code is in this library, which is about to go.
        while (HostMgr::delBackend(source_type)) {
        }
        HostDataSourceFactory::deregisterFactory(source_type);
    } catch (const std::exception& error) {
        log(Message::InternalError, error.what());
    } catch (...) {
        log(Message::InternalError, "an exception of unknown type while unloading");
    }
}

} // namespace keahook
