//! Reservations of the operator that no object wishes for: which they are, and how many of them may go at once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{Claims, Identifier, Mac, Ownership, Rank, Removal, Reservation, Subnet};

/// What a reservation of the operator's is, among the objects that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the operator's, or some object wishes for it.
    Leave,
    /// The object that it was made for is served and does not wish for it any more: it shall see to it.
    Leftover {
        /// The object's uid.
        uid: String,
        /// The object.
        object: Rank,
        /// The device.
        mac: Mac,
    },
    /// The object that it was made for exists and is not served: it is being deleted, is somebody else's, or cannot be read.
    Unserved {
        /// The object's uid.
        uid: String,
        /// The device.
        mac: Mac,
    },
    /// The object that it was made for is gone.
    Orphan(Removal),
}

/// Judges one reservation. `mark` is the operator's, `subnet` that of the reservation where it is configured, and `exists`
/// tells by uid which objects there are, served or not.
pub fn judge(
    reservation: &Reservation,
    subnet: Option<&Subnet>,
    mark: &str,
    claims: &Claims,
    exists: impl Fn(&str) -> bool,
) -> Verdict {
    let (Ownership::Owned { owner, object: Some(object) }, Identifier::HwAddress(mac)) =
        (&reservation.ownership, &reservation.identifier)
    else {
        return Verdict::Leave;
    };
    let wished =
        claims.wishing_for(*mac).any(|(_, prefix)| subnet.is_none_or(|s| s.prefix.contains(&prefix)));
    if owner != mark || wished {
        return Verdict::Leave;
    }
    match claims.rank(&object.uid) {
        Some(rank) => Verdict::Leftover { uid: object.uid.clone(), object: rank.clone(), mac: *mac },
        None if exists(&object.uid) => Verdict::Unserved { uid: object.uid.clone(), mac: *mac },
        None => Verdict::Orphan(Removal { subnet_id: reservation.subnet_id, mac: *mac }),
    }
}

/// How careful a sweep is.
#[derive(Clone, Copy, Debug)]
pub struct Brake {
    /// How long an orphan is reported before it is removed.
    pub grace: Duration,
    /// How many are removed by one sweep at most.
    pub at_most: usize,
    /// How many of the operator's reservations on a server, in percent, are removed by one sweep at most.
    pub percent: usize,
}

impl Brake {
    /// How many of `due` orphans go now, on a server that has `owned` reservations of the operator's. One may always go, so that a
    /// small site is cleaned up too.
    pub fn allows(&self, due: usize, owned: usize) -> usize {
        let share = (owned.saturating_mul(self.percent) / 100).max(1);
        due.min(self.at_most).min(share)
    }
}

/// Whether so many objects are gone at once that the list itself is to be doubted: fewer than half of the most that there
/// were, where there were ten or more.
pub fn is_shrunken(now: usize, most: usize) -> bool {
    most >= 10 && now < most.div_ceil(2)
}

/// Whether so many of the operator's reservations on a server are orphans that the list of objects is to be doubted: more than
/// half, where there are ten or more. Objects are let go one by one, so that few become orphans; many at once come of a list
/// that was restored from a backup, or is another cluster's.
pub fn are_too_many(orphans: usize, owned: usize) -> bool {
    owned >= 10 && orphans > owned / 2
}

/// Orphans, and since when each is known.
#[derive(Debug, Default)]
pub struct Known(HashMap<Removal, Duration>);

impl Known {
    /// Notes what a sweep at `now` (a time since any beginning) found, forgets what it did not find, and tells what has been
    /// known for as long as `grace`, the longest known first.
    pub fn note(&mut self, found: &HashSet<Removal>, now: Duration, grace: Duration) -> Vec<Removal> {
        self.0.retain(|removal, _| found.contains(removal));
        for removal in found {
            self.0.entry(*removal).or_insert(now);
        }
        let mut due: Vec<(Duration, Removal)> = self
            .0
            .iter()
            .filter(|(_, since)| now.saturating_sub(**since) >= grace)
            .map(|(removal, since)| (*since, *removal))
            .collect();
        due.sort();
        due.into_iter().map(|(_, removal)| removal).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Extras, ObjectName, Owner};
    use std::collections::BTreeSet;

    fn mac(last: u8) -> Mac {
        format!("52:54:00:00:00:{last:02x}").parse().unwrap()
    }

    fn object(name: &str) -> ObjectName {
        ObjectName { namespace: "a".into(), name: name.into(), uid: format!("uid-{name}") }
    }

    fn reservation(device: u8, owner: &str) -> Reservation {
        let owner = Owner { cluster_id: "c".into(), object: object(owner) };
        Reservation {
            subnet_id: 1,
            identifier: mac(device).into(),
            addresses: vec![],
            extras: Extras::None,
            ownership: Ownership::read(Some(&owner.user_context())),
        }
    }

    #[test]
    fn verdicts() {
        let subnet = Subnet { id: 1, prefix: "10.0.0.0/16".parse().unwrap() };
        let mut claims = Claims::default();
        claims.update(&object("vm"), 0, "10.0.1.0/24".parse().unwrap(), &BTreeSet::from([mac(1)]));
        claims.update(&object("elsewhere"), 0, "10.9.0.0/24".parse().unwrap(), &BTreeSet::from([mac(2)]));
        let verdict = |reservation: &Reservation, mark: &str| {
            judge(reservation, Some(&subnet), mark, &claims, |uid| uid == "uid-unserved")
        };
        let ours = "kea-operator/c";
        assert_eq!(verdict(&reservation(1, "vm"), ours), Verdict::Leave);
        // Wished for, whoever it was made for.
        assert_eq!(verdict(&reservation(1, "gone"), ours), Verdict::Leave);
        let leftover = verdict(&reservation(3, "vm"), ours);
        assert!(matches!(leftover, Verdict::Leftover { uid, .. } if uid == "uid-vm"));
        let unserved = Verdict::Unserved { uid: "uid-unserved".into(), mac: mac(3) };
        assert_eq!(verdict(&reservation(3, "unserved"), ours), unserved);
        let orphan = Verdict::Orphan(Removal { subnet_id: 1, mac: mac(3) });
        assert_eq!(verdict(&reservation(3, "gone"), ours), orphan);
        assert_eq!(verdict(&reservation(3, "gone"), "kea-operator/other"), Verdict::Leave);
        // In another network, the wish is another.
        assert!(matches!(verdict(&reservation(2, "gone"), ours), Verdict::Orphan(_)));
        let by_hand = Reservation { ownership: Ownership::Unowned, ..reservation(3, "gone") };
        assert_eq!(verdict(&by_hand, ours), Verdict::Leave);
    }

    #[test]
    fn the_brake_holds() {
        let brake = Brake { grace: Duration::ZERO, at_most: 100, percent: 10 };
        assert_eq!(brake.allows(5, 1000), 5);
        assert_eq!(brake.allows(500, 10_000), 100);
        assert_eq!(brake.allows(500, 200), 20);
        assert_eq!(brake.allows(5, 3), 1);
        assert!(is_shrunken(4, 10) && !is_shrunken(5, 10) && !is_shrunken(0, 9));
        assert!(are_too_many(6, 10) && !are_too_many(5, 10) && !are_too_many(9, 9));
    }

    #[test]
    fn an_orphan_is_known_for_a_while_before_it_goes() {
        let minutes = Duration::from_mins;
        let removal = |device| Removal { subnet_id: 1, mac: mac(device) };
        let mut known = Known::default();
        assert!(known.note(&HashSet::from([removal(1)]), minutes(0), minutes(60)).is_empty());
        let both = HashSet::from([removal(1), removal(2)]);
        assert!(known.note(&both, minutes(30), minutes(60)).is_empty());
        assert_eq!(known.note(&both, minutes(60), minutes(60)), [removal(1)]);
        // What came back to life begins anew.
        assert!(known.note(&HashSet::from([removal(2)]), minutes(70), minutes(60)).is_empty());
        assert_eq!(known.note(&both, minutes(90), minutes(60)), [removal(2)]);
    }
}
