//! Changes by Kea's own commands, one at a time.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::super::dialect::Dialect;
use super::super::reply::Code;
use super::super::{KeaError, Repeat, Server, wire};
use super::change::{Change, Changed, host};
use super::{AT_A_TIME, identified};
use crate::domain::{Owner, Ownership, Put, Removal, Reservation, Wanted};

impl Server {
    pub(super) async fn change_each(
        &self,
        dialect: Dialect,
        mark: &str,
        changes: &[Change],
    ) -> Result<Vec<Changed>, KeaError> {
        let mut results: Vec<Option<Changed>> = vec![None; changes.len()];
        for removals in [true, false] {
            let mut now: Vec<(usize, Change)> = changes.iter().cloned().enumerate().collect();
            now.retain(|(_, change)| matches!(change, Change::Remove(_)) == removals);
            let done: Vec<(usize, Changed)> =
                stream::iter(now)
                    .map(|(place, change)| async move {
                        Ok((place, self.change_one(dialect, mark, &change).await?))
                    })
                    .buffered(AT_A_TIME)
                    .try_collect()
                    .await?;
            for (place, result) in done {
                results[place] = Some(result);
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    async fn change_one(&self, dialect: Dialect, mark: &str, change: &Change) -> Result<Changed, KeaError> {
        if let Change::Put(put, _) = change
            && let Some(holder) = self.holder_of(put).await?
        {
            return Ok(Changed::Conflict(Some(holder)));
        }
        match change {
            Change::Remove(removal) => self.remove(mark, *removal).await,
            Change::Put(put, owner) if put.replaces.is_none() => self.add(put, owner).await,
            Change::Put(put, owner) => self.amend(dialect, put, owner).await,
        }
    }

    /// Who else has the address that is wanted. A change that is refused costs a device in Kea's memory what it had, and what is
    /// added to a database is not compared with the configuration, which Kea asks first.
    async fn holder_of(&self, put: &Put) -> Result<Option<Reservation>, KeaError> {
        match put.address {
            Wanted::Address(address) if put.replaces.is_some() || !self.is_without_database() => {
                let there = self.reservation_at(put.subnet_id, address).await?;
                Ok(there.filter(|there| there.identifier != put.mac.into()))
            }
            _ => Ok(None),
        }
    }

    async fn add(&self, put: &Put, owner: &Owner) -> Result<Changed, KeaError> {
        let command = self.dialect().await?.reservation_command("add");
        let reply =
            self.change_somewhere(&command, json!({"reservation": host(put, owner)}), Repeat::Never).await?;
        match reply.code {
            Code::Success if put.address == Wanted::OfNextLease => Ok(Changed::Pending),
            Code::Success => Ok(Changed::Done),
            _ => self.why_not(put, owner, reply.text).await,
        }
    }

    /// Removes one of the operator's own. Kea removes whatever has the device, so it is looked at just before; and what became of
    /// a removal whose answer was lost is for the next look to find, since somebody else may have the device by then.
    async fn remove(&self, mark: &str, removal: Removal) -> Result<Changed, KeaError> {
        match self.whole(removal).await? {
            None => Ok(Changed::Done),
            Some((_, found)) if is_of(&found, mark) => self.delete(removal).await,
            Some((_, found)) => Ok(Changed::Conflict(Some(found))),
        }
    }

    /// That there is none is as good.
    async fn delete(&self, removal: Removal) -> Result<Changed, KeaError> {
        let command = self.dialect().await?.reservation_command("del");
        let arguments = identified(removal.subnet_id, removal.mac);
        let reply = self.change_somewhere(&command, arguments, Repeat::Never).await?;
        match reply.code {
            Code::Success | Code::Empty => Ok(Changed::Done),
            _ => Ok(Changed::Refused(reply.text)),
        }
    }

    /// Changes a reservation, unless it is another one than was planned with by now.
    async fn amend(&self, dialect: Dialect, put: &Put, owner: &Owner) -> Result<Changed, KeaError> {
        let removal = Removal { subnet_id: put.subnet_id, mac: put.mac };
        match self.whole(removal).await? {
            None => self.add(put, owner).await,
            Some((_, found))
                if !put.replaces.as_ref().is_some_and(|planned| is_the_same(&found, planned)) =>
            {
                Ok(Changed::Conflict(Some(found)))
            }
            Some(_) if dialect.updates => self.update(put, owner).await,
            Some((before, _)) => self.replace(before, put, owner).await,
        }
    }

    /// Changes a reservation where Kea has no command for it. What was there comes back, as it was, when the new one is refused.
    async fn replace(&self, before: Value, put: &Put, owner: &Owner) -> Result<Changed, KeaError> {
        match self.delete(Removal { subnet_id: put.subnet_id, mac: put.mac }).await? {
            Changed::Done => {}
            refused => return Ok(refused),
        }
        let result = self.add(put, owner).await?;
        if matches!(result, Changed::Conflict(_) | Changed::Refused(_)) {
            let command = self.dialect().await?.reservation_command("add");
            let reply =
                self.change_somewhere(&command, json!({"reservation": before}), Repeat::Never).await?;
            if reply.code != Code::Success {
                return Err(self.refused(&command, reply));
            }
        }
        Ok(result)
    }

    /// The reservation of a device, as Kea tells it and as it is read.
    async fn whole(&self, removal: Removal) -> Result<Option<(Value, Reservation)>, KeaError> {
        let command = self.dialect().await?.reservation_command("get");
        let host = self.found(&command, Some(identified(removal.subnet_id, removal.mac))).await?;
        let read = |host| match wire::reservation(&host) {
            Ok(found) => Ok((host, found)),
            Err(cause) => Err(self.malformed(&command, &cause)),
        };
        host.map(read).transpose()
    }
}

fn is_of(found: &Reservation, mark: &str) -> bool {
    matches!(&found.ownership, Ownership::Owned { owner, .. } if owner == mark)
}

/// Whether a reservation is still what was planned with: brief answers tell less of it.
fn is_the_same(found: &Reservation, planned: &Reservation) -> bool {
    let owner = |reservation: &Reservation| match &reservation.ownership {
        Ownership::Owned { owner, .. } => Some(owner.clone()),
        Ownership::Unowned => None,
    };
    found.addresses == planned.addresses && found.extras == planned.extras && owner(found) == owner(planned)
}
