// What stands in for the daemon: a configuration, the hook loaded by Kea's hooks framework, and commands.
#ifndef KEAFUZZ_SERVER_HPP
#define KEAFUZZ_SERVER_HPP

#include "rust/cxx.h"

#include <cstdint>

namespace keafuzz {

/// Configures a server with one subnet, loads the hook and opens the store. Once a process.
void start(bool six, rust::Str library, rust::Str store);

/// Hands a request to the hook as Kea does, and lets the main loop go round; throws unless there is an answer.
rust::String command(rust::Str request);

/// Lets a client lease an address ("committed"), or lose the lease ("released", "declined" or "expired"): in the lease
/// database, and as the hook is told. Then the main loop goes round.
void change_lease(rust::Str change, std::uint8_t client, std::uint32_t subnet, rust::Str address);

/// Removes all leases of a subnet from the lease database. The hook is not told.
void wipe_leases(std::uint32_t subnet);

} // namespace keafuzz

#endif
