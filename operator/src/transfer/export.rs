//! Writes what a store has into a file.

use std::io::Write;

use dhcp_host_cmds_rs::store::{KeptKey, KeptMap, Store, What};

use super::{Entry, Format, csv, json, reservation, text};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exported {
    /// Reservations.
    pub reservations: usize,
    /// Subnets and shared networks that the format cannot say, and that were left out.
    pub left_out: usize,
    /// What the store has in a form that cannot be read: what it is, and why. It was left out as well.
    pub unreadable: Vec<String>,
}

/// So many reservations are taken out of the store at a time.
const PAGE: usize = 1_000;

/// Writes all reservations, in the order in which they were added, and what the store keeps of subnets.
pub fn export(store: &Store, format: Format, out: impl Write) -> anyhow::Result<Exported> {
    let kept = store.kept();
    let mut exported = Exported::default();
    match format {
        Format::Json => {
            let mut writer = json::Writer::new(out)?;
            exported.each(store, json::reservation, |line| Ok(writer.line(line)?))?;
            writer.kept()?;
            exported.each_kept(&kept, |line| Ok(writer.line(line)?))?;
            writer.finish()?;
        }
        Format::Csv => {
            let mut writer = csv::Writer::new(out)?;
            exported.each(store, csv::row, |row| writer.row(row))?;
            writer.finish()?;
            exported.left_out = kept.len();
        }
        Format::Kea | Format::Dhcpd => anyhow::bail!("configurations of servers are read only"),
    }
    Ok(exported)
}

impl Exported {
    fn each<T>(
        &mut self,
        store: &Store,
        make: impl Fn(&Entry) -> Result<T, String>,
        mut write: impl FnMut(&T) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = store.page(None, None, after, PAGE);
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for stored in &page {
                match reservation::to_entry(&stored.reservation).and_then(|entry| make(&entry)) {
                    Ok(made) => {
                        write(&made)?;
                        self.reservations += 1;
                    }
                    Err(text) => self.leave_out(
                        &format!("reservation {} ({})", stored.id, stored.reservation.identifier),
                        &text,
                    ),
                }
            }
        }
    }

    fn each_kept(
        &mut self,
        kept: &KeptMap,
        mut write: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for (key, kept) in kept {
            match json::kept(key, kept) {
                Ok(line) => write(&line)?,
                Err(text) => self.leave_out(&name_of(key), &text),
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, what: &str, why: &str) {
        self.unreadable.push(format!("{what}: it cannot be read, and is left out: {why}"));
    }
}

fn name_of(key: &KeptKey) -> String {
    match json::family_and_what(key) {
        Some((family, What::Subnet(id))) => format!("kept {family} subnet {id}"),
        Some((family, What::Network(name))) => {
            format!("kept {family} shared network '{}'", text::shown(&text::decode(name)))
        }
        None => "something kept".into(),
    }
}
