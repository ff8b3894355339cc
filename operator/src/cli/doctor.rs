//! `kea-operator doctor`.

use std::process::ExitCode;

use clap::Args;
use futures::future::join_all;
use kube::ResourceExt;
use serde::Serialize;

use super::output::{BOLD, DIM, GREEN, OutputArgs, RED, YELLOW, columns, styled};
use super::servers;
use super::source::{SourceArg, SourceArgs};
use super::stage::block_on;
use crate::config::KeaArgs;
use crate::doctor::checks::Objects;
use crate::doctor::{Check, Facts, Finding, Severity, checks, cluster};
use crate::source::Source;

/// Shown below the options.
pub const HELP: &str = "\
Nothing is changed, and no password is printed.

Exit status: 0 when all is well, 1 when there are warnings, 2 when there are errors.

Examples:
  kea-operator doctor --kea-url unix:/run/kea/kea4-ctrl-socket
  kea-operator doctor --kea-url https://kea.example.com:8000 -o json";

/// What `doctor` takes.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Look at the servers alone whose URL has this in it
    #[arg(long, value_name = "TEXT")]
    server: Option<String>,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    kea: KeaArgs,
}

/// Everything that was found.
#[derive(Serialize)]
struct Report {
    /// The worst of it.
    worst: Severity,
    findings: Vec<Finding>,
}

/// Looks at everything, and says what is wrong.
pub fn doctor(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let findings = block_on(examine(args))?;
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    args.output.print(&Report { worst, findings }, |report| table(&report.findings))?;
    Ok(match worst {
        Severity::Ok | Severity::Info => ExitCode::SUCCESS,
        Severity::Warning => ExitCode::from(1),
        Severity::Error => ExitCode::from(2),
    })
}

async fn examine(args: &DoctorArgs) -> anyhow::Result<Vec<Finding>> {
    let mut settings = args.kea.settings(super::is_set)?;
    servers::provide(&mut settings).await?;
    let of_settings = |warning: &String| {
        Finding::warning(Check::Settings, warning)
            .fix("correct the variable or flag that it names")
            .of("settings")
    };
    let mut findings: Vec<Finding> = settings.warnings.iter().map(of_settings).collect();
    let servers = servers::open(&settings, args.server.as_deref())?;
    let facts: Vec<Facts> = join_all(
        servers
            .iter()
            .map(|reached| Facts::ask(&reached.server, &reached.settings.endpoint, &reached.settings.http)),
    )
    .await;
    let now = k8s_openapi::jiff::Timestamp::now();
    findings.extend(facts.iter().flat_map(|facts| checks::server(facts, settings.servers.len(), now)));
    findings.extend(checks::peers(&facts));
    findings.extend(objects(args, &facts).await);
    Ok(findings)
}

/// What the source has. That there is none is no reason not to tell of Kea.
async fn objects(args: &DoctorArgs, facts: &[Facts]) -> Vec<Finding> {
    let (mut findings, readable) = match args.source.source {
        SourceArg::Kube => {
            let (found, readable) = cluster::cluster().await;
            (found.into_iter().map(|finding| finding.of("cluster")).collect(), readable)
        }
        SourceArg::Dir(_) => (vec![], true),
    };
    if !readable {
        return findings;
    }
    match args.source.look().await {
        Ok(source) => findings.extend(checks::objects(&read(&source), facts)),
        Err(error) => findings.push(
            Finding::error(Check::Objects, format!("the objects cannot be read: {error:#}"))
                .why("nothing is reserved or released for them")
                .fix("correct what the text names")
                .of("source"),
        ),
    }
    findings
}

fn read(source: &Source) -> Objects {
    let networks = source.namespaces.state().into_iter().map(|network| {
        let name = format!("{}/{}", network.namespace().unwrap_or_default(), network.name_any());
        (name, network.0.clone().map_err(|invalid| invalid.error))
    });
    let configurations = source.configurations.state().into_iter();
    Objects {
        networks: networks.collect(),
        configurations: configurations.filter_map(|object| object.read().ok()).collect(),
    }
}

fn table(findings: &[Finding]) -> String {
    let mut rows = vec![];
    let mut subject = "";
    for finding in findings {
        if finding.subject != subject {
            subject = &finding.subject;
            rows.push([styled(BOLD, subject), String::new(), String::new()]);
        }
        rows.push(row(finding));
        let more = [("why", &finding.why), ("fix", &finding.fix)];
        for (word, text) in more.into_iter().filter_map(|(word, text)| Some((word, text.as_ref()?))) {
            rows.push([String::new(), String::new(), format!("{} {text}", styled(DIM, format!("{word}:")))]);
        }
    }
    format!("{}\n{}\n", sections(&rows), summary(findings))
}

fn row(finding: &Finding) -> [String; 3] {
    let style = match finding.severity {
        Severity::Ok => GREEN,
        Severity::Info => BOLD,
        Severity::Warning => YELLOW,
        Severity::Error => RED,
    };
    [format!("  {}", styled(style, finding.severity)), finding.check.to_string(), finding.what.clone()]
}

/// The names of subjects have their lines to themselves, and make no column wide.
fn sections(rows: &[[String; 3]]) -> String {
    let is_name = |row: &[String; 3]| row[1].is_empty() && row[2].is_empty();
    let body: Vec<[String; 3]> = rows.iter().filter(|row| !is_name(row)).cloned().collect();
    let lines = columns(&body);
    let mut lines = lines.lines();
    let mut text = String::new();
    for row in rows {
        text.push_str(if is_name(row) { &row[0] } else { lines.next().unwrap_or_default() });
        text.push('\n');
    }
    text
}

fn summary(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counted = |severity, one: &str| match count(severity) {
        1 => format!("1 {one}"),
        many => format!("{many} {one}s"),
    };
    format!("{}, {}", counted(Severity::Error, "error"), counted(Severity::Warning, "warning"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_groups_by_subject_and_ends_with_a_summary() {
        let findings = [
            Finding::ok(Check::Reachable, "Kea 3.0.3 answers").of("unix:/a"),
            Finding::warning(Check::Leases, "leases are not written to disk").why("w").fix("f").of("unix:/a"),
            Finding::error(Check::Reachable, "cannot reach it").fix("start it").of("unix:/b"),
        ];
        let plain = anstream::adapter::strip_str(&table(&findings)).to_string();
        let expected = "\
unix:/a
  ok       reachable  Kea 3.0.3 answers
  warning  leases     leases are not written to disk
                      why: w
                      fix: f
unix:/b
  error    reachable  cannot reach it
                      fix: start it

1 error, 1 warning
";
        assert_eq!(plain, expected);
    }
}
