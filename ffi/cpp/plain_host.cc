#include <config.h>

#include "plain_host.hpp"

#include "bytes.hpp"

#include <dhcpsrv/subnet_id.h>

#include <arpa/inet.h>

#include <array>
#include <string>

using isc::asiolink::IOAddress;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::dhcp::Host;
using isc::dhcp::SUBNET_ID_UNUSED;

namespace keahook {

namespace {

std::string_view
view(const KhrBytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data), bytes.len};
}

/// Takes expected pieces from the beginning of a text.
class Rest {
public:
    explicit Rest(std::string_view text) : text_(text) {}

    bool
    take(std::string_view piece) {
        const bool begins = text_.substr(0, piece.size()) == piece;
        if (begins) {
            text_.remove_prefix(piece.size());
        }
        return (begins);
    }

    bool
    take_end(std::string_view piece) {
        const bool ends = text_.size() >= piece.size() && text_.substr(text_.size() - piece.size()) == piece;
        if (ends) {
            text_.remove_suffix(piece.size());
        }
        return (ends);
    }

    std::string_view text() const { return (text_); }

private:
    std::string_view text_;
};

IOAddress
address_of(const KhrReservation& stored, bool v6) {
    return (v6 ? IOAddress::fromBytes(AF_INET6, stored.resources[0].address) : IOAddress(stored.ipv4));
}

/// As Kea prints it. (Its own way makes several strings.)
std::string_view
print(const KhrReservation& stored, bool v6, std::array<char, INET6_ADDRSTRLEN>& buffer) {
    const std::uint32_t v4 = htonl(stored.ipv4);
    const void* bytes = v6 ? static_cast<const void*>(stored.resources[0].address) : &v4;
    return (inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, buffer.data(), buffer.size()));
}

} // namespace

PlainBody::PlainBody(const KhrReservation& stored)
    : stored_(stored), is_v6_(stored.subnet_v4 == SUBNET_ID_UNUSED) {
    const bool one_address =
        is_v6_ ? stored.resource_count == 1 && !stored.resources[0].is_prefix : stored.ipv4 != 0;
    if (stored.identifier_type != Host::IDENT_HWADDR || !one_address) {
        return;
    }
    // As Outgoing writes it, in the order of the alphabet. What needs an escape looks different there.
    Rest rest(view(stored.body));
    bool as_expected = rest.take("{ ");
    if (stored.hostname.len > 0) {
        as_expected =
            as_expected && rest.take("\"hostname\": \"") && rest.take(view(stored.hostname)) && rest.take("\", ");
    }
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    as_expected = as_expected && rest.take("\"hw-address\": \"") &&
        rest.take(colons(stored.identifier.data, stored.identifier.len)) && rest.take("\", ") &&
        rest.take(is_v6_ ? "\"ip-addresses\": [ \"" : "\"ip-address\": \"") &&
        rest.take(print(stored, is_v6_, buffer)) && rest.take(is_v6_ ? "\" ]" : "\"") && rest.take_end(" }");
    if (as_expected && rest.take(", \"user-context\": ")) {
        context_ = rest.text();
        is_plain_ = true;
    } else {
        is_plain_ = as_expected && rest.text().empty();
    }
}

ElementPtr
PlainBody::context() const {
    return (context_.empty() ? ElementPtr() : Element::fromJSON(std::string(context_)));
}

ElementPtr
PlainBody::element() const {
    const ElementPtr body = Element::createMap();
    if (stored_.hostname.len > 0) {
        body->set("hostname", Element::create(text(stored_.hostname)));
    }
    body->set("hw-address", Element::create(colons(stored_.identifier.data, stored_.identifier.len)));
    const ElementPtr address = Element::create(address_of(stored_, is_v6_).toText());
    if (is_v6_) {
        const ElementPtr list = Element::createList();
        list->add(address);
        body->set("ip-addresses", list);
    } else {
        body->set("ip-address", address);
    }
    if (const ElementPtr context = this->context()) {
        body->set("user-context", context);
    }
    return (body);
}

bool
PlainBody::refill(Host& other) const {
    if (!is_plain_ || is_v6_ || other.getIPv4SubnetID() == SUBNET_ID_UNUSED) {
        return (false);
    }
    const ElementPtr context = this->context();
    other.setIdentifier(stored_.identifier.data, stored_.identifier.len, Host::IDENT_HWADDR);
    other.setIPv4SubnetID(stored_.subnet_v4);
    other.setIPv4Reservation(address_of(stored_, is_v6_));
    other.setHostname(text(stored_.hostname));
    other.setContext(context);
    other.setHostId(stored_.id);
    return (true);
}

} // namespace keahook
