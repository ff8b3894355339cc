// The most frequent kind of stored reservation: a MAC address, one address, and perhaps a hostname and a user-context.
#ifndef KEAHOOK_PLAIN_HOST_HPP
#define KEAHOOK_PLAIN_HOST_HPP

#include "keahook/abi.h"

#include <cc/data.h>
#include <dhcpsrv/host.h>

#include <string_view>

namespace keahook {

/// What the JSON of a stored reservation says beyond what the store knows itself: nothing, or a user-context.
class PlainBody {
public:
    explicit PlainBody(const KhrReservation& stored);

    /// Whether it says no more than that. Reading JSON takes most of the time of a lookup, and these need not be read.
    bool is_plain() const { return (is_plain_); }
    /// What Kea's parser takes.
    isc::data::ElementPtr element() const;
    /// Makes the host of this reservation out of that of another, if both are plain and of DHCPv4; this takes a small part
    /// of the time of making one. (IPv6 addresses cannot be taken from a host.) Nobody else may have the other.
    bool refill(isc::dhcp::Host& other) const;

private:
    isc::data::ElementPtr context() const;

    const KhrReservation& stored_;
    bool is_v6_;
    bool is_plain_ = false;
    std::string_view context_;
};

} // namespace keahook

#endif
