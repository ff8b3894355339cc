// Kea's Host objects of stored reservations.
#ifndef KEAHOOK_STORED_HOSTS_HPP
#define KEAHOOK_STORED_HOSTS_HPP

#include "keahook/abi.h"

#include <dhcpsrv/host.h>

#include <array>
#include <mutex>
#include <string>
#include <unordered_map>

namespace keahook {

/// Host objects of recent hits. Bounded; split so that packet threads seldom meet.
class HostCache {
public:
    isc::dhcp::ConstHostPtr
    find(std::uint64_t id, std::uint64_t revision) {
        Shard& shard = shards_[id % SHARDS];
        const std::lock_guard<std::mutex> lock(shard.mutex);
        const auto entry = shard.hosts.find(id);
        return (entry != shard.hosts.end() && entry->second.first == revision ? entry->second.second : nullptr);
    }

    void
    insert(std::uint64_t id, std::uint64_t revision, const isc::dhcp::ConstHostPtr& host) {
        Shard& shard = shards_[id % SHARDS];
        const std::lock_guard<std::mutex> lock(shard.mutex);
        if (shard.hosts.size() >= SHARD_LIMIT) {
            shard.hosts.erase(shard.hosts.begin());
        }
        shard.hosts[id] = {revision, host};
    }

private:
    static constexpr std::size_t SHARDS = 16;
    static constexpr std::size_t SHARD_LIMIT = 512;

    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::uint64_t, std::pair<std::uint64_t, isc::dhcp::ConstHostPtr>> hosts;
    };

    std::array<Shard, SHARDS> shards_;
};

/// Collects the hits of one lookup.
struct Collector {
    HostCache& cache;
    isc::dhcp::ConstHostCollection hosts;
    std::string error;

    /// A KhrVisitor. Nothing may be thrown through Rust.
    static void visit(void* context, const KhrReservation* stored) noexcept;
};

} // namespace keahook

#endif
