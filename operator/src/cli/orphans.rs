//! `kea-operator orphans` and `kea-operator adopt`: reservations that are the operator's and nobody's wish, and those
//! that are wished for and nobody's.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::net::IpAddr;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::output::{DIM, OutputArgs, columns, styled};
use super::stage::{Stage, StageArgs, block_on, name};
use crate::controller::Orphans;
use crate::domain::{
    Identifier, Mac, Owner, Ownership, Put, Removal, Reservation, Rules, Verdict, Wanted, are_too_many,
};
use crate::kea::{Change, Changed};
use crate::rehearsal::{Becomes, changes, is_now};

/// Shown below the options of `orphans`.
pub const ORPHANS_HELP: &str = "\
The operator removes orphans by itself, after a while and some at a time (KEA_ORPHAN_MODE).

Examples:
  kea-operator orphans
  kea-operator orphans --remove --yes";

/// Shown below the options of `adopt`.
pub const ADOPT_HELP: &str = "\
A reservation that was made by hand, with just the address that the object shall have and nothing else, becomes the
operator's: it is then removed with its object. With a hostname, options or classes it stays as it is.

Examples:
  kea-operator adopt
  kea-operator adopt --yes";

/// What `orphans` takes.
#[derive(Args, Debug)]
pub struct OrphansArgs {
    /// Remove them
    #[arg(long)]
    remove: bool,

    /// Do not ask
    #[arg(long, requires = "remove")]
    yes: bool,

    /// Remove them even where no object is left, or most of a server's reservations would go
    #[arg(long, requires = "remove")]
    force: bool,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    stage: StageArgs,
}

/// What `adopt` takes.
#[derive(Args, Debug)]
pub struct AdoptArgs {
    /// NetworkConfigurations, as namespace/name or name [default: all]
    #[arg(value_name = "OBJECT")]
    objects: Vec<String>,

    /// Take them over
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    stage: StageArgs,
}

/// A reservation in a list.
#[derive(Serialize)]
struct Row {
    server: String,
    subnet_id: u32,
    mac: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    object: String,
    note: &'static str,
}

/// Lists reservations of the operator that no object wishes for, and removes them where that is asked for.
pub fn orphans(args: &OrphansArgs) -> anyhow::Result<()> {
    block_on(async {
        let stage = args.stage.open(|rules| rules).await?;
        let mut removals: BTreeMap<usize, Vec<Removal>> = BTreeMap::new();
        let mut rows = vec![];
        let mut doubts = stage.rehearsal.objects().is_empty();
        for (place, server) in stage.servers.iter().enumerate() {
            let Orphans { owned, found } = stage.rehearsal.orphans(server).await?;
            doubts |= are_too_many(found.len(), owned);
            for (listed, verdict) in found {
                if let Some(removal) = removal(&listed.reservation) {
                    let of_server = removals.entry(place).or_default();
                    if !of_server.contains(&removal) {
                        of_server.push(removal);
                        rows.push(orphan(server.name(), &listed.reservation, &verdict));
                    }
                }
            }
        }
        args.output.print(&rows, |rows| table(rows))?;
        if !args.remove || rows.is_empty() {
            return Ok(());
        }
        anyhow::ensure!(
            args.force || !doubts,
            "no object is left, or most of a server's reservations would go: check --source and KEA_CLUSTER_ID, and give \
             --force to do it all the same"
        );
        confirm(&format!("remove {} reservations?", rows.len()), args.yes)?;
        let mut failed = 0;
        for (place, removals) in removals {
            let changes: Vec<Change> = removals.into_iter().map(Change::Remove).collect();
            let server = &stage.servers[place];
            let results = server.change(&stage.rehearsal.mark(), &changes).await?;
            failed += report(server.name(), results.iter().filter(|result| **result != Changed::Done));
        }
        conclude(failed, rows.len(), "removed")
    })
}

fn orphan(server: &str, reservation: &Reservation, verdict: &Verdict) -> Row {
    let object = match &reservation.ownership {
        Ownership::Owned { object: Some(object), .. } => format!("{}/{}", object.namespace, object.name),
        _ => String::new(),
    };
    let note = match verdict {
        Verdict::Leftover { .. } => "its object does not wish for it",
        Verdict::Orphan(_) | Verdict::Unserved { .. } | Verdict::Leave => "its object is gone",
    };
    Row { object, note, ..row(server, reservation) }
}

fn row(server: &str, reservation: &Reservation) -> Row {
    Row {
        server: server.into(),
        subnet_id: reservation.subnet_id,
        mac: match &reservation.identifier {
            Identifier::HwAddress(mac) => mac.to_string(),
            other @ Identifier::Other { .. } => other.to_string(),
        },
        address: reservation.address(),
        object: String::new(),
        note: "",
    }
}

fn removal(reservation: &Reservation) -> Option<Removal> {
    match reservation.identifier {
        Identifier::HwAddress(mac) => Some(Removal { subnet_id: reservation.subnet_id, mac }),
        Identifier::Other { .. } => None,
    }
}

/// A reservation to take over.
struct Adoption {
    place: usize,
    owner: Owner,
    mac: Mac,
    there: Reservation,
}

/// Lists reservations made by hand that are just as an object wishes, and takes them over where that is asked for.
pub fn adopt(args: &AdoptArgs) -> anyhow::Result<()> {
    block_on(async {
        if args.yes {
            args.stage.source.give_identity()?;
        }
        let stage = args.stage.open(|rules| Rules { adopt: true, ..rules }).await?;
        let found = adoptions(&stage, &args.objects).await?;
        let rows: Vec<Row> = found
            .iter()
            .map(|found| Row {
                object: format!("{}/{}", found.owner.object.namespace, found.owner.object.name),
                note: if args.yes { "is taken over" } else { "would be taken over with --yes" },
                ..row(stage.servers[found.place].name(), &found.there)
            })
            .collect();
        args.output.print(&rows, |rows| table(rows))?;
        if !args.yes {
            return Ok(());
        }
        let mut failed = 0;
        for Adoption { place, owner, mac, there } in found {
            let put = Put {
                subnet_id: there.subnet_id,
                mac,
                address: there.address().map_or(Wanted::None, Wanted::Address),
                replaces: Some(there),
                leased: None,
            };
            let server = &stage.servers[place];
            let results =
                server.change(&stage.rehearsal.mark(), &[Change::Put(Box::new(put), owner)]).await?;
            failed += report(server.name(), results.iter().filter(|result| **result != Changed::Done));
        }
        conclude(failed, rows.len(), "taken over")
    })
}

async fn adoptions(stage: &Stage, objects: &[String]) -> anyhow::Result<Vec<Adoption>> {
    let mut found = vec![];
    for (object, notes) in stage.play_all(stage.objects(objects)?).await? {
        for change in notes.commands.iter().flat_map(changes).filter(|change| change.becomes != Becomes::Gone)
        {
            let place = stage.servers.iter().position(|server| server.name() == change.server);
            let place = place.with_context(|| format!("{}: no such server", name(&object)))?;
            let there = stage.servers[place].reservation_of(change.subnet_id, change.mac).await?;
            // One that would be changed besides is no twin of the wish.
            let by_hand = there.filter(|there| {
                there.ownership == Ownership::Unowned && is_now(Some(there)) == change.becomes
            });
            let owner = stage.rehearsal.owner(&object);
            found.extend(by_hand.map(|there| Adoption { place, owner, mac: change.mac, there }));
        }
    }
    Ok(found)
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "none\n".into();
    }
    let head = ["SERVER", "SUBNET", "MAC", "ADDRESS", "OBJECT", ""].map(|title| styled(DIM, title));
    let cells = |row: &Row| {
        let address = row.address.map_or_else(String::new, |address| address.to_string());
        [
            row.server.clone(),
            row.subnet_id.to_string(),
            row.mac.clone(),
            address,
            row.object.clone(),
            row.note.into(),
        ]
    };
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    columns(&rows)
}

fn confirm(question: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    anyhow::ensure!(stdin.is_terminal(), "nobody can be asked here: give --yes to do it all the same");
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    anyhow::ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "nothing is removed");
    Ok(())
}

fn report<'a>(server: &str, failures: impl Iterator<Item = &'a Changed>) -> usize {
    let mut count = 0;
    for failure in failures {
        count += 1;
        let why = match failure {
            Changed::Conflict(Some(holder)) => format!("it is that of {}", holder.holder()),
            Changed::Refused(text) => text.clone(),
            Changed::Conflict(None) | Changed::Pending | Changed::Done => "it was changed meanwhile".into(),
        };
        eprintln!("{server}: {why}");
    }
    count
}

fn conclude(failed: usize, all: usize, done: &str) -> anyhow::Result<()> {
    anyhow::ensure!(failed == 0, "{failed} of {all} reservations are not {done}");
    eprintln!("{all} reservations {done}");
    Ok(())
}
