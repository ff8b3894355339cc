//! `.env` and `.env-$ENV` files: settings of those who run the operator from a folder of theirs.
//!
//! The values become defaults of the command line's arguments. Nothing else is taken from a file: it may belong to another
//! program, and it must not be able to change more than this operator's settings.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use clap::Command;

/// What the files say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Files {
    values: BTreeMap<String, String>,
    /// What is wrong with them.
    pub warnings: Vec<String>,
}

impl Files {
    /// Reads the files of this process: those of its working directory or the nearest folder above, else of the folder of
    /// the executable or above. A value in `.env-$ENV` wins over one in `.env`.
    pub fn find() -> Self {
        let executable = env::current_exe().ok().and_then(|path| path.parent().map(Path::to_owned));
        let roots: Vec<PathBuf> = env::current_dir().ok().into_iter().chain(executable).collect();
        Self::read(&roots, env::var("ENV").ok().as_deref())
    }

    fn read(roots: &[PathBuf], env: Option<&str>) -> Self {
        let names =
            [Some(".env".to_owned()), env.filter(|env| is_name(env)).map(|env| format!(".env-{env}"))];
        let mut files = Self::default();
        for name in names.into_iter().flatten() {
            if let Some(path) = roots.iter().find_map(|root| upwards(root, &name)) {
                files.add(&path);
            }
        }
        files
    }

    fn add(&mut self, path: &Path) {
        match dotenvy::from_path_iter(path) {
            Err(error) => self.warnings.push(format!("{} cannot be read: {error}", path.display())),
            Ok(lines) => {
                for line in lines {
                    match line {
                        Ok((name, value)) => _ = self.values.insert(name, value),
                        // Not quoted: it may hold a password.
                        Err(_) => self
                            .warnings
                            .push(format!("{}: a line that is not NAME=value is ignored", path.display())),
                    }
                }
            }
        }
    }

    /// Makes the values defaults of the arguments that are named after them: the command line and the environment win.
    #[must_use]
    pub fn supply(&self, command: Command) -> Command {
        let command = command.mut_args(|argument| {
            let value = argument.get_env().and_then(|name| self.values.get(name.to_str()?)).cloned();
            match value {
                // Help must not show a password.
                Some(value) => argument.default_value(value).hide_default_value(true),
                None => argument,
            }
        });
        command.mut_subcommands(|subcommand| self.supply(subcommand))
    }
}

/// Whether it can be a part of a file's name.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

fn upwards(folder: &Path, name: &str) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::{Arg, ArgMatches};

    use super::*;

    /// A folder in a folder, with these files: the path in the tree, and what it holds.
    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let tree = tempfile::tempdir().unwrap();
        let below = tree.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        for (path, text) in files {
            fs::write(tree.path().join(path), text).unwrap();
        }
        (tree, below)
    }

    fn values(files: &Files) -> Vec<(&str, &str)> {
        files.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn the_nearest_file_counts_and_that_of_the_environment_wins() {
        let (_tree, below) = tree(&[
            (".env", "A=far\nB=far\n"),
            ("a/.env", "# near\nexport A='near'\nC=\"two\\nlines\" # why\n"),
            (".env-test", "C=test\n"),
            (".env-prod", "C=prod\n"),
        ]);
        let roots = [below];
        assert_eq!(values(&Files::read(&roots, None)), [("A", "near"), ("C", "two\nlines")]);
        assert_eq!(values(&Files::read(&roots, Some("test"))), [("A", "near"), ("C", "test")]);
        assert_eq!(values(&Files::read(&roots, Some(""))), [("A", "near"), ("C", "two\nlines")]);
        assert_eq!(values(&Files::read(&roots, Some("/../.env"))), [("A", "near"), ("C", "two\nlines")]);
    }

    #[test]
    fn the_folder_of_the_executable_comes_second() {
        let (_tree, below) = tree(&[(".env", "A=1\n")]);
        let (_other, elsewhere) = tree(&[(".env", "A=2\n"), (".env-x", "B=2\n")]);
        assert_eq!(values(&Files::read(&[below, elsewhere], Some("x"))), [("A", "1"), ("B", "2")]);
    }

    #[test]
    fn a_broken_line_is_told_without_what_it_says_and_stops_no_other() {
        let (_tree, below) = tree(&[("a/b/.env", "A=1\nKEA_PASSWORD='s3cret\n\nB=2\n")]);
        let files = Files::read(&[below], None);
        assert!(files.values.contains_key("A"), "{files:?}");
        let [warning] = files.warnings.as_slice() else { panic!("{files:?}") };
        assert!(warning.contains("/a/b/.env") && !warning.contains("s3cret"), "{warning}");
    }

    fn parse(values: &[(&str, &str)], line: &[&str]) -> ArgMatches {
        let values = values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let files = Files { values, warnings: Vec::new() };
        // PATH stands for a variable that the environment has.
        let run = Command::new("run")
            .arg(Arg::new("url").long("url").env("DOTENV_TEST_URL").default_value("none"))
            .arg(Arg::new("names").long("names").env("DOTENV_TEST_NAMES").value_delimiter(','))
            .arg(Arg::new("path").long("path").env("PATH"));
        let mut command = files.supply(Command::new("test").subcommand(run));
        let help = command.find_subcommand_mut("run").unwrap().render_long_help().to_string();
        assert!(help.contains("--url") && !help.contains("of a file"), "{help}");
        command.try_get_matches_from(["test", "run"].iter().chain(line)).unwrap()
    }

    #[test]
    fn files_give_way_to_the_environment_and_the_command_line() {
        let set = [
            ("DOTENV_TEST_URL", "of a file"),
            ("DOTENV_TEST_NAMES", "a,b"),
            ("PATH", "of a file"),
            ("OTHER", "of a file"),
        ];
        let read = |line: &[&str], name: &str| -> Vec<String> {
            let matches = parse(&set, line);
            let (_, run) = matches.subcommand().unwrap();
            run.get_many::<String>(name).unwrap_or_default().cloned().collect()
        };
        assert_eq!(read(&[], "url"), ["of a file"]);
        assert_eq!(read(&["--url", "line"], "url"), ["line"]);
        assert_eq!(read(&[], "names"), ["a", "b"]);
        assert_ne!(read(&[], "path"), ["of a file"]);
    }
}
