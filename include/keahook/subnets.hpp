// Subnets and shared networks: what Rust may ask of Kea, and how it changes them. Declared to Rust in
// ffi/src/bridge.rs.
#ifndef KEAHOOK_SUBNETS_HPP
#define KEAHOOK_SUBNETS_HPP

#include "keahook/shim.hpp"

#include <functional>

namespace keahook {

enum class Configuration : ::std::uint8_t;

/// A change to the subnets and shared networks of a configuration, checked and not yet made.
class SubnetChange {
public:
    explicit SubnetChange(std::function<void()> make) : make_(std::move(make)) {}

    /// The subnet that the change is about; 0 and nothing where it is about a network.
    std::uint32_t id() const noexcept { return (id_); }
    rust::String prefix() const;
    /// Makes the change, while no packet is served. A failure leaves everything as it was.
    void apply() const;

    void about(std::uint32_t id, std::string prefix) {
        id_ = id;
        prefix_ = std::move(prefix);
    }

private:
    std::function<void()> make_;
    std::uint32_t id_ = 0;
    std::string prefix_;
};

/// The subnet as `config-get` shows it, without its reservations; null where there is none.
std::unique_ptr<Element> subnet_element(Configuration of, std::uint8_t family, std::uint32_t id);
rust::Vec<std::uint32_t> subnet_ids(Configuration of, std::uint8_t family);
/// The subnet of exactly this prefix.
bool subnet_by_prefix(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> prefix, Subnet& found);
/// A description of a subnet as Kea writes it, without the default values; throws where Kea cannot read it.
std::unique_ptr<Element> canonical_subnet(std::uint8_t family, const Element& given);

/// The names of the shared networks, in a list.
std::unique_ptr<Element> network_names(Configuration of, std::uint8_t family);
bool has_network(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name);
/// The shared network as `config-get` shows it; null where there is none.
std::unique_ptr<Element> network_element(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name);
/// The subnets in a shared network; none where there is no such network.
rust::Vec<Subnet> subnets_of_network(Configuration of, std::uint8_t family, rust::Slice<const std::uint8_t> name);

// Each of these throws, with Kea's text, where the change is not possible.
std::unique_ptr<SubnetChange> plan_subnet_add(Configuration of, std::uint8_t family, const Element& given);
std::unique_ptr<SubnetChange> plan_subnet_update(Configuration of, std::uint8_t family, std::uint32_t id,
                                                 const Element& given);
std::unique_ptr<SubnetChange> plan_subnet_del(Configuration of, std::uint8_t family, std::uint32_t id);
std::unique_ptr<SubnetChange> plan_network_add(Configuration of, std::uint8_t family, const Element& given);
std::unique_ptr<SubnetChange> plan_network_del(Configuration of, std::uint8_t family,
                                               rust::Slice<const std::uint8_t> name, bool with_subnets);
std::unique_ptr<SubnetChange> plan_network_subnet_add(Configuration of, std::uint8_t family,
                                                      rust::Slice<const std::uint8_t> name, std::uint32_t id);
std::unique_ptr<SubnetChange> plan_network_subnet_del(Configuration of, std::uint8_t family,
                                                      rust::Slice<const std::uint8_t> name, std::uint32_t id);

} // namespace keahook

#endif
