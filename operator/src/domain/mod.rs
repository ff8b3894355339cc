//! What is decided, without I/O: MAC addresses, prefixes and subnets, leases, reservations, owners, and the plan.
//!
//! Nothing here knows Kubernetes or HTTP. Addresses and prefixes are of either family; what is DHCPv4 alone is said
//! where it is decided, not in the types.

mod claims;
mod desired;
mod lease;
mod mac;
mod new_subnet;
mod options;
mod orphans;
mod outcome;
mod owner;
mod plan;
mod reservation;
mod subnet;
mod target;
mod usage;
mod view;

pub use claims::{Claims, Rank};
pub use desired::{AddressPolicy, Claimant, Desired, Interface, PinMode, Relation, Rival, Rules, Wish};
pub use lease::{Absence, Lease, LeaseState, pick as pick_lease};
pub use mac::{Mac, MacError};
pub use new_subnet::{
    GatewayRule, Lifetimes, NewSubnet, NewSubnetError, NewSubnets, Request, place as place_subnet,
};
pub use options::{NetworkOptions, addresses as option_addresses};
pub use orphans::{Brake, Known as KnownOrphans, Verdict, are_too_many, is_shrunken, judge};
pub use outcome::Outcome;
pub use owner::{ObjectName, Owner, Ownership, mark, says_more, subnet_context};
pub use plan::{Put, Removal, Step, Steps, Wanted, address_taken, plan, unclear};
pub use reservation::{Extras, Identifier, Reservation};
pub use subnet::{Subnet, SubnetError, parse_prefix, resolve as resolve_subnet};
pub use target::is_usable;
pub use usage::Usage;
pub use view::{Holdings, Known, View};
