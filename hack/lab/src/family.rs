//! The two DHCP protocols that Kea serves, each with a daemon of its own.

use std::fmt;

/// Which DHCP a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Family {
    /// DHCPv4: kea-dhcp4.
    #[default]
    V4,
    /// DHCPv6: kea-dhcp6.
    V6,
}

impl Family {
    /// Both, for tests of what the daemons have in common.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The digit in Kea's names, as in `subnet4` and `lease6-get`.
    pub fn digit(self) -> char {
        match self {
            Self::V4 => '4',
            Self::V6 => '6',
        }
    }

    /// The daemon, which is also the name of its root logger: `kea-dhcp4`.
    pub fn daemon(self) -> String {
        format!("kea-dhcp{}", self.digit())
    }

    /// The one element at the top of a configuration: `Dhcp4`.
    pub fn root(self) -> String {
        format!("Dhcp{}", self.digit())
    }

    /// What a control agent calls the server: `dhcp4`.
    pub fn service(self) -> String {
        format!("dhcp{}", self.digit())
    }
}

impl fmt::Display for Family {
    /// `DHCPv4` or `DHCPv6`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DHCPv{}", self.digit())
    }
}
