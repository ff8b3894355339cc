//! Real parts in network namespaces, for the integration tests and the demo: Kea daemons, DHCP clients on
//! cables of their own, and what keeps them in order. Linux, root.
//!
//! Nothing outlives its owner: every child process is killed by the kernel when the process that started it
//! dies, and a namespace is gone with the last process in it, so that even SIGKILL leaves no more than a
//! temporary folder, which the next run removes.

pub mod process;
pub mod wait;
pub mod workdir;

pub use process::Process;
pub use wait::{interrupt, is_interrupted, try_wait_for, wait_for};
pub use workdir::Workdir;
