// Kea's Host objects of stored reservations: made for hits only, and kept for a while.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
#include "stored_hosts.hpp"

// Included first: the parser's header needs it and does not say so.
#include <dhcpsrv/cfg_host_operations.h>
#include <dhcpsrv/parsers/host_reservation_parser.h>

#include <string_view>

using isc::asiolink::IOAddress;
using isc::data::ConstElementPtr;
using isc::data::ElementPtr;
using isc::dhcp::ConstHostPtr;
using isc::dhcp::HostPtr;
using isc::dhcp::HostReservationParser4;
using isc::dhcp::HostReservationParser6;
using isc::dhcp::SUBNET_ID_UNUSED;

namespace keahook {

namespace {

HostPtr
parse_host(const KhrReservation& stored, const ConstElementPtr& body) {
    if (stored.subnet_v4 != SUBNET_ID_UNUSED) {
        HostReservationParser4 parser;
        return (parser.parse(stored.subnet_v4, body));
    }
    HostReservationParser6 parser;
    return (parser.parse(stored.subnet_v6, body));
}

/// The options that the configuration knows. The others are named in the log.
ElementPtr
usable_options(const KhrReservation& stored, const ElementPtr& body) {
    const ElementPtr usable = isc::data::Element::createList();
    // Kept here, because the body lets go of it.
    const ConstElementPtr options = body->get("option-data");
    for (const ElementPtr& option : options->listValue()) {
        const ElementPtr alone = isc::data::Element::createList();
        alone->add(option);
        body->set("option-data", alone);
        try {
            parse_host(stored, body);
            usable->add(option);
        } catch (const std::exception& error) {
            write_log(Message::ReservationUnusable,
                      "an option of a stored reservation is left out, the configuration does not know it (" +
                          std::string(error.what()) + "): " + option->str() + " of " + text(stored.body));
        }
    }
    return (usable);
}

/// The body of a reservation that has nothing but a MAC address, one address, and perhaps a hostname and a user-context,
/// made from what the store knows of it: reading JSON takes most of the time of a lookup. Null where it has more.
ElementPtr
plain_body(const KhrReservation& stored, const std::string& text) {
    const bool v6 = stored.subnet_v4 == SUBNET_ID_UNUSED;
    const bool one_address = v6 ? stored.resource_count == 1 && !stored.resources[0].is_prefix : stored.ipv4 != 0;
    if (stored.identifier_type != isc::dhcp::Host::IDENT_HWADDR || !one_address) {
        return (nullptr);
    }
    const std::string hostname = keahook::text(stored.hostname);
    const std::string mac = colons(stored.identifier.data, stored.identifier.len);
    const std::string address =
        (v6 ? IOAddress::fromBytes(AF_INET6, stored.resources[0].address) : IOAddress(stored.ipv4)).toText();

    // As Outgoing writes it. What needs an escape looks different there.
    std::string expected = "{ ";
    if (!hostname.empty()) {
        expected += "\"hostname\": \"" + hostname + "\", ";
    }
    expected += "\"hw-address\": \"" + mac + "\", ";
    expected += v6 ? "\"ip-addresses\": [ \"" + address + "\" ]" : "\"ip-address\": \"" + address + "\"";
    if (text.compare(0, expected.size(), expected) != 0) {
        return (nullptr);
    }
    constexpr std::string_view CONTEXT = ", \"user-context\": ";
    constexpr std::string_view END = " }";
    const bool has_context = text.compare(expected.size(), CONTEXT.size(), CONTEXT) == 0;
    if (!has_context && text.compare(expected.size(), std::string::npos, END) != 0) {
        return (nullptr);
    }
    const ElementPtr body = isc::data::Element::createMap();
    if (!hostname.empty()) {
        body->set("hostname", isc::data::Element::create(hostname));
    }
    body->set("hw-address", isc::data::Element::create(mac));
    if (v6) {
        const ElementPtr list = isc::data::Element::createList();
        list->add(isc::data::Element::create(address));
        body->set("ip-addresses", list);
    } else {
        body->set("ip-address", isc::data::Element::create(address));
    }
    if (has_context) {
        // The last member, in the order of the alphabet.
        const std::size_t begin = expected.size() + CONTEXT.size();
        body->set("user-context", isc::data::Element::fromJSON(text.substr(begin, text.size() - END.size() - begin)));
    }
    return (body);
}

/// Makes the Host of a stored reservation.
///
/// A reservation with an option that the current configuration no longer defines keeps the rest: refusing it would
/// give the client another address.
ConstHostPtr
materialise(const KhrReservation& stored) {
    const std::string json = text(stored.body);
    const ElementPtr plain = plain_body(stored, json);
    const ElementPtr body = plain ? plain : isc::data::Element::fromJSON(json);
    HostPtr host;
    try {
        host = parse_host(stored, body);
    } catch (const std::exception&) {
        if (!body->contains("option-data")) {
            throw;
        }
        body->set("option-data", usable_options(stored, body));
        host = parse_host(stored, body);
    }
    host->setHostId(stored.id);
    return (host);
}

} // namespace

void
Collector::visit(void* context, const KhrReservation* stored) noexcept {
    Collector& self = *static_cast<Collector*>(context);
    try {
        ConstHostPtr host = self.cache.find(stored->id, stored->revision);
        if (!host) {
            host = materialise(*stored);
            self.cache.insert(stored->id, stored->revision, host);
        }
        self.hosts.push_back(host);
    } catch (const std::exception& problem) {
        write_log(Message::ReservationUnusable,
                     "a stored reservation cannot be used (" + std::string(problem.what()) + "): " +
                         text(stored->body));
    } catch (...) {
        write_log(Message::InternalError, "an exception of unknown type in a host lookup");
    }
}

} // namespace keahook
