// The hook's numbers among the server's statistics.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"
#include "keahook/abi.h"

#include <hooks/callout_handle.h>
#include <stats/stats_mgr.h>

using isc::stats::StatsMgr;

namespace keahook {

namespace {

/// Kea's commands that forget what statistics say: statistic-reset, statistic-remove, and the same with -all.
bool
forgets(const std::string& command) {
    return (command.rfind("statistic-re", 0) == 0);
}

/// Told of every command after it ran. Whatever happens, the server goes on as if there was no callout.
extern "C" int
command_processed(isc::hooks::CalloutHandle& handle) {
    try {
        std::string command;
        handle.getArgument("name", command);
        if (forgets(command)) {
            khr_statistics_forgotten();
        }
        return (0);
    } catch (const std::exception& error) {
        write_log(Message::InternalError, error.what());
    } catch (...) {
        write_log(Message::InternalError, "an exception of unknown type in a callout about commands");
    }
    return (1);
}

} // namespace

void
watch_statistics(isc::hooks::LibraryHandle& library) {
    library.registerCallout("command_processed", command_processed);
}

void
begin_statistic(rust::Str name) {
    const std::string statistic(name);
    StatsMgr::instance().addValue(statistic, static_cast<std::int64_t>(0));
    // Of a number that is read now and then, the samples in between are of no use.
    StatsMgr::instance().setMaxSampleCount(statistic, 1);
}

void
count(rust::Str name, std::int64_t by) {
    StatsMgr::instance().addValue(std::string(name), by);
}

void
set_level(rust::Str name, std::int64_t level) {
    StatsMgr::instance().setValue(std::string(name), level);
}

} // namespace keahook
