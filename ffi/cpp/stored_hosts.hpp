// Kea's Host objects of stored reservations.
#ifndef KEAHOOK_STORED_HOSTS_HPP
#define KEAHOOK_STORED_HOSTS_HPP

#include "keahook/abi.h"

#include <dhcpsrv/host.h>

#include <array>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace keahook {

/// Host objects of recent hits. A host takes the place of one that came thousands of numbers before, and so is still
/// there when its client sends its next packet. Locks are split, so that packet threads seldom meet.
class HostCache {
public:
    isc::dhcp::ConstHostPtr
    find(std::uint64_t id, std::uint64_t revision) {
        const std::lock_guard<std::mutex> lock(mutexes_[id % mutexes_.size()]);
        const Place& place = places_[id % PLACES];
        return (place.id == id && place.revision == revision ? place.host : nullptr);
    }

    void
    insert(std::uint64_t id, std::uint64_t revision, isc::dhcp::ConstHostPtr host) {
        const std::lock_guard<std::mutex> lock(mutexes_[id % mutexes_.size()]);
        places_[id % PLACES] = {id, revision, std::move(host)};
    }

private:
    /// A multiple of the number of mutexes, so that a place always has the same one.
    static constexpr std::size_t PLACES = 8192;

    /// Empty without a host: no reservation has the number 0.
    struct Place {
        std::uint64_t id = 0;
        std::uint64_t revision = 0;
        isc::dhcp::ConstHostPtr host;
    };

    std::array<std::mutex, 16> mutexes_;
    std::vector<Place> places_ = std::vector<Place>(PLACES);
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
