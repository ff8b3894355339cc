// The hook library as Kea sees it: parameters, command callouts, their answers.
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"
#include "keahook/abi.h"

#include <cc/command_interpreter.h>
#include <hooks/callout_handle.h>

using isc::data::ConstElementPtr;

namespace keahook {

namespace {

ConstElementPtr
internal_error(const std::string& what) {
    return (isc::config::createAnswer(isc::config::CONTROL_RESULT_ERROR, what));
}

/// Runs a command. Whatever happens, exactly one answer results.
ConstElementPtr
run(const ConstElementPtr& command) {
    try {
        const Element request(command);
        Answer answer;
        khr_command(reinterpret_cast<const KhrElement*>(&request), reinterpret_cast<KhrAnswer*>(&answer));
        if (answer.element()) {
            return (answer.element());
        }
        return (internal_error("internal error: the command handler gave no answer"));
    } catch (const std::exception& error) {
        return (internal_error(std::string("internal error: ") + error.what()));
    } catch (...) {
        return (internal_error("internal error: an exception of unknown type"));
    }
}

/// The callout of every command. The request itself says which command it is.
extern "C" int
command_callout(isc::hooks::CalloutHandle& handle) {
    try {
        ConstElementPtr command;
        handle.getArgument("command", command);
        // The exact type matters: with any other Kea stops serving DHCP (its any_cast throws).
        ConstElementPtr response = run(command);
        handle.setArgument("response", response);
    } catch (const std::exception& error) {
        write_log(Message::InternalError, error.what());
        return (1);
    } catch (...) {
        write_log(Message::InternalError, "an exception of unknown type left a command callout");
        return (1);
    }
    return (0);
}

} // namespace

std::unique_ptr<Element>
library_parameters(isc::hooks::LibraryHandle& library) {
    const ConstElementPtr parameters = library.getParameters();
    return (parameters ? std::make_unique<Element>(parameters) : nullptr);
}

void
register_command(isc::hooks::LibraryHandle& library, rust::Str name) {
    library.registerCommandCallout(std::string(name), command_callout);
}

void
Answer::set(std::int32_t result, rust::Str text, std::unique_ptr<Element> arguments) {
    element_ = isc::config::createAnswer(result, std::string(text),
                                         arguments ? arguments->value() : ConstElementPtr());
}

} // namespace keahook
