#include "json.hpp"

#include <exceptions/exceptions.h>

#include <array>
#include <charconv>
#include <sstream>

using isc::data::Element;

namespace keahook {

namespace {

/// The fewest digits that mean this number and no other, and never those of an integer.
std::string
number(double value) {
    // Enough for any double: sign, 17 digits, point, exponent.
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    const std::string text(digits.data(), end);
    return (text.find_first_of(".e") == std::string::npos ? text + ".0" : text);
}

void
write_text(const std::string& text, std::ostringstream& out) {
    Element::create(text)->toJSON(out);
}

void write(const Element& value, std::ostringstream& out);

void
write_list(const Element& list, std::ostringstream& out) {
    const char* separator = "[ ";
    for (const auto& item : list.listValue()) {
        out << separator;
        write(*item, out);
        separator = ", ";
    }
    out << (list.size() == 0 ? "[  ]" : " ]");
}

void
write_map(const Element& map, std::ostringstream& out) {
    const char* separator = "{ ";
    for (const auto& member : map.mapValue()) {
        out << separator;
        write_text(member.first, out);
        out << ": ";
        write(*member.second, out);
        separator = ", ";
    }
    out << (map.mapValue().empty() ? "{  }" : " }");
}

void
write(const Element& value, std::ostringstream& out) {
    switch (value.getType()) {
    case Element::real:
        out << number(value.doubleValue());
        break;
    case Element::list:
        write_list(value, out);
        break;
    case Element::map:
        write_map(value, out);
        break;
    default:
        value.toJSON(out);
    }
}

} // namespace

std::string
json(const Element& value) {
    std::ostringstream out;
    write(value, out);
    return (out.str());
}

void
check_readable(const Element& value) {
    try {
        Element::fromJSON(value.str());
    } catch (const std::exception& error) {
        isc_throw(isc::BadValue, "a host database of Kea's cannot keep this reservation, because it could not read it "
                                 "again: "
                                     << error.what()
                                     << "; avoid numbers that need an exponent, and names with \" or \\, in 'user-context'");
    }
}

} // namespace keahook
