// The hook's numbers among the server's statistics.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include <stats/stats_mgr.h>

using isc::stats::StatsMgr;

namespace keahook {

namespace {

/// Of a number that is read now and then, the samples in between are of no use.
void
keep_one_sample(const std::string& name) {
    StatsMgr::instance().setMaxSampleCount(name, 1);
}

} // namespace

void
count(rust::Str name, std::int64_t by) {
    const std::string statistic(name);
    StatsMgr::instance().addValue(statistic, by);
    keep_one_sample(statistic);
}

void
set_level(rust::Str name, std::int64_t level) {
    const std::string statistic(name);
    StatsMgr::instance().setValue(statistic, level);
    keep_one_sample(statistic);
}

} // namespace keahook
