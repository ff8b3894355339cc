//! What is logged.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

/// Modules of the operator.
const OWN: &str = env!("CARGO_CRATE_NAME");

/// Reads a level, or a list of `module=level` with a level for all others. Libraries are heard in detail only where they
/// are named: what they say of the wire is much, and may hold what must not be logged.
pub(super) fn filter(text: &str) -> anyhow::Result<EnvFilter> {
    let wrong = |why: &str| {
        anyhow::anyhow!(
            "LOG_LEVEL {text:?}: {why}; write error, warn, info, debug or trace, or such as info,kube=debug"
        )
    };
    let mut filter = EnvFilter::default();
    let (levels, modules): (Vec<&str>, Vec<&str>) =
        text.split(',').map(str::trim).partition(|part| !part.contains('='));
    match levels.as_slice() {
        [] => {}
        [one] => {
            let level = level(one).ok_or_else(|| wrong(&format!("{one:?} is no level")))?;
            let own: Directive = format!("{OWN}={level}").parse()?;
            filter = filter.add_directive(level.min(LevelFilter::INFO).into()).add_directive(own);
        }
        _ => return Err(wrong("it has two levels for everything")),
    }
    for part in modules {
        let (module, name) = part.rsplit_once('=').unwrap_or_default();
        let level = level(name).ok_or_else(|| wrong(&format!("{name:?} is no level")))?;
        let directive: Result<Directive, _> = format!("{}={level}", module.trim()).parse();
        filter = filter.add_directive(directive.map_err(|_| wrong(&format!("{module:?} is no module")))?);
    }
    Ok(filter)
}

/// A level by its name, also by those that Go's loggers use.
fn level(name: &str) -> Option<LevelFilter> {
    match name.trim().to_ascii_lowercase().as_str() {
        "trace" => Some(LevelFilter::TRACE),
        "debug" => Some(LevelFilter::DEBUG),
        "info" => Some(LevelFilter::INFO),
        "warn" | "warning" => Some(LevelFilter::WARN),
        "error" | "fatal" | "panic" => Some(LevelFilter::ERROR),
        "off" => Some(LevelFilter::OFF),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("info", "kea_operator=info,info")]
    #[case("WARNING", "kea_operator=warn,warn")]
    #[case("debug", "kea_operator=debug,info")]
    #[case("error, kube=trace", "kea_operator=error,kube=trace,error")]
    #[case("info,kea_operator=debug", "kea_operator=debug,info")]
    fn readable(#[case] text: &str, #[case] directives: &str) {
        let mut parts: Vec<String> =
            filter(text).unwrap().to_string().split(',').map(str::to_owned).collect();
        parts.sort_by_key(|part| (!part.contains('='), part.clone()));
        assert_eq!(parts.join(","), directives);
    }

    #[rstest]
    #[case("loud", "\"loud\" is no level")]
    #[case("info,debug", "two levels")]
    #[case("kube=loud", "\"loud\" is no level")]
    fn not_readable(#[case] text: &str, #[case] why: &str) {
        let error = filter(text).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("LOG_LEVEL"), "{error}");
    }
}
