// Where packets wait while the server is busy.
#include "keahook/shim.hpp"

#include <dhcp/iface_mgr.h>
#include <util/multi_threading_mgr.h>

#include <sys/socket.h>

#include <algorithm>

using isc::dhcp::IfaceMgr;
using isc::util::MultiThreadingMgr;

namespace keahook {

namespace {

/// What the kernel counts for a buffer is twice what was asked for, to have room for its own data (socket(7)).
constexpr std::uint32_t COUNTED = 2;

std::uint32_t
receive_buffer(int socket) {
    int counted = 0;
    socklen_t size = sizeof(counted);
    return (::getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &counted, &size) == 0 ? counted / COUNTED : 0);
}

} // namespace

std::uint32_t
enlarge_receive_buffers(std::uint32_t size) {
    std::uint32_t smallest = size;
    for (const auto& interface : IfaceMgr::instance().getIfaces()) {
        for (const auto& socket : interface->getSockets()) {
            if (receive_buffer(socket.sockfd_) >= size) {
                continue;
            }
            const int wanted = static_cast<int>(size);
            // Beyond the limit of the system only with CAP_NET_ADMIN.
            if (::setsockopt(socket.sockfd_, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) != 0) {
                // Cut to the limit, never refused.
                static_cast<void>(::setsockopt(socket.sockfd_, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted)));
            }
            smallest = std::min(smallest, receive_buffer(socket.sockfd_));
        }
    }
    return (smallest);
}

void
enlarge_packet_queue(std::uint32_t packets) {
    auto& pool = MultiThreadingMgr::instance().getThreadPool();
    const std::size_t allowed = pool.getMaxQueueSize();
    // With 0, as many as come.
    if (allowed != 0 && allowed < packets) {
        pool.setMaxQueueSize(packets);
    }
}

} // namespace keahook
