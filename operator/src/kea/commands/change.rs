//! Making, changing and removing many reservations.

use serde_json::{Value, json};

use super::super::dialect::ReservationDialect;
use super::super::reply::{Code, Reply};
use super::super::{KeaError, Repeat, Server, wire};
use super::{BULK, identified};
use crate::domain::{Owner, Ownership, Put, Removal, Reservation, Wanted};

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// Make a reservation, or change the one that is there.
    Put(Box<Put>, Owner),
    /// Remove one of the operator's own.
    Remove(Removal),
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is so now.
    Done,
    /// The reservation is there and waits for a lease.
    Pending,
    /// Somebody else's reservation is in the way.
    Conflict(Option<Reservation>),
    /// Kea refused it, with this text.
    Refused(String),
}

impl Server {
    /// Makes all `changes` of the operator whose mark is `mark`: removals first, since they may free what others want. Repeating
    /// changes that were made already does nothing more.
    pub async fn change(&self, mark: &str, changes: &[Change]) -> Result<Vec<Changed>, KeaError> {
        let results = self.change_all(mark, changes).await;
        self.count(changes, &results);
        results
    }

    async fn change_all(&self, mark: &str, changes: &[Change]) -> Result<Vec<Changed>, KeaError> {
        let dialect = self.dialect().await?;
        match dialect.reservations {
            ReservationDialect::Ext => self.apply_all(mark, changes).await,
            ReservationDialect::Stock => self.change_each(dialect, mark, changes).await,
        }
    }

    async fn apply_all(&self, mark: &str, changes: &[Change]) -> Result<Vec<Changed>, KeaError> {
        let mut results: Vec<Option<Changed>> = vec![None; changes.len()];
        let is_removal = |place: &usize| matches!(changes[*place], Change::Remove(_));
        let (removals, puts): (Vec<usize>, Vec<usize>) = (0..changes.len()).partition(is_removal);
        let in_order: Vec<usize> = removals.into_iter().chain(puts).collect();
        let mut bulk = Vec::new();
        for place in in_order {
            match &changes[place] {
                // Bulk changes leave alone what nobody owns; this one is about to be taken over.
                Change::Put(put, owner) if is_taken_over(put) => {
                    self.apply(mark, changes, &std::mem::take(&mut bulk), &mut results).await?;
                    results[place] = Some(self.update(put, owner).await?);
                }
                _ => bulk.push(place),
            }
        }
        self.apply(mark, changes, &bulk, &mut results).await?;
        let missing = || Changed::Refused("the server did not tell what became of it".into());
        Ok(results.into_iter().map(|result| result.unwrap_or_else(missing)).collect())
    }

    async fn apply(
        &self,
        mark: &str,
        changes: &[Change],
        places: &[usize],
        results: &mut [Option<Changed>],
    ) -> Result<(), KeaError> {
        let command = "ext-reservation-apply";
        for some in places.chunks(BULK) {
            let (mut removals, mut puts) = (vec![], vec![]);
            for place in some {
                match &changes[*place] {
                    Change::Remove(removal) => removals.push((*place, *removal)),
                    Change::Put(put, owner) => puts.push((*place, put, owner)),
                }
            }
            let arguments = json!({
                "owner": mark,
                "remove": removals.iter().map(|(_, r)| identified(r.subnet_id, r.mac)).collect::<Vec<_>>(),
                "reservations": puts.iter().map(|(_, put, owner)| item(put, owner)).collect::<Vec<_>>(),
            });
            self.metrics().kea_batch_sent(self.name(), command, some.len());
            let reply = self.change_somewhere(command, arguments, Repeat::Safe).await?;
            if reply.code != Code::Success {
                return Err(self.refused(command, reply));
            }
            let told = wire::applied(&reply.arguments, removals.len(), puts.len())
                .map_err(|cause| self.malformed(command, &cause))?;
            let places = removals.iter().map(|(place, _)| place).chain(puts.iter().map(|(place, ..)| place));
            for (place, entry) in places.zip(told) {
                results[*place] = Some(entry);
            }
        }
        Ok(())
    }

    /// Changes one reservation that is there. When the answer is lost, the next look tells: it may be another one by then.
    pub(super) async fn update(&self, put: &Put, owner: &Owner) -> Result<Changed, KeaError> {
        let command = self.dialect().await?.reservation_command("update");
        let reply =
            self.change_somewhere(&command, json!({"reservation": host(put, owner)}), Repeat::Never).await?;
        match reply.code {
            Code::Success => Ok(Changed::Done),
            _ => self.why_not(put, owner, reply.text).await,
        }
    }

    /// Sends a command that changes reservations to the server's host database, or to its memory where it has none.
    pub(super) async fn change_somewhere(
        &self,
        command: &str,
        mut arguments: Value,
        repeat: Repeat,
    ) -> Result<Reply, KeaError> {
        if !self.is_without_database() {
            let reply = self.call(command, Some(arguments.clone()), repeat).await?;
            if reply.code == Code::Success || !is_for_want_of_a_database(&reply.text) {
                return Ok(reply);
            }
            self.found_without_database();
        }
        arguments["operation-target"] = "memory".into();
        self.call(command, Some(arguments), repeat).await
    }

    /// Finds out why a reservation was refused: somebody has the address or the device, or it is none of that. That it is there
    /// all the same means that an earlier attempt succeeded whose answer was lost.
    pub(super) async fn why_not(&self, put: &Put, owner: &Owner, text: String) -> Result<Changed, KeaError> {
        if let Wanted::Address(address) = put.address
            && let Some(holder) = self.reservation_at(put.subnet_id, address).await?
        {
            let ours =
                matches!(&holder.ownership, Ownership::Owned { owner: mark, .. } if *mark == owner.mark());
            let same = ours && holder.identifier == put.mac.into();
            return Ok(if same { Changed::Done } else { Changed::Conflict(Some(holder)) });
        }
        match self.reservation_of(put.subnet_id, put.mac).await? {
            Some(holder) if put.replaces.is_none() => Ok(Changed::Conflict(Some(holder))),
            _ => Ok(Changed::Refused(text)),
        }
    }
}

fn is_taken_over(put: &Put) -> bool {
    put.replaces.as_ref().is_some_and(|there| there.ownership == Ownership::Unowned)
}

/// Texts of Kea and of our hook for a server that has no `hosts-databases`.
fn is_for_want_of_a_database(text: &str) -> bool {
    [
        "Host database not available",
        "host database not available",
        "Unable to delete a host because there is no",
    ]
    .iter()
    .any(|beginning| text.starts_with(beginning))
}

/// A reservation as the stock commands take it.
pub(super) fn host(put: &Put, owner: &Owner) -> Value {
    let mut host = json!({
        "subnet-id": put.subnet_id,
        "hw-address": put.mac.to_string(),
        "user-context": owner.user_context(),
    });
    if let Wanted::Address(address) = put.address {
        host["ip-address"] = json!(address);
    }
    host
}

/// A reservation as the bulk command takes it.
fn item(put: &Put, owner: &Owner) -> Value {
    let mut item = host(put, owner);
    if put.address == Wanted::OfNextLease {
        item["address"] = "lease".into();
    }
    item
}
