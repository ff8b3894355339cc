//! Where the objects are, for every command that needs them.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::config::{flag, given};
use crate::source::{self, Source};

/// How long the first list of objects may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the objects are, and which of them are ours.
#[derive(Args, Debug)]
pub struct SourceArgs {
    /// Where the objects are: kube for the cluster, dir:PATH for the YAML files of a folder
    #[arg(long, env = "KEA_SOURCE", default_value = "kube", value_name = "kube|dir:PATH")]
    pub source: SourceArg,

    /// Identity of the cluster in the mark of ownership [default: uid of namespace kube-system; dir for a folder]
    #[arg(long, env = "KEA_CLUSTER_ID", value_name = "ID")]
    cluster_id: Option<String>,

    /// Values of spec.provider that are served, besides none
    #[arg(long, env = "KEA_PROVIDERS", default_value = "kea", value_name = "NAMES", value_parser = names)]
    providers: Names,

    /// Whether objects must name their provider, and namespaces their way of allocation
    #[arg(long, env = "KEA_STRICT_DEFAULTS", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    kea_strict_defaults: bool,
}

/// Names in a list with commas, lower-case.
#[derive(Clone, Debug)]
struct Names(Vec<String>);

fn names(text: &str) -> Result<Names, String> {
    let names = text.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty());
    match names.collect::<Vec<_>>() {
        names if names.is_empty() => Err("write at least one name, such as kea".into()),
        names => Ok(Names(names)),
    }
}

/// The kind of source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceArg {
    /// A cluster.
    Kube,
    /// A folder.
    Dir(PathBuf),
}

impl FromStr for SourceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "kube" => Ok(Self::Kube),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Dir(path.into())),
            _ => Err("write kube, or dir: and the path of a folder".into()),
        }
    }
}

impl SourceArgs {
    /// Whether objects and namespaces must name what they leave to defaults.
    pub fn strict_defaults(&self) -> bool {
        self.kea_strict_defaults
    }

    /// Values of `spec.provider` that are served, lower-case.
    pub fn providers(&self) -> Vec<String> {
        self.providers.0.clone()
    }

    /// Opens the source, to serve it.
    pub async fn open(&self) -> anyhow::Result<Source> {
        match &self.source {
            SourceArg::Kube => Ok(source::kube::open(self.cluster_id()).await?),
            SourceArg::Dir(path) => Ok(source::dir::open(path, self.cluster_id())?),
        }
    }

    /// Gives a folder the identity that reservations are marked with, where it has none.
    pub fn give_identity(&self) -> anyhow::Result<()> {
        match &self.source {
            SourceArg::Dir(path) if self.cluster_id().is_none() => Ok(source::dir::give_identity(path)?),
            _ => Ok(()),
        }
    }

    /// Reads the source once, while another process may serve it.
    pub async fn look(&self) -> anyhow::Result<Source> {
        let source = match &self.source {
            SourceArg::Kube => source::kube::open(self.cluster_id()).await?,
            SourceArg::Dir(path) => {
                let (source, broken) = source::dir::look(path, self.cluster_id())?;
                for problem in broken {
                    eprintln!("warning: {problem}");
                }
                return Ok(source);
            }
        };
        let read = async {
            source.namespaces.wait_until_ready().await?;
            source.configurations.wait_until_ready().await
        };
        tokio::time::timeout(PATIENCE, read).await.with_context(|| {
            format!(
                "the cluster did not list NetworkConfigurations and NetworkNamespaces within {} s; 'doctor' tells whether it \
                 knows and permits them",
                PATIENCE.as_secs()
            )
        })??;
        Ok(source)
    }

    fn cluster_id(&self) -> Option<String> {
        given(self.cluster_id.as_ref()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers() {
        assert_eq!(names(" Kea, example ,").unwrap().0, ["kea", "example"]);
        assert!(names(" , ").is_err());
    }

    #[test]
    fn sources() {
        assert_eq!("kube".parse(), Ok(SourceArg::Kube));
        assert_eq!("dir:/a:b".parse(), Ok(SourceArg::Dir("/a:b".into())));
        for bad in ["", "dir", "dir:", "Kube", "kube:"] {
            assert!(bad.parse::<SourceArg>().is_err(), "{bad}");
        }
    }
}
