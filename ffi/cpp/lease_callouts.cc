// What becomes of leases: Kea's hook points for it, told to Rust. They run on packet threads.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"
#include "keahook/abi.h"

#include "bytes.hpp"

#include <dhcp/dhcp4.h>
#include <dhcp/dhcp6.h>
#include <dhcp/pkt4.h>
#include <dhcp/pkt6.h>
#include <dhcpsrv/lease.h>
#include <hooks/callout_handle.h>

// The numbers of DHCPv6 messages are in no namespace in Kea 2.2.
using namespace isc::dhcp;
using isc::hooks::CalloutHandle;

namespace keahook {

namespace {

KhrBytes
view(const std::vector<std::uint8_t>& bytes) {
    return {bytes.data(), bytes.size()};
}

/// What leases of both families have.
KhrLease
common(const Lease& lease, KhrLeaseChange change) {
    KhrLease told{};
    told.change = change;
    told.subnet = lease.subnet_id_;
    const auto address = octets(lease.addr_);
    std::copy(address.begin(), address.end(), told.address);
    told.valid_lifetime = lease.valid_lft_;
    told.started = static_cast<std::int64_t>(lease.cltt_);
    told.hostname = bytes(lease.hostname_);
    if (lease.hwaddr_) {
        told.hw_address = view(lease.hwaddr_->hwaddr_);
    }
    return (told);
}

void
tell(const Lease4& lease, KhrLeaseChange change) {
    KhrLease told = common(lease, change);
    told.family = 4;
    told.prefix_length = 32;
    if (lease.client_id_) {
        told.client_id = view(lease.client_id_->getClientId());
    }
    khr_lease_changed(&told);
}

void
tell(const Lease6& lease, KhrLeaseChange change) {
    KhrLease told = common(lease, change);
    told.family = 6;
    told.prefix_length = lease.prefixlen_;
    told.is_prefix = lease.type_ == Lease::TYPE_PD;
    told.iaid = lease.iaid_;
    if (lease.duid_) {
        told.duid = view(lease.duid_->getDuid());
    }
    khr_lease_changed(&told);
}

/// What a packet led to, once it is in the lease database: also addresses that a client has no more because it got
/// others. (What it releases or declines has hook points of its own.)
template <typename Leases>
void
tell_committed(CalloutHandle& handle, const char* committed, const char* deleted, bool by_release) {
    boost::shared_ptr<Leases> leases;
    handle.getArgument(deleted, leases);
    if (leases && !by_release) {
        for (const auto& lease : *leases) {
            if (lease) {
                tell(*lease, KhrLeaseChange_Released);
            }
        }
    }
    leases.reset();
    handle.getArgument(committed, leases);
    if (leases) {
        for (const auto& lease : *leases) {
            // Whose a declined one was is not known any more.
            if (lease && lease->state_ != Lease::STATE_DECLINED) {
                tell(*lease, KhrLeaseChange_Committed);
            }
        }
    }
}

/// Whether a packet is of that type.
template <typename QueryPtr>
bool
is_of_type(CalloutHandle& handle, const char* name, int type) {
    QueryPtr query;
    handle.getArgument(name, query);
    return (query && query->getType() == type);
}

/// A lease that a client gives up, unless another library keeps it.
template <typename LeasePtr>
void
tell_given_up(CalloutHandle& handle, const char* name, KhrLeaseChange change) {
    LeasePtr lease;
    handle.getArgument(name, lease);
    if (lease && handle.getStatus() == CalloutHandle::NEXT_STEP_CONTINUE) {
        tell(*lease, change);
    }
}

/// A lease that ran out. Not what was released before and is kept for the client's return, nor what was declined.
template <typename LeasePtr>
void
tell_expired(CalloutHandle& handle, const char* name) {
    LeasePtr lease;
    handle.getArgument(name, lease);
    // With another status, another library keeps it.
    const bool goes = lease && handle.getStatus() == CalloutHandle::NEXT_STEP_CONTINUE;
    if (goes && lease->state_ == Lease::STATE_DEFAULT && lease->valid_lft_ > 0) {
        tell(*lease, KhrLeaseChange_Expired);
    }
}

/// Whatever happens, the server goes on as if there was no callout.
template <typename Body>
int
guarded(Body body) {
    try {
        body();
        return (0);
    } catch (const std::exception& error) {
        write_log(Message::InternalError, error.what());
    } catch (...) {
        write_log(Message::InternalError, "an exception of unknown type in a callout about leases");
    }
    return (1);
}

extern "C" int
leases4_committed(CalloutHandle& handle) {
    return (guarded([&] {
        const bool by_release = is_of_type<Pkt4Ptr>(handle, "query4", DHCPRELEASE);
        tell_committed<Lease4Collection>(handle, "leases4", "deleted_leases4", by_release);
    }));
}

extern "C" int
leases6_committed(CalloutHandle& handle) {
    return (guarded([&] {
        const bool by_release = is_of_type<Pkt6Ptr>(handle, "query6", DHCPV6_RELEASE);
        tell_committed<Lease6Collection>(handle, "leases6", "deleted_leases6", by_release);
    }));
}

extern "C" int
lease4_release(CalloutHandle& handle) {
    return (guarded([&] { tell_given_up<Lease4Ptr>(handle, "lease4", KhrLeaseChange_Released); }));
}

extern "C" int
lease6_release(CalloutHandle& handle) {
    return (guarded([&] { tell_given_up<Lease6Ptr>(handle, "lease6", KhrLeaseChange_Released); }));
}

extern "C" int
lease4_decline(CalloutHandle& handle) {
    return (guarded([&] { tell_given_up<Lease4Ptr>(handle, "lease4", KhrLeaseChange_Declined); }));
}

extern "C" int
lease6_decline(CalloutHandle& handle) {
    return (guarded([&] { tell_given_up<Lease6Ptr>(handle, "lease6", KhrLeaseChange_Declined); }));
}

extern "C" int
lease4_expire(CalloutHandle& handle) {
    return (guarded([&] { tell_expired<Lease4Ptr>(handle, "lease4"); }));
}

extern "C" int
lease6_expire(CalloutHandle& handle) {
    return (guarded([&] { tell_expired<Lease6Ptr>(handle, "lease6"); }));
}

} // namespace

void
watch_leases(isc::hooks::LibraryHandle& library, std::uint8_t family) {
    const bool v6 = family == 6;
    library.registerCallout(v6 ? "leases6_committed" : "leases4_committed", v6 ? leases6_committed : leases4_committed);
    library.registerCallout(v6 ? "lease6_release" : "lease4_release", v6 ? lease6_release : lease4_release);
    library.registerCallout(v6 ? "lease6_decline" : "lease4_decline", v6 ? lease6_decline : lease4_decline);
    library.registerCallout(v6 ? "lease6_expire" : "lease4_expire", v6 ? lease6_expire : lease4_expire);
}

} // namespace keahook
