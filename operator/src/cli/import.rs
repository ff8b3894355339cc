//! `kea-operator import`.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use dhcp_host_cmds_rs::store::Store;

use super::store;
use crate::transfer::import::{Import, Placing, Tally};
use crate::transfer::{self, kea};

/// Shown below the options.
pub const EXAMPLES: &str = "\
What is stored is updated, and nothing is removed. It is one transaction: all of it is stored, or nothing.

Examples:
  kea-operator import --store /var/lib/kea/kea-hosts4.db --dry-run reservations.json
  kea-operator import --store /var/lib/kea/kea-hosts4.db /etc/kea/kea-dhcp4.conf
  kea-operator import --store /var/lib/kea/kea-hosts4.db --create \\
      --kea-config /etc/kea/kea-dhcp4.conf --keep-going /etc/dhcp/dhcpd.conf";

/// What `import` takes.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// Files with reservations; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The store: the 'name' of the 'memfile' entry in 'hosts-databases'
    #[arg(long, value_name = "PATH")]
    store: PathBuf,

    /// Make the store where there is none
    #[arg(long)]
    create: bool,

    /// What the files are: json and csv as 'export' writes them, kea for a configuration of Kea (or the reply of
    /// config-get), dhcpd for one of ISC dhcpd
    #[arg(long, value_enum, default_value = "auto")]
    format: Format,

    /// Kea's configuration: says to which subnet an address belongs where a file does not say it; a reservation for a
    /// subnet that it lacks, or with an address beyond it, is refused
    #[arg(long, value_name = "FILE")]
    kea_config: Option<PathBuf>,

    /// The subnet of reservations whose file does not say it; 0 is global [default: by --kea-config, else 0]
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(0..=4_294_967_294))]
    subnet_id: Option<u32>,

    /// Store what can be stored, and leave out the rest
    #[arg(long)]
    keep_going: bool,

    /// Say what would be done, and store nothing; a server that uses the store may run
    #[arg(long)]
    dry_run: bool,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum Format {
    Auto,
    Json,
    Csv,
    Kea,
    Dhcpd,
}

/// Puts reservations of files into a store.
pub fn import(args: &ImportArgs) -> anyhow::Result<()> {
    let placing = placing(args)?;
    let addresses_unique = placing.subnets.as_ref().is_none_or(|subnets| subnets.addresses_unique);
    let mut import = Import::new(placing);
    for path in &args.files {
        import.add(path.display().to_string(), document(path, args.format)?);
    }
    let is_new = is_new(args)?;
    let store = store::open(&args.store, args.dry_run)?;
    store.set_addresses_unique(addresses_unique);
    if args.dry_run {
        return try_out(args, &store, &mut import);
    }
    let problems = put(args, &store, &mut import)?;
    let path = &args.store;
    if problems > 0 && !args.keep_going {
        if is_new {
            fs::remove_file(path)?;
        }
        let rest = "nothing is stored: correct the files, or give --keep-going to store the rest";
        return conclude(problems, rest);
    }
    if is_new {
        let hint = "the user that runs the Kea server must be able to read and write it";
        eprintln!("{}: new; {hint}", path.display());
    }
    conclude(problems, "the rest is stored")
}

/// Says what an import would do.
fn try_out(args: &ImportArgs, store: &Store, import: &mut Import) -> anyhow::Result<()> {
    let kept = import.kept_changes(&store.kept()).len();
    let tally = store.try_out(|plan| import.decide(plan));
    let problems = report(import);
    println!("{}: {} (dry run, nothing is stored)", args.store.display(), Outcome { tally, kept });
    let rest = if args.keep_going { "the rest would be stored" } else { "so that nothing would be stored" };
    conclude(problems, rest)
}

/// Stores everything, unless something is wrong that is not to be passed over. Returns how much is wrong.
fn put(args: &ImportArgs, store: &Store, import: &mut Import) -> anyhow::Result<usize> {
    let kept = import.kept_changes(&store.kept());
    let session = store.session()?;
    let (tally, planned) = session.plan(|plan| import.decide(plan));
    let problems = report(import);
    if problems == 0 || args.keep_going {
        let outcome = Outcome { tally, kept: kept.len() };
        session.commit(planned, kept)?;
        println!("{}: {outcome}", args.store.display());
    }
    Ok(problems)
}

/// What became of everything.
struct Outcome {
    tally: Tally,
    kept: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally: Tally { added, updated, adopted, unchanged, refused }, kept } = self;
        write!(
            f,
            "{added} added, {updated} updated, {adopted} adopted, {unchanged} unchanged, {refused} refused"
        )?;
        if *kept > 0 {
            write!(f, ", {kept} subnets and shared networks kept")?;
        }
        Ok(())
    }
}

fn placing(args: &ImportArgs) -> anyhow::Result<Placing> {
    let subnets = args.kea_config.as_ref().map(|path| {
        kea::subnets(&read(path)?)
            .map_err(|problem| anyhow::anyhow!("{}{}: {}", path.display(), problem.at, problem.text))
    });
    Ok(Placing { subnet_id: args.subnet_id, subnets: subnets.transpose()? })
}

fn document(path: &Path, format: Format) -> anyhow::Result<transfer::Document> {
    let bytes = read(path)?;
    transfer::check_encoding(&bytes)
        .map_err(|text| anyhow::anyhow!("cannot read '{}': {text}", path.display()))?;
    let format = match format {
        Format::Auto => transfer::Format::guess(&bytes).with_context(|| {
            format!("cannot tell what '{}' is: give --format json, csv, kea or dhcpd", path.display())
        })?,
        Format::Json => transfer::Format::Json,
        Format::Csv => transfer::Format::Csv,
        Format::Kea => transfer::Format::Kea,
        Format::Dhcpd => transfer::Format::Dhcpd,
    };
    Ok(format.read(&bytes))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes),
        _ => fs::read(path),
    };
    read.with_context(|| format!("cannot read '{}'", path.display()))
}

/// Whether there is no store yet; that must be meant.
fn is_new(args: &ImportArgs) -> anyhow::Result<bool> {
    let path = args.store.display();
    let exists = args.store.try_exists().with_context(|| format!("cannot read the store '{path}'"))?;
    anyhow::ensure!(
        exists || args.create,
        "there is no store '{path}': correct the path, or give --create to make one"
    );
    Ok(!exists)
}

/// Says what is wrong, and returns how much that is.
fn report(import: &mut Import) -> usize {
    let problems = import.problems();
    for line in import.warnings().iter().chain(&problems) {
        eprintln!("{line}");
    }
    problems.len()
}

fn conclude(problems: usize, consequence: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        problems == 0,
        "{problems} {}, {consequence}",
        if problems == 1 { "problem" } else { "problems" }
    );
    Ok(())
}
