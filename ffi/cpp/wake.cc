// Calls the hook on the server's main thread when another thread asks for it.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"
#include "keahook/abi.h"

#include <dhcp/iface_mgr.h>
#include <exceptions/exceptions.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

using isc::dhcp::IfaceMgr;

namespace keahook {

namespace {

constexpr int NONE = -1;

/// Counts calls that were asked for. The main loop watches it beside the sockets of DHCP.
std::atomic<int> event{NONE};

void
take_calls(int descriptor) noexcept {
    std::uint64_t asked = 0;
    // Fails where another round took them; there is nothing to do then either way.
    if (::read(descriptor, &asked, sizeof(asked)) == sizeof(asked)) {
        khr_woken();
    }
}

} // namespace

void
begin_wakes() {
    const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0) {
        isc_throw(isc::Unexpected, "cannot make an event descriptor: " << std::strerror(errno));
    }
    event = descriptor;
    try {
        IfaceMgr::instance().addExternalSocket(descriptor, take_calls);
    } catch (...) {
        end_wakes();
        throw;
    }
}

void
wake() noexcept {
    const int descriptor = event;
    const std::uint64_t once = 1;
    // It cannot fail but by being full, and then the call comes anyway.
    if (descriptor != NONE && ::write(descriptor, &once, sizeof(once)) < 0) {
        return;
    }
}

void
end_wakes() noexcept {
    const int descriptor = event.exchange(NONE);
    if (descriptor == NONE) {
        return;
    }
    try {
        // The function that it calls is in this library, which is about to go.
        IfaceMgr::instance().deleteExternalSocket(descriptor);
    } catch (const std::exception& error) {
        write_log(Message::InternalError, error.what());
    } catch (...) {
        write_log(Message::InternalError, "an exception of unknown type while unloading");
    }
    ::close(descriptor);
}

} // namespace keahook
