//! What commands about subnets and shared networks keep beyond the next configuration, with `persist-subnets`.
//!
//! What commands added is kept, and what they do to that afterwards. What comes from the configuration file is not: the
//! file wins.

use std::sync::Arc;

use kea_ffi::element::{Element, KeaError};
use kea_ffi::host::Family;
use kea_ffi::server::{self, Message};
use kea_ffi::subnets::Subnets;

use crate::commands::{CommandError, Commands};
use crate::store::{Change, Kept, KeptChanges, KeptKey, KeptMap, Store};

/// What a command is about to keep.
pub struct Keeper {
    family: Family,
    stores: Vec<Arc<Store>>,
    /// What is kept so far; none where nothing is to be kept.
    kept: Option<KeptMap>,
    changes: KeptChanges,
}

impl Keeper {
    /// Keeps nothing unless `persist-subnets` is on.
    pub fn of(hook: &Commands) -> Result<Self, CommandError> {
        let stores = hook.open_stores();
        let kept = if hook.keeps_subnets() {
            let store = stores.first().ok_or_else(|| {
                CommandError::new(
                    "'persist-subnets' is on, and the store that keeps subnets is not open: see ext-status",
                )
            })?;
            Some(store.kept())
        } else {
            None
        };
        Ok(Self { family: hook.family, stores, kept, changes: KeptChanges::new() })
    }

    /// A new subnet, in a new shared network or in none.
    pub fn add_subnet(&mut self, id: u32, network: Option<&[u8]>, given: &Element) -> Result<(), KeaError> {
        if self.kept.is_some() {
            let kept = Kept { network: network.map(Into::into), description: given.json()?.into_bytes() };
            self.changes.insert(KeptKey::subnet(self.family, id), Some(kept));
        }
        Ok(())
    }

    /// Another description of a subnet, which stays where it is.
    pub fn update_subnet(&mut self, id: u32, given: &Element) -> Result<(), KeaError> {
        let description = given.json()?.into_bytes();
        self.change_subnet(id, |kept| Kept { description, ..kept });
        Ok(())
    }

    /// A subnet goes into a shared network, or out of it. It takes along what it has inherited, so its description
    /// becomes what it is now.
    pub fn move_subnet(&mut self, id: u32, network: Option<&[u8]>) -> Result<(), KeaError> {
        let Some(now) = Subnets::running(self.family).element(id)? else { return Ok(()) };
        let description = now.json()?.into_bytes();
        self.change_subnet(id, |_| Kept { network: network.map(Into::into), description });
        Ok(())
    }

    fn change_subnet(&mut self, id: u32, change: impl FnOnce(Kept) -> Kept) {
        let Some(all) = &self.kept else { return };
        let key = KeptKey::subnet(self.family, id);
        if let Some(kept) = all.get(&key) {
            self.changes.insert(key, Some(change(kept.clone())));
        } else {
            let family = self.family;
            let text = format!(
                "the {family} subnet with id {id} comes from the configuration: its change lasts until the next one"
            );
            server::log(Message::SubnetChanged, &text);
        }
    }

    /// A subnet goes.
    pub fn remove_subnet(&mut self, id: u32) {
        self.remove(KeptKey::subnet(self.family, id));
    }

    /// A new shared network with its subnets.
    pub fn add_network(&mut self, name: &[u8], given: &Element) -> Result<(), KeaError> {
        if self.kept.is_none() {
            return Ok(());
        }
        let list = format!("subnet{}", self.family.number());
        for subnet in given.get(&list)?.map(|list| list.items()).transpose()?.unwrap_or_default() {
            let id = subnet.get("id")?.and_then(|id| id.as_integer()).unwrap_or_default();
            self.add_subnet(u32::try_from(id).unwrap_or_default(), Some(name), &subnet)?;
        }
        let kept = Kept { network: None, description: given.without(&list)?.json()?.into_bytes() };
        self.changes.insert(KeptKey::network(self.family, name), Some(kept));
        Ok(())
    }

    /// A shared network goes.
    pub fn remove_network(&mut self, name: &[u8]) {
        self.remove(KeptKey::network(self.family, name));
    }

    fn remove(&mut self, key: KeptKey) {
        if self.kept.as_ref().is_some_and(|kept| kept.contains_key(&key)) {
            self.changes.insert(key, None);
        }
    }

    /// Puts it on disk.
    pub fn write(self) -> Result<(), CommandError> {
        self.write_with(Vec::new())
    }

    /// Puts it on disk together with changes to reservations: everything or nothing.
    pub fn write_with(self, reservations: Vec<Change>) -> Result<(), CommandError> {
        if reservations.is_empty() && self.changes.is_empty() {
            return Ok(());
        }
        // There is one at most.
        if let Some(store) = self.stores.first() {
            store
                .commit_with_kept(reservations, self.changes)
                .map_err(|error| CommandError::new(error.to_string()))?;
        }
        Ok(())
    }
}
