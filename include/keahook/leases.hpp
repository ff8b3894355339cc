// Leases: what Rust may ask of Kea about them. Declared to Rust in ffi/src/bridge.rs.
#ifndef KEAHOOK_LEASES_HPP
#define KEAHOOK_LEASES_HPP

#include "keahook/shim.hpp"

#include <dhcpsrv/lease.h>

#include <ctime>
#include <string>

namespace keahook {

struct Reserved;

/// Values that are often the same as the last time: most of the work of an answer goes into making small objects.
class Repeated {
public:
    isc::data::ElementPtr number(std::int64_t value);
    isc::data::ElementPtr text(const void* data, std::size_t size);

private:
    isc::data::ElementPtr last_;
    std::int64_t number_ = 0;
    std::string text_;
};

/// Collects what there is of clients in a list, one answer for each.
class Resolver {
public:
    explicit Resolver(std::uint8_t family) : family_(family), now_(std::time(nullptr)) {}

    /// Begins an answer with the valid leases of a client, only those in the subnet where one is given.
    void open(std::uint8_t type, rust::Slice<const std::uint8_t> identifier, bool has_subnet, std::uint32_t subnet);
    /// Adds a reservation to the answer.
    void reserve(const Reserved& reserved, const Element& source);
    /// Appends the answer to the list.
    void close();
    /// Appends the reason why there is no answer, in place of what was begun.
    void refuse(rust::Str reason);

    std::size_t leases() const noexcept { return (lease_count_); }
    std::size_t reservations() const noexcept { return (reservation_count_); }
    std::unique_ptr<Element> answers() const { return (std::make_unique<Element>(answers_)); }

private:
    isc::data::ElementPtr describe(const isc::dhcp::Lease& lease);
    isc::data::ElementPtr describe(const isc::dhcp::Lease4& lease);
    isc::data::ElementPtr describe(const isc::dhcp::Lease6& lease);
    template <typename Leases>
    void show(const Leases& leases, bool has_subnet, std::uint32_t subnet);

    std::uint8_t family_;
    std::time_t now_;
    Repeated lease_subnets_;
    Repeated states_;
    Repeated expiries_;
    Repeated reserved_subnets_;
    Repeated owners_;
    /// The address of the last lease in this answer, which is often the reserved one.
    std::uint32_t leased_ = 0;
    isc::data::ElementPtr leased_address_;
    const isc::data::ElementPtr nothing_ = isc::data::Element::createList();
    isc::data::ElementPtr leases_;
    isc::data::ElementPtr reservations_;
    isc::data::ElementPtr answers_ = isc::data::Element::createList();
    std::size_t lease_count_ = 0;
    std::size_t reservation_count_ = 0;
};

std::unique_ptr<Resolver> resolver(std::uint8_t family);

} // namespace keahook

#endif
