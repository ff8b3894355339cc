// What stands in for the daemon: a configuration, the hook loaded by Kea's hooks framework, and commands.
#ifndef KEAFUZZ_SERVER_HPP
#define KEAFUZZ_SERVER_HPP

#include "rust/cxx.h"

namespace keafuzz {

/// Configures a server with one subnet, loads the hook and opens the store. Once a process.
void start(bool six, rust::Str library, rust::Str store);

/// Hands a request to the hook as Kea does; throws unless there is an answer.
rust::String command(rust::Str request);

} // namespace keafuzz

#endif
