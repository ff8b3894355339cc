// The host backend: an adapter that asks the index in Rust.
#ifndef KEAHOOK_STORE_SOURCE_HPP
#define KEAHOOK_STORE_SOURCE_HPP

#include <dhcpsrv/base_host_data_source.h>

#include <string>

namespace keahook {

/// Opens the store that the parameters of a hosts-databases entry name; throws with the reason.
isc::dhcp::HostDataSourcePtr open_store(const isc::db::DatabaseConnection::ParameterMap& parameters);

/// A source that has nothing, and refuses changes with the reason.
isc::dhcp::HostDataSourcePtr unavailable_store(const isc::db::DatabaseConnection::ParameterMap& parameters,
                                               const std::string& reason);

/// Whether the source is one of these.
bool is_store(const isc::dhcp::BaseHostDataSource& source);

/// Puts a host in the place of the one with its identifier and subnet, in one step. (Kea 2.2.0 has no such call.)
void update_store(isc::dhcp::BaseHostDataSource& source, const isc::dhcp::HostPtr& host);

} // namespace keahook

#endif
