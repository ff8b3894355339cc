//! Which objects wish for which devices, and who of several comes first.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

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

/// That an object wishes for a device. There is one of these for each device of each object, so it is small.
struct Wish {
    rank: Arc<Rank>,
    uid: Arc<str>,
    prefix: IpNet,
    /// The Kea subnet in which this object makes the reservation.
    seat: Option<IpNet>,
}

/// An object, and the devices that it wishes for.
type Claimed = (Arc<Rank>, Box<[Mac]>);

/// The wishes of all objects that are served.
#[derive(Default)]
pub struct Claims {
    of_objects: HashMap<Arc<str>, Claimed>,
    /// In the order of their ranks. Most devices are wished for once.
    of_devices: HashMap<Mac, Vec<Wish>>,
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
        let same = self.of_objects.get(object.uid.as_str()).is_some_and(|(known, wished)| {
            **known == rank
                && wished.iter().eq(macs)
                && macs.iter().all(|mac| self.prefix_of(*mac, &rank) == Some(prefix))
        });
        if same {
            return vec![];
        }
        let mut concerned: BTreeSet<Rank> = self.remove(&object.uid).into_iter().collect();
        let (rank, uid): (Arc<Rank>, Arc<str>) = (Arc::new(rank), object.uid.as_str().into());
        for mac in macs {
            let wishes = self.of_devices.entry(*mac).or_default();
            concerned.extend(wishes.iter().map(|wish| (*wish.rank).clone()));
            // One that was made anew in the same second takes the place of the one before.
            wishes.retain(|wish| wish.rank != rank);
            let place = wishes.partition_point(|wish| wish.rank < rank);
            wishes.reserve_exact(1);
            wishes.insert(place, Wish { rank: rank.clone(), uid: uid.clone(), prefix, seat: None });
        }
        concerned.remove(&rank);
        self.of_objects.insert(uid, (rank, macs.iter().copied().collect()));
        concerned.into_iter().collect()
    }

    /// Forgets an object. Returns the other objects that this may matter to.
    pub fn remove(&mut self, uid: &str) -> Vec<Rank> {
        let Some((_, macs)) = self.of_objects.remove(uid) else {
            return vec![];
        };
        let mut concerned = BTreeSet::new();
        for mac in macs {
            if let Some(wishes) = self.of_devices.get_mut(&mac) {
                wishes.retain(|wish| *wish.uid != *uid);
                concerned.extend(wishes.iter().map(|wish| (*wish.rank).clone()));
                if wishes.is_empty() {
                    self.of_devices.remove(&mac);
                }
            }
        }
        concerned.into_iter().collect()
    }

    fn wishes(&self, mac: Mac) -> &[Wish] {
        self.of_devices.get(&mac).map_or(&[], Vec::as_slice)
    }

    fn prefix_of(&self, mac: Mac, rank: &Rank) -> Option<IpNet> {
        self.wishes(mac).iter().find(|wish| *wish.rank == *rank).map(|wish| wish.prefix)
    }

    /// The object that comes before this one in wishing for a device in a prefix.
    pub fn first_other(&self, mac: Mac, prefix: IpNet, uid: &str) -> Option<&Rank> {
        let first = self.wishes(mac).iter().find(|wish| wish.prefix == prefix)?;
        (*first.uid != *uid).then_some(&*first.rank)
    }

    /// Other objects that wish for a device: in other prefixes than `prefix`, or in any where that is none.
    pub fn rivals(&self, mac: Mac, prefix: Option<IpNet>, uid: &str) -> Vec<Rival> {
        self.wishes(mac)
            .iter()
            .filter(|wish| *wish.uid != *uid && Some(wish.prefix) != prefix)
            .map(|wish| Rival { uid: wish.uid.to_string(), prefix: wish.prefix })
            .collect()
    }

    /// Lets an object make the reservation of a device in a Kea subnet, of which there can be but one. An error is the object
    /// that does so already, for another prefix in the same subnet.
    pub fn take_seat(&mut self, mac: Mac, subnet: IpNet, uid: &str) -> Result<(), Rank> {
        let wishes = self.of_devices.get_mut(&mac).map_or(&mut [][..], Vec::as_mut_slice);
        let sits =
            |wish: &&Wish| *wish.uid != *uid && wish.seat == Some(subnet) && subnet.contains(&wish.prefix);
        if let Some(other) = wishes.iter().find(sits) {
            return Err((*other.rank).clone());
        }
        for own in wishes.iter_mut().filter(|wish| *wish.uid == *uid) {
            own.seat = Some(subnet);
        }
        Ok(())
    }

    /// Lets others make the reservation of a device: this object could not.
    pub fn leave_seat(&mut self, mac: Mac, uid: &str) {
        let wishes = self.of_devices.get_mut(&mac).into_iter().flatten();
        for own in wishes.filter(|wish| *wish.uid == *uid) {
            own.seat = None;
        }
    }

    /// The objects that wish for a device.
    pub fn wishing_for(&self, mac: Mac) -> impl Iterator<Item = (&Rank, IpNet)> {
        self.wishes(mac).iter().map(|wish| (&*wish.rank, wish.prefix))
    }

    /// An object by its uid.
    pub fn rank(&self, uid: &str) -> Option<&Rank> {
        self.of_objects.get(uid).map(|(rank, _)| &**rank)
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = (&str, &Rank)> {
        self.of_objects.iter().map(|(uid, (rank, _))| (&**uid, &**rank))
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
    fn one_that_is_made_anew_at_once_takes_the_place_of_the_one_before() {
        let mut claims = Claims::default();
        claims.update(&object("a"), 10, prefix(0), &macs(&[1]));
        let anew = ObjectName { uid: "uid-anew".into(), ..object("a") };
        claims.update(&anew, 10, prefix(0), &macs(&[1]));
        assert_eq!(claims.first_other(mac(1), prefix(0), "uid-anew"), None);
        claims.remove("uid-a");
        assert_eq!(claims.wishing_for(mac(1)).count(), 1);
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
