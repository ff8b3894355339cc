//! What becomes of the reservations of a subnet that is deleted.
//!
//! Those in the server's memory go with the subnet, as with Kea's own hook. Those in the embedded store go too: nobody
//! else uses it, and a later subnet of the same id would inherit them. Those in other databases stay, because other
//! servers may use them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kea_ffi::element::{Element, KeaError};
use kea_ffi::host::{By, Query};
use kea_ffi::hosts::{SourceKind, Sources, Target};
use kea_ffi::server::{self, Message};

use super::keeper::Keeper;
use crate::commands::arguments::check_databases;
use crate::commands::event::reserved;
use crate::commands::{CommandError, Commands};
use crate::journal::ReservationEvent;
use crate::store::Change;

/// How many reservations there are in each source; none where a database has some that Kea cannot read.
#[derive(Default)]
struct Counts(BTreeMap<String, Option<usize>>);

/// The reservations of subnets that are about to be deleted.
#[derive(Default)]
pub struct Reservations {
    removed: Counts,
    kept: Counts,
    /// Those in the server's memory.
    gone: Vec<ReservationEvent>,
}

impl Reservations {
    /// Removes those in the embedded store, together with what `keeper` has to write: all or nothing, on disk when this
    /// returns. Counts the others.
    pub fn release(hook: &Commands, subnets: &[u32], keeper: Keeper) -> Result<Self, CommandError> {
        // A source that is not open might keep reservations that nobody would remove.
        check_databases(Target::All)?;
        let counted = Self::count(hook, subnets)?;
        let mut changes = Vec::new();
        for store in hook.open_stores() {
            let of_subnet = |id: &u32| store.find(&Query::in_subnet(hook.family, *id, By::Any));
            changes.extend(subnets.iter().flat_map(of_subnet).map(|stored| Change::Remove(stored.id)));
        }
        keeper.write_with(changes)?;
        Ok(counted)
    }

    fn count(hook: &Commands, subnets: &[u32]) -> Result<Self, CommandError> {
        let mut counted = Self::default();
        let memory = Arc::from("memory");
        for source in Sources::of(Target::All)?.iter() {
            for subnet in subnets {
                let query = Query::in_subnet(hook.family, *subnet, By::Any);
                let found = match source.kind() {
                    // Without making Kea's hosts of them, which takes long when there are many.
                    SourceKind::Store => {
                        Some(hook.open_stores().iter().map(|store| store.find(&query).len()).sum())
                    }
                    SourceKind::Memory => {
                        let hosts = source.find(&query)?;
                        let event = |host| ReservationEvent::new(&memory, reserved(host), None);
                        counted.gone.extend(hosts.iter().filter_map(event));
                        Some(hosts.len())
                    }
                    // They stay, and so are no reason to keep the subnet.
                    _ => source.find(&query).ok().map(|hosts| hosts.len()),
                };
                let counts =
                    if source.kind() == SourceKind::Other { &mut counted.kept } else { &mut counted.removed };
                let count = counts.0.entry(source.name()?).or_insert(Some(0));
                *count = count.zip(found).map(|(count, found)| count + found);
            }
        }
        Ok(counted)
    }

    /// For the arguments of the answer.
    pub fn element(&self) -> Result<Element, KeaError> {
        let mut element = Element::map()?;
        element.set("removed", &self.removed.element()?)?;
        element.set("kept", &self.kept.element()?)?;
        Ok(element)
    }

    /// Tells that the subnets were deleted, and what became of their reservations.
    pub fn tell(self, hook: &Commands, deleted: &str) {
        let text = format!(
            "{deleted} deleted; reservations removed with it: {}; kept in databases that other servers may use: {}",
            self.removed, self.kept
        );
        server::log(Message::SubnetChanged, &text);
        hook.events.reservations(self.gone.into_iter());
    }
}

impl Counts {
    fn element(&self) -> Result<Element, KeaError> {
        let mut element = Element::map()?;
        for (source, count) in &self.0 {
            element.set(source, &count.map_or_else(Element::null, Element::integer)?)?;
        }
        Ok(element)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.iter().filter(|(_, count)| **count != Some(0));
        let texts: Vec<String> = counts
            .map(|(source, count)| match count {
                Some(count) => format!("{count} in {source}"),
                None => format!("some in {source} that cannot be read"),
            })
            .collect();
        if texts.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&texts.join(", "))
    }
}
