// Shared networks: which there are, and changes to them and to what is in them.
#include "subnet_parts.hpp"

#include "bytes.hpp"

using isc::data::ConstElementPtr;

namespace keahook {

namespace {

template <typename Family>
typename Family::NetworkPtr
find(Configuration of, const std::string& name) {
    const auto network = Family::networks(config(of))->getByName(name);
    if (!network) {
        isc_throw(isc::BadValue, "no " << Family::name << " shared network with name '" << name << "' found");
    }
    return (network);
}

/// Refuses what Kea would read into a configuration that never comes into use.
template <typename Family>
void
check_reservations(const ConstElementPtr& given) {
    const ConstElementPtr subnets = given->get(Family::subnet_list);
    if (!subnets || subnets->getType() != isc::data::Element::list) {
        return;
    }
    for (const auto& subnet : subnets->listValue()) {
        const auto reservations = subnet->getType() == isc::data::Element::map ? subnet->get("reservations") : nullptr;
        const bool empty = reservations && reservations->getType() == isc::data::Element::list && reservations->empty();
        if (reservations && !empty) {
            isc_throw(isc::BadValue, "must not specify host reservations with 'network" <<
                      (std::string(Family::name) == "IPv6" ? "6" : "4") <<
                      "-add'. Use 'reservation-add' to add a reservation to a subnet");
        }
    }
}

template <typename Family>
typename Family::NetworkPtr
parse(Configuration of, const ConstElementPtr& given) {
    check_reservations<Family>(given);
    typename Family::NetworkParser parser;
    const auto network = parser.parse(with_defaults<Family>(of, "shared-networks", given));
#if KEA_API < 30000
    if (const ConstElementPtr subnets = given->get(Family::subnet_list)) {
        for (const auto& subnet : subnets->listValue()) {
            check_id(subnet);
        }
    }
#endif
    return (network);
}

/// Puts a network and its subnets into the configuration, or nothing of them.
template <typename Family>
void
add(Configuration of, const typename Family::NetworkPtr& network) {
    const auto networks = Family::networks(config(of));
    const auto subnets = Family::subnets(config(of));
    Statistics<Family> statistics(of);
    for (const auto& subnet : *network->getAllSubnets()) {
        statistics.of(subnet);
    }
    networks->add(network);
    try {
        for (const auto& subnet : *network->getAllSubnets()) {
            subnets->add(subnet);
        }
    } catch (...) {
        for (const auto& subnet : *network->getAllSubnets()) {
            if (subnets->getSubnet(subnet->getID()) == subnet) {
                subnets->del(subnet->getID());
            }
        }
        networks->del(network->getName());
        throw;
    }
    statistics.create();
    for (const auto& subnet : *network->getAllSubnets()) {
        prepare_allocators(subnet);
    }
}

template <typename Family>
void
remove(Configuration of, const typename Family::NetworkPtr& network, bool with_subnets) {
    const auto subnets = Family::subnets(config(of));
    // A copy: the network gives its subnets up.
    const auto members = *network->getAllSubnets();
    Statistics<Family> statistics(of);
    for (const auto& subnet : members) {
        statistics.of(subnet);
    }
    // One by one: Kea's way of dropping them all leaves the network's name in IPv6 subnets.
    for (const auto& subnet : members) {
        network->del(subnet->getID());
    }
    Family::networks(config(of))->del(network->getName());
    if (!with_subnets) {
        return;
    }
    for (const auto& subnet : members) {
        subnets->del(subnet->getID());
        Family::delete_hosts(*config(of)->getCfgHosts(), subnet->getID());
    }
    statistics.remove();
}

} // namespace

std::unique_ptr<Element>
network_names(Configuration of, std::uint8_t family) {
    return (in_family(family, [&](auto v) {
        const isc::data::ElementPtr names = isc::data::Element::createList();
        for (const auto& network : *decltype(v)::networks(config(of))->getAll()) {
            names->add(isc::data::Element::create(network->getName()));
        }
        return (std::make_unique<Element>(names));
    }));
}

bool
has_network(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name) {
    return (in_family(family, [&](auto v) {
        return (static_cast<bool>(decltype(v)::networks(config(of))->getByName(text(name))));
    }));
}

std::unique_ptr<Element>
network_element(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name) {
    return (in_family(family, [&](auto v) -> std::unique_ptr<Element> {
        const auto network = decltype(v)::networks(config(of))->getByName(text(name));
        return (network ? std::make_unique<Element>(network->toElement()) : nullptr);
    }));
}

rust::Vec<Subnet>
subnets_of_network(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name) {
    return (in_family(family, [&](auto v) {
        rust::Vec<Subnet> found;
        const auto network = decltype(v)::networks(config(of))->getByName(text(name));
        if (network) {
            for (const auto& subnet : *network->getAllSubnets()) {
                found.push_back(Subnet{subnet->getID(), lossy(subnet->toText()), copied(slice(network->getName())), false});
            }
        }
        return (found);
    }));
}

std::unique_ptr<SubnetChange>
plan_network_add(Configuration of, std::uint8_t family, const Element& given) {
    return (in_family(family, [&](auto v) {
        using Family = decltype(v);
        const auto network = parse<Family>(of, given.value());
        if (Family::networks(config(of))->getByName(network->getName())) {
            isc_throw(isc::BadValue, "duplicate network '" << network->getName() << "' found in the configuration");
        }
        for (const auto& subnet : *network->getAllSubnets()) {
            check_new<Family>(*Family::subnets(config(of)), subnet);
        }
        return (std::make_unique<SubnetChange>([of, network]() {
            add<Family>(of, network);
        }));
    }));
}

std::unique_ptr<SubnetChange>
plan_network_del(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name, bool with_subnets) {
    return (in_family(family, [&](auto v) {
        using Family = decltype(v);
        const auto network = find<Family>(of, text(name));
        return (std::make_unique<SubnetChange>([of, network, with_subnets]() {
            remove<Family>(of, network, with_subnets);
        }));
    }));
}

std::unique_ptr<SubnetChange>
plan_network_subnet_add(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name,
                        std::uint32_t id) {
    return (in_family(family, [&](auto v) {
        using Family = decltype(v);
        const auto network = find<Family>(of, text(name));
        const auto subnet = Family::subnets(config(of))->getSubnet(id);
        if (!subnet) {
            isc_throw(isc::BadValue, "no " << Family::name << " subnet with id '" << id << "' found");
        }
        if (network->getSubnet(id)) {
            isc_throw(isc::BadValue, "attempted to add subnet with a duplicated subnet identifier " << id);
        }
        typename Family::NetworkPtr other;
        subnet->getSharedNetwork(other);
        if (other) {
            isc_throw(isc::BadValue, "subnet " << id << " being added to a shared network already belongs to a"
                                                        " shared network");
        }
        auto change = std::make_unique<SubnetChange>([network, subnet]() {
            network->add(subnet);
        });
        change->about(id, subnet->toText());
        return (change);
    }));
}

std::unique_ptr<SubnetChange>
plan_network_subnet_del(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name,
                        std::uint32_t id) {
    return (in_family(family, [&](auto v) {
        using Family = decltype(v);
        const auto network = find<Family>(of, text(name));
        const auto subnet = network->getSubnet(id);
        if (!subnet) {
            isc_throw(isc::BadValue, "The " << Family::name << " subnet with id " << id
                      << " is not part of the shared network with name '" << text(name) << "' found");
        }
        auto change = std::make_unique<SubnetChange>([network, id]() {
            network->del(id);
        });
        change->about(id, subnet->toText());
        return (change);
    }));
}

} // namespace keahook
