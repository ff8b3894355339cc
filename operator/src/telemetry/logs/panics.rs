//! Panics, in the log like everything else.

use std::backtrace::Backtrace;
use std::panic;

/// Logs each panic from now on, with the calls that led there if `stack_trace`.
pub(super) fn log(stack_trace: bool) {
    panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let cause = panic.payload_as_str().unwrap_or("no reason given");
        if stack_trace {
            let stack_trace = Backtrace::force_capture();
            tracing::error!(place, %stack_trace, "panic, a defect of kea-operator: {cause}");
        } else {
            tracing::error!(place, "panic, a defect of kea-operator: {cause}");
        }
    }));
}
