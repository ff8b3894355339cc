// Who opens hosts-databases entries of our type, and what becomes of a configuration whose store cannot be used.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
#include "store_source.hpp"

#include <dhcpsrv/cfg_db_access.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/host_data_source_factory.h>
#include <dhcpsrv/host_mgr.h>
#include <hooks/callout_handle.h>

#include <sys/socket.h>

#include <algorithm>
#include <string>

using isc::db::DatabaseConnection;
using isc::dhcp::CfgMgr;
using isc::dhcp::HostDataSourceFactory;
using isc::dhcp::HostDataSourcePtr;
using isc::dhcp::HostMgr;

namespace keahook {

namespace {

/// The type of the entries that are ours.
std::string source_type;

/// Why the configuration that is being applied must be refused; empty where it need not.
std::string refusal;

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
        refusal = std::string("Unable to open database: ") + error.what();
        return (unavailable_store(parameters, error.what()));
    }
}

/// Opens a store of the configuration that stays; where it can only be read, that; where not even that, a source
/// that says so when it is asked by a command.
HostDataSourcePtr
reopen_store(DatabaseConnection::ParameterMap parameters) {
    try {
        return (open_store(parameters));
    } catch (const std::exception& error) {
        const std::string reason = error.what();
        write_log(Message::StoreFailed, reason);
        parameters["problem"] = reason;
        try {
            parameters["readonly"] = "true";
            return (open_store(parameters));
        } catch (const std::exception&) {
            return (unavailable_store(parameters, reason));
        }
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
        const HostDataSourcePtr source = reopen_store(parameters);
        source->setIPReservationsUnique(running->getIPReservationsUnique());
        sources.push_back(source);
    }
}

/// Lets the Rust half complete the new configuration, or say why it cannot be used.
void
complete_configuration() {
    if (khr_configured({&refusal, take_text}) != KhrStatus_Ok && refusal.empty()) {
        refusal = "the hook library cannot use this configuration, and is out of memory to say why";
    }
}

/// The callout of dhcp4_srv_configured and dhcp6_srv_configured: everything is applied but not yet committed, and DHCP
/// is served.
extern "C" int
refuse_configuration(isc::hooks::CalloutHandle& handle) {
    try {
        if (refusal.empty()) {
            complete_configuration();
        }
        if (!refusal.empty()) {
            std::string reason;
            reason.swap(refusal);
            restore_running_stores();
            write_log(Message::StoreKept, reason);
            handle.setArgument("error", reason);
            handle.setStatus(isc::hooks::CalloutHandle::NEXT_STEP_DROP);
        }
        return (0);
    } catch (const std::exception& error) {
        write_log(Message::InternalError, error.what());
    } catch (...) {
        write_log(Message::InternalError, "an exception of unknown type after a configuration");
    }
    return (1);
}

} // namespace

bool
is_running() noexcept {
    return (CfgMgr::instance().getCurrentCfg()->getSequence() != 0);
}

void
refuse_configuration_later(rust::Str reason) {
    refusal = std::string(reason);
}

rust::Vec<rust::String>
database_problems(bool of_lookups) {
    rust::Vec<rust::String> problems;
    const auto& sources = HostMgr::instance().getHostDataSourceList();
    for (const auto& source : sources) {
        const auto parameters = source->getParameters();
        const auto problem = parameters.find("problem");
        const bool serves = parameters.count("readonly") > 0;
        if (source->getType() == source_type && problem != parameters.end() && !(of_lookups && serves)) {
            problems.push_back(lossy(problem->second));
        }
    }
    const auto configured = CfgMgr::instance().getCurrentCfg()->getCfgDbAccess()->getHostDbAccessStringList().size();
    if (sources.size() < configured) {
        problems.push_back("only " + std::to_string(sources.size()) + " of " + std::to_string(configured) +
                           " configured hosts-databases are open since a new configuration failed: apply one that works");
    }
    return (problems);
}

bool
register_source(isc::hooks::LibraryHandle& library, rust::Str type) {
    refusal.clear();
    source_type = std::string(type);
    const bool v6 = CfgMgr::instance().getFamily() == AF_INET6;
    library.registerCallout(v6 ? "dhcp6_srv_configured" : "dhcp4_srv_configured", refuse_configuration);
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
        write_log(Message::InternalError, error.what());
    } catch (...) {
        write_log(Message::InternalError, "an exception of unknown type while unloading");
    }
}

} // namespace keahook
