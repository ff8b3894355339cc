// Reservations: Kea's own parser, and Kea's host manager with the sources behind it.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include <asiolink/io_address.h>
// Included first: the parser's header needs it and does not say so.
#include <dhcpsrv/cfg_host_operations.h>
#include <dhcpsrv/cfg_hosts.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/host_mgr.h>
#include <dhcpsrv/parsers/host_reservation_parser.h>
#include <exceptions/exceptions.h>
#if KEA_API >= 20600
#include <util/str.h>
#else
#include <util/strutil.h>
#endif

#include <boost/algorithm/string.hpp>

using isc::asiolink::IOAddress;
using isc::dhcp::BaseHostDataSource;
using isc::dhcp::ConstHostPtr;
using isc::dhcp::HostMgr;

namespace keahook {

namespace {

/// The sources that a target means, in the order in which Kea asks them.
std::vector<const BaseHostDataSource*>
sources(Target target) {
    std::vector<const BaseHostDataSource*> selected;
    if (target != Target::Database) {
        selected.push_back(isc::dhcp::CfgMgr::instance().getCurrentCfg()->getCfgHosts().get());
    }
    if (target != Target::Memory) {
        for (const auto& source : HostMgr::instance().getHostDataSourceList()) {
            selected.push_back(source.get());
        }
    }
    return (selected);
}

template <typename Lookup>
std::unique_ptr<Hosts>
first_host(Target target, Lookup lookup) {
    auto found = std::make_unique<Hosts>();
    for (const auto* source : sources(target)) {
        if (const ConstHostPtr host = lookup(*source)) {
            found->emplace_back(host);
            break;
        }
    }
    return (found);
}

/// All hosts of the family that the sources of a target find, in the order of the sources.
template <typename Lookup>
std::unique_ptr<Hosts>
all_hosts4(Target target, Lookup lookup) {
    auto found = std::make_unique<Hosts>();
    for (const auto* source : sources(target)) {
        for (const ConstHostPtr& host : lookup(*source)) {
            if (host->getIPv4SubnetID() != isc::dhcp::SUBNET_ID_UNUSED) {
                found->emplace_back(host);
            }
        }
    }
    return (found);
}

isc::dhcp::Host::IdentifierType
to_type(std::uint8_t type) {
    return (static_cast<isc::dhcp::Host::IdentifierType>(type));
}

} // namespace

rust::String
Host::address4() const {
    const std::string text = host_->getIPv4Reservation().toText();
    return (rust::String::lossy(text.data(), text.size()));
}

std::unique_ptr<Element>
Host::element() const {
    const isc::data::ElementPtr map = host_->toElement4();
    const auto subnet = static_cast<long long int>(host_->getIPv4SubnetID());
    map->set("subnet-id", isc::data::Element::create(subnet));
    return (std::make_unique<Element>(map));
}

std::unique_ptr<Host>
parse_reservation4(std::uint32_t subnet, const Element& reservation) {
    isc::dhcp::HostReservationParser4 parser;
    return (std::make_unique<Host>(parser.parse(subnet, reservation.value())));
}

rust::Vec<std::uint8_t>
parse_identifier(rust::Slice<const std::uint8_t> text) {
    const std::string input(reinterpret_cast<const char*>(text.data()), text.size());
    std::vector<std::uint8_t> bytes = isc::util::str::quotedStringToBinary(input);
    if (bytes.empty()) {
        isc::util::str::decodeFormattedHexString(input, bytes);
    }
    rust::Vec<std::uint8_t> identifier;
    for (const std::uint8_t byte : bytes) {
        identifier.push_back(byte);
    }
    return (identifier);
}

std::uint8_t
identifier_type(rust::Str name) {
    return (static_cast<std::uint8_t>(isc::dhcp::Host::getIdentifierType(std::string(name))));
}

void
add_host(const Host& host) {
    // The manager takes a pointer to non-const because each source gives the host its id.
    HostMgr::instance().add(boost::const_pointer_cast<isc::dhcp::Host>(host.host()));
}

bool
delete_host4_by_address(std::uint32_t subnet, rust::Str address) {
    return (HostMgr::instance().del(subnet, IOAddress(std::string(address))));
}

bool
delete_host4_by_identifier(std::uint32_t subnet, std::uint8_t type,
                           rust::Slice<const std::uint8_t> identifier) {
    return (HostMgr::instance().del4(subnet, to_type(type), identifier.data(), identifier.size()));
}

std::unique_ptr<Hosts>
host4_by_address(Target target, std::uint32_t subnet, rust::Str address) {
    const IOAddress wanted{std::string(address)};
    return (first_host(target, [&](const BaseHostDataSource& source) {
        return (source.get4(subnet, wanted));
    }));
}

std::unique_ptr<Hosts>
host4_by_identifier(Target target, std::uint32_t subnet, std::uint8_t type,
                    rust::Slice<const std::uint8_t> identifier) {
    return (first_host(target, [&](const BaseHostDataSource& source) {
        return (source.get4(subnet, to_type(type), identifier.data(), identifier.size()));
    }));
}

std::unique_ptr<Hosts>
hosts4_of_subnet(Target target, std::uint32_t subnet) {
    return (all_hosts4(target, [&](const BaseHostDataSource& source) {
        return (source.getAll4(subnet));
    }));
}

std::unique_ptr<Hosts>
hosts4_by_identifier(Target target, std::uint8_t type, rust::Slice<const std::uint8_t> identifier) {
    return (all_hosts4(target, [&](const BaseHostDataSource& source) {
        return (source.getAll(to_type(type), identifier.data(), identifier.size()));
    }));
}

std::unique_ptr<Hosts>
hosts4_by_hostname(Target target, bool of_subnet, std::uint32_t subnet, rust::Slice<const std::uint8_t> hostname) {
    // Sources expect lower case.
    const std::string name = boost::algorithm::to_lower_copy(
        std::string(reinterpret_cast<const char*>(hostname.data()), hostname.size()));
    return (all_hosts4(target, [&](const BaseHostDataSource& source) {
        return (of_subnet ? source.getAllbyHostname4(name, subnet) : source.getAllbyHostname(name));
    }));
}

std::unique_ptr<Hosts>
hosts4_by_address(Target target, bool of_subnet, std::uint32_t subnet, rust::Str address) {
    const IOAddress wanted{std::string(address)};
    return (all_hosts4(target, [&](const BaseHostDataSource& source) {
        return (of_subnet ? source.getAll4(subnet, wanted) : source.getAll4(wanted));
    }));
}

std::unique_ptr<Hosts>
host4_page(bool of_subnet, std::uint32_t subnet, std::size_t& source, std::uint64_t after, std::size_t limit) {
    const isc::dhcp::HostPageSize size(limit);
    const HostMgr& manager = HostMgr::instance();
    auto page = std::make_unique<Hosts>();
    for (const auto& host : of_subnet ? manager.getPage4(subnet, source, after, size)
                                      : manager.getPage4(source, after, size)) {
        page->emplace_back(host);
    }
    return (page);
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
