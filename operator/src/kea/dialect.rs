//! Which commands a server has for what the operator needs, found with `list-commands`.

use std::collections::BTreeSet;
use std::fmt;

/// Commands for reservations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationDialect {
    /// `ext-reservation-*` of our hook.
    Ext,
    /// `reservation-*` of Kea's host_cmds.
    Stock,
}

/// Command that lists subnets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubnetDialect {
    /// `ext-subnet4-list` of our hook; it answers under this name even where it may not claim the stock one.
    Ext,
    /// `subnet4-list` of our hook or of Kea's subnet_cmds.
    Stock,
    /// `config-get`, which every Kea has.
    Config,
}

impl SubnetDialect {
    /// The full name of the command.
    pub fn command(self) -> &'static str {
        match self {
            Self::Ext => "ext-subnet4-list",
            Self::Stock => "subnet4-list",
            Self::Config => "config-get",
        }
    }
}

/// The commands of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// For reservations.
    pub reservations: ReservationDialect,
    /// For subnets.
    pub subnets: SubnetDialect,
}

/// A command that a server must have and lacks, and how it comes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The command.
    pub command: &'static str,
    /// What to load.
    pub remedy: &'static str,
}

impl Dialect {
    /// Chooses from the commands that a server lists.
    pub fn choose(commands: &BTreeSet<&str>) -> Result<Self, Lacking> {
        let has_all = |prefix: &str| {
            ["add", "del", "get"]
                .iter()
                .all(|verb| commands.contains(format!("{prefix}reservation-{verb}").as_str()))
        };
        let lacking = |command, remedy| Err(Lacking { command, remedy });
        if !commands.contains("lease4-get-by-hw-address") {
            return lacking("lease4-get-by-hw-address", "load the hook libdhcp_lease_cmds.so into kea-dhcp4");
        }
        let reservations = match (has_all("ext-"), has_all("")) {
            (true, _) => ReservationDialect::Ext,
            (false, true) => ReservationDialect::Stock,
            (false, false) => {
                return lacking(
                    "reservation-add",
                    "load the hook libdhcp_host_cmds_rs.so (or Kea's own libdhcp_host_cmds.so) into kea-dhcp4",
                );
            }
        };
        let subnets = [SubnetDialect::Ext, SubnetDialect::Stock]
            .into_iter()
            .find(|dialect| commands.contains(dialect.command()))
            .unwrap_or(SubnetDialect::Config);
        Ok(Self { reservations, subnets })
    }

    /// The full name of a reservation command.
    pub fn reservation_command(self, verb: &str) -> String {
        match self.reservations {
            ReservationDialect::Ext => format!("ext-reservation-{verb}"),
            ReservationDialect::Stock => format!("reservation-{verb}"),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reservations = match self.reservations {
            ReservationDialect::Ext => "ext-reservation-*",
            ReservationDialect::Stock => "reservation-*",
        };
        write!(f, "{reservations}, {}", self.subnets.command())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: &str = "lease4-get-by-hw-address";
    const EXT: [&str; 3] = ["ext-reservation-add", "ext-reservation-del", "ext-reservation-get"];
    const STOCK: [&str; 3] = ["reservation-add", "reservation-del", "reservation-get"];

    fn choose(groups: &[&[&'static str]]) -> Result<Dialect, Lacking> {
        Dialect::choose(&groups.concat().into_iter().collect())
    }

    #[test]
    fn ours_is_preferred_to_stock() {
        let both = choose(&[&[LEASE, "subnet4-list"], &EXT, &STOCK]).unwrap();
        assert_eq!(both.reservation_command("add"), "ext-reservation-add");
        assert_eq!(both.subnets, SubnetDialect::Stock);
        let ours = choose(&[&[LEASE, "subnet4-list", "ext-subnet4-list"], &EXT]).unwrap();
        assert_eq!(ours.subnets, SubnetDialect::Ext);
        let stock = choose(&[&[LEASE], &STOCK]).unwrap();
        assert_eq!(stock.reservation_command("add"), "reservation-add");
        assert_eq!(stock.subnets, SubnetDialect::Config);
    }

    #[test]
    fn half_of_ours_is_not_ours() {
        let half = choose(&[&[LEASE, "ext-reservation-add"], &STOCK]).unwrap();
        assert_eq!(half.reservations, ReservationDialect::Stock);
    }

    #[test]
    fn what_lacks_is_named_with_its_remedy() {
        assert_eq!(choose(&[&EXT]).unwrap_err().command, LEASE);
        let lacking = choose(&[&[LEASE]]).unwrap_err();
        assert!(lacking.remedy.contains("libdhcp_host_cmds_rs.so"));
    }
}
