// What the Rust half of the hook offers to the C++ shim. Generated from ffi/src/inward/ by
// `make generate`; do not edit. SPDX-License-Identifier: Apache-2.0

#ifndef KEAHOOK_ABI_H
#define KEAHOOK_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How a call went.
typedef enum KhrStatus {
  KhrStatus_Ok,
  KhrStatus_Duplicate,
  KhrStatus_AddressTaken,
  KhrStatus_NotFound,
  KhrStatus_Failed,
} KhrStatus;

// What the wanted reservations must have.
typedef enum KhrBy {
  KhrBy_Any,
  KhrBy_Identifier,
  KhrBy_Ipv4,
  KhrBy_Ipv6,
  KhrBy_Ipv6Prefix,
  KhrBy_Hostname,
} KhrBy;

// What became of a lease.
typedef enum KhrLeaseChange {
  KhrLeaseChange_Committed,
  KhrLeaseChange_Released,
  KhrLeaseChange_Declined,
  KhrLeaseChange_Expired,
} KhrLeaseChange;

// An open source. Only a pointer to it crosses the seam.
typedef struct KhrSource KhrSource;

// Borrowed bytes; `data` may be null when `len` is 0.
typedef struct KhrBytes {
  const uint8_t *data;
  size_t len;
} KhrBytes;

// A parameter of a `hosts-databases` entry.
typedef struct KhrParameter {
  struct KhrBytes name;
  struct KhrBytes value;
} KhrParameter;

// Takes the reason of a status that is not `Ok`. Must not throw.
typedef struct KhrText {
  void *context;
  void (*take)(void *context, struct KhrBytes text);
} KhrText;

// A question for reservations.
typedef struct KhrQuery {
  // 4, 6, or 0 for both.
  uint8_t family;
  bool has_subnet;
  uint32_t subnet;
  enum KhrBy by;
  uint8_t identifier_type;
  uint8_t prefix_length;
  // In network byte order; an IPv4 address takes the first four.
  uint8_t address[16];
  // The identifier or the hostname.
  struct KhrBytes bytes;
} KhrQuery;

// An IPv6 address or prefix.
typedef struct KhrResource {
  uint8_t address[16];
  uint8_t prefix_length;
  bool is_prefix;
} KhrResource;

// A reservation. Subnet 0xffffffff means none, address 0 means none.
typedef struct KhrReservation {
  uint64_t id;
  uint64_t revision;
  uint32_t subnet_v4;
  uint32_t subnet_v6;
  // In host byte order.
  uint32_t ipv4;
  // Kea's `Host::IdentifierType`.
  uint8_t identifier_type;
  struct KhrBytes identifier;
  struct KhrBytes hostname;
  const struct KhrResource *resources;
  size_t resource_count;
  struct KhrBytes body;
} KhrReservation;

// Takes each reservation that was found. Must not throw.
typedef struct KhrVisitor {
  void *context;
  void (*visit)(void *context, const struct KhrReservation *reservation);
} KhrVisitor;

// A lease, and what became of it.
typedef struct KhrLease {
  enum KhrLeaseChange change;
  // 4 or 6.
  uint8_t family;
  uint8_t prefix_length;
  bool is_prefix;
  uint32_t subnet;
  // In network byte order; an IPv4 address takes the first four.
  uint8_t address[16];
  uint32_t iaid;
  uint32_t valid_lifetime;
  // In seconds since 1970.
  int64_t started;
  struct KhrBytes hostname;
  struct KhrBytes hw_address;
  struct KhrBytes client_id;
  struct KhrBytes duid;
} KhrLease;

// The request of a command (`keahook::Element`).
typedef struct KhrElement {
  uint8_t private_[0];
} KhrElement;

// Where the answer to a command goes (`keahook::Answer`).
typedef struct KhrAnswer {
  uint8_t private_[0];
} KhrAnswer;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Opens a source; null with a reason where that fails.
//
// # Safety
//
// `parameters` must point to `count` parameters.
struct KhrSource *khr_source_open(const struct KhrParameter *parameters,
                                  size_t count,
                                  struct KhrText error);

// A source that has nothing and refuses changes for this reason; null only on an internal error.
//
// # Safety
//
// `reason` must be valid.
struct KhrSource *khr_source_unavailable(struct KhrBytes reason);

// Closes a source.
//
// # Safety
//
// `source` must come from `khr_source_open` and is gone afterwards.
void khr_source_close(struct KhrSource *source);

// Shows the reservations that the query means.
//
// # Safety
//
// The pointers must be valid.
enum KhrStatus khr_source_find(const struct KhrSource *source,
                               const struct KhrQuery *query,
                               struct KhrVisitor visitor,
                               struct KhrText error);

// Shows at most `limit` reservations with ids above `after`.
//
// # Safety
//
// The pointers must be valid.
enum KhrStatus khr_source_page(const struct KhrSource *source,
                               const struct KhrQuery *query,
                               uint64_t after,
                               size_t limit,
                               struct KhrVisitor visitor,
                               struct KhrText error);

// Adds a reservation, on disk before it returns, and tells its id.
//
// # Safety
//
// The pointers must be valid.
enum KhrStatus khr_source_add(const struct KhrSource *source,
                              const struct KhrReservation *reservation,
                              uint64_t *id,
                              struct KhrText error);

// Puts a reservation in the place of the one that the same client has in the same subnet, on disk before it returns.
// A refusal changes nothing.
//
// # Safety
//
// The pointers must be valid.
enum KhrStatus khr_source_update(const struct KhrSource *source,
                                 const struct KhrReservation *reservation,
                                 struct KhrText error);

// Removes what the query means, and tells how many.
//
// # Safety
//
// The pointers must be valid.
enum KhrStatus khr_source_remove(const struct KhrSource *source,
                                 const struct KhrQuery *query,
                                 size_t *removed,
                                 struct KhrText error);

// Kea's `ip-reservations-unique`.
//
// # Safety
//
// `source` must be valid.
bool khr_source_set_addresses_unique(const struct KhrSource *source, bool unique);

// Tells that a configuration was applied, before it comes into use. `Failed`, with a reason, where it must not.
//
// # Safety
//
// `error` must be valid.
enum KhrStatus khr_configured(struct KhrText error);

// Lets the hook do what it asked to be woken for.
void khr_woken(void);

// Tells that a command set statistics of the server to zero, or removed them.
void khr_statistics_forgotten(void);

// Tells what became of a lease. Called on packet threads.
//
// # Safety
//
// `lease` must be valid.
void khr_lease_changed(const struct KhrLease *lease);

// Runs a command and leaves its answer.
//
// # Safety
//
// `request` must be a `keahook::Element` with the whole request, `answer` a `keahook::Answer`.
void khr_command(const struct KhrElement *request, struct KhrAnswer *answer);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KEAHOOK_ABI_H */
