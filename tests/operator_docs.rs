//! docs/operator.md: its lists name what the code has, all of it and nothing else. docs/compatibility.md: its tests exist.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use kea_operator::cli::Cli;
use kea_operator::controller::{conditions, notices};
use kea_operator::doctor::Check;
use kea_operator::telemetry::Metrics;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What stands under a heading of docs/operator.md, up to the next one that is not below it.
fn section(heading: &str) -> String {
    section_of("docs/operator.md", heading)
}

fn section_of(path: &str, heading: &str) -> String {
    let document = read(path);
    let level = heading.split(' ').next().unwrap().len();
    let mut lines = document.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "{path} has no {heading:?}");
    let above = |line: &&str| {
        let marks = line.len() - line.trim_start_matches('#').len();
        marks == 0 || marks > level || !line[marks..].starts_with(' ')
    };
    lines.take_while(above).collect::<Vec<_>>().join("\n")
}

/// The rows of its tables, without the heads.
fn rows(section: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = section.lines().collect();
    let is_row = |line: &str| line.starts_with('|') && !line.starts_with("|---");
    let heads = |place: usize| lines.get(place + 1).is_some_and(|next| next.starts_with("|---"));
    let rows = lines.iter().enumerate().filter(|(place, line)| is_row(line) && !heads(*place));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = rows.map(|(_, line)| cells(line)).collect();
    assert!(rows.len() > 3, "{section}");
    rows
}

/// What is set as code in a text.
fn code(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn compare<T: Ord + Debug>(
    what: &str,
    documented: impl IntoIterator<Item = T>,
    real: impl IntoIterator<Item = T>,
) {
    let (documented, real): (BTreeSet<T>, BTreeSet<T>) =
        (documented.into_iter().collect(), real.into_iter().collect());
    assert!(!real.is_empty());
    let missing: Vec<_> = real.difference(&documented).collect();
    let superfluous: Vec<_> = documented.difference(&real).collect();
    assert!(
        missing.is_empty() && superfluous.is_empty(),
        "{what} in docs/operator.md: missing {missing:#?}, superfluous {superfluous:#?}"
    );
}

/// Flag and variable of an argument.
struct Argument {
    flag: String,
    variable: Option<String>,
}

impl Argument {
    /// Flags are spelled like their variables, unless the document says otherwise.
    fn is_spelled_like_its_variable(&self) -> bool {
        self.variable
            .as_ref()
            .is_some_and(|name| self.flag == format!("--{}", name.to_lowercase().replace('_', "-")))
    }
}

fn arguments(command: &str) -> Vec<Argument> {
    let cli = Cli::command_line();
    let command = cli.find_subcommand(command).unwrap_or_else(|| panic!("no command {command}"));
    let arguments =
        command.get_arguments().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"));
    let arguments = arguments.filter_map(|argument| {
        let variable = argument.get_env().map(|name| name.to_str().unwrap().to_owned());
        Some(Argument { flag: format!("--{}", argument.get_long()?), variable })
    });
    arguments.collect()
}

fn commands() -> Vec<String> {
    let cli = Cli::command_line();
    cli.get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name().to_owned())
        .collect()
}

#[test]
fn commands_are_listed() {
    let documented = rows(&section("## Synopsis")).into_iter().flat_map(|row| code(&row[0]));
    compare("commands", documented, commands());
}

#[test]
fn variables_are_listed() {
    let documented = rows(&section("## Settings")).into_iter().flat_map(|row| code(&row[0]));
    let real = commands()
        .into_iter()
        .flat_map(|command| arguments(&command))
        .filter_map(|argument| argument.variable);
    compare("variables", documented, real);
}

#[test]
fn flags_are_listed() {
    let rows = rows(&section("## Settings"));
    let flags = |row: &Vec<String>| -> Vec<String> {
        row[1..].iter().flat_map(|cell| code(cell)).filter(|code| code.starts_with("--")).collect()
    };
    let run = arguments("run");
    let spelled =
        |flag: &String| run.iter().any(|known| known.flag == *flag && known.is_spelled_like_its_variable());
    let documented = rows.iter().flat_map(flags).filter(|flag| !spelled(flag));
    let real = run
        .iter()
        .filter(|argument| !argument.is_spelled_like_its_variable())
        .map(|argument| argument.flag.clone());
    compare("flags", documented, real);
    for Argument { flag, variable } in run.iter().filter(|argument| !argument.is_spelled_like_its_variable())
    {
        let row = rows.iter().find(|row| flags(row).contains(flag)).unwrap();
        assert_eq!(code(&row[0]), Vec::from_iter(variable.clone()), "{flag} is another variable's");
    }
    let documents = read("docs/operator.md") + &read("docs/transfer.md");
    for command in commands() {
        for argument in arguments(&command).iter().filter(|argument| !argument.is_spelled_like_its_variable())
        {
            assert!(documents.contains(&argument.flag), "{} of {command} is in no document", argument.flag);
        }
    }
}

#[test]
fn metrics_are_listed() {
    let documented = rows(&section("## Metrics")).into_iter().map(|row| {
        let [name] = code(&row[0]).try_into().unwrap();
        (name, row[1].clone(), code(&row[2]))
    });
    let metrics = Metrics::default();
    let real = metrics.descriptions().iter().map(|metric| {
        let labels = metric.labels.iter().map(|label| (*label).to_owned()).collect();
        (metric.name.clone(), metric.kind.to_owned(), labels)
    });
    compare("metrics", documented, real);
}

#[test]
fn conditions_are_listed() {
    let documented = rows(&section("### Conditions")).into_iter().flat_map(|row| {
        let [kind] = code(&row[0]).try_into().unwrap();
        let statuses = ["True", "False", "Unknown"].into_iter().zip(&row[1..]);
        let reasons =
            statuses.flat_map(|(status, cell)| code(cell).into_iter().map(move |reason| (status, reason)));
        reasons.map(|(status, reason)| (kind.clone(), status.to_owned(), reason)).collect::<Vec<_>>()
    });
    let real = conditions::REASONS.iter().flat_map(|(kind, truth, reasons)| {
        reasons.iter().map(move |reason| ((*kind).to_owned(), format!("{truth:?}"), (*reason).to_owned()))
    });
    compare("conditions", documented, real);
    let types = conditions::REASONS.iter().map(|(kind, ..)| *kind);
    compare("types of conditions", conditions::TYPES, types);
}

#[test]
fn events_are_listed() {
    let documented = rows(&section("### Events")).into_iter().flat_map(|row| {
        let kind = row[1].clone();
        code(&row[0]).into_iter().map(move |reason| (kind.clone(), reason)).collect::<Vec<_>>()
    });
    let of_conditions = conditions::REASONS.iter().filter(|(kind, truth, _)| {
        *truth == conditions::Truth::False && notices::CONDITIONS_THAT_WARN.contains(kind)
    });
    let of_conditions = of_conditions.flat_map(|(.., reasons)| reasons.iter());
    let warnings = notices::WARNINGS.iter().chain(of_conditions).map(|reason| ("Warning", reason));
    let real = notices::NORMAL.iter().map(|reason| ("Normal", reason)).chain(warnings);
    compare("events", documented, real.map(|(kind, reason)| (kind.to_owned(), (*reason).to_owned())));
}

/// The lists in the code, which the code itself is held to, have no entry that nothing ever says.
#[test]
fn every_listed_reason_is_given_somewhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("operator/src/controller");
    let mut code = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.is_file() && !name.ends_with("tests") && name != "scripted" {
            let text = fs::read_to_string(&path).unwrap();
            code.push_str(text.split("#[cfg(test)]").next().unwrap());
        }
    }
    for list in ["pub const REASONS", "const KEA_REASONS", "pub const NORMAL", "pub const WARNINGS"] {
        let start = code.find(list).unwrap_or_else(|| panic!("no {list}"));
        let end = start + code[start..].find("];\n").unwrap();
        code.replace_range(start..end, "");
    }
    let reasons = conditions::REASONS.iter().flat_map(|(.., reasons)| reasons.iter());
    for reason in reasons.chain(notices::NORMAL).chain(notices::WARNINGS) {
        assert!(code.contains(&format!("\"{reason}\"")), "{reason} is listed, and nothing says it");
    }
}

#[test]
fn checks_of_doctor_are_listed() {
    let listed = rows(&section("### doctor"));
    let checks = Check::all().iter().map(ToString::to_string);
    compare("checks", listed.iter().flat_map(|row| code(&row[0])), checks);
}

/// All sources under a folder, one after the other.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    text
}

#[test]
fn compatibility_is_shown_by_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = sources(&root.join("tests")) + &sources(&root.join("operator/src"));
    let is_test = |name: &str| code.contains(&format!("fn {name}("));
    assert!(!is_test("no_such_test"));
    let mut features = Vec::new();
    let headings = [
        "## Features",
        "## What the Documents Promise",
        "## What Was Made to Fail",
        "## What Must Stay as It Was",
    ];
    for heading in headings {
        for row in rows(&section_of("docs/compatibility.md", heading)) {
            let (what, here, shown) = match row.as_slice() {
                [number, what, here, shown] => {
                    features.push(number.parse::<usize>().unwrap());
                    (what, here, shown)
                }
                [what, here, shown] => (what, here, shown),
                other => panic!("{other:?}"),
            };
            let verdict =
                ["yes", "better", "not yet", "no"].into_iter().find(|verdict| here.starts_with(verdict));
            match verdict {
                Some("yes" | "better") => {
                    let names = self::code(shown);
                    assert!(!names.is_empty(), "{what}: which test shows it?");
                    for name in names {
                        assert!(is_test(&name), "{what}: there is no test {name}");
                    }
                }
                Some("no") => assert!(!shown.is_empty(), "{what}: why not?"),
                Some(_) => {}
                None => panic!("{what}: {here:?} is neither yes, better, not yet nor no"),
            }
        }
    }
    assert_eq!(features, Vec::from_iter(1..=82));
}
