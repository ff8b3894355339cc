//! Which clients wait for a lease, and which of them got one.

use std::collections::BTreeMap;

use kea_ffi::client_leases::ClientLease;
use kea_ffi::host::{Identifier, IdentifierType};

/// A client in a subnet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client {
    /// The subnet.
    pub subnet: u32,
    /// How to read the identifier.
    pub kind: IdentifierType,
    /// What the client is known by.
    pub value: Box<[u8]>,
}

impl Client {
    /// The client of a reservation.
    pub fn new(subnet: u32, identifier: &Identifier) -> Self {
        Self { subnet, kind: identifier.kind, value: identifier.value.clone() }
    }
}

/// What is known about a wish.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Whose it is.
    pub owner: Option<Vec<u8>>,
    /// Why it could not be fulfilled when its client got a lease.
    pub problem: Option<String>,
}

/// All wishes of the server. It repeats what the host sources have, so that packet threads need not ask those.
#[derive(Debug, Default)]
pub struct Registry {
    wishes: BTreeMap<Client, Wish>,
    /// Clients to look at, with the leases that they were seen with.
    queue: BTreeMap<Client, Vec<ClientLease>>,
}

impl Registry {
    /// There is a wish. What is known about an earlier one of the same client is forgotten.
    pub fn put(&mut self, client: Client, owner: Option<Vec<u8>>) {
        self.wishes.insert(client, Wish { owner, problem: None });
    }

    /// There is none any more.
    pub fn remove(&mut self, client: &Client) {
        self.wishes.remove(client);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Notes why a wish was not fulfilled. Whether that is news.
    pub fn set_problem(&mut self, client: &Client, problem: &str) -> bool {
        let Some(wish) = self.wishes.get_mut(client) else { return false };
        let is_new = wish.problem.as_deref() != Some(problem);
        wish.problem = Some(problem.to_owned());
        is_new
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.wishes.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.wishes.len()
    }

    /// All, ordered by subnet and identifier.
    pub fn iter(&self) -> impl Iterator<Item = (&Client, &Wish)> {
        self.wishes.iter()
    }

    /// A client got a lease. Whether somebody waits for it.
    pub fn saw(&mut self, client: Client, lease: ClientLease) -> bool {
        let waits = self.wishes.contains_key(&client);
        if waits {
            self.queue.entry(client).or_default().push(lease);
        }
        waits
    }

    /// A client is to be looked at although it was not seen.
    pub fn ask(&mut self, client: Client) {
        self.queue.entry(client).or_default();
    }

    /// Takes clients to look at, at most so many.
    pub fn take(&mut self, most: usize) -> Vec<(Client, Vec<ClientLease>)> {
        std::iter::from_fn(|| self.queue.pop_first()).take(most).collect()
    }

    /// Whether there are more to look at.
    pub fn has_more(&self) -> bool {
        !self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Client {
        Client { subnet: 1, kind: IdentifierType::HwAddress, value: Box::from([2, 0, 0, 0, 0, number]) }
    }

    fn lease(number: u8) -> ClientLease {
        ClientLease { subnet: 1, address: [192, 0, 2, number].into(), prefix_length: None }
    }

    #[test]
    fn only_clients_that_wait_are_looked_at() {
        let mut registry = Registry::default();
        registry.put(client(1), None);
        assert!(registry.saw(client(1), lease(1)));
        assert!(registry.saw(client(1), lease(2)));
        assert!(!registry.saw(client(2), lease(3)));
        assert_eq!(registry.take(10), [(client(1), vec![lease(1), lease(2)])]);
        assert!(!registry.has_more());
    }

    #[test]
    fn many_are_taken_little_by_little() {
        let mut registry = Registry::default();
        for number in 0..5 {
            registry.put(client(number), None);
            registry.ask(client(number));
        }
        assert_eq!(registry.take(3).len(), 3);
        assert!(registry.has_more());
        assert_eq!(registry.take(3).len(), 2);
        assert!(!registry.has_more());
        assert_eq!(registry.len(), 5);
    }

    #[test]
    fn a_problem_is_news_once_and_ends_with_the_wish() {
        let mut registry = Registry::default();
        registry.put(client(1), Some(b"a".to_vec()));
        assert!(registry.set_problem(&client(1), "taken"));
        assert!(!registry.set_problem(&client(1), "taken"));
        assert!(registry.set_problem(&client(1), "taken by another"));
        registry.put(client(1), Some(b"a".to_vec()));
        assert_eq!(registry.iter().next().and_then(|(_, wish)| wish.problem.clone()), None);
        registry.remove(&client(1));
        assert!(!registry.set_problem(&client(1), "taken"));
        assert_eq!(registry.len(), 0);
    }
}
