// JSON values between Kea and Rust, without going through text.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include "bytes.hpp"

#include <exceptions/exceptions.h>

using isc::data::ConstElementPtr;
using isc::data::ElementPtr;

namespace keahook {

namespace {

std::unique_ptr<Element>
wrap(const ConstElementPtr& value) {
    return (value ? std::make_unique<Element>(value) : nullptr);
}

} // namespace

Element::Element(ConstElementPtr value) : value_(std::move(value)) {}

Element::Element(ElementPtr value) : value_(value), own_(std::move(value)) {}

Kind
Element::kind() const noexcept {
    switch (value_->getType()) {
    case isc::data::Element::integer:
        return (Kind::Integer);
    case isc::data::Element::real:
        return (Kind::Real);
    case isc::data::Element::boolean:
        return (Kind::Boolean);
    case isc::data::Element::string:
        return (Kind::Text);
    case isc::data::Element::list:
        return (Kind::List);
    case isc::data::Element::map:
        return (Kind::Map);
    default:
        return (Kind::Null);
    }
}

std::size_t
Element::length() const noexcept {
    return (kind() == Kind::List ? value_->size() : 0);
}

std::unique_ptr<Element>
Element::item(std::size_t index) const {
    return (wrap(value_->get(static_cast<int>(index))));
}

std::int64_t
Element::integer() const {
    return (value_->intValue());
}

bool
Element::boolean() const {
    return (value_->boolValue());
}

std::unique_ptr<std::string>
Element::text() const {
    return (std::make_unique<std::string>(value_->stringValue()));
}

std::unique_ptr<Element>
Element::member(rust::Str name) const {
    if (value_->getType() != isc::data::Element::map) {
        return (nullptr);
    }
    return (wrap(value_->get(std::string(name))));
}

rust::Vec<rust::String>
Element::names() const {
    rust::Vec<rust::String> names;
    for (const auto& member : value_->mapValue()) {
        names.push_back(lossy(member.first));
    }
    return (names);
}

rust::String
Element::position() const {
    return (lossy(value_->getPosition().str()));
}

rust::String
Element::json() const {
    return (lossy(value_->str()));
}

std::unique_ptr<Element>
Element::without(rust::Str name) const {
    const std::string left_out(name);
    // As in Kea's own hooks, the copy has no position: their messages end in "(:0:0)".
    const ElementPtr copy = isc::data::Element::createMap();
    for (const auto& member : value_->mapValue()) {
        if (member.first != left_out) {
            copy->set(member.first, member.second);
        }
    }
    return (std::make_unique<Element>(copy));
}

void
Element::set(rust::Str name, const Element& value) {
    if (!own_) {
        isc_throw(isc::InvalidOperation, "a value that belongs to Kea cannot be changed");
    }
    own_->set(std::string(name), value.value());
}

void
Element::push(const Element& value) {
    if (!own_) {
        isc_throw(isc::InvalidOperation, "a value that belongs to Kea cannot be changed");
    }
    // Kea's lists want a non-const pointer although they never change what it points to.
    own_->add(boost::const_pointer_cast<isc::data::Element>(value.value()));
}

std::unique_ptr<Element>
element_from_json(rust::Str json) {
    return (std::make_unique<Element>(isc::data::Element::fromJSON(std::string(json))));
}

std::unique_ptr<Element>
element_map() {
    return (std::make_unique<Element>(isc::data::Element::createMap()));
}

std::unique_ptr<Element>
element_list() {
    return (std::make_unique<Element>(isc::data::Element::createList()));
}

std::unique_ptr<Element>
element_null() {
    return (std::make_unique<Element>(isc::data::Element::create()));
}

std::unique_ptr<Element>
element_boolean(bool value) {
    return (std::make_unique<Element>(isc::data::Element::create(value)));
}

std::unique_ptr<Element>
element_integer(std::int64_t value) {
    return (std::make_unique<Element>(isc::data::Element::create(static_cast<long long int>(value))));
}

std::unique_ptr<Element>
element_text(rust::Slice<const std::uint8_t> value) {
    const std::string text(reinterpret_cast<const char*>(value.data()), value.size());
    return (std::make_unique<Element>(isc::data::Element::create(text)));
}

} // namespace keahook
