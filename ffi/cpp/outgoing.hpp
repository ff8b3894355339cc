// Hosts on their way into the store.
#ifndef KEAHOOK_OUTGOING_HPP
#define KEAHOOK_OUTGOING_HPP

#include "keahook/abi.h"

#include <dhcpsrv/host.h>

#include <string>
#include <vector>

namespace keahook {

/// A host in the form that Rust takes; the parts live as long as this object.
class Outgoing {
public:
    explicit Outgoing(const isc::dhcp::Host& host);

    Outgoing(const Outgoing&) = delete;
    Outgoing& operator=(const Outgoing&) = delete;

    const KhrReservation* get() const { return (&reservation_); }

private:
    std::vector<std::uint8_t> identifier_;
    std::string hostname_;
    std::vector<KhrResource> resources_;
    std::string body_;
    KhrReservation reservation_;
};

} // namespace keahook

#endif
