// Which leases count.
#ifndef KEAHOOK_LEASE_STATE_HPP
#define KEAHOOK_LEASE_STATE_HPP

#include <dhcpsrv/lease.h>

#include <ctime>

namespace keahook {

/// Whether the client may use the address: it is neither declined nor released nor expired. (What was released and is kept
/// for the client's return has a lifetime of 0, or a state of its own.)
inline bool
is_valid(const isc::dhcp::Lease& lease, std::time_t now) {
    return (lease.state_ == isc::dhcp::Lease::STATE_DEFAULT &&
            (lease.valid_lft_ == isc::dhcp::Lease::INFINITY_LFT || lease.getExpirationTime() > now));
}

} // namespace keahook

#endif
