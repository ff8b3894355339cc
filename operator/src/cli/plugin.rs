//! The names that the program goes by: its own, and those by which kubectl finds it as a plugin (Kubernetes
//! documentation, "Extend kubectl with plugins").

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command};

/// By which name the program was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// `kea-operator`, or any other.
    Own,
    /// `kubectl-kea`, which kubectl runs for `kubectl kea`.
    Plugin,
    /// `kubectl_complete-kea`, which kubectl runs for what may follow `kubectl kea …`.
    Completer,
}

impl Name {
    /// From the first word of the command line.
    pub fn of(program: Option<&OsStr>) -> Self {
        match program.and_then(|path| Path::new(path).file_name()?.to_str()) {
            Some("kubectl-kea") => Self::Plugin,
            Some("kubectl_complete-kea") => Self::Completer,
            _ => Self::Own,
        }
    }

    /// What people type.
    pub fn words(self) -> &'static str {
        match self {
            Self::Own => "kea-operator",
            Self::Plugin | Self::Completer => "kubectl kea",
        }
    }

    /// The command line under this name.
    pub fn apply(self, command: Command) -> Command {
        match self {
            Self::Own => command,
            Self::Plugin | Self::Completer => command.bin_name(self.words()).display_name(self.words()),
        }
    }
}

/// Do not offer files (cobra's `ShellCompDirectiveNoFileComp`).
const NO_FILES: u8 = 4;
/// Let the shell go on (cobra's `ShellCompDirectiveDefault`).
const DEFAULT: u8 = 0;

/// What may take the place of the last of `words`, in the form that kubectl expects: a candidate a line with its
/// description, and what else to offer.
pub fn complete(command: &Command, words: &[String]) -> String {
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let mut at = command;
    let mut waiting = None;
    for word in before {
        waiting = match waiting {
            Some(_) => None,
            None => option(at, word),
        };
        at = at.find_subcommand(word).unwrap_or(at);
    }
    let candidates: Vec<(String, String)> = match waiting {
        Some(option) => values(option),
        None if last.starts_with('-') => options(at),
        None => at.get_subcommands().filter(|sub| !sub.is_hide_set()).map(named).collect(),
    };
    let mut text = String::new();
    for (name, about) in candidates.iter().filter(|(name, _)| name.starts_with(last)) {
        let _ = writeln!(text, "{name}\t{about}");
    }
    let directive = if candidates.is_empty() { DEFAULT } else { NO_FILES };
    let _ = writeln!(text, ":{directive}");
    text
}

/// The option that a word is, if a value must follow it.
fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let names = |arg: &Arg| {
        arg.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
            || arg.get_short().is_some_and(|short| word.strip_prefix('-') == Some(short.to_string().as_str()))
    };
    command.get_arguments().find(|arg| names(arg) && arg.get_action().takes_values())
}

fn values(option: &Arg) -> Vec<(String, String)> {
    let about =
        |value: &clap::builder::PossibleValue| value.get_help().map(ToString::to_string).unwrap_or_default();
    option.get_possible_values().iter().map(|value| (value.get_name().to_owned(), about(value))).collect()
}

fn options(command: &Command) -> Vec<(String, String)> {
    let about = |arg: &Arg| arg.get_help().map(ToString::to_string).unwrap_or_default();
    command.get_arguments().filter_map(|arg| Some((format!("--{}", arg.get_long()?), about(arg)))).collect()
}

fn named(command: &Command) -> (String, String) {
    (command.get_name().to_owned(), command.get_about().map(ToString::to_string).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn completed(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let text = complete(&super::super::Cli::command(), &words);
        text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_name_decides() {
        let of = |name: &str| Name::of(Some(OsStr::new(name)));
        assert_eq!(of("/usr/bin/kubectl-kea"), Name::Plugin);
        assert_eq!(of("kubectl_complete-kea"), Name::Completer);
        assert_eq!(of("./kea-operator"), Name::Own);
        assert_eq!(Name::of(None), Name::Own);
    }

    #[test]
    fn usage_has_the_words_that_people_type() {
        let mut command = Name::Plugin.apply(super::super::Cli::command());
        let help = command.render_help().to_string();
        assert!(help.contains("Usage: kubectl kea <COMMAND>"), "{help}");
        let error = command.try_get_matches_from_mut(["kubectl-kea", "doctor", "--wrong"]).unwrap_err();
        assert!(error.to_string().contains("Usage: kubectl kea doctor"), "{error}");
    }

    #[test]
    fn words_are_completed() {
        assert_eq!(completed(&["doc"]), ["doctor", ":4"]);
        assert!(completed(&[""]).contains(&"export".to_owned()));
        assert_eq!(completed(&["doctor", "--serv"]), ["--server", ":4"]);
        assert_eq!(completed(&["doctor", "-o", ""]), ["table", "json", "yaml", ":4"]);
        assert_eq!(completed(&["doctor", "--output", "y"]), ["yaml", ":4"]);
        assert_eq!(completed(&["import", ""]), [":0"]);
        assert_eq!(completed(&["export", "--store", ""]), [":0"]);
    }
}
