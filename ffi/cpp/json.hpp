// JSON that Kea reads back as it was.
#ifndef KEAHOOK_JSON_HPP
#define KEAHOOK_JSON_HPP

#include <cc/data.h>

#include <string>

namespace keahook {

/// A value in JSON. Kea's own way, Element::str, writes numbers such as 1e6 and names of members with quotation marks so
/// that nobody can read them again, and other numbers with six digits. Everything else is written as Kea writes it.
std::string json(const isc::data::Element& value);

/// Throws what Kea has to say where it could not read a value again that it wrote itself, as its SQL backends do.
void check_readable(const isc::data::Element& value);

} // namespace keahook

#endif
