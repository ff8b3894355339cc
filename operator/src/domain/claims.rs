//! Which objects wish for which devices, and who of several comes first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipnet::IpNet;

use super::{Mac, ObjectName, Rival};

/// The order of objects that wish for the same device: the oldest first; names break ties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// When the object was created, in seconds since 1970.
    pub created: i64,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

struct Wish {
    uid: String,
    prefix: IpNet,
}

/// The wishes of all objects that are served.
#[derive(Default)]
pub struct Claims {
    of_objects: HashMap<String, (Rank, BTreeSet<Mac>)>,
    of_devices: HashMap<Mac, BTreeMap<Rank, Wish>>,
    /// Which object, by uid, makes the reservation of a device in a Kea subnet.
    seats: HashMap<(Mac, IpNet), String>,
}

impl Claims {
    /// Notes what an object wishes for now. Returns the other objects that this may matter to.
    pub fn update(
        &mut self,
        object: &ObjectName,
        created: i64,
        prefix: IpNet,
        macs: &BTreeSet<Mac>,
    ) -> Vec<Rank> {
        let rank = Rank { created, namespace: object.namespace.clone(), name: object.name.clone() };
        let same = self.of_objects.get(&object.uid).is_some_and(|(known, wished)| {
            *known == rank
                && wished == macs
                && macs.iter().all(|mac| self.prefix_of(*mac, &rank) == Some(prefix))
        });
        if same {
            return vec![];
        }
        let mut concerned: BTreeSet<Rank> = self.remove(&object.uid).into_iter().collect();
        for mac in macs {
            let wishes = self.of_devices.entry(*mac).or_default();
            concerned.extend(wishes.keys().cloned());
            wishes.insert(rank.clone(), Wish { uid: object.uid.clone(), prefix });
        }
        concerned.remove(&rank);
        self.of_objects.insert(object.uid.clone(), (rank, macs.clone()));
        concerned.into_iter().collect()
    }

    /// Forgets an object. Returns the other objects that this may matter to.
    pub fn remove(&mut self, uid: &str) -> Vec<Rank> {
        let Some((rank, macs)) = self.of_objects.remove(uid) else {
            return vec![];
        };
        self.seats.retain(|_, holder| holder != uid);
        let mut concerned = BTreeSet::new();
        for mac in macs {
            if let Some(wishes) = self.of_devices.get_mut(&mac) {
                if wishes.get(&rank).is_some_and(|wish| wish.uid == uid) {
                    wishes.remove(&rank);
                }
                concerned.extend(wishes.keys().cloned());
                if wishes.is_empty() {
                    self.of_devices.remove(&mac);
                }
            }
        }
        concerned.into_iter().collect()
    }

    fn prefix_of(&self, mac: Mac, rank: &Rank) -> Option<IpNet> {
        self.of_devices.get(&mac)?.get(rank).map(|wish| wish.prefix)
    }

    /// The object that comes before this one in wishing for a device in a prefix.
    pub fn first_other(&self, mac: Mac, prefix: IpNet, uid: &str) -> Option<&Rank> {
        let wishes = self.of_devices.get(&mac)?;
        let (rank, first) = wishes.iter().find(|(_, wish)| wish.prefix == prefix)?;
        (first.uid != uid).then_some(rank)
    }

    /// Other objects that wish for a device: in other prefixes than `prefix`, or in any where that is none.
    pub fn rivals(&self, mac: Mac, prefix: Option<IpNet>, uid: &str) -> Vec<Rival> {
        self.of_devices
            .get(&mac)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|wish| wish.uid != uid && Some(wish.prefix) != prefix)
            .map(|wish| Rival { uid: wish.uid.clone(), prefix: wish.prefix })
            .collect()
    }

    /// Lets an object make the reservation of a device in a Kea subnet, of which there can be but one. An error is the object
    /// that does so already, for another prefix in the same subnet.
    pub fn take_seat(&mut self, mac: Mac, subnet: IpNet, uid: &str) -> Result<(), Rank> {
        let holder = self.seats.entry((mac, subnet)).or_insert_with(|| uid.to_owned());
        let wishes = self.of_devices.get(&mac).into_iter().flatten();
        let other = wishes
            .filter(|(_, wish)| wish.uid == *holder && wish.uid != uid && subnet.contains(&wish.prefix))
            .map(|(rank, _)| rank.clone())
            .next();
        if other.is_none() {
            uid.clone_into(holder);
        }
        other.map_or(Ok(()), Err)
    }

    /// Lets others make the reservation of a device: this object could not.
    pub fn leave_seat(&mut self, mac: Mac, uid: &str) {
        self.seats.retain(|(of, _), holder| *of != mac || holder != uid);
    }

    /// The objects that wish for a device.
    pub fn wishing_for(&self, mac: Mac) -> impl Iterator<Item = (&Rank, IpNet)> {
        self.of_devices.get(&mac).into_iter().flatten().map(|(rank, wish)| (rank, wish.prefix))
    }

    /// An object by its uid.
    pub fn rank(&self, uid: &str) -> Option<&Rank> {
        self.of_objects.get(uid).map(|(rank, _)| rank)
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = (&str, &Rank)> {
        self.of_objects.iter().map(|(uid, (rank, _))| (uid.as_str(), rank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> ObjectName {
        ObjectName { namespace: "a".into(), name: name.into(), uid: format!("uid-{name}") }
    }

    fn prefix(third: u8) -> IpNet {
        format!("10.0.{third}.0/24").parse().unwrap()
    }

    fn macs(last: &[u8]) -> BTreeSet<Mac> {
        last.iter().map(|last| format!("52:54:00:00:00:{last:02x}").parse().unwrap()).collect()
    }

    fn mac(last: u8) -> Mac {
        format!("52:54:00:00:00:{last:02x}").parse().unwrap()
    }

    fn names(ranks: &[Rank]) -> Vec<&str> {
        ranks.iter().map(|rank| rank.name.as_str()).collect()
    }

    #[test]
    fn the_oldest_comes_first_whatever_the_order_of_arrival() {
        let mut claims = Claims::default();
        assert!(claims.update(&object("young"), 20, prefix(0), &macs(&[1, 2])).is_empty());
        assert_eq!(names(&claims.update(&object("old"), 10, prefix(0), &macs(&[1]))), ["young"]);
        assert_eq!(claims.first_other(mac(1), prefix(0), "uid-young").unwrap().name, "old");
        assert_eq!(claims.first_other(mac(1), prefix(0), "uid-old"), None);
        assert_eq!(claims.first_other(mac(2), prefix(0), "uid-young"), None);
        // Nothing new concerns nobody.
        assert!(claims.update(&object("old"), 10, prefix(0), &macs(&[1])).is_empty());
        assert_eq!(names(&claims.update(&object("old"), 10, prefix(0), &macs(&[]))), ["young"]);
        assert_eq!(claims.first_other(mac(1), prefix(0), "uid-young"), None);
    }

    #[test]
    fn names_break_ties() {
        let mut claims = Claims::default();
        claims.update(&object("b"), 10, prefix(0), &macs(&[1]));
        claims.update(&object("a"), 10, prefix(0), &macs(&[1]));
        assert_eq!(claims.first_other(mac(1), prefix(0), "uid-b").unwrap().name, "a");
        assert_eq!(names(&claims.remove("uid-a")), ["b"]);
        assert_eq!(claims.first_other(mac(1), prefix(0), "uid-b"), None);
        assert!(claims.remove("uid-a").is_empty());
    }

    #[test]
    fn one_object_makes_the_reservation_where_two_prefixes_are_one_subnet() {
        let subnet = "10.0.0.0/16".parse().unwrap();
        let mut claims = Claims::default();
        claims.update(&object("a"), 10, prefix(0), &macs(&[1, 2]));
        claims.update(&object("b"), 20, prefix(1), &macs(&[1]));
        let take =
            |claims: &mut Claims, uid: &str| claims.take_seat(mac(1), subnet, uid).map_err(|rank| rank.name);
        assert_eq!(take(&mut claims, "uid-b"), Ok(()));
        assert_eq!(take(&mut claims, "uid-a"), Err("b".into()));
        assert_eq!(take(&mut claims, "uid-b"), Ok(()));
        assert_eq!(claims.take_seat(mac(1), prefix(0), "uid-a"), Ok(()), "another subnet");
        claims.leave_seat(mac(1), "uid-b");
        assert_eq!(take(&mut claims, "uid-a"), Ok(()));
        assert_eq!(take(&mut claims, "uid-b"), Err("a".into()));
        // Who wishes for it no more, or elsewhere, holds nothing.
        claims.update(&object("a"), 10, prefix(0), &macs(&[2]));
        assert_eq!(take(&mut claims, "uid-b"), Ok(()));
        claims.remove("uid-b");
        assert_eq!(take(&mut claims, "uid-a"), Ok(()));
    }

    #[test]
    fn one_device_in_two_networks_is_no_contest_but_rivalry() {
        let mut claims = Claims::default();
        claims.update(&object("a"), 10, prefix(0), &macs(&[1]));
        claims.update(&object("b"), 20, prefix(1), &macs(&[1]));
        assert_eq!(claims.first_other(mac(1), prefix(1), "uid-b"), None);
        let rivals = claims.rivals(mac(1), Some(prefix(1)), "uid-b");
        assert_eq!(rivals, [Rival { uid: "uid-a".into(), prefix: prefix(0) }]);
        assert_eq!(claims.rivals(mac(1), None, "gone").len(), 2);
        // A prefix that changes makes it a contest.
        assert_eq!(names(&claims.update(&object("b"), 20, prefix(0), &macs(&[1]))), ["a"]);
        assert_eq!(claims.first_other(mac(1), prefix(0), "uid-b").unwrap().name, "a");
    }
}
