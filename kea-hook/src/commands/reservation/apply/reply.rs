//! What `ext-reservation-apply` answers.

use std::collections::{BTreeMap, HashMap};

use kea_ffi::element::{Element, KeaError, Reply, ResultCode};
use kea_ffi::host::{Family, Reservation};

use super::attempts::{Attempt, Mode};
use super::request::Request;
use super::wishes::Wish;
use crate::apply::{Combined, Item, Refusal, Verdict};
use crate::commands::CommandError;
use crate::commands::reservation::summary::{self, summary};
use crate::wish;

/// The word for a verdict, and the text that goes with it where that is always the same.
fn words(verdict: &Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Added(_) => ("added", "Host added."),
        Verdict::Updated(_) => ("updated", "Host updated."),
        Verdict::Adopted(_) => ("adopted", "Host adopted."),
        Verdict::Unchanged | Verdict::LeftOut => ("unchanged", "Host is there already."),
        Verdict::Removed(gone) if gone.len() > 1 => {
            ("removed", "Hosts deleted: several had the address (ip-reservations-unique is false).")
        }
        Verdict::Removed(_) => ("removed", "Host deleted."),
        Verdict::Absent => ("unchanged", "Host not deleted (not found)."),
        Verdict::Conflict(_) => ("conflict", ""),
        Verdict::Invalid(_) => ("invalid", ""),
    }
}

/// What became of each item, and of what was not listed.
pub fn reply(request: &Request, done: &Attempt, sources: &[String]) -> Result<Reply, CommandError> {
    let order = &request.batch.order;
    let Attempt { combined, applied } = done;
    let mut entries =
        Entries { family: order.family, sources, usual: HashMap::new(), counts: BTreeMap::new() };
    let mut wanted = Element::list()?;
    for (place, reservation) in order.wanted.iter().enumerate() {
        match (reservation, request.wishes.get(&place)) {
            (Ok(reservation), Some(wish)) => {
                entries.push_wish(&mut wanted, combined, place, reservation, wish)?;
            }
            _ => entries.push(&mut wanted, combined, Item::Wanted(place))?,
        }
    }
    let mut unwanted = Element::list()?;
    for place in 0..order.unwanted.len() {
        entries.push(&mut unwanted, combined, Item::Unwanted(place))?;
    }
    let pruned = combined.pruned(order.family);

    let mut arguments = Element::map()?;
    arguments.set("applied", &Element::boolean(*applied)?)?;
    arguments.set("reservations", &wanted)?;
    arguments.set("remove", &unwanted)?;
    let count = pruned.len();
    if order.prune {
        let mut list = Element::list()?;
        for gone in &pruned {
            list.push(&summary(order.family, &gone.reservation)?)?;
        }
        arguments.set("pruned", &list)?;
    }
    let mut counts = Element::map()?;
    for (word, count) in &entries.counts {
        counts.set(word, &Element::integer(*count)?)?;
    }
    if order.prune {
        counts.set("pruned", &Element::integer(count)?)?;
    }
    arguments.set("counts", &counts)?;

    let text = text(request, &entries.counts, prune_text(request, combined, count), *applied);
    let refused = !applied && request.mode != Mode::DryRun;
    Ok(Reply::new(if refused { ResultCode::Error } else { ResultCode::Success }, text).with(arguments))
}

fn prune_text(request: &Request, combined: &Combined, pruned: usize) -> Option<String> {
    let order = &request.batch.order;
    if !order.prune {
        return None;
    }
    Some(match combined.not_pruned() {
        _ if order.has_invalid() => "nothing pruned, because the list has invalid items".to_owned(),
        Some(reason) => format!("nothing pruned, because {reason}"),
        None => format!("{pruned} pruned"),
    })
}

fn text(request: &Request, counts: &BTreeMap<&str, usize>, pruned: Option<String>, applied: bool) -> String {
    let order = ["added", "updated", "adopted", "removed", "unchanged", "pending", "conflict", "invalid"];
    let mut parts: Vec<String> =
        order.iter().filter_map(|word| Some(format!("{} {word}", counts.get(word)?))).collect();
    parts.extend(pruned);
    let summary = if parts.is_empty() { "Nothing to do".to_owned() } else { parts.join(", ") };
    match (applied, request.mode == Mode::DryRun) {
        (true, _) => format!("{summary}."),
        (false, true) => format!("Dry run, nothing was changed: {summary}."),
        (false, false) => format!("Nothing was changed, because not everything can be done: {summary}."),
    }
}

/// Makes the entries of an answer.
struct Entries<'a> {
    family: Family,
    sources: &'a [String],
    /// Entries that say nothing but the usual, made once.
    usual: HashMap<(&'static str, &'static str), Element>,
    counts: BTreeMap<&'static str, usize>,
}

impl Entries<'_> {
    fn push(&mut self, list: &mut Element, combined: &Combined, item: Item) -> Result<(), KeaError> {
        let Some((source, verdict)) = combined.verdict(item) else { return Ok(()) };
        let (status, text) = words(verdict);
        *self.counts.entry(status).or_default() += 1;
        match verdict {
            Verdict::Conflict(refusal) => list.push(&self.conflict(source, refusal)?),
            Verdict::Invalid(reason) => list.push(&entry(status, reason)?),
            _ => {
                if let Some(usual) = self.usual.get(&(status, text)) {
                    return list.push(usual);
                }
                let usual = entry(status, text)?;
                list.push(&usual)?;
                self.usual.insert((status, text), usual);
                Ok(())
            }
        }
    }

    /// What became of a reservation that takes its address from a lease.
    fn push_wish(
        &mut self,
        list: &mut Element,
        combined: &Combined,
        place: usize,
        reservation: &Reservation,
        wish: &Wish,
    ) -> Result<(), KeaError> {
        let item = Item::Wanted(place);
        let Some((_, verdict)) = combined.verdict(item).filter(|(_, verdict)| !verdict.is_refusal()) else {
            return self.push(list, combined, item);
        };
        let has_address = wish::has_address(reservation);
        let (status, text) =
            if has_address { words(verdict) } else { ("pending", "Host waits for a lease.") };
        *self.counts.entry(status).or_default() += 1;
        let mut told = entry(status, text)?;
        if has_address {
            summary::addresses(reservation, &mut told)?;
        } else if !wish.elsewhere.is_empty() {
            let mut leases = Element::list()?;
            for lease in &wish.elsewhere {
                let mut found = Element::map()?;
                found.set("subnet-id", &Element::integer(lease.subnet)?)?;
                found.set("ip-address", &Element::text(&lease.to_string())?)?;
                leases.push(&found)?;
            }
            told.set(
                "text",
                &Element::text("Host waits for a lease; it has leases in other subnets only.")?,
            )?;
            told.set("leases", &leases)?;
        }
        list.push(&told)
    }

    fn conflict(&self, source: usize, refusal: &Refusal) -> Result<Element, KeaError> {
        let mut conflict = entry("conflict", &refusal.to_string())?;
        let mut holder = summary(self.family, &refusal.holder.reservation)?;
        holder.set(
            "owner",
            &refusal.owner.as_ref().map_or_else(Element::null, |owner| Element::bytes(owner))?,
        )?;
        if let Some(name) = self.sources.get(source) {
            holder.set("source", &Element::text(name)?)?;
        }
        conflict.set("holder", &holder)?;
        Ok(conflict)
    }
}

fn entry(status: &str, text: &str) -> Result<Element, KeaError> {
    let mut entry = Element::map()?;
    entry.set("status", &Element::text(status)?)?;
    entry.set("text", &Element::text(text)?)?;
    Ok(entry)
}
