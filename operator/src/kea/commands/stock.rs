//! Changes by Kea's own commands, one at a time.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::super::dialect::Dialect;
use super::super::reply::Code;
use super::super::{KeaError, Repeat, Server};
use super::change::{Change, Changed, host};
use super::{AT_A_TIME, identified};
use crate::domain::{Owner, Put, Removal, Reservation, Wanted};

impl Server {
    pub(super) async fn change_each(
        &self,
        dialect: Dialect,
        changes: &[Change],
    ) -> Result<Vec<Changed>, KeaError> {
        let mut results: Vec<Option<Changed>> = vec![None; changes.len()];
        for removals in [true, false] {
            let mut now: Vec<(usize, Change)> = changes.iter().cloned().enumerate().collect();
            now.retain(|(_, change)| matches!(change, Change::Remove(_)) == removals);
            let done: Vec<(usize, Changed)> = stream::iter(now)
                .map(|(place, change)| async move { Ok((place, self.change_one(dialect, &change).await?)) })
                .buffered(AT_A_TIME)
                .try_collect()
                .await?;
            for (place, result) in done {
                results[place] = Some(result);
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    async fn change_one(&self, dialect: Dialect, change: &Change) -> Result<Changed, KeaError> {
        if let Change::Put(put, _) = change
            && let Some(holder) = self.holder_of(put).await?
        {
            return Ok(Changed::Conflict(Some(holder)));
        }
        match change {
            Change::Remove(removal) => self.delete(*removal).await,
            Change::Put(put, owner) if put.replaces.is_none() => self.add(put, owner).await,
            Change::Put(put, owner) if dialect.updates => self.update(put, owner).await,
            Change::Put(put, owner) => self.replace(put, owner).await,
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

    /// That there is none is as good.
    async fn delete(&self, removal: Removal) -> Result<Changed, KeaError> {
        let command = self.dialect().await?.reservation_command("del");
        let reply =
            self.change_somewhere(&command, identified(removal.subnet_id, removal.mac), Repeat::Safe).await?;
        match reply.code {
            Code::Success | Code::Empty => Ok(Changed::Done),
            _ => Err(self.refused(&command, reply)),
        }
    }

    /// Changes a reservation where Kea has no command for it. What was there comes back when the new one is refused.
    async fn replace(&self, put: &Put, owner: &Owner) -> Result<Changed, KeaError> {
        let removal = Removal { subnet_id: put.subnet_id, mac: put.mac };
        self.delete(removal).await?;
        let result = self.add(put, owner).await;
        if matches!(result, Ok(Changed::Done | Changed::Pending)) {
            return result;
        }
        if let Some(before) = &put.replaces {
            let address = before.address().map_or(Wanted::None, Wanted::Address);
            self.add(&Put { address, replaces: None, ..put.clone() }, owner).await?;
        }
        result
    }
}
