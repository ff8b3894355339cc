//! Which commands a server has for what the operator needs, found with `list-commands`.

use std::collections::BTreeSet;
use std::fmt;

use super::commands::{COUNTS_LEASES, HEARTBEAT};

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
    /// Whether a reservation can be changed in one command (`reservation-update`, Kea 2.4 and later).
    pub updates: bool,
    /// The full name of the command that adds a subnet, where there is one.
    pub adds_subnets: Option<&'static str>,
    /// Whether it counts the leases in its lease database (`stat-lease4-get`), besides those of its own.
    pub counts_leases: bool,
    /// Whether it is one of several servers in Kea's high availability.
    pub is_in_ha: bool,
}

/// A command that a server must have and lacks, and how it comes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The command.
    pub command: &'static str,
    /// What to load.
    pub remedy: &'static str,
}

/// What the ext dialect needs.
const EXT: [&str; 4] =
    ["ext-lease-resolve", "ext-reservation-apply", "ext-reservation-get", "ext-reservation-update"];
/// What the stock dialect needs for reservations.
const STOCK: [&str; 4] = ["reservation-add", "reservation-del", "reservation-get", "reservation-get-by-id"];
/// What the stock dialect needs for leases.
const LEASES: &str = "lease4-get-by-hw-address";
/// What adds a subnet, the best first.
const ADDS_SUBNETS: [&str; 2] = ["ext-subnet4-add", "subnet4-add"];
const REMEDY: &str = "load the hook libdhcp_host_cmds_rs.so (or Kea's own libdhcp_host_cmds.so and libdhcp_lease_cmds.so) into kea-dhcp4";

impl ReservationDialect {
    /// Its name in settings, metrics and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext => "ext",
            Self::Stock => "stock",
        }
    }
}

impl Dialect {
    /// Chooses from the commands that a server lists.
    pub fn choose(commands: &BTreeSet<&str>, forced: Option<ReservationDialect>) -> Result<Self, Lacking> {
        let has_all = |needed: &[&str]| needed.iter().all(|command| commands.contains(command));
        let lacking = |command, remedy| Err(Lacking { command, remedy });
        let (ext, stock) = (has_all(&EXT), has_all(&STOCK));
        let reservations = match forced {
            None | Some(ReservationDialect::Ext) if ext => ReservationDialect::Ext,
            None | Some(ReservationDialect::Stock) if stock => ReservationDialect::Stock,
            Some(ReservationDialect::Ext) => {
                return lacking(
                    "ext-reservation-apply",
                    "load the hook libdhcp_host_cmds_rs.so into kea-dhcp4",
                );
            }
            _ => return lacking("reservation-add", REMEDY),
        };
        if reservations == ReservationDialect::Stock && !commands.contains(LEASES) {
            return lacking(LEASES, "load the hook libdhcp_lease_cmds.so into kea-dhcp4");
        }
        let subnets = [SubnetDialect::Ext, SubnetDialect::Stock]
            .into_iter()
            .find(|dialect| commands.contains(dialect.command()))
            .unwrap_or(SubnetDialect::Config);
        let updates = reservations == ReservationDialect::Ext || commands.contains("reservation-update");
        let adds_subnets = ADDS_SUBNETS.into_iter().find(|command| commands.contains(command));
        let counts_leases = commands.contains(COUNTS_LEASES);
        let is_in_ha = commands.contains(HEARTBEAT);
        Ok(Self { reservations, subnets, updates, adds_subnets, counts_leases, is_in_ha })
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

    fn choose(groups: &[&[&'static str]], forced: Option<ReservationDialect>) -> Result<Dialect, Lacking> {
        Dialect::choose(&groups.concat().into_iter().collect(), forced)
    }

    #[test]
    fn ours_is_preferred_to_stock_and_needs_no_other_hook() {
        let both = choose(&[&[LEASES, "subnet4-list"], &EXT, &STOCK], None).unwrap();
        assert_eq!(both.reservation_command("add"), "ext-reservation-add");
        assert_eq!(both.subnets, SubnetDialect::Stock);
        let ours = choose(&[&["subnet4-list", "ext-subnet4-list"], &EXT], None).unwrap();
        assert_eq!((ours.subnets, ours.updates), (SubnetDialect::Ext, true));
        let stock = choose(&[&[LEASES], &STOCK], None).unwrap();
        assert_eq!(stock.reservation_command("add"), "reservation-add");
        assert_eq!((stock.subnets, stock.updates), (SubnetDialect::Config, false));
    }

    #[test]
    fn subnets_are_added_where_a_command_does_it() {
        let adds = |commands: &[&'static str]| choose(&[&EXT, commands], None).unwrap().adds_subnets;
        assert_eq!(adds(&["subnet4-add", "ext-subnet4-add"]), Some("ext-subnet4-add"));
        assert_eq!(adds(&["subnet4-add"]), Some("subnet4-add"));
        assert_eq!(adds(&["subnet4-list"]), None);
    }

    #[test]
    fn one_can_be_forced() {
        let forced = choose(&[&[LEASES], &EXT, &STOCK], Some(ReservationDialect::Stock)).unwrap();
        assert_eq!(forced.reservations, ReservationDialect::Stock);
        let lacking = choose(&[&[LEASES], &STOCK], Some(ReservationDialect::Ext)).unwrap_err();
        assert_eq!(lacking.command, "ext-reservation-apply");
    }

    #[test]
    fn half_of_ours_is_not_ours() {
        let half = choose(&[&[LEASES, "ext-reservation-apply"], &STOCK], None).unwrap();
        assert_eq!(half.reservations, ReservationDialect::Stock);
    }

    #[test]
    fn what_lacks_is_named_with_its_remedy() {
        assert_eq!(choose(&[&STOCK], None).unwrap_err().command, LEASES);
        let lacking = choose(&[&[LEASES]], None).unwrap_err();
        assert!(lacking.remedy.contains("libdhcp_host_cmds_rs.so"));
    }
}
