// Subnets: what is configured, and changes to it.
#include "subnet_parts.hpp"

#include "bytes.hpp"

#include <util/multi_threading_mgr.h>

using isc::data::ConstElementPtr;
using isc::data::ElementPtr;

namespace keahook {

namespace {

/// Reads a description that lacks nothing but what Kea itself demands.
template <typename Family>
typename Family::SubnetPtr
parse(Configuration of, const ConstElementPtr& given) {
    typename Family::SubnetParser parser;
    const auto subnet = parser.parse(with_defaults<Family>(of, Family::subnet_list, given));
#if KEA_API < 30000
    check_id(given);
#endif
    return (subnet);
}

template <typename Family>
void
replace(Configuration of, const typename Family::SubnetPtr& old, const typename Family::SubnetPtr& updated) {
    const auto subnets = Family::subnets(config(of));
    if (!subnets->replace(updated)) {
        isc_throw(isc::Unexpected, "Unable to update subnet '" << old->getID() << "' in the configuration");
    }
    typename Family::NetworkPtr network;
    old->getSharedNetwork(network);
    if (network && !network->replace(updated)) {
        subnets->replace(old);
        isc_throw(isc::Unexpected, "Cancelled subnet '" << old->getID() << "' update: update in shared network '"
                                                        << network->getName() << "' failed.");
    }
}

template <typename Family>
void
update(Configuration of, const typename Family::SubnetPtr& old, const typename Family::SubnetPtr& updated) {
    Statistics<Family> before(of), after(of);
    before.of(old);
    after.of(updated);
    replace<Family>(of, old, updated);
    // The old subnet may have pools that the new one lacks.
    before.remove();
    after.create();
    prepare_allocators(updated);
}

} // namespace

ElementPtr
deep_copy(const ConstElementPtr& value) {
    if (value->getType() == isc::data::Element::list) {
        const ElementPtr list = isc::data::Element::createList(value->getPosition());
        for (const auto& item : value->listValue()) {
            list->add(deep_copy(item));
        }
        return (list);
    }
    if (value->getType() == isc::data::Element::map) {
        const ElementPtr map = isc::data::Element::createMap(value->getPosition());
        for (const auto& member : value->mapValue()) {
            map->set(member.first, deep_copy(member.second));
        }
        return (map);
    }
    // Nobody changes the others.
    return (boost::const_pointer_cast<isc::data::Element>(value));
}

#if KEA_API < 30000
void
check_id(const ConstElementPtr& given) {
    const ConstElementPtr id = given->get("id");
    if (!id) {
        isc_throw(isc::BadValue, "subnet configuration failed: missing parameter 'id' (" << given->getPosition() << ")");
    }
    if (id->intValue() < 1 || id->intValue() > isc::dhcp::SUBNET_ID_MAX) {
        isc_throw(isc::BadValue, "subnet configuration failed: The 'id' value (" << id->intValue()
                  << ") is not within expected range: (1 - " << isc::dhcp::SUBNET_ID_MAX << ")");
    }
}
#endif

rust::String
SubnetChange::prefix() const {
    return (lossy(prefix_));
}

void
SubnetChange::apply() const {
    const isc::util::MultiThreadingCriticalSection no_packets;
    make_();
}

std::unique_ptr<Element>
subnet_element(Configuration of, std::uint8_t family, std::uint32_t id) {
    return (in_family(family, [&](auto v) -> std::unique_ptr<Element> {
        const auto subnet = decltype(v)::subnets(config(of))->getSubnet(id);
        return (subnet ? std::make_unique<Element>(subnet->toElement()) : nullptr);
    }));
}

rust::Vec<std::uint32_t>
subnet_ids(Configuration of, std::uint8_t family) {
    return (in_family(family, [&](auto v) {
        rust::Vec<std::uint32_t> ids;
        for (const auto& subnet : *decltype(v)::subnets(config(of))->getAll()) {
            ids.push_back(subnet->getID());
        }
        return (ids);
    }));
}

bool
subnet_by_prefix(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> prefix, Subnet& found) {
    return (in_family(family, [&](auto v) {
        const auto subnet = decltype(v)::subnets(config(of))->getByPrefix(text(prefix));
        if (subnet) {
            found.id = subnet->getID();
            found.prefix = lossy(subnet->toText());
        }
        return (static_cast<bool>(subnet));
    }));
}

std::unique_ptr<Element>
canonical_subnet(std::uint8_t family, const Element& given) {
    return (in_family(family, [&](auto v) {
        typename decltype(v)::SubnetParser parser;
        return (std::make_unique<Element>(parser.parse(deep_copy(given.value()))->toElement()));
    }));
}

std::unique_ptr<SubnetChange>
plan_subnet_add(Configuration of, std::uint8_t family, const Element& given) {
    return (in_family(family, [&](auto v) {
        using Family = decltype(v);
        const auto subnet = parse<Family>(of, given.value());
        const auto subnets = Family::subnets(config(of));
        check_new<Family>(*subnets, subnet);
        auto change = std::make_unique<SubnetChange>([of, subnets, subnet]() {
            Statistics<Family> statistics(of);
            statistics.of(subnet);
            subnets->add(subnet);
            statistics.create();
            prepare_allocators(subnet);
        });
        change->about(subnet->getID(), subnet->toText());
        return (change);
    }));
}

std::unique_ptr<SubnetChange>
plan_subnet_update(Configuration of, std::uint8_t family, std::uint32_t id, const Element& given) {
    return (in_family(family, [&](auto v) {
        using Family = decltype(v);
        const auto subnets = Family::subnets(config(of));
        const auto old = subnets->getSubnet(id);
        if (!old) {
            isc_throw(isc::BadValue, "Can't find subnet '" << id << "' to update");
        }
        const auto updated = parse<Family>(of, given.value());
        const auto same_prefix = subnets->getByPrefix(updated->toText());
        if (updated->getID() != id || (same_prefix && same_prefix->getID() != id)) {
            isc_throw(isc::BadValue, "Unable to update subnet '" << id << "' in the configuration");
        }
        auto change = std::make_unique<SubnetChange>([of, old, updated]() {
            update<Family>(of, old, updated);
        });
        change->about(id, updated->toText());
        return (change);
    }));
}

std::unique_ptr<SubnetChange>
plan_subnet_del(Configuration of, std::uint8_t family, std::uint32_t id) {
    return (in_family(family, [&](auto v) {
        using Family = decltype(v);
        const auto subnets = Family::subnets(config(of));
        const auto subnet = subnets->getSubnet(id);
        if (!subnet) {
            isc_throw(isc::BadValue, "no subnet with id " << id << " found");
        }
        auto change = std::make_unique<SubnetChange>([of, subnets, subnet]() {
            Statistics<Family> statistics(of);
            statistics.of(subnet);
            typename Family::NetworkPtr network;
            subnet->getSharedNetwork(network);
            subnets->del(subnet->getID());
            if (network) {
                network->del(subnet->getID());
            }
            Family::delete_hosts(*config(of)->getCfgHosts(), subnet->getID());
            statistics.remove();
        });
        change->about(id, subnet->toText());
        return (change);
    }));
}

} // namespace keahook
