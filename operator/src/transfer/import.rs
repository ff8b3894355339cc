//! What a store takes over of files: the rules of [`apply`](dhcp_host_cmds_rs::apply), which the hook has for
//! `ext-reservation-apply`, for files that may name several owners and both families.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use dhcp_host_cmds_rs::apply::{Order, Verdict, decide};
use dhcp_host_cmds_rs::owner;
use dhcp_host_cmds_rs::store::{
    Family, Identifier, Index, Ipv6Resource, KeptChanges, KeptMap, Plan, Reservation,
};

use super::subnets::{Subnet, Subnets};
use super::{Document, Entry, Place, Problem, reservation};

/// Where reservations belong whose file does not say it.
#[derive(Debug, Clone, Default)]
pub struct Placing {
    /// That subnet.
    pub subnet_id: Option<u32>,
    /// Else the one of these that the address is in. A reservation for another subnet is refused.
    pub subnets: Option<Subnets>,
}

/// The place of something in one of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    file: usize,
    at: Place,
}

/// Whose reservations go into one order: family, and owner.
type Side = (Family, Option<Vec<u8>>);

/// Files that are to be taken over.
#[derive(Default)]
pub struct Import {
    placing: Placing,
    files: Vec<String>,
    wanted: BTreeMap<Side, Vec<(Origin, Reservation)>>,
    clients: HashMap<(Family, u32, Identifier), Origin>,
    kept: BTreeMap<Origin, super::KeptEntry>,
    unplaced: Vec<Origin>,
    problems: Vec<(Origin, Problem)>,
}

/// What becomes of the reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// New ones.
    pub added: usize,
    /// Those that take the place of another state of themselves.
    pub updated: usize,
    /// Those that nobody owned, and that are now the owner's.
    pub adopted: usize,
    /// Those that are there already.
    pub unchanged: usize,
    /// Those that cannot be taken over.
    pub refused: usize,
}

impl Import {
    /// Of no file yet.
    pub fn new(placing: Placing) -> Self {
        Self { placing, ..Self::default() }
    }

    /// Takes in what a file holds.
    pub fn add(&mut self, name: String, document: Document) {
        let file = self.files.len();
        self.files.push(name);
        let origin = |at| Origin { file, at };
        self.problems.extend(document.problems.into_iter().map(|problem| (origin(problem.at), problem)));
        self.kept.extend(document.kept.into_iter().map(|kept| (origin(kept.at), kept)));
        for entry in &document.entries {
            if let Err(text) = self.add_entry(origin(entry.at), entry, &document.subnets) {
                self.refuse(origin(entry.at), text);
            }
        }
    }

    fn add_entry(&mut self, origin: Origin, entry: &Entry, subnets: &[Subnet]) -> Result<(), String> {
        let mut reservation = reservation::of_entry(entry, 0)?;
        let subnet = match entry.subnet {
            Some(subnet) => subnet,
            None => self.placing.find(&reservation)?.unwrap_or_else(|| {
                self.unplaced.push(origin);
                0
            }),
        };
        match entry.family {
            Family::V4 => reservation.subnet_v4 = Some(subnet),
            Family::V6 => reservation.subnet_v6 = Some(subnet),
        }
        let of_file = subnets.iter().find(|known| known.family == entry.family && known.id == subnet);
        of_file.map_or(Ok(()), |subnet| subnet.check(&reservation))?;
        if let Some(subnets) = &self.placing.subnets {
            subnets.check(entry.family, subnet, &reservation)?;
        }
        let client = (entry.family, subnet, reservation.identifier.clone());
        if let Some(first) = self.clients.get(&client) {
            return Err(format!(
                "{} has a reservation in subnet {subnet} already, at {}: a client has one reservation in a subnet",
                reservation.identifier,
                self.shown(*first)
            ));
        }
        self.clients.insert(client, origin);
        let side = (entry.family, owner::of(&reservation.body));
        self.wanted.entry(side).or_default().push((origin, reservation));
        Ok(())
    }

    /// Decides what becomes of everything in a store.
    pub fn decide(&mut self, plan: &mut Plan<'_, Index>) -> Tally {
        let mut tally = Tally::default();
        for ((family, owner), wanted) in std::mem::take(&mut self.wanted) {
            let (origins, wanted): (Vec<_>, Vec<_>) =
                wanted.into_iter().map(|(origin, reservation)| (origin, Ok(reservation))).unzip();
            let order = Order { family, owner, adopt: true, prune: false, wanted, unwanted: Vec::new() };
            let Ok(decided) = decide(&order, &BTreeSet::new(), plan);
            for (origin, verdict) in origins.into_iter().zip(decided.wanted) {
                match verdict {
                    Verdict::Added(_) => tally.added += 1,
                    Verdict::Updated(_) => tally.updated += 1,
                    Verdict::Adopted(_) => tally.adopted += 1,
                    Verdict::Unchanged => tally.unchanged += 1,
                    Verdict::Conflict(refusal) => self.refuse(origin, refusal.to_string()),
                    Verdict::Invalid(text) => self.refuse(origin, text),
                    // Of one store and of nothing to remove, these are not said.
                    Verdict::Removed(_) | Verdict::Absent | Verdict::LeftOut => {
                        self.refuse(origin, "it cannot be taken over together with the others".into());
                    }
                }
            }
        }
        tally.refused = self.problems.iter().filter(|(_, problem)| !problem.part).count();
        tally
    }

    /// The subnets and shared networks that a store does not keep in that form.
    pub fn kept_changes(&self, stored: &KeptMap) -> KeptChanges {
        let new = self.kept.values().filter(|entry| stored.get(&entry.key) != Some(&entry.kept));
        new.map(|entry| (entry.key.clone(), Some(entry.kept.clone()))).collect()
    }

    /// What cannot be taken over, a line each.
    pub fn problems(&mut self) -> Vec<String> {
        self.problems.sort_by_key(|(origin, _)| *origin);
        self.problems
            .iter()
            .map(|(origin, problem)| format!("{}: {}", self.shown(*origin), problem.text))
            .collect()
    }

    /// What is taken over and may not be what is meant.
    pub fn warnings(&self) -> Vec<String> {
        let Some(first) = self.unplaced.first() else { return Vec::new() };
        vec![format!(
            "{}: warning: no subnet is named, so that this reservation, one of {}, is global (subnet 0): Kea looks at it \
             only with 'reservations-global'. Give --kea-config, or --subnet-id",
            self.shown(*first),
            self.unplaced.len()
        )]
    }

    fn refuse(&mut self, origin: Origin, text: String) {
        self.problems.push((origin, Problem::at(origin.at, text)));
    }

    fn shown(&self, Origin { file, at }: Origin) -> String {
        format!("{}{at}", self.files.get(file).map_or("", String::as_str))
    }
}

impl Placing {
    /// The subnet of a reservation; none where it is global.
    fn find(&self, reservation: &Reservation) -> Result<Option<u32>, String> {
        if self.subnet_id.is_some() {
            return Ok(self.subnet_id);
        }
        let v6 = reservation.ipv6.iter().find_map(|resource| match resource {
            Ipv6Resource::Address(address) => Some(IpAddr::V6(*address)),
            Ipv6Resource::Prefix(..) => None,
        });
        let (Some(subnets), Some(address)) = (&self.subnets, reservation.ipv4.map(IpAddr::V4).or(v6)) else {
            return Ok(None);
        };
        let subnet = subnets.find(address);
        subnet.map(Some).ok_or_else(|| {
            format!("no subnet of the configuration has the address {address}: add the subnet there, or give --subnet-id")
        })
    }
}
