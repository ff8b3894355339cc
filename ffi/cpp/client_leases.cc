#include "client_leases.hpp"

#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"

#include <dhcpsrv/lease_mgr_factory.h>

#include <algorithm>

using isc::asiolink::IOAddress;
using isc::dhcp::ClientId;
using isc::dhcp::DUID;
using isc::dhcp::HWAddr;
using isc::dhcp::Lease;
using isc::dhcp::Lease4Collection;
using isc::dhcp::Lease4Ptr;
using isc::dhcp::Lease6Collection;
using isc::dhcp::Lease6Ptr;
using isc::dhcp::LeaseMgrFactory;

namespace keahook {

namespace {

using Bytes = std::vector<std::uint8_t>;

/// Whether the client may use the address. (What was released and is kept for the client's return has a lifetime of 0,
/// or a state of its own.)
bool
is_valid(const Lease& lease, std::time_t now) {
    return (lease.state_ == Lease::STATE_DEFAULT &&
            (lease.valid_lft_ == Lease::INFINITY_LFT || lease.getExpirationTime() > now));
}

template <typename Leases>
Leases
only_valid(Leases leases, std::time_t now) {
    leases.erase(
        std::remove_if(leases.begin(), leases.end(), [&](const auto& lease) { return (!is_valid(*lease, now)); }),
        leases.end());
    std::stable_sort(leases.begin(), leases.end(),
                     [](const auto& left, const auto& right) { return (left->cltt_ > right->cltt_); });
    return (leases);
}

void
collect(const Lease4Ptr& lease, rust::Vec<ClientLease>& found) {
    found.push_back({lease->subnet_id_, lossy(lease->addr_.toText()), 0});
}

void
collect(const Lease6Ptr& lease, rust::Vec<ClientLease>& found) {
    // A temporary address is given to be changed soon (RFC 8415, section 6.5).
    if (lease->type_ != Lease::TYPE_TA) {
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

Lease4Collection
valid_leases4(std::uint8_t identifier_type, rust::Slice<const std::uint8_t> identifier, std::time_t now) {
    const auto& manager = LeaseMgrFactory::instance();
    const Bytes bytes(identifier.begin(), identifier.end());
    switch (identifier_type) {
    case isc::dhcp::Host::IDENT_HWADDR:
        return (only_valid(manager.getLease4(HWAddr(bytes, isc::dhcp::HTYPE_ETHER)), now));
    case isc::dhcp::Host::IDENT_CLIENT_ID:
        return (only_valid(manager.getLease4(ClientId(bytes)), now));
    default:
        return {};
    }
}

Lease6Collection
valid_leases6(std::uint8_t identifier_type, rust::Slice<const std::uint8_t> identifier, std::time_t now) {
    if (identifier_type != isc::dhcp::Host::IDENT_DUID) {
        return {};
    }
    const Bytes bytes(identifier.begin(), identifier.end());
    return (only_valid(LeaseMgrFactory::instance().getLeases6(DUID(bytes)), now));
}

rust::Vec<ClientLease>
leases_of_client(std::uint8_t family, std::uint8_t identifier_type, rust::Slice<const std::uint8_t> identifier) {
    const std::time_t now = std::time(nullptr);
    return (family == 6 ? collect_all(valid_leases6(identifier_type, identifier, now)) :
                          collect_all(valid_leases4(identifier_type, identifier, now)));
}

rust::Vec<ClientLease>
leases6_of_mac(bool is_prefix, rust::Str address, rust::Slice<const std::uint8_t> mac) {
    const auto& manager = LeaseMgrFactory::instance();
    const auto seen =
        manager.getLease6(is_prefix ? Lease::TYPE_PD : Lease::TYPE_NA, IOAddress(std::string(address)));
    const bool is_of_mac =
        seen && seen->duid_ && seen->hwaddr_ && seen->hwaddr_->hwaddr_ == Bytes(mac.begin(), mac.end());
    if (!is_of_mac) {
        return {};
    }
    return (collect_all(only_valid(manager.getLeases6(*seen->duid_), std::time(nullptr))));
}

} // namespace keahook
