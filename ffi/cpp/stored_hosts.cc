// Kea's Host objects of stored reservations: made for hits only, and kept for a while.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
#include "plain_host.hpp"
#include "stored_hosts.hpp"

// Included first: the parser's header needs it and does not say so.
#include <dhcpsrv/cfg_host_operations.h>
#include <dhcpsrv/parsers/host_reservation_parser.h>

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

/// Makes the Host of a stored reservation.
///
/// A reservation with an option that the current configuration no longer defines keeps the rest: refusing it would
/// give the client another address.
ConstHostPtr
materialise(const KhrReservation& stored, const PlainBody& plain) {
    const ElementPtr body = plain.is_plain() ? plain.element() : isc::data::Element::fromJSON(text(stored.body));
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
            const PlainBody plain(*stored);
            const HostPtr retired = self.cache.retire(stored->id);
            host = retired && plain.refill(*retired) ? retired : materialise(*stored, plain);
            self.cache.insert({stored->id, stored->revision, plain.is_plain(), host});
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
