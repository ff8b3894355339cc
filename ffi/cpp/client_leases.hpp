// The leases that a client may use now.
#ifndef KEAHOOK_CLIENT_LEASES_HPP
#define KEAHOOK_CLIENT_LEASES_HPP

#include <dhcpsrv/lease.h>

#include "rust/cxx.h"

#include <cstdint>
#include <ctime>

namespace keahook {

/// The leases of a client that it may use, the newest first: neither declined nor released nor expired. None by identifiers
/// of which Kea's lease databases know nothing: those that are neither a hardware address nor a client identifier.
isc::dhcp::Lease4Collection valid_leases4(std::uint8_t identifier_type, rust::Slice<const std::uint8_t> identifier,
                                          std::time_t now);
/// The same in DHCPv6, where Kea finds leases by DUID alone.
isc::dhcp::Lease6Collection valid_leases6(std::uint8_t identifier_type, rust::Slice<const std::uint8_t> identifier,
                                          std::time_t now);

} // namespace keahook

#endif
