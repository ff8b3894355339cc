// The hook's messages, in the server's log under the name "host-cmds-rs-hooks".
#include "keahook/shim.hpp"

#include "kea-ffi/src/bridge.rs.h"

#include <log/logger.h>
#include <log/macros.h>
#include <log/message_initializer.h>
#include <log/message_types.h>

using isc::log::MessageID;

namespace {

const MessageID LOADED = "HOST_CMDS_RS_LOADED";
const MessageID UNLOADED = "HOST_CMDS_RS_UNLOADED";
const MessageID LOAD_FAILED = "HOST_CMDS_RS_LOAD_FAILED";
const MessageID STORE_OPENED = "HOST_CMDS_RS_STORE_OPENED";
const MessageID STORE_FAILED = "HOST_CMDS_RS_STORE_FAILED";
const MessageID STORE_KEPT = "HOST_CMDS_RS_STORE_KEPT";
const MessageID STORE_CUT = "HOST_CMDS_RS_STORE_CUT";
const MessageID STORE_UPKEEP_DONE = "HOST_CMDS_RS_STORE_UPKEEP_DONE";
const MessageID STORE_UPKEEP_FAILED = "HOST_CMDS_RS_STORE_UPKEEP_FAILED";
const MessageID COMMAND_FAILED = "HOST_CMDS_RS_COMMAND_FAILED";
const MessageID INTERNAL_ERROR = "HOST_CMDS_RS_INTERNAL_ERROR";
const MessageID RESERVATION_UNUSABLE = "HOST_CMDS_RS_RESERVATION_UNUSABLE";
const MessageID SUBNET_CHANGED = "HOST_CMDS_RS_SUBNET_CHANGED";
const MessageID SUBNETS_RESTORED = "HOST_CMDS_RS_SUBNETS_RESTORED";
const MessageID SUBNET_NOT_RESTORED = "HOST_CMDS_RS_SUBNET_NOT_RESTORED";
const MessageID PIN_REFUSED = "HOST_CMDS_RS_PIN_REFUSED";
const MessageID SMALL_RECEIVE_BUFFERS = "HOST_CMDS_RS_SMALL_RECEIVE_BUFFERS";

// Written by hand: Debian's kea-dev 2.2.0 has no message compiler.
const char* const messages[] = {
    "HOST_CMDS_RS_LOADED", "host commands hook library loaded: %1",
    "HOST_CMDS_RS_UNLOADED", "host commands hook library unloaded%1",
    "HOST_CMDS_RS_LOAD_FAILED", "host commands hook library failed to load: %1",
    "HOST_CMDS_RS_STORE_OPENED", "opened the host store: %1",
    "HOST_CMDS_RS_STORE_FAILED", "host store: %1",
    "HOST_CMDS_RS_STORE_KEPT", "the new configuration's host store cannot be used, the running one stays in use: %1",
    "HOST_CMDS_RS_STORE_CUT", "%1",
    "HOST_CMDS_RS_STORE_UPKEEP_DONE", "%1",
    "HOST_CMDS_RS_STORE_UPKEEP_FAILED", "%1",
    "HOST_CMDS_RS_COMMAND_FAILED", "command refused: %1",
    "HOST_CMDS_RS_INTERNAL_ERROR", "internal error, please report it: %1",
    "HOST_CMDS_RS_RESERVATION_UNUSABLE", "%1",
    "HOST_CMDS_RS_SUBNET_CHANGED", "%1",
    "HOST_CMDS_RS_SUBNETS_RESTORED", "restored what commands had added: %1",
    "HOST_CMDS_RS_SUBNET_NOT_RESTORED", "%1",
    "HOST_CMDS_RS_PIN_REFUSED", "%1",
    "HOST_CMDS_RS_SMALL_RECEIVE_BUFFERS", "%1",
    nullptr
};

const isc::log::MessageInitializer initializer(const_cast<const char**>(messages));

isc::log::Logger logger("host-cmds-rs-hooks");

} // namespace

namespace keahook {

void
log(Message message, rust::Str text) noexcept {
    write_log(message, text.data(), text.size());
}

void
write_log(Message message, const std::string& text) noexcept {
    write_log(message, text.data(), text.size());
}

void
write_log(Message message, const char* text, std::size_t size) noexcept {
    try {
        const std::string argument(text, size);
        switch (message) {
        case Message::Loaded:
            LOG_INFO(logger, LOADED).arg(argument);
            break;
        case Message::Unloaded:
            LOG_INFO(logger, UNLOADED).arg(argument);
            break;
        case Message::LoadFailed:
            LOG_ERROR(logger, LOAD_FAILED).arg(argument);
            break;
        case Message::StoreOpened:
            LOG_INFO(logger, STORE_OPENED).arg(argument);
            break;
        case Message::StoreFailed:
            LOG_ERROR(logger, STORE_FAILED).arg(argument);
            break;
        case Message::StoreKept:
            LOG_WARN(logger, STORE_KEPT).arg(argument);
            break;
        case Message::StoreCut:
            LOG_WARN(logger, STORE_CUT).arg(argument);
            break;
        case Message::StoreUpkeepDone:
            LOG_INFO(logger, STORE_UPKEEP_DONE).arg(argument);
            break;
        case Message::StoreUpkeepFailed:
            LOG_WARN(logger, STORE_UPKEEP_FAILED).arg(argument);
            break;
        case Message::CommandFailed:
            LOG_INFO(logger, COMMAND_FAILED).arg(argument);
            break;
        case Message::ReservationUnusable:
            LOG_ERROR(logger, RESERVATION_UNUSABLE).arg(argument);
            break;
        case Message::SubnetChanged:
            LOG_INFO(logger, SUBNET_CHANGED).arg(argument);
            break;
        case Message::SubnetsRestored:
            LOG_INFO(logger, SUBNETS_RESTORED).arg(argument);
            break;
        case Message::SubnetNotRestored:
            LOG_WARN(logger, SUBNET_NOT_RESTORED).arg(argument);
            break;
        case Message::PinRefused:
            LOG_WARN(logger, PIN_REFUSED).arg(argument);
            break;
        case Message::SmallReceiveBuffers:
            LOG_INFO(logger, SMALL_RECEIVE_BUFFERS).arg(argument);
            break;
        default:
            LOG_ERROR(logger, INTERNAL_ERROR).arg(argument);
            break;
        }
    } catch (...) {
        // A log line is never worth an exception in a DHCP server.
    }
}

} // namespace keahook
