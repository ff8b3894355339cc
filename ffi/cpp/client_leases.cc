// The leases that clients may use now.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
#include "lease_state.hpp"

#include <dhcpsrv/lease_mgr_factory.h>

#include <ctime>

using isc::asiolink::IOAddress;
using isc::dhcp::ClientId;
using isc::dhcp::DUID;
using isc::dhcp::HWAddr;
using isc::dhcp::Lease;
using isc::dhcp::Lease4Ptr;
using isc::dhcp::Lease6Ptr;
using isc::dhcp::LeaseMgrFactory;

namespace keahook {

namespace {

using Bytes = std::vector<std::uint8_t>;

void
collect(const Lease4Ptr& lease, rust::Vec<ClientLease>& found) {
    if (lease && is_valid(*lease, std::time(nullptr))) {
        found.push_back({lease->subnet_id_, lossy(lease->addr_.toText()), 0});
    }
}

void
collect(const Lease6Ptr& lease, rust::Vec<ClientLease>& found) {
    // A temporary address is given to be changed soon (RFC 8415, section 6.5).
    if (lease && is_valid(*lease, std::time(nullptr)) && lease->type_ != Lease::TYPE_TA) {
        const std::uint8_t length = lease->type_ == Lease::TYPE_PD ? lease->prefixlen_ : 0;
        found.push_back({lease->subnet_id_, lossy(lease->addr_.toText()), length});
    }
}

template <typename Leases>
rust::Vec<ClientLease>
collect_all(const Leases& leases) {
    rust::Vec<ClientLease> found;
    for (const auto& lease : leases) {
        collect(lease, found);
    }
    return (found);
}

} // namespace

rust::Vec<ClientLease>
leases_of_client(std::uint8_t family, std::uint8_t identifier_type, rust::Slice<const std::uint8_t> identifier) {
    const auto& manager = LeaseMgrFactory::instance();
    const Bytes bytes(identifier.begin(), identifier.end());
    switch (identifier_type) {
    case isc::dhcp::Host::IDENT_HWADDR:
        // Kea's lease databases cannot be asked for DHCPv6 leases of a hardware address.
        return (family == 6 ? rust::Vec<ClientLease>() :
                              collect_all(manager.getLease4(HWAddr(bytes, isc::dhcp::HTYPE_ETHER))));
    case isc::dhcp::Host::IDENT_CLIENT_ID:
        return (collect_all(manager.getLease4(ClientId(bytes))));
    case isc::dhcp::Host::IDENT_DUID:
        return (collect_all(manager.getLeases6(DUID(bytes))));
    default:
        return {};
    }
}

rust::Vec<ClientLease>
leases6_of_mac(bool is_prefix, rust::Str address, rust::Slice<const std::uint8_t> mac) {
    const auto& manager = LeaseMgrFactory::instance();
    const auto seen =
        manager.getLease6(is_prefix ? Lease::TYPE_PD : Lease::TYPE_NA, IOAddress(std::string(address)));
    const bool is_of_mac = seen && seen->hwaddr_ && seen->hwaddr_->hwaddr_ == Bytes(mac.begin(), mac.end());
    return (is_of_mac ? collect_all(manager.getLeases6(*seen->duid_)) : rust::Vec<ClientLease>());
}

} // namespace keahook
