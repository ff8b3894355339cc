//! The in-memory index: every lookup of the store is answered here, without touching the disk.
//!
//! One kind of posting serves all lookups: the 64-bit hash of a [`Key`] leads to the reservations that have
//! it. Keys themselves are not stored, so an identifier costs its bytes once; a hit is compared with the
//! reservation, which makes hash collisions harmless.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Bound;
use std::sync::Arc;

use crate::owner;
use kea_ffi::host::{By, Query};
use kea_ffi::host::{Family, HostId, IdentifierType, Reservation, StoredReservation};

type ById = BTreeMap<HostId, Arc<StoredReservation>>;
type Shard = HashMap<u64, Holders, BuildHasherDefault<AlreadyHashed>>;

/// A hash table that grows moves all its entries at once, while packet threads wait. Split in this many
/// parts, it moves a small part at a time.
const SHARDS: usize = 64;

/// Reservations by everything that a [`Query`] can name. Knows no uniqueness rule; see `plan`.
#[derive(Default)]
pub struct Index {
    /// Whether only what uniqueness rules ask for is found: an identifier or an address in a subnet.
    for_rules: bool,
    all: ById,
    subnets: HashMap<(Family, u32), ById>,
    postings: Postings,
}

impl Index {
    /// One that answers no more than the questions of the uniqueness rules, for a fraction of the work.
    pub fn for_rules() -> Self {
        Self { for_rules: true, ..Self::default() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// The one with that number.
    pub fn get(&self, id: HostId) -> Option<&Arc<StoredReservation>> {
        self.all.get(&id)
    }

    /// All, in the order of numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<StoredReservation>> {
        self.all.values()
    }

    /// Puts a reservation in, in place of the one with its id, which it returns.
    pub fn put(&mut self, stored: &Arc<StoredReservation>) -> Option<Arc<StoredReservation>> {
        let before = self.remove(stored.id);
        self.all.insert(stored.id, Arc::clone(stored));
        if self.for_rules {
            each_key_of_rules(&stored.reservation, |key| self.postings.insert(&key, stored));
            return before;
        }
        for subnet in stored.reservation.subnets() {
            self.subnets.entry(subnet).or_default().insert(stored.id, Arc::clone(stored));
        }
        each_key(&stored.reservation, |key| self.postings.insert(&key, stored));
        before
    }

    /// Takes one out.
    pub fn remove(&mut self, id: HostId) -> Option<Arc<StoredReservation>> {
        let stored = self.all.remove(&id)?;
        if self.for_rules {
            each_key_of_rules(&stored.reservation, |key| self.postings.remove(&key, id));
            return Some(stored);
        }
        for subnet in stored.reservation.subnets() {
            if let Some(members) = self.subnets.get_mut(&subnet) {
                members.remove(&id);
                if members.is_empty() {
                    self.subnets.remove(&subnet);
                }
            }
        }
        each_key(&stored.reservation, |key| self.postings.remove(&key, id));
        Some(stored)
    }

    /// All answers to a question, ordered by id.
    pub fn find(&self, query: &Query<'_>) -> Vec<Arc<StoredReservation>> {
        if query.by == By::Any {
            return self.page(query.family, query.subnet, None, usize::MAX);
        }
        self.hits(query).cloned().collect()
    }

    /// As [`Self::find`], but borrowed, and nothing for [`By::Any`], for which no key exists.
    pub fn hits<'a>(
        &'a self,
        query: &Query<'a>,
    ) -> impl Iterator<Item = &'a Arc<StoredReservation>> + use<'a> {
        let query = *query;
        Key::of(&query)
            .and_then(|key| self.postings.get(&key))
            .into_iter()
            .flat_map(Holders::iter)
            .filter(move |stored| query.matches(&stored.reservation))
    }

    /// Everything that belongs to an owner and is for a family, ordered by id.
    pub fn owned<'a>(
        &'a self,
        family: Family,
        owner: &'a [u8],
    ) -> impl Iterator<Item = &'a Arc<StoredReservation>> + use<'a> {
        let holders = self.postings.get(&Key::Owner(owner)).into_iter().flat_map(Holders::iter);
        holders.filter(move |stored| {
            let reservation = &stored.reservation;
            reservation.subnet(family).is_some() && owner::of(&reservation.body).as_deref() == Some(owner)
        })
    }

    /// At most `limit` reservations with ids above `after`, ordered by id.
    pub fn page(
        &self,
        family: Option<Family>,
        subnet: Option<u32>,
        after: Option<HostId>,
        limit: usize,
    ) -> Vec<Arc<StoredReservation>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        if let (Some(family), Some(subnet)) = (family, subnet) {
            let members = self.subnets.get(&(family, subnet)).into_iter();
            let following = members.flat_map(|members| members.range((from, Bound::Unbounded)));
            return following.map(|(_, stored)| Arc::clone(stored)).take(limit).collect();
        }
        let query = Query { family, subnet, by: By::Any };
        let following = self.all.range((from, Bound::Unbounded)).map(|(_, stored)| stored);
        following.filter(|stored| query.matches(&stored.reservation)).take(limit).cloned().collect()
    }
}

/// What reservations are found by. With a subnet for the lookups that Kea makes for each packet and that the
/// uniqueness rules need, without one for the commands that search everywhere.
#[derive(Hash)]
enum Key<'a> {
    IdentifierIn(Family, u32, IdentifierType, &'a [u8]),
    Identifier(IdentifierType, &'a [u8]),
    Ipv4In(u32, Ipv4Addr),
    Ipv4(Ipv4Addr),
    /// By the address alone, which for a prefix is where it begins.
    Ipv6In(u32, Ipv6Addr),
    Ipv6(Ipv6Addr),
    Hostname(IgnoreCase<'a>),
    Owner(&'a [u8]),
}

impl<'a> Key<'a> {
    /// The most selective key for a question; `None` where the answer is a walk through a subnet.
    fn of(query: &Query<'a>) -> Option<Self> {
        let address = match query.by {
            By::Any => return None,
            By::Identifier(kind, value) => {
                return Some(match (query.family, query.subnet) {
                    (Some(family), Some(subnet)) => Self::IdentifierIn(family, subnet, kind, value),
                    _ => Self::Identifier(kind, value),
                });
            }
            By::Ipv4(address) => {
                return Some(match (query.family, query.subnet) {
                    (Some(Family::V4), Some(subnet)) => Self::Ipv4In(subnet, address),
                    _ => Self::Ipv4(address),
                });
            }
            By::Hostname(name) => return Some(Self::Hostname(IgnoreCase(name))),
            By::Ipv6(address) | By::Ipv6Prefix(address, _) => address,
        };
        Some(match (query.family, query.subnet) {
            (Some(Family::V6), Some(subnet)) => Self::Ipv6In(subnet, address),
            _ => Self::Ipv6(address),
        })
    }
}

/// Calls `visit` with every key under which a reservation is found.
fn each_key(reservation: &Reservation, mut visit: impl FnMut(Key<'_>)) {
    each_key_of_rules(reservation, &mut visit);
    let identifier = &reservation.identifier;
    visit(Key::Identifier(identifier.kind, &identifier.value));
    if let Some(address) = reservation.ipv4 {
        visit(Key::Ipv4(address));
    }
    for &resource in &reservation.ipv6 {
        visit(Key::Ipv6(resource.address()));
    }
    if !reservation.hostname.is_empty() {
        visit(Key::Hostname(IgnoreCase(&reservation.hostname)));
    }
    if let Some(owner) = owner::of(&reservation.body) {
        visit(Key::Owner(&owner));
    }
}

/// Those that the uniqueness rules ask for.
fn each_key_of_rules(reservation: &Reservation, mut visit: impl FnMut(Key<'_>)) {
    let identifier = &reservation.identifier;
    for (family, subnet) in reservation.subnets() {
        visit(Key::IdentifierIn(family, subnet, identifier.kind, &identifier.value));
    }
    if let (Some(subnet), Some(address)) = (reservation.subnet_v4, reservation.ipv4) {
        visit(Key::Ipv4In(subnet, address));
    }
    if let Some(subnet) = reservation.subnet_v6 {
        for &resource in &reservation.ipv6 {
            visit(Key::Ipv6In(subnet, resource.address()));
        }
    }
}

/// Bytes that hash alike in upper and lower case.
struct IgnoreCase<'a>(&'a [u8]);

impl Hash for IgnoreCase<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|byte| state.write_u8(byte.to_ascii_lowercase()));
    }
}

/// Who has a key: nearly always one reservation, which then costs one pointer.
enum Holders {
    One(Arc<StoredReservation>),
    Many(Box<ById>),
}

impl Holders {
    fn iter(&self) -> impl Iterator<Item = &Arc<StoredReservation>> {
        let (one, many) = match self {
            Self::One(stored) => (Some(stored), None),
            Self::Many(members) => (None, Some(members)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|members| members.values()))
    }

    fn insert(&mut self, stored: &Arc<StoredReservation>) {
        match self {
            Self::One(other) if other.id == stored.id => *other = Arc::clone(stored),
            Self::One(other) => {
                let pair = [Arc::clone(other), Arc::clone(stored)];
                *self = Self::Many(Box::new(pair.into_iter().map(|stored| (stored.id, stored)).collect()));
            }
            Self::Many(members) => {
                members.insert(stored.id, Arc::clone(stored));
            }
        }
    }

    /// Takes a reservation out; true when nobody is left.
    fn remove(&mut self, id: HostId) -> bool {
        match self {
            Self::One(stored) => stored.id == id,
            Self::Many(members) => {
                members.remove(&id);
                members.is_empty()
            }
        }
    }
}

struct Postings {
    hasher: RandomState,
    shards: Box<[Shard]>,
}

impl Default for Postings {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

impl Postings {
    fn get(&self, key: &Key<'_>) -> Option<&Holders> {
        let hash = self.hasher.hash_one(key);
        self.shards[shard_of(hash)].get(&hash)
    }

    fn insert(&mut self, key: &Key<'_>, stored: &Arc<StoredReservation>) {
        let hash = self.hasher.hash_one(key);
        self.shards[shard_of(hash)]
            .entry(hash)
            .and_modify(|holders| holders.insert(stored))
            .or_insert_with(|| Holders::One(Arc::clone(stored)));
    }

    fn remove(&mut self, key: &Key<'_>, id: HostId) {
        let hash = self.hasher.hash_one(key);
        let shard = &mut self.shards[shard_of(hash)];
        if shard.get_mut(&hash).is_some_and(|holders| holders.remove(id)) {
            shard.remove(&hash);
        }
    }
}

/// The tables use the lowest and the highest bits of a hash themselves, so the shard takes some in between.
fn shard_of(hash: u64) -> usize {
    ((hash >> 40) as usize) % SHARDS
}

/// Passes a hash on to the tables, which would else hash it again.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
