// Leases of clients, with the reservations beside them.
#include "keahook/leases.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"

#include <dhcpsrv/lease_mgr_factory.h>

#include <algorithm>
#include <string>

using isc::data::ElementPtr;
using isc::dhcp::ClientId;
using isc::dhcp::DUID;
using isc::dhcp::HWAddr;
using isc::dhcp::Lease;
using isc::dhcp::Lease4;
using isc::dhcp::Lease4Collection;
using isc::dhcp::Lease6;
using isc::dhcp::Lease6Collection;
using isc::dhcp::LeaseMgrFactory;

namespace keahook {

namespace {

using Value = isc::data::Element;

ElementPtr
number(std::int64_t value) {
    return (Value::create(static_cast<long long int>(value)));
}

/// As Kea prints identifiers in leases. (Its own way goes through a stream, which takes longer than all the rest.)
ElementPtr
colons(const std::vector<std::uint8_t>& bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(3 * bytes.size());
    for (const std::uint8_t byte : bytes) {
        if (!text.empty()) {
            text.push_back(':');
        }
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 0xf]);
    }
    return (Value::create(text));
}

/// Whether the client may use the address. (What was released and is kept for the client's return has a lifetime of 0,
/// or a state of its own.)
bool
is_valid(const Lease& lease, std::time_t now) {
    return (lease.state_ == Lease::STATE_DEFAULT &&
            (lease.valid_lft_ == Lease::INFINITY_LFT || lease.getExpirationTime() > now));
}

ElementPtr last_s, last_v, last_st;
ElementPtr again(ElementPtr& last, std::int64_t value) { if (!last || last->intValue() != value) last = number(value); return last; }
ElementPtr
describe(const Lease& lease) {
    const ElementPtr map = Value::createMap();
    map->set("ip-address", Value::create(lease.addr_.toText()));
    map->set("subnet-id", again(last_s, lease.subnet_id_));
    static bool st = getenv("STATE"); if (st) map->set("state", again(last_st, lease.state_));
    map->set("cltt", number(lease.cltt_));
    map->set("valid-lft", again(last_v, lease.valid_lft_));
    map->set("expire", number(lease.getExpirationTime()));
    if (!lease.hostname_.empty()) {
    map->set("hostname", Value::create(lease.hostname_));
    }
    if (getenv("HWA") && lease.hwaddr_ && !lease.hwaddr_->hwaddr_.empty()) {
        map->set("hw-address", colons(lease.hwaddr_->hwaddr_));
    }
    return (map);
}

ElementPtr
describe(const Lease4& lease) {
    const ElementPtr map = describe(static_cast<const Lease&>(lease));
    if (lease.client_id_) {
        map->set("client-id", colons(lease.client_id_->getClientId()));
    }
    return (map);
}

ElementPtr
describe(const Lease6& lease) {
    const ElementPtr map = describe(static_cast<const Lease&>(lease));
    map->set("duid", colons(lease.duid_->getDuid()));
    map->set("iaid", number(lease.iaid_));
    map->set("type", Value::create(Lease::typeToText(lease.type_)));
    map->set("preferred-lft", number(lease.preferred_lft_));
    if (lease.type_ == Lease::TYPE_PD) {
        map->set("prefix-len", number(lease.prefixlen_));
    }
    return (map);
}

/// Those that are valid, the newest first.
template <typename Leases>
ElementPtr
describe_valid(Leases leases, const Question& question, std::time_t now) {
    const auto unwanted = [&](const auto& lease) {
        return (!is_valid(*lease, now) || (question.has_subnet && lease->subnet_id_ != question.subnet));
    };
    leases.erase(std::remove_if(leases.begin(), leases.end(), unwanted), leases.end());
    std::stable_sort(leases.begin(), leases.end(),
                     [](const auto& left, const auto& right) { return (left->cltt_ > right->cltt_); });
    const ElementPtr list = Value::createList();
    for (const auto& lease : leases) {
        list->add(describe(*lease));
    }
    return (list);
}

/// The owner that the `user-context` of a host names; null where it names none.
isc::data::ConstElementPtr
owner_of(const isc::dhcp::Host& host, const std::string& member) {
    const auto context = host.getContext();
    if (!context || context->getType() != Value::map) {
        return (nullptr);
    }
    const auto owner = context->get(member);
    return (owner && owner->getType() == Value::string ? owner : nullptr);
}

} // namespace

Resolver::Resolver(std::uint8_t family, Target target, rust::Str owner)
    : family_(family), owner_(owner), now_(std::time(nullptr)), sources_(sources(target)),
      answers_(Value::createList()) {
    for (const Source& source : *sources_) {
        source_names_.push_back(Value::create(std::string(source.name())));
    }
}

/// Null where Kea finds no leases by this type of identifier.
ElementPtr
Resolver::leases_of(const Question& question) {
    const std::vector<std::uint8_t> bytes(question.bytes.begin(), question.bytes.end());
    const auto& manager = LeaseMgrFactory::instance();
    const auto type = static_cast<isc::dhcp::Host::IdentifierType>(question.identifier_type);
    if (family_ == 6) {
        return (type == isc::dhcp::Host::IDENT_DUID ? describe_valid(manager.getLeases6(DUID(bytes)), question, now_) : nullptr);
    }
    switch (type) {
    case isc::dhcp::Host::IDENT_HWADDR:
        return (describe_valid(manager.getLease4(HWAddr(bytes, isc::dhcp::HTYPE_ETHER)), question, now_));
    case isc::dhcp::Host::IDENT_CLIENT_ID:
        return (describe_valid(manager.getLease4(ClientId(bytes)), question, now_));
    default:
        return (nullptr);
    }
}

ElementPtr
Resolver::reservations_of(const Question& question) {
    const ElementPtr list = Value::createList();
    static bool ask = getenv("ASK"); if (!ask) return list;
    for (std::size_t index = 0; index < sources_->size(); ++index) {
        const auto hosts = (*sources_)[index].find(question);
        for (const Host& host : *hosts) {
            const auto element = host.element(family_);
            const ElementPtr map = boost::const_pointer_cast<Value>(element->value());
            map->set("source", source_names_[index]);
            const auto owner = owner_of(*host.host(), owner_);
            if (owner) {
                map->set("owner", owner);
            }
            list->add(map);
        }
    }
    return (list);
}

void
Resolver::resolve(std::uint8_t type, rust::Slice<const std::uint8_t> identifier, bool has_subnet,
                  std::uint32_t subnet) {
    Question question{};
    question.family = family_;
    question.has_subnet = has_subnet;
    question.subnet = subnet;
    question.property = Property::Identifier;
    question.identifier_type = type;
    question.bytes = identifier;
    const ElementPtr answer = Value::createMap();
    const ElementPtr leases = leases_of(question);
    const ElementPtr reservations = reservations_of(question);
    if (leases && leases->size()) {
        answer->set("leases", leases);
        leases_ += leases->size();
    }
    if (reservations->size()) answer->set("reservations", reservations);
    reservations_ += reservations->size();
    answers_->add(answer);
}

void
Resolver::refuse(rust::Str reason) {
    const ElementPtr answer = Value::createMap();
    answer->set("error", Value::create(std::string(reason)));
    answers_->add(answer);
}

std::unique_ptr<Resolver>
resolver(std::uint8_t family, Target target, rust::Str owner) {
    return (std::make_unique<Resolver>(family, target, owner));
}

} // namespace keahook
