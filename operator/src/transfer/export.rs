//! Writes what a store has into a file.

use std::io::Write;

use anyhow::Context as _;
use dhcp_host_cmds_rs::store::Store;

use super::{Format, KeptEntry, Place, csv, json, reservation};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Reservations.
    pub reservations: usize,
    /// Subnets and shared networks that the format cannot say, and that were left out.
    pub left_out: usize,
}

/// So many reservations are taken out of the store at a time.
const PAGE: usize = 1_000;

/// Writes all reservations, in the order in which they were added, and what the store keeps of subnets.
pub fn export(store: &Store, format: Format, out: impl Write) -> anyhow::Result<Exported> {
    let kept: Vec<_> =
        store.kept().into_iter().map(|(key, kept)| KeptEntry { at: Place::NOWHERE, key, kept }).collect();
    match format {
        Format::Json => {
            let mut writer = json::Writer::new(out)?;
            let reservations = each(store, |entry| writer.entry(entry))?;
            writer.finish(&kept)?;
            Ok(Exported { reservations, left_out: 0 })
        }
        Format::Csv => {
            let mut writer = csv::Writer::new(out)?;
            let reservations = each(store, |entry| writer.entry(entry))?;
            writer.finish()?;
            Ok(Exported { reservations, left_out: kept.len() })
        }
        Format::Kea | Format::Dhcpd => anyhow::bail!("configurations of servers are read only"),
    }
}

fn each(store: &Store, mut write: impl FnMut(&super::Entry) -> anyhow::Result<()>) -> anyhow::Result<usize> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = store.page(None, None, after, PAGE);
        let Some(last) = page.last() else { return Ok(count) };
        after = Some(last.id);
        for stored in &page {
            let entry = reservation::to_entry(&stored.reservation).map_err(anyhow::Error::msg);
            entry
                .and_then(|entry| write(&entry))
                .with_context(|| format!("reservation {} ({})", stored.id, stored.reservation.identifier))?;
        }
        count += page.len();
    }
}
