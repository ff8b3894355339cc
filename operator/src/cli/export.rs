//! `kea-operator export`.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use dhcp_host_cmds_rs::store::Store;
use tempfile::NamedTempFile;

use super::store;
use crate::transfer::{self, export};

/// Shown below the options.
pub const EXAMPLES: &str = "\
Examples:
  kea-operator export --store /var/lib/kea/kea-hosts4.db --output reservations.json
  kea-operator export --store /var/lib/kea/kea-hosts4.db --format csv > reservations.csv";

/// What `export` takes.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// The store: the 'name' of the 'memfile' entry in 'hosts-databases'
    #[arg(long, value_name = "PATH")]
    store: PathBuf,

    /// How to write it: json has everything; csv has reservations, for spreadsheets
    #[arg(long, value_enum, default_value = "json")]
    format: Format,

    /// The file to write, in place of what is there, when all of it is written [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum Format {
    Json,
    Csv,
}

/// Writes what a store holds.
pub fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let store = open(&args.store)?;
    let format = match args.format {
        Format::Json => transfer::Format::Json,
        Format::Csv => transfer::Format::Csv,
    };
    let exported = match &args.output {
        Some(path) => write_file(&store, format, path, &args.store)?,
        None => match export::export(&store, format, BufWriter::new(io::stdout().lock())) {
            Err(error) if is_broken_pipe(&error) => return Ok(()),
            exported => exported?,
        },
    };
    if let Some(path) = &args.output {
        eprintln!("{}: {} reservations", path.display(), exported.reservations);
    }
    if exported.left_out > 0 {
        eprintln!(
            "warning: {} subnets and shared networks that the store keeps are left out: csv cannot say them, json can",
            exported.left_out
        );
    }
    for line in &exported.unreadable {
        eprintln!("{line}");
    }
    let unreadable = exported.unreadable.len();
    anyhow::ensure!(
        unreadable == 0,
        "{unreadable} {} left out, all else is exported",
        if unreadable == 1 { "item is" } else { "items are" }
    );
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<Store> {
    // The hook takes a store that is not there for an empty one; here it is a slip.
    fs::metadata(path).with_context(|| format!("cannot read the store '{}'", path.display()))?;
    store::open(path, true)
}

/// The file has its name when it is whole, and until then another one in the same folder.
fn write_file(
    store: &Store,
    format: transfer::Format,
    path: &Path,
    store_path: &Path,
) -> anyhow::Result<export::Exported> {
    let is_store =
        path.canonicalize().is_ok_and(|path| store_path.canonicalize().is_ok_and(|store| store == path));
    anyhow::ensure!(!is_store, "'{}' is the store itself: write to another file", path.display());
    let cannot_write = || format!("cannot write '{}'", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder).with_context(cannot_write)?;
    let mut out = BufWriter::new(file.as_file_mut());
    let exported = export::export(store, format, &mut out)?;
    out.flush().with_context(cannot_write)?;
    drop(out);
    file.as_file().sync_all().with_context(cannot_write)?;
    file.persist(path).with_context(cannot_write)?;
    Ok(exported)
}

/// The reader has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    kinds.into_iter().any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
