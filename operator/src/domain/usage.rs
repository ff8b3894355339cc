//! How many addresses of a subnet there are, and how many of them are in use.

/// Addresses of a subnet, as Kea counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Addresses in its pools.
    pub total: u64,
    /// Addresses in use: leased ones, wherever in the subnet, and declined ones.
    pub assigned: u64,
    /// Those of them that a device declined, since another one uses them.
    pub declined: u64,
}

impl Usage {
    /// Addresses left. Leases outside the pools, of reserved addresses, are not told apart from others: where there are
    /// such, it may be more.
    pub fn available(self) -> u64 {
        self.total.saturating_sub(self.assigned)
    }
}
