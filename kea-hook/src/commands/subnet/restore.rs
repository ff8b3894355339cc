//! Makes the kept subnets and shared networks again, in a configuration that is about to come into use.

use std::collections::BTreeSet;

use kea_ffi::element::{Element, KeaError};
use kea_ffi::host::Family;
use kea_ffi::server::{self, Message};
use kea_ffi::subnets::{Change, Subnets};

use crate::store::{Kept, KeptChanges, KeptKey, KeptMap, Store, StoreError, What};

/// Makes them again. The configuration wins: what it has is forgotten, and what it cannot take is left out, each with a
/// line in the log.
pub fn restore(family: Family, store: &Store) -> Result<(), KeaError> {
    let kept = store.kept();
    let mut restored = Restored::new(family)?;
    for (key, network) in &kept {
        if let Some(What::Network(name)) = key.of(family)
            && let Err(error) = restored.network(key, name, network, &kept)
        {
            restored.leave_out(&format!("shared network '{}'", String::from_utf8_lossy(name)), &error);
        }
    }
    for (key, subnet) in &kept {
        if let Some(What::Subnet(id)) = key.of(family)
            && let Err(error) = restored.subnet(key, *id, subnet)
        {
            restored.leave_out(&format!("subnet with id {id}"), &error);
        }
    }
    restored.finish(store);
    Ok(())
}

struct Restored {
    family: Family,
    subnets: Subnets,
    /// The subnets of the configuration.
    configured: BTreeSet<u32>,
    /// Those that are made again.
    made: BTreeSet<u32>,
    networks: usize,
    /// What the configuration has as well.
    stale: KeptChanges,
}

impl Restored {
    fn new(family: Family) -> Result<Self, KeaError> {
        let subnets = Subnets::of_new_configuration(family);
        Ok(Self {
            family,
            subnets,
            configured: subnets.ids()?.into_iter().collect(),
            made: BTreeSet::new(),
            networks: 0,
            stale: KeptChanges::new(),
        })
    }

    /// A shared network with its subnets. Where it cannot be made, its subnets are made without it.
    fn network(&mut self, key: &KeptKey, name: &[u8], network: &Kept, all: &KeptMap) -> Result<(), KeaError> {
        let text = format!("shared network '{}'", String::from_utf8_lossy(name));
        if self.subnets.has_network(name)? {
            self.forget(key, &text);
            return Ok(());
        }
        let mut members = Vec::new();
        for (key, subnet) in all {
            if let Some(What::Subnet(id)) = key.of(self.family)
                && subnet.network.as_deref() == Some(name)
                && let Ok(false) = self.is_configured(*id, subnet)
            {
                members.push((*id, description(subnet)?));
            }
        }
        let made = self.make_network(network, &members).or_else(|_| {
            // One subnet that the configuration cannot take shall not cost the others their network. It is told of later.
            members.retain(|member| self.plan_network(network, std::slice::from_ref(member)).is_ok());
            self.make_network(network, &members)
        });
        match made {
            Ok(()) => {
                self.networks += 1;
                self.made.extend(members.iter().map(|(id, _)| id));
            }
            Err(error) => self.leave_out(&text, &error),
        }
        Ok(())
    }

    fn make_network(&self, network: &Kept, members: &[(u32, Element)]) -> Result<(), KeaError> {
        self.plan_network(network, members)?.apply()
    }

    fn plan_network(&self, network: &Kept, members: &[(u32, Element)]) -> Result<Change, KeaError> {
        let mut given = description(network)?.without("")?;
        let mut list = Element::list()?;
        for (_, subnet) in members {
            list.push(subnet)?;
        }
        given.set(&format!("subnet{}", self.family.number()), &list)?;
        self.subnets.plan_network_add(&given)
    }

    fn subnet(&mut self, key: &KeptKey, id: u32, subnet: &Kept) -> Result<(), KeaError> {
        if self.made.contains(&id) {
            return Ok(());
        }
        let text = format!("subnet with id {id}");
        if self.is_configured(id, subnet)? {
            self.forget(key, &text);
            return Ok(());
        }
        match description(subnet).and_then(|given| self.subnets.plan_add(&given)?.apply()) {
            Ok(()) => drop(self.made.insert(id)),
            Err(error) => {
                self.leave_out(&text, &error);
                return Ok(());
            }
        }
        if let Some(name) = &subnet.network
            && let Err(error) = self.subnets.plan_network_subnet_add(name, id).and_then(Change::apply)
        {
            let place =
                format!("{text}, which is restored, in shared network '{}'", String::from_utf8_lossy(name));
            self.leave_out(&place, &error);
        }
        Ok(())
    }

    /// Whether the configuration has the id or the prefix.
    fn is_configured(&self, id: u32, subnet: &Kept) -> Result<bool, KeaError> {
        if self.configured.contains(&id) {
            return Ok(true);
        }
        let prefix = description(subnet)?.get("subnet")?.and_then(|prefix| prefix.as_bytes());
        let holder = prefix.map(|prefix| self.subnets.by_prefix(&prefix)).transpose()?.flatten();
        Ok(holder.is_some_and(|holder| self.configured.contains(&holder)))
    }

    fn forget(&mut self, key: &KeptKey, what: &str) {
        let text = format!("the kept {} {what} is forgotten: the configuration has it", self.family);
        server::log(Message::SubnetNotRestored, &text);
        self.stale.insert(key.clone(), None);
    }

    fn leave_out(&self, what: &str, error: &KeaError) {
        let text =
            format!("the kept {} {what} cannot be restored with this configuration: {error}", self.family);
        server::log(Message::SubnetNotRestored, &text);
    }

    fn finish(self, store: &Store) {
        if !self.stale.is_empty() {
            match store.commit_with_kept(Vec::new(), self.stale) {
                Ok(_) | Err(StoreError::ReadOnly(_)) => {}
                Err(error) => server::log(Message::StoreFailed, &error.to_string()),
            }
        }
        if self.networks + self.made.len() > 0 {
            let text = format!(
                "{} {} subnet(s) and {} shared network(s)",
                self.made.len(),
                self.family,
                self.networks
            );
            server::log(Message::SubnetsRestored, &text);
        }
    }
}

fn description(kept: &Kept) -> Result<Element, KeaError> {
    Element::from_json(&String::from_utf8_lossy(&kept.description))
}
