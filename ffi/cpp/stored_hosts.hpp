// Kea's Host objects of stored reservations.
#ifndef KEAHOOK_STORED_HOSTS_HPP
#define KEAHOOK_STORED_HOSTS_HPP

#include "keahook/abi.h"

#include <dhcpsrv/host.h>

#include <array>
#include <atomic>
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

    /// What is kept of a hit. Without a host, nothing: no reservation has the number 0.
    struct Place {
        std::uint64_t id = 0;
        std::uint64_t revision = 0;
        /// Whether the host has no more than `PlainBody` knows of.
        bool is_plain = false;
        isc::dhcp::ConstHostPtr host;
    };

    void
    insert(Place place) {
        const std::lock_guard<std::mutex> lock(mutexes_[place.id % mutexes_.size()]);
        // What was there ends with the parameter, without the lock.
        std::swap(places_[place.id % PLACES], place);
    }

    /// Takes out the host that a hit with this number takes the place of, to be refilled. Null unless it is a plain one
    /// that nobody else has.
    isc::dhcp::HostPtr
    retire(std::uint64_t id) {
        const std::lock_guard<std::mutex> lock(mutexes_[id % mutexes_.size()]);
        Place& place = places_[id % PLACES];
        if (!place.is_plain || !place.host || place.host.use_count() != 1) {
            return (nullptr);
        }
        // Whoever had it last has written its last before giving it back.
        std::atomic_thread_fence(std::memory_order_acquire);
        return (boost::const_pointer_cast<isc::dhcp::Host>(std::exchange(place, {}).host));
    }

private:
    /// A multiple of the number of mutexes, so that a place always has the same one.
    static constexpr std::size_t PLACES = 8192;

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
