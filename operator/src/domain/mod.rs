//! What is decided, without I/O: MAC addresses, prefixes and subnets, leases, reservations, owners, and the plan.
//!
//! Nothing here knows Kubernetes or HTTP. Addresses and prefixes are of either family; what is DHCPv4 alone is said
//! where it is decided, not in the types.

mod lease;
mod mac;
mod owner;
mod plan;
mod reservation;
mod subnet;

pub use lease::{Absence, Lease, LeaseState, pick as pick_lease};
pub use mac::{Mac, MacError};
pub use owner::{ObjectName, Owner, Ownership};
pub use plan::{
    Desired, Interface, Observed, Outcome, Plan, Release, ReleaseOutcome, Wish, address_taken, candidate,
    plan, plan_releases,
};
pub use reservation::{Identifier, Reservation};
pub use subnet::{Subnet, SubnetError, parse_prefix, resolve as resolve_subnet};
