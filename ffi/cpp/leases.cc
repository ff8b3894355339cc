// Leases of clients, with the reservations beside them.
#include "keahook/leases.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
#include "client_leases.hpp"

#include <string>

using isc::asiolink::IOAddress;
using isc::data::ElementPtr;
using isc::dhcp::Lease;
using isc::dhcp::Lease4;
using isc::dhcp::Lease6;

namespace keahook {

namespace {

using Value = isc::data::Element;

ElementPtr
number(std::int64_t value) {
    return (Value::create(static_cast<long long int>(value)));
}

ElementPtr
text(rust::Slice<const std::uint8_t> bytes) {
    return (Value::create(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
}

/// The resources of one kind, under the name that they have in a reservation.
void
set_resources(const ElementPtr& map, const char* name, const Reserved& reserved, bool prefixes) {
    const ElementPtr list = Value::createList();
    for (const Resource& resource : reserved.resources) {
        if (resource.is_prefix == prefixes) {
            const std::string address =
                IOAddress::fromBytes(AF_INET6, resource.address.data()).toText();
            list->add(Value::create(prefixes ? address + "/" + std::to_string(resource.prefix_length) : address));
        }
    }
    if (list->size() > 0) {
        map->set(name, list);
    }
}

} // namespace

ElementPtr
Repeated::number(std::int64_t value) {
    if (!last_ || number_ != value) {
        last_ = keahook::number(value);
        number_ = value;
    }
    return (last_);
}

ElementPtr
Repeated::text(const void* data, std::size_t size) {
    if (!last_ || text_.compare(0, std::string::npos, static_cast<const char*>(data), size) != 0) {
        text_.assign(static_cast<const char*>(data), size);
        last_ = Value::create(text_);
    }
    return (last_);
}

ElementPtr
Resolver::describe(const Lease& lease) {
    const ElementPtr map = Value::createMap();
    leased_address_ = Value::create(lease.addr_.toText());
    map->set("ip-address", leased_address_);
    map->set("subnet-id", lease_subnets_.number(lease.subnet_id_));
    map->set("state", states_.number(lease.state_));
    if (lease.valid_lft_ != Lease::INFINITY_LFT) {
        map->set("expire", expiries_.number(lease.getExpirationTime()));
    }
    if (!lease.hostname_.empty()) {
        map->set("hostname", Value::create(lease.hostname_));
    }
    return (map);
}

ElementPtr
Resolver::describe(const Lease4& lease) {
    leased_ = lease.addr_.toUint32();
    return (describe(static_cast<const Lease&>(lease)));
}

ElementPtr
Resolver::describe(const Lease6& lease) {
    const ElementPtr map = describe(static_cast<const Lease&>(lease));
    const std::vector<std::uint8_t>& duid = lease.duid_->getDuid();
    map->set("duid", Value::create(colons(duid.data(), duid.size())));
    map->set("iaid", keahook::number(lease.iaid_));
    map->set("type", Value::create(Lease::typeToText(lease.type_)));
    if (lease.type_ == Lease::TYPE_PD) {
        map->set("prefix-len", keahook::number(lease.prefixlen_));
    }
    return (map);
}

template <typename Leases>
void
Resolver::show(const Leases& leases, bool has_subnet, std::uint32_t subnet) {
    for (const auto& lease : leases) {
        if (has_subnet && lease->subnet_id_ != subnet) {
            continue;
        }
        if (leases_ == nothing_) {
            leases_ = Value::createList();
        }
        leases_->add(describe(*lease));
    }
}

void
Resolver::open(std::uint8_t type, rust::Slice<const std::uint8_t> identifier, bool has_subnet, std::uint32_t subnet) {
    leases_ = nothing_;
    reservations_ = nothing_;
    leased_ = 0;
    if (family_ == 6) {
        show(valid_leases6(type, identifier, now_), has_subnet, subnet);
    } else {
        show(valid_leases4(type, identifier, now_), has_subnet, subnet);
    }
}

void
Resolver::reserve(const Reserved& reserved, const Element& source) {
    const ElementPtr map = Value::createMap();
    map->set("subnet-id", reserved_subnets_.number(reserved.subnet));
    map->set("source", source.value());
    if (reserved.ipv4 != 0) {
        const bool leased = reserved.ipv4 == leased_;
        map->set("ip-address", leased ? leased_address_ : Value::create(IOAddress(reserved.ipv4).toText()));
    }
    if (!reserved.resources.empty()) {
        set_resources(map, "ip-addresses", reserved, false);
        set_resources(map, "prefixes", reserved, true);
    }
    if (!reserved.hostname.empty()) {
        map->set("hostname", text(reserved.hostname));
    }
    if (!reserved.owner.empty()) {
        map->set("owner", owners_.text(reserved.owner.data(), reserved.owner.size()));
    }
    if (reservations_ == nothing_) {
        reservations_ = Value::createList();
    }
    reservations_->add(map);
}

void
Resolver::close() {
    const ElementPtr answer = Value::createMap();
    answer->set("leases", leases_);
    answer->set("reservations", reservations_);
    answers_->add(answer);
    lease_count_ += leases_->size();
    reservation_count_ += reservations_->size();
}

void
Resolver::refuse(rust::Str reason) {
    const ElementPtr answer = Value::createMap();
    answer->set("status", Value::create("invalid"));
    answer->set("text", Value::create(std::string(reason)));
    answers_->add(answer);
}

std::unique_ptr<Resolver>
resolver(std::uint8_t family) {
    return (std::make_unique<Resolver>(family));
}

} // namespace keahook
