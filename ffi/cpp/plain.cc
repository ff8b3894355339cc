// The most frequent kind of reservation, read without making a Host of it, which takes several times as long.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
#include "json.hpp"

#include <dhcpsrv/cfg_subnets4.h>
#include <dhcpsrv/cfg_subnets6.h>
#include <dhcpsrv/cfgmgr.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

using isc::asiolink::IOAddress;
using isc::data::ConstElementPtr;
using isc::dhcp::CfgMgr;

namespace keahook {

namespace {

/// Longest hardware address (`HWAddr::MAX_HWADDR_LEN`).
constexpr std::size_t MAC_MAX = 20;

/// What a plain reservation has.
struct Plain {
    std::uint32_t subnet = 0;
    std::vector<std::uint8_t> mac;
    std::string mac_text;
    IOAddress address = IOAddress::IPV4_ZERO_ADDRESS();
    std::string address_text;
    std::string hostname;
    ConstElementPtr context;
};

int
hex_digit(char letter) {
    if (letter >= '0' && letter <= '9') {
        return (letter - '0');
    }
    const char lower = static_cast<char>(letter | 0x20);
    return (lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1);
}

/// `aa:bb:cc`, two digits each; anything else is left to Kea's parser.
bool
read_mac(const std::string& text, Plain& plain) {
    if (text.empty() || text.size() % 3 != 2 || text.size() > 3 * MAC_MAX) {
        return (false);
    }
    for (std::size_t place = 0; place < text.size(); place += 3) {
        const int high = hex_digit(text[place]);
        const int low = hex_digit(text[place + 1]);
        if (high < 0 || low < 0 || (place + 2 < text.size() && text[place + 2] != ':')) {
            return (false);
        }
        plain.mac.push_back(static_cast<std::uint8_t>(high << 4 | low));
    }
    plain.mac_text = text;
    std::transform(text.begin(), text.end(), plain.mac_text.begin(),
                   [](unsigned char letter) { return (static_cast<char>(std::tolower(letter))); });
    return (true);
}

/// A name that is the same in JSON.
bool
read_hostname(const std::string& text, Plain& plain) {
    const bool simple = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char letter) {
        return (letter < 0x80 && (std::isalnum(letter) || letter == '-' || letter == '.' || letter == '_'));
    });
    plain.hostname = text;
    return (simple);
}

/// An address that a client can have.
bool
read_address4(const std::string& text, Plain& plain) {
    in_addr bytes{};
    // It takes no form but the canonical one, and stops at the first zero byte.
    if (text.find('\0') != std::string::npos || inet_pton(AF_INET, text.c_str(), &bytes) != 1) {
        return (false);
    }
    plain.address = IOAddress(ntohl(bytes.s_addr));
    plain.address_text = text;
    return (!plain.address.isV4Zero() && !plain.address.isV4Bcast());
}

/// The same, in its canonical form.
bool
read_address6(const std::string& text, Plain& plain) {
    in6_addr bytes{};
    std::array<char, INET6_ADDRSTRLEN> canonical{};
    if (inet_pton(AF_INET6, text.c_str(), &bytes) != 1) {
        return (false);
    }
    plain.address = IOAddress::fromBytes(AF_INET6, bytes.s6_addr);
    plain.address_text = inet_ntop(AF_INET6, &bytes, canonical.data(), canonical.size());
    return (!plain.address.isV6Zero() && !plain.address.isV6Multicast());
}

bool
read_text(const std::string& name, const std::string& text, int family, Plain& plain) {
    if (name == "hw-address") {
        return (read_mac(text, plain));
    }
    if (name == "hostname") {
        return (read_hostname(text, plain));
    }
    return (name == "ip-address" && family == AF_INET && read_address4(text, plain));
}

bool
read_member(const std::string& name, const ConstElementPtr& value, int family, Plain& plain) {
    switch (value->getType()) {
    case isc::data::Element::string:
        return (read_text(name, value->stringValue(), family, plain));
    case isc::data::Element::integer:
        if (name != "subnet-id" || value->intValue() <= 0 || value->intValue() >= isc::dhcp::SUBNET_ID_MAX) {
            return (false);
        }
        plain.subnet = static_cast<std::uint32_t>(value->intValue());
        return (true);
    case isc::data::Element::list:
        return (name == "ip-addresses" && family == AF_INET6 && value->size() == 1 &&
                value->get(0)->getType() == isc::data::Element::string &&
                read_address6(value->get(0)->stringValue(), plain));
    case isc::data::Element::map:
        // Kea has rules of its own for comments.
        plain.context = value;
        return (name == "user-context" && !value->contains("comment"));
    default:
        return (false);
    }
}

bool
is_inside(int family, const Plain& plain) {
    const auto config = CfgMgr::instance().getCurrentCfg();
    if (family == AF_INET6) {
        const auto subnet = config->getCfgSubnets6()->getBySubnetId(plain.subnet);
        return (subnet && subnet->inRange(plain.address));
    }
    const auto subnet = config->getCfgSubnets4()->getBySubnetId(plain.subnet);
    return (subnet && subnet->inRange(plain.address));
}

/// The user-context with the owner in it.
std::string
marked(const ConstElementPtr& context, rust::Slice<const std::uint8_t> owner) {
    const isc::data::ElementPtr copy = isc::data::Element::createMap();
    for (const auto& member : context->mapValue()) {
        copy->set(member.first, member.second);
    }
    const std::string name(reinterpret_cast<const char*>(owner.data()), owner.size());
    copy->set("ext-owner", isc::data::Element::create(name));
    return (json(*copy));
}

/// What Outgoing makes of the same reservation.
std::string
body(int family, const Plain& plain, const std::string& context) {
    std::string text = "{ ";
    if (!plain.hostname.empty()) {
        text += "\"hostname\": \"" + plain.hostname + "\", ";
    }
    text += "\"hw-address\": \"" + plain.mac_text + "\", ";
    text += family == AF_INET6 ? "\"ip-addresses\": [ \"" + plain.address_text + "\" ]" :
                                 "\"ip-address\": \"" + plain.address_text + "\"";
    if (!context.empty()) {
        text += ", \"user-context\": " + context;
    }
    return (text + " }");
}

} // namespace

bool
plain_reservation(std::uint8_t family, const Element& given, rust::Slice<const std::uint8_t> owner,
                  rust::Str owner_alone, Claim& claim, rust::Vec<std::uint8_t>& text) {
    const int inet = family == 6 ? AF_INET6 : AF_INET;
    if (given.value()->getType() != isc::data::Element::map) {
        return (false);
    }
    Plain plain;
    for (const auto& member : given.value()->mapValue()) {
        if (!read_member(member.first, member.second, inet, plain)) {
            return (false);
        }
    }
    if (plain.mac.empty() || plain.address_text.empty() || !is_inside(inet, plain)) {
        return (false);
    }
    if (plain.context && (owner.empty() || plain.context->contains("ext-owner"))) {
        return (false);
    }
    const std::string context = plain.context ? marked(plain.context, owner) : std::string(owner_alone);
    const std::string result = body(inet, plain, context);

    claim.identifier_type = static_cast<std::uint8_t>(isc::dhcp::Host::IDENT_HWADDR);
    claim.identifier = copied({plain.mac.data(), plain.mac.size()});
    claim.subnet_v4 = inet == AF_INET ? plain.subnet : isc::dhcp::SUBNET_ID_UNUSED;
    claim.subnet_v6 = inet == AF_INET6 ? plain.subnet : isc::dhcp::SUBNET_ID_UNUSED;
    if (inet == AF_INET) {
        claim.ipv4 = plain.address.toUint32();
    } else {
        claim.resources.push_back({octets(plain.address), 128, false});
    }
    claim.hostname = copied(slice(plain.hostname));
    text = copied(slice(result));
    return (true);
}

} // namespace keahook
