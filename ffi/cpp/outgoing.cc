// Hosts on their way into the store.
#include <config.h>

#include "bytes.hpp"
#include "json.hpp"
#include "outgoing.hpp"

#include <dhcpsrv/subnet_id.h>

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::dhcp::IPv6Resrv;
using isc::dhcp::SUBNET_ID_UNUSED;

namespace keahook {

namespace {

/// What Kea's parser takes: the host's own JSON without the members that say nothing.
ElementPtr
parser_form(const isc::dhcp::Host& host, bool v6) {
    const ElementPtr full = v6 ? host.toElement6() : host.toElement4();
    const ElementPtr body = Element::createMap();
    for (const auto& member : full->mapValue()) {
        const ConstElementPtr& value = member.second;
        const bool empty = value->getType() == Element::string ? value->stringValue().empty() :
            (value->getType() == Element::list && value->empty());
        const bool unset = member.first == "next-server" && value->stringValue() == "0.0.0.0";
        if (!empty && !unset) {
            body->set(member.first, value);
        }
    }
    return (body);
}

} // namespace

Outgoing::Outgoing(const isc::dhcp::Host& host)
    : identifier_(host.getIdentifier()), hostname_(host.getHostname()) {
    for (auto range = host.getIPv6Reservations(); range.first != range.second; ++range.first) {
        const IPv6Resrv& reserved = range.first->second;
        KhrResource resource{};
        const auto value = octets(reserved.getPrefix());
        std::copy(value.begin(), value.end(), resource.address);
        resource.prefix_length = reserved.getPrefixLen();
        resource.is_prefix = reserved.getType() == IPv6Resrv::TYPE_PD;
        resources_.push_back(resource);
    }
    const bool v6 = host.getIPv4SubnetID() == SUBNET_ID_UNUSED;
    body_ = json(*parser_form(host, v6));

    reservation_ = KhrReservation{};
    reservation_.identifier_type = static_cast<std::uint8_t>(host.getIdentifierType());
    reservation_.identifier = {identifier_.data(), identifier_.size()};
    reservation_.subnet_v4 = host.getIPv4SubnetID();
    reservation_.subnet_v6 = host.getIPv6SubnetID();
    reservation_.ipv4 = host.getIPv4Reservation().isV4() ? host.getIPv4Reservation().toUint32() : 0;
    reservation_.hostname = bytes(hostname_);
    reservation_.resources = resources_.data();
    reservation_.resource_count = resources_.size();
    reservation_.body = bytes(body_);
}

} // namespace keahook
