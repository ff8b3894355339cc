// What changes of subnets and of shared networks have in common.
#ifndef KEAHOOK_SUBNET_PARTS_HPP
#define KEAHOOK_SUBNET_PARTS_HPP

#include "keahook/subnets.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "families.hpp"

#include <exceptions/exceptions.h>

#include <string>

namespace keahook {

inline isc::dhcp::SrvConfigPtr
config(Configuration of) {
    auto& manager = isc::dhcp::CfgMgr::instance();
    return (of == Configuration::New ? manager.getStagingCfg() : manager.getCurrentCfg());
}

inline std::string
text(rust::Slice<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A copy in which nothing is shared with the original, with the same positions (Kea's own copy loses them).
isc::data::ElementPtr deep_copy(const isc::data::ConstElementPtr& value);

#if KEA_API < 30000
/// Kea before 3.0 (2.5.4) gives a subnet without id one that happens to be free.
void check_id(const isc::data::ConstElementPtr& given);
#endif

/// A copy of what was given under `list`, completed with the global parameters and Kea's default values, as the
/// server completes its configuration file.
template <typename Family>
isc::data::ElementPtr
with_defaults(Configuration of, const std::string& list, const isc::data::ConstElementPtr& given) {
    const isc::data::ElementPtr completed = deep_copy(given);
    const isc::data::ElementPtr one = isc::data::Element::createList();
    one->add(completed);
    const isc::data::ElementPtr global = config(of)->getConfiguredGlobals()->toElement();
    global->set(list, one);
    Family::Defaults::setAllDefaults(global);
    Family::Defaults::deriveParameters(global);
    return (completed);
}

/// Throws where a subnet cannot be added to the configured ones.
template <typename Family>
void
check_new(const typename Family::Subnets& subnets, const typename Family::SubnetPtr& subnet) {
    if (subnets.getSubnet(subnet->getID())) {
        isc_throw(isc::BadValue, "ID of the new " << Family::name << " subnet '" << subnet->getID()
                                                  << "' is already in use");
    }
    if (subnets.getByPrefix(subnet->toText())) {
        isc_throw(isc::BadValue, "subnet with the prefix of '" << subnet->toText() << "' already exists");
    }
}

/// The statistics of some subnets. Kea's functions mean all subnets of a set; a set of just these leaves the counters
/// of the others as they are.
template <typename Family>
class Statistics {
public:
    explicit Statistics(Configuration of) : of_(of) {}

    void of(const typename Family::SubnetPtr& subnet) { subnets_.add(subnet); }
    void remove() { if_running(&Family::Subnets::removeStatistics); }
    void create() { if_running(&Family::Subnets::updateStatistics); }

private:
    /// Kea itself makes those of a configuration that comes into use.
    void if_running(void (Family::Subnets::*act)()) {
        if (of_ == Configuration::Running) {
            (subnets_.*act)();
        }
    }

    Configuration of_;
    typename Family::Subnets subnets_;
};

/// Some allocators need to know what is free before they serve a packet.
template <typename SubnetPtr>
void
prepare_allocators(const SubnetPtr& subnet) {
#if KEA_API >= 20600
    subnet->initAllocatorsAfterConfigure();
#else
    static_cast<void>(subnet);
#endif
}

} // namespace keahook

#endif
