// Reservations: Kea's own parser, and what Rust sees of a host.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
#include "erasing.hpp"
#include "json.hpp"
#include "outgoing.hpp"

// Included first: the parser's header needs it and does not say so.
#include <dhcpsrv/cfg_host_operations.h>
#include <dhcpsrv/host_mgr.h>
#include <dhcpsrv/parsers/host_reservation_parser.h>
#if KEA_API >= 20600
#include <util/str.h>
#else
#include <util/strutil.h>
#endif

using isc::dhcp::ConstHostCollection;
using isc::dhcp::HostMgr;
using isc::dhcp::HostPtr;
using isc::dhcp::HostReservationParser4;
using isc::dhcp::HostReservationParser6;
using isc::dhcp::IPv6Resrv;

namespace keahook {

namespace {

HostPtr
parse(std::uint8_t family, std::uint32_t subnet, const isc::data::ConstElementPtr& reservation) {
    if (family == 6) {
        HostReservationParser6 parser;
        return (parser.parse(subnet, reservation));
    }
    HostReservationParser4 parser;
    return (parser.parse(subnet, reservation));
}

} // namespace

Host::Host(std::uint8_t family, std::uint32_t subnet, isc::data::ConstElementPtr reservation)
    : host_(parse(family, subnet, reservation)), family_(family), subnet_(subnet),
      reservation_(std::move(reservation)) {}

HostPtr
Host::give() const {
    if (reservation_ && given_) {
        return (parse(family_, subnet_, reservation_));
    }
    given_ = true;
    return (boost::const_pointer_cast<isc::dhcp::Host>(host_));
}

Claim
Host::claim() const {
    const std::vector<std::uint8_t>& identifier = host_->getIdentifier();
    const std::string hostname = host_->getHostname();
    Claim claim{};
    claim.identifier_type = static_cast<std::uint8_t>(host_->getIdentifierType());
    claim.identifier = copied({identifier.data(), identifier.size()});
    claim.subnet_v4 = host_->getIPv4SubnetID();
    claim.subnet_v6 = host_->getIPv6SubnetID();
    claim.ipv4 = host_->getIPv4Reservation().isV4() ? host_->getIPv4Reservation().toUint32() : 0;
    claim.hostname = copied(slice(hostname));
    for (auto range = host_->getIPv6Reservations(); range.first != range.second; ++range.first) {
        const IPv6Resrv& reserved = range.first->second;
        claim.resources.push_back(
            {octets(reserved.getPrefix()), reserved.getPrefixLen(), reserved.getType() == IPv6Resrv::TYPE_PD});
    }
    return (claim);
}

void
Host::check_readable() const {
    keahook::check_readable(is_v6(*host_) ? *host_->toElement6() : *host_->toElement4());
}

rust::Vec<std::uint8_t>
Host::body() const {
    const Outgoing outgoing(*host_);
    const KhrBytes body = outgoing.get()->body;
    return (copied({body.data, body.len}));
}

rust::Vec<std::uint8_t>
Host::owner(rust::Str member) const {
    const auto context = host_->getContext();
    if (!context || context->getType() != isc::data::Element::map) {
        return {};
    }
    const auto owner = context->get(std::string(member));
    if (!owner || owner->getType() != isc::data::Element::string) {
        return {};
    }
    const std::string name = owner->stringValue();
    return (copied(slice(name)));
}

std::unique_ptr<Element>
Host::element(std::uint8_t family) const {
    const bool v6 = family == 6;
    const isc::data::ElementPtr map = v6 ? host_->toElement6() : host_->toElement4();
    const auto subnet = static_cast<long long int>(v6 ? host_->getIPv6SubnetID() : host_->getIPv4SubnetID());
    map->set("subnet-id", isc::data::Element::create(subnet));
    return (std::make_unique<Element>(map));
}

std::unique_ptr<Host>
parse_reservation(std::uint8_t family, std::uint32_t subnet, const Element& reservation) {
    return (std::make_unique<Host>(family, subnet, reservation.value()));
}

rust::Vec<std::uint8_t>
parse_identifier(rust::Slice<const std::uint8_t> text) {
    const std::string input(reinterpret_cast<const char*>(text.data()), text.size());
    std::vector<std::uint8_t> bytes = isc::util::str::quotedStringToBinary(input);
    if (bytes.empty()) {
        isc::util::str::decodeFormattedHexString(input, bytes);
    }
    return (copied({bytes.data(), bytes.size()}));
}

std::uint8_t
identifier_type(rust::Str name) {
    return (static_cast<std::uint8_t>(isc::dhcp::Host::getIdentifierType(std::string(name))));
}

std::unique_ptr<Hosts>
host_page(std::uint8_t family, bool of_subnet, std::uint32_t subnet, std::size_t& source, std::uint64_t after,
          std::size_t limit) {
    const isc::dhcp::HostPageSize size(limit);
    const HostMgr& manager = HostMgr::instance();
    ConstHostCollection hosts;
    if (family == 6) {
        hosts = of_subnet ? manager.getPage6(subnet, source, after, size) : manager.getPage6(source, after, size);
    } else {
        hosts = of_subnet ? manager.getPage4(subnet, source, after, size) : manager.getPage4(source, after, size);
    }
    return (std::make_unique<Hosts>(hosts.begin(), hosts.end()));
}

bool
database_available() {
    return (static_cast<bool>(HostMgr::instance().getHostDataSource()));
}

rust::Vec<rust::String>
database_types() {
    rust::Vec<rust::String> types;
    for (const auto& source : HostMgr::instance().getHostDataSourceList()) {
        types.push_back(source->getType());
    }
    return (types);
}

} // namespace keahook
