// Texts and addresses in the form in which they cross the seam.
#ifndef KEAHOOK_BYTES_HPP
#define KEAHOOK_BYTES_HPP

#include "keahook/abi.h"

#include <asiolink/io_address.h>

#include "rust/cxx.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace keahook {

inline KhrBytes
bytes(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline rust::Slice<const std::uint8_t>
slice(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string
text(const KhrBytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data), bytes.len};
}

/// A KhrText for a std::string: takes the reason that Rust gives with a refusal. Nothing may be thrown through Rust.
inline void
take_text(void* context, KhrBytes reason) noexcept {
    try {
        *static_cast<std::string*>(context) = text(reason);
    } catch (...) {
        // Out of memory: the status alone tells of the failure.
    }
}

/// Text for Rust; bytes that are no UTF-8 are replaced.
inline rust::String
lossy(const std::string& text) {
    return (rust::String::lossy(text.data(), text.size()));
}

/// `aa:bb`, as Kea prints MAC addresses and DUIDs. (Its own way goes through a stream.)
inline std::string
colons(const std::uint8_t* data, std::size_t size) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(3 * size);
    for (std::size_t place = 0; place < size; ++place) {
        if (place > 0) {
            text.push_back(':');
        }
        text.push_back(digits[data[place] >> 4]);
        text.push_back(digits[data[place] & 0xf]);
    }
    return (text);
}

/// Network byte order; an IPv4 address takes the first four.
inline std::array<std::uint8_t, 16>
octets(const isc::asiolink::IOAddress& address) {
    std::array<std::uint8_t, 16> result{};
    const std::vector<std::uint8_t> value = address.toBytes();
    std::copy(value.begin(), value.end(), result.begin());
    return (result);
}

} // namespace keahook

#endif
