// Many changes at once to the server's memory.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "erasing.hpp"

#include <dhcpsrv/cfg_hosts.h>
#include <util/multi_threading_mgr.h>

using isc::util::MultiThreadingCriticalSection;

namespace keahook {

void
Exchange::run() {
    const MultiThreadingCriticalSection packets_wait;
    erase_from_memory(*source_, out_);
    std::size_t added = 0;
    try {
        for (const Host& host : in_) {
            // Counted first: Kea can leave a host that it refuses half inserted.
            ++added;
            source_->add(host.give());
        }
    } catch (...) {
        back(added);
        throw;
    }
}

void
Exchange::undo() {
    const MultiThreadingCriticalSection packets_wait;
    back(in_.size());
}

/// Takes out the first hosts that were put in, and puts back what was taken out.
void
Exchange::back(std::size_t added) {
    erase_from_memory(*source_, Hosts(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(added)));
    for (const Host& host : out_) {
        source_->add(host.give());
    }
}

} // namespace keahook
