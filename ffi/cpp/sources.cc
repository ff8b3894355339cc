// Host sources: Kea's configuration in memory and the host databases, asked and changed one by one.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"
#include "erasing.hpp"
#include "store_source.hpp"

#include <dhcpsrv/cfg_db_access.h>
#include <dhcpsrv/cfg_hosts.h>
#include <dhcpsrv/cfg_subnets4.h>
#include <dhcpsrv/cfg_subnets6.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/host_mgr.h>
#include <exceptions/exceptions.h>
#include <util/multi_threading_mgr.h>

#include <boost/algorithm/string.hpp>

#include <algorithm>

using isc::asiolink::IOAddress;
using isc::dhcp::BaseHostDataSource;
using isc::dhcp::CfgMgr;
using isc::dhcp::ConstHostCollection;
using isc::dhcp::ConstHostPtr;
using isc::dhcp::HostMgr;
using isc::dhcp::HostPtr;
using isc::dhcp::SUBNET_ID_UNUSED;
using isc::util::MultiThreadingCriticalSection;

namespace keahook {

namespace {

#if KEA_API < 20600
/// Kea 2.2.0 finds in SQL only the part of a host that has the address: the whole is asked for again.
ConstHostCollection
whole(const BaseHostDataSource& source, const ConstHostCollection& parts) {
    ConstHostCollection hosts;
    for (const ConstHostPtr& part : parts) {
        const std::vector<std::uint8_t>& identifier = part->getIdentifier();
        const ConstHostPtr host = source.get6(part->getIPv6SubnetID(), part->getIdentifierType(), identifier.data(),
                                              identifier.size());
        hosts.push_back(host ? host : part);
    }
    return (hosts);
}
#endif

ConstHostCollection
hosts6_of_address(const BaseHostDataSource& source, const IOAddress& address) {
#if KEA_API >= 20600
    return (source.getAll6(address));
#else
    // Kea 2.2.0 can only ask for one subnet at a time.
    ConstHostCollection found = source.getAll6(isc::dhcp::SUBNET_ID_GLOBAL, address);
    for (const auto& subnet : *CfgMgr::instance().getCurrentCfg()->getCfgSubnets6()->getAll()) {
        const ConstHostCollection hosts = source.getAll6(subnet->getID(), address);
        found.insert(found.end(), hosts.begin(), hosts.end());
    }
    // In the order in which they came, as everywhere.
    std::sort(found.begin(), found.end(), [](const ConstHostPtr& left, const ConstHostPtr& right) {
        return (left->getHostId() < right->getHostId());
    });
    return (whole(source, found));
#endif
}

ConstHostCollection
hosts6_of_address(const BaseHostDataSource& source, const IOAddress& address, isc::dhcp::SubnetID subnet) {
#if KEA_API >= 20600
    return (source.getAll6(subnet, address));
#else
    return (whole(source, source.getAll6(subnet, address)));
#endif
}

ConstHostCollection
by_identifier(const BaseHostDataSource& source, const Question& question) {
    const auto type = static_cast<isc::dhcp::Host::IdentifierType>(question.identifier_type);
    const std::uint8_t* data = question.bytes.data();
    const std::size_t size = question.bytes.size();
    if (!question.has_subnet) {
        return (source.getAll(type, data, size));
    }
    const ConstHostPtr host = question.family == 6 ? source.get6(question.subnet, type, data, size) :
        source.get4(question.subnet, type, data, size);
    return (host ? ConstHostCollection{host} : ConstHostCollection{});
}

ConstHostCollection
by_address(const BaseHostDataSource& source, const Question& question) {
    const IOAddress address{std::string(question.address)};
    if (address.isV4()) {
        return (question.has_subnet ? source.getAll4(question.subnet, address) : source.getAll4(address));
    }
    return (question.has_subnet ? hosts6_of_address(source, address, question.subnet) :
                                  hosts6_of_address(source, address));
}

ConstHostCollection
by_prefix(const BaseHostDataSource& source, const Question& question) {
    const ConstHostPtr host = source.get6(IOAddress(std::string(question.address)), question.prefix_length);
    const bool wanted = host && (!question.has_subnet || host->getIPv6SubnetID() == question.subnet);
    return (wanted ? ConstHostCollection{host} : ConstHostCollection{});
}

ConstHostCollection
by_hostname(const BaseHostDataSource& source, const Question& question) {
    // Sources expect lower case.
    const std::string name = boost::algorithm::to_lower_copy(
        std::string(reinterpret_cast<const char*>(question.bytes.data()), question.bytes.size()));
    if (!question.has_subnet) {
        return (source.getAllbyHostname(name));
    }
    return (question.family == 6 ? source.getAllbyHostname6(name, question.subnet) :
                                   source.getAllbyHostname4(name, question.subnet));
}

ConstHostCollection
ask(const BaseHostDataSource& source, const Question& question) {
    switch (question.property) {
    case Property::Identifier:
        return (by_identifier(source, question));
    case Property::Address:
        return (by_address(source, question));
    case Property::Prefix:
        return (by_prefix(source, question));
    case Property::Hostname:
        return (by_hostname(source, question));
    default:
        return (question.family == 6 ? source.getAll6(question.subnet) : source.getAll4(question.subnet));
    }
}

/// Packet threads wait while the result lives.
std::unique_ptr<MultiThreadingCriticalSection>
pause_packets() {
    return (std::make_unique<MultiThreadingCriticalSection>());
}

/// The same where Kea's configuration does not lock itself: before 3.0 (2.7.0).
std::unique_ptr<MultiThreadingCriticalSection>
pause_packets_before_30(SourceKind kind) {
#if KEA_API < 30000
    return (kind == SourceKind::Memory ? pause_packets() : nullptr);
#else
    static_cast<void>(kind);
    return (nullptr);
#endif
}

/// Kea's databases write what they cannot read, and then no listing works any more.
void
refuse_unreadable(SourceKind kind, const Host& host) {
    if (kind == SourceKind::Other) {
        host.check_readable();
    }
}

/// In JSON of fewer letters, nothing is longer than what Kea gives back. It reads into buffers of 4,096 bytes at the least,
/// and four letters can mean an address of 16 bytes.
constexpr std::size_t SURELY_READ = 1000;

/// Throws where Kea cannot read a host that a database of its has just taken: it writes longer values than it reads, and
/// how long differs by database, column and version.
void
read_back(const BaseHostDataSource& source, SourceKind kind, const isc::dhcp::Host& host) {
    if (kind != SourceKind::Other) {
        return;
    }
    if ((is_v6(host) ? host.toElement6() : host.toElement4())->str().size() < SURELY_READ) {
        return;
    }
    try {
        has(source, host);
    } catch (const std::exception& error) {
        isc_throw(isc::BadValue, "a host database of Kea's cannot keep this reservation, because it could not read it "
                                 "again: "
                                     << error.what() << "; make its longest option or its 'user-context' shorter");
    }
}

/// Whether there is a host of this client that Kea can read, or none.
bool
is_readable(const BaseHostDataSource& source, const isc::dhcp::Host& host) {
    try {
        has(source, host);
        return (true);
    } catch (const std::exception&) {
        return (false);
    }
}

} // namespace

std::unique_ptr<std::vector<Source>>
sources(Target target) {
    auto selected = std::make_unique<std::vector<Source>>();
    if (target != Target::Database) {
        selected->emplace_back(CfgMgr::instance().getCurrentCfg()->getCfgHosts(), SourceKind::Memory);
    }
    if (target != Target::Memory) {
        for (const auto& source : HostMgr::instance().getHostDataSourceList()) {
            selected->emplace_back(source, is_store(*source) ? SourceKind::Store : SourceKind::Other);
        }
    }
    return (selected);
}

rust::String
Source::name() const {
    return (lossy(kind_ == SourceKind::Memory ? std::string("memory") : source_->getType()));
}

std::unique_ptr<Hosts>
Source::find(const Question& question) const {
    const BaseHostDataSource& source = *source_;
    auto found = std::make_unique<Hosts>();
    for (const ConstHostPtr& host : ask(source, question)) {
        const auto subnet = question.family == 6 ? host->getIPv6SubnetID() : host->getIPv4SubnetID();
        // A database may be shared with the server of the other family.
        if (subnet != SUBNET_ID_UNUSED) {
            found->emplace_back(host);
        }
    }
    return (found);
}

void
Source::add(const Host& host) const {
    refuse_unreadable(kind_, host);
    const auto packets_wait = pause_packets_before_30(kind_);
    // Kea leaves a host with a duplicate IPv6 address half inserted in its configuration, and serves it.
    const bool may_stay = kind_ == SourceKind::Memory && is_v6(*host.host());
    const bool present = may_stay && has(*source_, *host.host());
    try {
        source_->add(host.give());
    } catch (...) {
        if (may_stay && !present) {
            erase(*source_, kind_, *host.host());
        }
        throw;
    }
    try {
        read_back(*source_, kind_, *host.host());
    } catch (...) {
        erase(*source_, kind_, *host.host());
        throw;
    }
}

void
Source::remove(const Host& host) const {
    const auto packets_wait = pause_packets_before_30(kind_);
    erase(*source_, kind_, *host.host());
}

bool
Source::remove_unread(const Question& question) const {
    if (question.property == Property::Address) {
        return (source_->del(question.subnet, IOAddress(std::string(question.address))));
    }
    const auto type = static_cast<isc::dhcp::Host::IdentifierType>(question.identifier_type);
    const std::uint8_t* data = question.bytes.data();
    const std::size_t size = question.bytes.size();
    return (question.family == 6 ? source_->del6(question.subnet, type, data, size) :
                                   source_->del4(question.subnet, type, data, size));
}

bool
Source::replace_unread(const Host& updated) const {
    refuse_unreadable(kind_, updated);
#if KEA_API >= 20600
    source_->update(updated.give());
    read_back(*source_, kind_, *updated.host());
    return (true);
#else
    return (false);
#endif
}

void
Source::replace(const Host& old, const Host& updated) const {
    refuse_unreadable(kind_, updated);
    if (kind_ == SourceKind::Store) {
        update_store(*source_, updated.give());
        return;
    }
    // No packet may meet the moment without the host.
    const auto packets_wait = kind_ == SourceKind::Memory ? pause_packets() : nullptr;
    try {
#if KEA_API >= 20600
        if (kind_ == SourceKind::Other) {
            source_->update(updated.give());
            read_back(*source_, kind_, *updated.host());
            return;
        }
#endif
        erase(*source_, kind_, *old.host());
        source_->add(updated.give());
        read_back(*source_, kind_, *updated.host());
    } catch (...) {
        // Whatever became of the update, in Kea's own sources it may have taken the old host along.
        if (kind_ == SourceKind::Memory || !is_readable(*source_, *updated.host())) {
            erase(*source_, kind_, *updated.host());
        }
        if (!has(*source_, *old.host())) {
            source_->add(old.give());
        }
        throw;
    }
}

std::size_t
Source::count(std::uint8_t family) const {
    if (kind_ != SourceKind::Memory) {
        return (0);
    }
    const auto config = CfgMgr::instance().getCurrentCfg();
    const BaseHostDataSource& memory = *source_;
    std::size_t count = 0;
    if (family == 6) {
        count = memory.getAll6(isc::dhcp::SUBNET_ID_GLOBAL).size();
        for (const auto& subnet : *config->getCfgSubnets6()->getAll()) {
            count += memory.getAll6(subnet->getID()).size();
        }
        return (count);
    }
    count = memory.getAll4(isc::dhcp::SUBNET_ID_GLOBAL).size();
    for (const auto& subnet : *config->getCfgSubnets4()->getAll()) {
        count += memory.getAll4(subnet->getID()).size();
    }
    return (count);
}

std::unique_ptr<Exchange>
Source::exchange() const {
    return (std::make_unique<Exchange>(source_));
}

bool
memory_needs_resources() noexcept {
    return (KEA_API < 20600);
}

bool
addresses_unique() {
    return (CfgMgr::instance().getCurrentCfg()->getCfgDbAccess()->getIPReservationsUnique());
}

} // namespace keahook
