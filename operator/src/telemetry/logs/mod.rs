//! Logs: what is written, how, and where. Always to standard error.

mod level;
mod panics;
mod text;

use clap::Args;
use tracing::Subscriber;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::OtherLayer;
use crate::config::flag;

/// How logs are written. Those that `DEVELOPMENT` changes have no default here.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Logs")]
pub struct LogArgs {
    /// error, warn, info, debug or trace; also by module, such as info,kube=debug [default: info]
    #[arg(long, env = "LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,

    /// One JSON object a line, else text [default: true]
    #[arg(long, env = "LOG_JSON_LOGGING", value_name = "BOOL", default_value = "", hide_default_value = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = switch)]
    pub log_json_logging: Switch,

    /// Colours, in text [default: false]
    #[arg(long, env = "LOG_COLORIZE", value_name = "BOOL", default_value = "", hide_default_value = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = switch)]
    pub log_colorize: Switch,

    /// File and line of the code that wrote [default: true]
    #[arg(long, env = "LOG_ADD_CALLER", value_name = "BOOL", default_value = "", hide_default_value = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = switch)]
    pub log_add_caller: Switch,

    /// Of a panic, a defect of the operator itself, log the place alone, without the calls that led there [default: false]
    #[arg(long, env = "LOG_DISABLE_STACKTRACE", value_name = "BOOL", default_value = "", hide_default_value = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = switch)]
    pub log_disable_stacktrace: Switch,

    /// The same, as the Go operator spells it
    #[arg(long, env = "LOG_DISABLE_STACKTRANCE", value_name = "BOOL", default_value = "", hide_default_value = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = switch)]
    pub log_disable_stacktrance: Switch,

    /// Line ends within a text are written as such, not as \n; in text, not in JSON [default: false]
    #[arg(long, env = "LOG_UNESCAPE_MULTILINE", value_name = "BOOL", default_value = "", hide_default_value = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = switch)]
    pub log_unescape_multiline: Switch,

    /// Logs for people who develop: level debug, as text, with colours, unless the settings of these say otherwise
    #[arg(long, env = "DEVELOPMENT", value_name = "BOOL", default_value = "", hide_default_value = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = switch)]
    pub development: Switch,
}

/// A boolean that may be left to its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switch(Option<bool>);

fn switch(text: &str) -> Result<Switch, String> {
    if text.trim().is_empty() { Ok(Switch(None)) } else { flag(text).map(|value| Switch(Some(value))) }
}

impl Switch {
    fn or(self, default: bool) -> bool {
        self.0.unwrap_or(default)
    }
}

/// Starts logging to standard error, of panics too. `others` see what is logged as well, by their own filters.
pub(super) fn init(args: &LogArgs, others: Option<OtherLayer>) -> anyhow::Result<()> {
    let logs = args.layer(std::io::stderr)?;
    tracing_subscriber::registry().with(others).with(logs).try_init()?;
    panics::log(args.stack_traces());
    Ok(())
}

impl LogArgs {
    fn stack_traces(&self) -> bool {
        !(self.log_disable_stacktrace.or(false) || self.log_disable_stacktrance.or(false))
    }

    fn layer<S, W>(&self, writer: W) -> anyhow::Result<Box<dyn Layer<S> + Send + Sync>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
        W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
    {
        let development = self.development.or(false);
        let default_level = if development { "debug" } else { "info" };
        let level = self.log_level.as_deref().map(str::trim).filter(|level| !level.is_empty());
        let filter = level::filter(level.unwrap_or(default_level))?;
        let caller = self.log_add_caller.or(true);
        let layer = fmt::layer().with_writer(writer).with_file(caller).with_line_number(caller);
        Ok(if self.log_json_logging.or(!development) {
            let json = layer.json().flatten_event(true).with_current_span(false).with_span_list(false);
            json.with_filter(filter).boxed()
        } else {
            let multiline = self.log_unescape_multiline.or(false);
            let text = layer.with_ansi(self.log_colorize.or(development)).fmt_fields(text::fields(multiline));
            text.with_filter(filter).boxed()
        })
    }
}

#[cfg(test)]
mod tests;
