// The host backend: an adapter that asks the index in Rust.
#include <config.h>

#include "store_source.hpp"

#include "bytes.hpp"
#include "outgoing.hpp"
#include "stored_hosts.hpp"

#include <dhcpsrv/host_data_source_factory.h>
#include <exceptions/exceptions.h>

#include <boost/make_shared.hpp>

using isc::asiolink::IOAddress;
using isc::db::DatabaseConnection;
using namespace isc::dhcp;

namespace keahook {

namespace {

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
    query.by = address.isV4() ? KhrBy_Ipv4 : KhrBy_Ipv6;
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

void
check(KhrStatus status, const std::string& reason) {
    switch (status) {
    case KhrStatus_Ok:
        return;
    case KhrStatus_Duplicate:
        isc_throw(DuplicateHost, reason);
    case KhrStatus_AddressTaken:
        isc_throw(ReservedAddress, reason);
#if KEA_API >= 20600
    case KhrStatus_NotFound:
        isc_throw(HostNotFound, reason);
#endif
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
        parameters_.erase("readonly");
        parameters_["problem"] = reason;
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

#if KEA_API >= 20600
    ConstHostCollection
    getAll6(const IOAddress& address) const override {
        return (find(with_address(query(6), address)));
    }

    /// What Kea does by itself, delete and add, loses the host when the add is refused.
    void
    update(const HostPtr& host) override {
        replace(host);
    }
#endif

    void
    replace(const HostPtr& host) {
        std::string reason;
        check(khr_source_update(source_, Outgoing(*host).get(), {&reason, take_text}), reason);
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

} // namespace

HostDataSourcePtr
open_store(const DatabaseConnection::ParameterMap& parameters) {
    return (boost::make_shared<StoreSource>(parameters));
}

HostDataSourcePtr
unavailable_store(const DatabaseConnection::ParameterMap& parameters, const std::string& reason) {
    return (boost::make_shared<StoreSource>(parameters, reason));
}

bool
is_store(const BaseHostDataSource& source) {
    return (dynamic_cast<const StoreSource*>(&source) != nullptr);
}

void
update_store(BaseHostDataSource& source, const HostPtr& host) {
    dynamic_cast<StoreSource&>(source).replace(host);
}

} // namespace keahook
