// Removing hosts from sources, past what Kea's own code cannot do or does wrong.
#ifndef KEAHOOK_ERASING_HPP
#define KEAHOOK_ERASING_HPP

#include "keahook/shim.hpp"

namespace keahook {

bool is_v6(const isc::dhcp::Host& host);

/// Whether the source has a host for the same client in the same subnet.
bool has(const isc::dhcp::BaseHostDataSource& source, const isc::dhcp::Host& host);

/// Removes a host by what identifies it. (Never by an IPv6 address: Kea 2.6.3 then keeps the host's other addresses,
/// and on PostgreSQL before 2.5.8 all hosts of the subnet go.)
void erase(isc::dhcp::BaseHostDataSource& source, SourceKind kind, const isc::dhcp::Host& host);

/// Removes hosts from the server's memory. Packets must wait.
void erase_from_memory(isc::dhcp::BaseHostDataSource& memory, const Hosts& hosts);

} // namespace keahook

#endif
