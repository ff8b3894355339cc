// Leases: what Rust may ask of Kea about them. Declared to Rust in ffi/src/bridge.rs.
#ifndef KEAHOOK_LEASES_HPP
#define KEAHOOK_LEASES_HPP

#include "keahook/shim.hpp"

#include <ctime>

namespace keahook {

/// Finds what there is of clients, one identifier after the other, and collects it in a list.
class Resolver {
public:
    /// Reservations are looked for where `target` says. `owner` is the member of a `user-context` that names an owner.
    Resolver(std::uint8_t family, Target target, rust::Str owner);

    /// Appends the valid leases and the reservations of an identifier, only those in the subnet where one is given.
    void resolve(std::uint8_t type, rust::Slice<const std::uint8_t> identifier, bool has_subnet, std::uint32_t subnet);
    /// Appends the reason why there is no answer.
    void refuse(rust::Str reason);

    std::size_t leases() const noexcept { return (leases_); }
    std::size_t reservations() const noexcept { return (reservations_); }
    std::unique_ptr<Element> answers() const { return (std::make_unique<Element>(answers_)); }

private:
    isc::data::ElementPtr leases_of(const Question& question);
    isc::data::ElementPtr reservations_of(const Question& question);

    std::uint8_t family_;
    std::string owner_;
    std::time_t now_;
    std::unique_ptr<std::vector<Source>> sources_;
    std::vector<isc::data::ElementPtr> source_names_;
    isc::data::ElementPtr answers_;
    std::size_t leases_ = 0;
    std::size_t reservations_ = 0;
};

std::unique_ptr<Resolver> resolver(std::uint8_t family, Target target, rust::Str owner);

} // namespace keahook

#endif
