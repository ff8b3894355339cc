// The C++ side of the bridge: what Rust may ask of Kea. Declared to Rust in ffi/src/bridge.rs.
//
// Every function may throw unless it says noexcept; cxx turns what() into a Rust error.
#ifndef KEAHOOK_SHIM_HPP
#define KEAHOOK_SHIM_HPP

#include <config.h>

#include <cc/data.h>
#include <dhcpsrv/base_host_data_source.h>
#include <dhcpsrv/host.h>
#include <hooks/library_handle.h>

#include "rust/cxx.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rust {
namespace behavior {

// Also stops exceptions that are no std::exception, which would otherwise end the server.
template <typename Try, typename Fail>
static void
trycatch(Try&& attempt, Fail&& fail) noexcept {
    try {
        attempt();
    } catch (const std::exception& error) {
        fail(error.what());
    } catch (...) {
        fail("an exception of unknown type was thrown inside Kea");
    }
}

} // namespace behavior
} // namespace rust

namespace keahook {

enum class Kind : ::std::uint8_t;
enum class Message : ::std::uint8_t;
enum class Target : ::std::uint8_t;
enum class SourceKind : ::std::uint8_t;
struct Subnet;
struct Question;
struct Claim;
struct ClientLease;

/// A JSON value of Kea's, shared and reference counted as Kea does it.
class Element {
public:
    explicit Element(isc::data::ConstElementPtr value);
    explicit Element(isc::data::ElementPtr value);

    Kind kind() const noexcept;
    /// How many items a list has; 0 where this is none.
    std::size_t length() const noexcept;
    std::unique_ptr<Element> item(std::size_t index) const;
    std::int64_t integer() const;
    bool boolean() const;
    std::unique_ptr<std::string> text() const;
    /// Null when this is no map or has no such member.
    std::unique_ptr<Element> member(rust::Str name) const;
    rust::Vec<rust::String> names() const;
    rust::String position() const;
    rust::String json() const;
    /// A copy of a map without one member, which may be changed.
    std::unique_ptr<Element> without(rust::Str name) const;

    void set(rust::Str name, const Element& value);
    void push(const Element& value);

    const isc::data::ConstElementPtr& value() const { return (value_); }

private:
    isc::data::ConstElementPtr value_;
    /// The same value where it may be changed (it was made here), else null.
    isc::data::ElementPtr own_;
};

/// Reads what Element::json wrote.
std::unique_ptr<Element> element_from_json(rust::Str json);
std::unique_ptr<Element> element_map();
std::unique_ptr<Element> element_list();
std::unique_ptr<Element> element_null();
std::unique_ptr<Element> element_boolean(bool value);
std::unique_ptr<Element> element_integer(std::int64_t value);
std::unique_ptr<Element> element_text(rust::Slice<const std::uint8_t> value);

/// A reservation as Kea's packet processing sees it.
class Host {
public:
    /// One that a source has.
    explicit Host(isc::dhcp::ConstHostPtr host) : host_(std::move(host)) {}
    /// One that was read from a command.
    Host(std::uint8_t family, std::uint32_t subnet, isc::data::ConstElementPtr reservation);

    std::uint64_t id() const noexcept { return (host_->getHostId()); }
    /// Kea's SUBNET_ID_UNUSED where it is not for the family.
    std::uint32_t subnet(std::uint8_t family) const noexcept {
        return (family == 6 ? host_->getIPv6SubnetID() : host_->getIPv4SubnetID());
    }
    Claim claim() const;
    /// As `reservation-get` shows it: Kea's own JSON plus `subnet-id`.
    std::unique_ptr<Element> element(std::uint8_t family) const;
    std::unique_ptr<Host> copy() const { return (std::make_unique<Host>(host_)); }
    /// Throws where Kea's SQL databases could not give it back.
    void check_readable() const;
    /// As the store keeps it: the JSON that Kea's parser takes.
    rust::Vec<std::uint8_t> body() const;
    /// The text under this name in the `user-context`; empty where there is none.
    rust::Vec<std::uint8_t> owner(rust::Str member) const;

    const isc::dhcp::ConstHostPtr& host() const { return (host_); }

    /// The host for a source to keep. One that was read is read again for each source but the first, because a source
    /// writes its number into the host; and read by Kea, because a copy that is made here cannot outlive this library.
    isc::dhcp::HostPtr give() const;

private:
    isc::dhcp::ConstHostPtr host_;
    std::uint8_t family_ = 0;
    std::uint32_t subnet_ = 0;
    /// Null where the host came from a source.
    isc::data::ConstElementPtr reservation_;
    mutable bool given_ = false;
};

using Hosts = std::vector<Host>;

std::unique_ptr<Host> parse_reservation(std::uint8_t family, std::uint32_t subnet, const Element& reservation);
/// Reads a reservation that has nothing but a MAC address, one address of a configured subnet, a hostname and a
/// user-context, and puts the owner into that. False where it has more, or anything about it is unusual: then Kea's parser
/// has the word. `owner_alone` is a user-context with nothing but the owner; empty without an owner.
bool plain_reservation(std::uint8_t family, const Element& given, rust::Slice<const std::uint8_t> owner,
                       rust::Str owner_alone, Claim& claim, rust::Vec<std::uint8_t>& text);
rust::Vec<std::uint8_t> parse_identifier(rust::Slice<const std::uint8_t> text);
std::uint8_t identifier_type(rust::Str name);

class Exchange;

/// One place where reservations are.
class Source {
public:
    Source(boost::shared_ptr<isc::dhcp::BaseHostDataSource> source, SourceKind kind)
        : source_(std::move(source)), kind_(kind) {}

    SourceKind kind() const noexcept { return (kind_); }
    rust::String name() const;
    std::unique_ptr<Hosts> find(const Question& question) const;
    void add(const Host& host) const;
    /// Takes out what has the identifier and the subnet of `host`; that there is none is no error.
    void remove(const Host& host) const;
    /// Removes what a question about an address or an identifier in a subnet means, without reading it. Whether there was
    /// anything.
    bool remove_unread(const Question& question) const;
    /// Puts `updated` in the place of what has its identifier and its subnet, without reading that. False where Kea cannot
    /// do it in one step.
    bool replace_unread(const Host& updated) const;
    /// Puts `updated` in the place of `old`, which stays where it is refused. Both have one identifier and one subnet.
    void replace(const Host& old, const Host& updated) const;
    std::unique_ptr<Exchange> exchange() const;
    /// How many hosts the server's memory has, of configured subnets and global ones; 0 for other sources.
    std::size_t count(std::uint8_t family) const;

private:
    boost::shared_ptr<isc::dhcp::BaseHostDataSource> source_;
    SourceKind kind_;
};

/// Many changes at once to the server's memory, while packets wait: first all that is to go is taken out, then all that
/// is to come is put in.
class Exchange {
public:
    explicit Exchange(boost::shared_ptr<isc::dhcp::BaseHostDataSource> source) : source_(std::move(source)) {}

    void take_out(const Host& host) { out_.push_back(host); }
    void put_in(const Host& host) { in_.push_back(host); }
    /// All of it; after an exception, everything is as it was.
    void run();
    /// Makes everything as it was before it ran.
    void undo();

private:
    void back(std::size_t added);

    boost::shared_ptr<isc::dhcp::BaseHostDataSource> source_;
    Hosts out_;
    Hosts in_;
};

/// The sources that a target means, in the order in which Kea asks them.
std::unique_ptr<std::vector<Source>> sources(Target target);
/// One page of one source. `source` comes back as the source that the page is from.
std::unique_ptr<Hosts> host_page(std::uint8_t family, bool of_subnet, std::uint32_t subnet, std::size_t& source,
                                 std::uint64_t after, std::size_t limit);
/// Whether the server's memory refuses reservations that reserve nothing.
bool memory_needs_resources() noexcept;
/// Kea's `ip-reservations-unique`.
bool addresses_unique();
bool database_available();
rust::Vec<rust::String> database_types();

/// The address in Kea's own form; throws where it is none.
rust::String canonical_address(rust::Str address);
rust::Vec<Subnet> subnets(std::uint8_t family);
bool subnet(std::uint8_t family, std::uint32_t id, Subnet& found);
bool subnet_contains(std::uint8_t family, std::uint32_t id, rust::Slice<const std::uint8_t> address);

std::int32_t hooks_version() noexcept;
rust::String kea_version();
rust::String process_name();
rust::Vec<rust::String> library_names();
std::unique_ptr<Element> library_parameters(isc::hooks::LibraryHandle& library);
void register_command(isc::hooks::LibraryHandle& library, rust::Str name);
bool command_is_taken(rust::Str name);
void throw_exception(bool standard);
/// Memory errors, for the tests of the programs that look for them.
void write_after_free() noexcept;
void write_behind_end() noexcept;

/// Lets a statistic of the server be there, from 0 unless it is there already.
void begin_statistic(rust::Str name);
/// Adds to a statistic of the server.
void count(rust::Str name, std::int64_t by);
/// Sets a statistic of the server.
void set_level(rust::Str name, std::int64_t level);
/// Lets Rust know when a command made the server forget statistics (khr_statistics_forgotten).
void watch_statistics(isc::hooks::LibraryHandle& library);

/// Whether there is a configuration in use, to which a server can go back.
bool is_running() noexcept;
/// Lets the configuration that is being loaded fail, with this reason, once DHCP is served again.
void refuse_configuration_later(rust::Str reason);
/// What is wrong with the host databases; with `of_lookups`, only what makes lookups incomplete.
rust::Vec<rust::String> database_problems(bool of_lookups);
/// Makes `hosts-databases` entries of this type open a source of ours.
bool register_source(isc::hooks::LibraryHandle& library, rust::Str type);
/// Lets Rust know what becomes of leases (khr_lease_changed).
void watch_leases(isc::hooks::LibraryHandle& library, std::uint8_t family);
/// Closes the sources and takes the registration back.
void remove_source() noexcept;

/// The valid leases of a client, in all subnets. None for identifiers by which Kea finds no leases: hardware addresses in
/// DHCPv6, circuit ids and flex-ids.
rust::Vec<ClientLease> leases_of_client(std::uint8_t family, std::uint8_t identifier_type,
                                        rust::Slice<const std::uint8_t> identifier);
/// The valid DHCPv6 leases of the client that has the lease of an address or of a prefix (without its length), where that
/// is of this hardware address.
rust::Vec<ClientLease> leases6_of_mac(bool is_prefix, rust::Str address, rust::Slice<const std::uint8_t> mac);

/// Lets wake work. On the main thread.
void begin_wakes();
/// Lets the main thread call khr_woken soon, once for all calls until then. From any thread.
void wake() noexcept;

/// Gives the sockets of DHCP receive buffers of at least so many bytes, where the system allows it. The smallest there is
/// then, or `size`.
std::uint32_t enlarge_receive_buffers(std::uint32_t size);

/// Lets so many packets at least wait for the threads that serve them.
void enlarge_packet_queue(std::uint32_t packets);
/// From now on nothing is called. On the main thread.
void end_wakes() noexcept;

void log(Message message, rust::Str text) noexcept;
/// The same for text that may be no UTF-8 (Kea's and clients' often is not).
void write_log(Message message, const std::string& text) noexcept;
void write_log(Message message, const char* text, std::size_t size) noexcept;

/// Where a command handler leaves its answer.
class Answer {
public:
    void set(std::int32_t result, rust::Str text, std::unique_ptr<Element> arguments);
    const isc::data::ConstElementPtr& element() const { return (element_); }

private:
    isc::data::ConstElementPtr element_;
};

} // namespace keahook

#endif
