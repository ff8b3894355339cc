// Kea's Host objects of stored reservations: made for hits only, and kept for a while.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
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

/// Makes the Host of a stored reservation.
///
/// A reservation whose options the current configuration no longer defines keeps its address: the
/// options are left out and the log says so, because refusing it would give the client another address.
ConstHostPtr
materialise(const KhrReservation& stored) {
    const ElementPtr body = isc::data::Element::fromJSON(text(stored.body));
    HostPtr host;
    try {
        host = parse_host(stored, body);
    } catch (const std::exception& error) {
        if (!body->contains("option-data")) {
            throw;
        }
        log(Message::ReservationUnusable,
                     "the options of a stored reservation are left out, the configuration does not know them (" +
                         std::string(error.what()) + "): " + text(stored.body));
        body->remove("option-data");
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
        log(Message::ReservationUnusable,
                     "a stored reservation cannot be used (" + std::string(problem.what()) + "): " +
                         text(stored->body));
    } catch (...) {
        log(Message::InternalError, "an exception of unknown type in a host lookup");
    }
}

} // namespace keahook
