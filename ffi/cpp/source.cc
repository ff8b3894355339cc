// The host backend: an adapter that asks the index in Rust, and makes Kea's Host objects for hits only.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"
#include "keahook/abi.h"

#include <asiolink/io_address.h>
#include <dhcpsrv/base_host_data_source.h>
#include <dhcpsrv/cfg_host_operations.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/host_data_source_factory.h>
#include <dhcpsrv/host_mgr.h>
#include <dhcpsrv/parsers/host_reservation_parser.h>
#include <exceptions/exceptions.h>
#include <hooks/callout_handle.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>

using isc::asiolink::IOAddress;
using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using namespace isc::dhcp;
using isc::db::DatabaseConnection;

namespace {

KhrBytes
bytes(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string
text(const KhrBytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data), bytes.len};
}

/// Takes the reason that Rust gives with a refusal.
extern "C" void
take_text(void* context, KhrBytes reason) noexcept {
    try {
        *static_cast<std::string*>(context) = text(reason);
    } catch (...) {
        // Out of memory: the status alone tells of the failure.
    }
}

/// Host objects of recent hits. Bounded; split so that packet threads seldom meet.
class HostCache {
public:
    ConstHostPtr
    find(std::uint64_t id, std::uint64_t revision) {
        Shard& shard = shards_[id % SHARDS];
        const std::lock_guard<std::mutex> lock(shard.mutex);
        const auto entry = shard.hosts.find(id);
        return (entry != shard.hosts.end() && entry->second.first == revision ? entry->second.second : nullptr);
    }

    void
    insert(std::uint64_t id, std::uint64_t revision, const ConstHostPtr& host) {
        Shard& shard = shards_[id % SHARDS];
        const std::lock_guard<std::mutex> lock(shard.mutex);
        if (shard.hosts.size() >= SHARD_LIMIT) {
            shard.hosts.erase(shard.hosts.begin());
        }
        shard.hosts[id] = {revision, host};
    }

private:
    static constexpr std::size_t SHARDS = 16;
    static constexpr std::size_t SHARD_LIMIT = 512;

    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::uint64_t, std::pair<std::uint64_t, ConstHostPtr>> hosts;
    };

    std::array<Shard, SHARDS> shards_;
};

/// What Kea's parser takes: the host's own JSON without the members that say nothing.
ElementPtr
parser_form(const Host& host, bool v6) {
    const ElementPtr full = v6 ? host.toElement6() : host.toElement4();
    const ElementPtr body = Element::createMap();
    for (const auto& member : full->mapValue()) {
        const ConstElementPtr& value = member.second;
        const bool empty = value->getType() == Element::string ? value->stringValue().empty() :
            (value->getType() == Element::list && value->empty());
        const bool unset = member.first == "next-server" && value->stringValue() == "0.0.0.0";
        if (!empty && !unset) {
            body->set(member.first, value);
        }
    }
    return (body);
}

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
    const ElementPtr body = boost::const_pointer_cast<Element>(Element::fromJSON(text(stored.body)));
    HostPtr host;
    try {
        host = parse_host(stored, body);
    } catch (const std::exception& error) {
        if (!body->contains("option-data")) {
            throw;
        }
        keahook::log(keahook::Message::ReservationUnusable,
                     "the options of a stored reservation are left out, the configuration does not know them (" +
                         std::string(error.what()) + "): " + text(stored.body));
        body->remove("option-data");
        host = parse_host(stored, body);
    }
    host->setHostId(stored.id);
    return (host);
}

/// Collects the hits of one lookup. Nothing may be thrown through Rust.
struct Collector {
    HostCache& cache;
    ConstHostCollection hosts;
    std::string error;

    static void
    visit(void* context, const KhrReservation* stored) noexcept {
        Collector& self = *static_cast<Collector*>(context);
        try {
            ConstHostPtr host = self.cache.find(stored->id, stored->revision);
            if (!host) {
                host = materialise(*stored);
                self.cache.insert(stored->id, stored->revision, host);
            }
            self.hosts.push_back(host);
        } catch (const std::exception& problem) {
            keahook::log(keahook::Message::ReservationUnusable,
                         "a stored reservation cannot be used (" + std::string(problem.what()) + "): " +
                             text(stored->body));
        } catch (...) {
            keahook::log(keahook::Message::InternalError, "an exception of unknown type in a host lookup");
        }
    }
};

std::array<std::uint8_t, 16>
octets(const IOAddress& address) {
    std::array<std::uint8_t, 16> result{};
    const std::vector<std::uint8_t> value = address.toBytes();
    std::copy(value.begin(), value.end(), result.begin());
    return (result);
}

/// A query about hosts of one family, or of both (family 0).
KhrQuery
query(std::uint8_t family) {
    KhrQuery query{};
    query.family = family;
    query.by = KhrBy_Any;
    return (query);
}

KhrQuery
query(std::uint8_t family, SubnetID subnet) {
    KhrQuery result = query(family);
    result.has_subnet = true;
    result.subnet = subnet;
    return (result);
}

KhrQuery
with_address(KhrQuery query, const IOAddress& address) {
    query.by = address.isV4() ? KhrBy_Ipv4 : KhrBy_Ipv6Address;
    const auto value = octets(address);
    std::copy(value.begin(), value.end(), query.address);
    return (query);
}

KhrQuery
with_identifier(KhrQuery query, Host::IdentifierType type, const std::uint8_t* identifier, std::size_t length) {
    query.by = KhrBy_Identifier;
    query.identifier_type = static_cast<std::uint8_t>(type);
    query.bytes = {identifier, length};
    return (query);
}

KhrQuery
with_hostname(KhrQuery query, const std::string& hostname) {
    query.by = KhrBy_Hostname;
    query.bytes = bytes(hostname);
    return (query);
}

/// A host in the form that Rust takes; the parts live as long as this object.
class Outgoing {
public:
    explicit Outgoing(const Host& host) : identifier_(host.getIdentifier()), hostname_(host.getHostname()) {
        for (auto range = host.getIPv6Reservations(); range.first != range.second; ++range.first) {
            const IPv6Resrv& reserved = range.first->second;
            KhrResource resource{};
            const auto value = octets(reserved.getPrefix());
            std::copy(value.begin(), value.end(), resource.address);
            resource.prefix_length = reserved.getPrefixLen();
            resource.is_prefix = reserved.getType() == IPv6Resrv::TYPE_PD;
            resources_.push_back(resource);
        }
        const bool v6 = host.getIPv4SubnetID() == SUBNET_ID_UNUSED;
        body_ = parser_form(host, v6)->str();

        reservation_ = KhrReservation{};
        reservation_.identifier_type = static_cast<std::uint8_t>(host.getIdentifierType());
        reservation_.identifier = {identifier_.data(), identifier_.size()};
        reservation_.subnet_v4 = host.getIPv4SubnetID();
        reservation_.subnet_v6 = host.getIPv6SubnetID();
        reservation_.ipv4 = host.getIPv4Reservation().isV4() ? host.getIPv4Reservation().toUint32() : 0;
        reservation_.hostname = bytes(hostname_);
        reservation_.resources = resources_.data();
        reservation_.resource_count = resources_.size();
        reservation_.body = bytes(body_);
    }

    Outgoing(const Outgoing&) = delete;
    Outgoing& operator=(const Outgoing&) = delete;

    const KhrReservation* get() const { return (&reservation_); }

private:
    std::vector<std::uint8_t> identifier_;
    std::string hostname_;
    std::vector<KhrResource> resources_;
    std::string body_;
    KhrReservation reservation_;
};

void
check(KhrStatus status, const std::string& reason) {
    switch (status) {
    case KhrStatus_Ok:
        return;
    case KhrStatus_Duplicate:
        isc_throw(DuplicateHost, reason);
    case KhrStatus_AddressTaken:
        isc_throw(ReservedAddress, reason);
    default:
        isc_throw(isc::db::DbOperationError, reason);
    }
}

/// The source that `"hosts-databases": [{"type": "memfile", ...}]` opens.
class StoreSource : public BaseHostDataSource {
public:
    explicit StoreSource(const DatabaseConnection::ParameterMap& parameters) : parameters_(parameters) {
        std::vector<KhrParameter> given;
        for (const auto& parameter : parameters_) {
            given.push_back({bytes(parameter.first), bytes(parameter.second)});
        }
        std::string reason;
        source_ = khr_source_open(given.data(), given.size(), {&reason, take_text});
        if (!source_) {
            isc_throw(isc::db::DbOpenError, reason);
        }
    }

    /// One that has nothing, and refuses changes with the reason.
    StoreSource(const DatabaseConnection::ParameterMap& parameters, const std::string& reason)
        : parameters_(parameters), source_(khr_source_unavailable(bytes(reason))) {
        if (!source_) {
            isc_throw(isc::db::DbOpenError, reason);
        }
    }

    ~StoreSource() override { khr_source_close(source_); }

    StoreSource(const StoreSource&) = delete;
    StoreSource& operator=(const StoreSource&) = delete;

    ConstHostCollection
    getAll(const Host::IdentifierType& type, const std::uint8_t* identifier,
           const std::size_t length) const override {
        return (find(with_identifier(query(0), type, identifier, length)));
    }

    ConstHostCollection
    getAll4(const SubnetID& subnet) const override {
        return (find(query(4, subnet)));
    }

    ConstHostCollection
    getAll6(const SubnetID& subnet) const override {
        return (find(query(6, subnet)));
    }

    ConstHostCollection
    getAllbyHostname(const std::string& hostname) const override {
        return (find(with_hostname(query(0), hostname)));
    }

    ConstHostCollection
    getAllbyHostname4(const std::string& hostname, const SubnetID& subnet) const override {
        return (find(with_hostname(query(4, subnet), hostname)));
    }

    ConstHostCollection
    getAllbyHostname6(const std::string& hostname, const SubnetID& subnet) const override {
        return (find(with_hostname(query(6, subnet), hostname)));
    }

    ConstHostCollection
    getPage4(const SubnetID& subnet, std::size_t&, std::uint64_t after, const HostPageSize& size) const override {
        return (page(query(4, subnet), after, size));
    }

    ConstHostCollection
    getPage6(const SubnetID& subnet, std::size_t&, std::uint64_t after, const HostPageSize& size) const override {
        return (page(query(6, subnet), after, size));
    }

    ConstHostCollection
    getPage4(std::size_t&, std::uint64_t after, const HostPageSize& size) const override {
        return (page(query(4), after, size));
    }

    ConstHostCollection
    getPage6(std::size_t&, std::uint64_t after, const HostPageSize& size) const override {
        return (page(query(6), after, size));
    }

    ConstHostCollection
    getAll4(const IOAddress& address) const override {
        return (find(with_address(query(4), address)));
    }

    ConstHostPtr
    get4(const SubnetID& subnet, const Host::IdentifierType& type, const std::uint8_t* identifier,
         const std::size_t length) const override {
        return (first(with_identifier(query(4, subnet), type, identifier, length)));
    }

    ConstHostPtr
    get4(const SubnetID& subnet, const IOAddress& address) const override {
        return (first(with_address(query(4, subnet), address)));
    }

    ConstHostCollection
    getAll4(const SubnetID& subnet, const IOAddress& address) const override {
        return (find(with_address(query(4, subnet), address)));
    }

    ConstHostPtr
    get6(const SubnetID& subnet, const Host::IdentifierType& type, const std::uint8_t* identifier,
         const std::size_t length) const override {
        return (first(with_identifier(query(6, subnet), type, identifier, length)));
    }

    ConstHostPtr
    get6(const IOAddress& prefix, const std::uint8_t length) const override {
        KhrQuery wanted = with_address(query(6), prefix);
        wanted.by = KhrBy_Ipv6Prefix;
        wanted.prefix_length = length;
        return (first(wanted));
    }

    ConstHostPtr
    get6(const SubnetID& subnet, const IOAddress& address) const override {
        return (first(with_address(query(6, subnet), address)));
    }

    ConstHostCollection
    getAll6(const SubnetID& subnet, const IOAddress& address) const override {
        return (find(with_address(query(6, subnet), address)));
    }

    void
    add(const HostPtr& host) override {
        std::string reason;
        std::uint64_t id = 0;
        check(khr_source_add(source_, Outgoing(*host).get(), &id, {&reason, take_text}), reason);
        host->setHostId(id);
    }

    bool
    del(const SubnetID& subnet, const IOAddress& address) override {
        return (remove(with_address(query(address.isV4() ? 4 : 6, subnet), address)));
    }

    bool
    del4(const SubnetID& subnet, const Host::IdentifierType& type, const std::uint8_t* identifier,
         const std::size_t length) override {
        return (remove(with_identifier(query(4, subnet), type, identifier, length)));
    }

    bool
    del6(const SubnetID& subnet, const Host::IdentifierType& type, const std::uint8_t* identifier,
         const std::size_t length) override {
        return (remove(with_identifier(query(6, subnet), type, identifier, length)));
    }

    std::string
    getType() const override {
        return (parameters_.at("type"));
    }

    DatabaseConnection::ParameterMap
    getParameters() const override {
        return (parameters_);
    }

    bool
    setIPReservationsUnique(const bool unique) override {
        return (khr_source_set_addresses_unique(source_, unique));
    }

private:
    ConstHostCollection
    find(const KhrQuery& wanted) const {
        Collector collector{cache_, {}, {}};
        const KhrStatus status =
            khr_source_find(source_, &wanted, {&collector, Collector::visit}, {&collector.error, take_text});
        check(status, collector.error);
        return (std::move(collector.hosts));
    }

    ConstHostPtr
    first(const KhrQuery& wanted) const {
        const ConstHostCollection hosts = find(wanted);
        return (hosts.empty() ? ConstHostPtr() : hosts.front());
    }

    ConstHostCollection
    page(const KhrQuery& wanted, std::uint64_t after, const HostPageSize& size) const {
        Collector collector{cache_, {}, {}};
        const KhrStatus status =
            khr_source_page(source_, &wanted, after, size.page_size_, {&collector, Collector::visit},
                            {&collector.error, take_text});
        check(status, collector.error);
        return (std::move(collector.hosts));
    }

    bool
    remove(const KhrQuery& wanted) {
        std::string reason;
        std::size_t removed = 0;
        check(khr_source_remove(source_, &wanted, &removed, {&reason, take_text}), reason);
        return (removed > 0);
    }

    DatabaseConnection::ParameterMap parameters_;
    KhrSource* source_;
    mutable HostCache cache_;
};

/// The type of the entries that are ours.
std::string source_type;

/// Why the configuration that is being applied cannot have its store; empty where it can.
std::string refusal;

/// Whether there is a configuration to go back to.
bool
is_running() {
    return (CfgMgr::instance().getCurrentCfg()->getSequence() != 0);
}

/// Opens the source of an entry.
///
/// A server that starts with an unusable store ends here, with the reason. One that is running must go on:
/// Kea 2.2.0 stops serving DHCP when a source throws, so the refusal waits until sockets are open again
/// (refuse_configuration), and a source that has nothing stands in.
HostDataSourcePtr
open_source(const DatabaseConnection::ParameterMap& parameters) {
    try {
        return (boost::make_shared<StoreSource>(parameters));
    } catch (const std::exception& error) {
        if (!is_running()) {
            throw;
        }
        refusal = error.what();
        return (boost::make_shared<StoreSource>(parameters, refusal));
    }
}

/// Puts the stores of the configuration that stays in place of those of the one that was refused.
void
restore_running_stores() {
    auto& sources = HostMgr::instance().getHostDataSourceList();
    sources.erase(std::remove_if(sources.begin(), sources.end(),
                                 [&](const HostDataSourcePtr& source) { return (source->getType() == source_type); }),
                  sources.end());
    const auto running = CfgMgr::instance().getCurrentCfg()->getCfgDbAccess();
    for (const std::string& access : running->getHostDbAccessStringList()) {
        const auto parameters = DatabaseConnection::parse(access);
        const auto entry = parameters.find("type");
        if (entry == parameters.end() || entry->second != source_type) {
            continue;
        }
        try {
            const HostDataSourcePtr source = boost::make_shared<StoreSource>(parameters);
            source->setIPReservationsUnique(running->getIPReservationsUnique());
            sources.push_back(source);
        } catch (const std::exception& error) {
            keahook::log(keahook::Message::StoreFailed, error.what());
        }
    }
}

/// The callout of dhcp4_srv_configured: everything is applied but not yet committed, and DHCP is served.
extern "C" int
refuse_configuration(isc::hooks::CalloutHandle& handle) {
    try {
        if (!refusal.empty()) {
            std::string reason;
            reason.swap(refusal);
            restore_running_stores();
            keahook::log(keahook::Message::StoreKept, reason);
            handle.setArgument("error", "Unable to open database: " + reason);
            handle.setStatus(isc::hooks::CalloutHandle::NEXT_STEP_DROP);
        }
        return (0);
    } catch (const std::exception& error) {
        keahook::log(keahook::Message::InternalError, error.what());
    } catch (...) {
        keahook::log(keahook::Message::InternalError, "an exception of unknown type after a configuration");
    }
    return (1);
}

} // namespace

namespace keahook {

bool
register_source(isc::hooks::LibraryHandle& library, rust::Str type) {
    refusal.clear();
    source_type = std::string(type);
    library.registerCallout("dhcp4_srv_configured", refuse_configuration);
    return (HostDataSourceFactory::registerFactory(source_type, open_source));
}

void
remove_source() noexcept {
    try {
        // The objects' code is in this library, which is about to go.
        while (HostMgr::delBackend(source_type)) {
        }
        HostDataSourceFactory::deregisterFactory(source_type);
    } catch (const std::exception& error) {
        log(Message::InternalError, error.what());
    } catch (...) {
        log(Message::InternalError, "an exception of unknown type while unloading");
    }
}

} // namespace keahook
