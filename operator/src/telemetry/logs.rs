//! Logs.

use clap::Args;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::flag;

/// How logs are written.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs")]
pub struct LogArgs {
    /// error, warn, info, debug or trace; also by module, such as info,kea_operator=debug
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,

    /// One JSON object a line, else text
    #[arg(long, env = "LOG_JSON_LOGGING", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub log_json_logging: bool,

    /// Colours, in text
    #[arg(long, env = "LOG_COLORIZE", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub log_colorize: bool,

    /// File and line of the code that wrote
    #[arg(long, env = "LOG_ADD_CALLER", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub log_add_caller: bool,
}

/// Starts logging to standard error.
pub fn init(args: &LogArgs) -> anyhow::Result<()> {
    let level = if args.log_level.trim().is_empty() { "info" } else { args.log_level.trim() };
    let filter = EnvFilter::try_new(level.to_ascii_lowercase()).map_err(|error| {
        anyhow::anyhow!("LOG_LEVEL {level:?}: {error}; write error, warn, info, debug or trace")
    })?;
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(args.log_colorize)
        .with_file(args.log_add_caller)
        .with_line_number(args.log_add_caller);
    let started = if args.log_json_logging {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        builder.try_init()
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
