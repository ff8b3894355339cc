//! What can go wrong with Kea, in classes that decide when to try again.

/// Classes of errors, after what helps against them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Kea is away, slow, or its answer was lost: it passes by itself.
    Network,
    /// Kea does not accept the credentials.
    Authentication,
    /// Kea, or something before it, does not permit the command.
    Permission,
    /// Kea refuses what was asked for: another configuration or object is needed.
    Validation,
    /// Kea lacks what the command needs.
    Resource,
}

/// An error of one command to Kea. Messages are the same for the same cause, so that a lasting error is reported once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeaError {
    /// No connection came about: nothing reached Kea.
    #[error(
        "cannot reach Kea at {server}: {cause}; check that it runs, and that KEA_URL and the network path to it are right"
    )]
    Unreachable {
        /// The endpoint.
        server: String,
        /// The operating system's reason.
        cause: String,
    },
    /// No connection came about in time: nothing reached Kea.
    #[error(
        "no connection to Kea at {server} came about within {seconds} s; check that its machine runs, and that no firewall drops what is sent to it"
    )]
    NoConnection {
        /// The endpoint.
        server: String,
        /// The limit.
        seconds: u64,
    },
    /// The connection broke; whether Kea did what it was asked for is not known.
    #[error(
        "the connection to Kea at {server} broke: {cause}; check that Kea runs, and what stands between it and the operator"
    )]
    Broken {
        /// The endpoint.
        server: String,
        /// The operating system's reason.
        cause: String,
    },
    /// Nothing was sent, since the server failed again and again. It reads as the failure, which is still the reason.
    #[error("{cause}")]
    Suspended {
        /// The endpoint.
        server: String,
        /// The last failure.
        cause: Box<KeaError>,
    },
    /// Nothing was sent, since what TLS or authentication needs is not there.
    #[error("Kea at {server} is not asked yet: {cause}")]
    NotReady {
        /// The endpoint.
        server: String,
        /// What is missing, and how it comes.
        cause: String,
    },
    /// No agreement on TLS.
    #[error(
        "TLS with Kea at {server} failed: {cause}; check KEA_TLS_CA_FILE, KEA_TLS_SERVER_NAME and the client certificate"
    )]
    Tls {
        /// The endpoint.
        server: String,
        /// The TLS library's reason.
        cause: String,
    },
    /// No complete answer in time.
    #[error(
        "Kea at {server} did not answer within {seconds} s; check its load, or raise KEA_TIMEOUT_SECONDS"
    )]
    Timeout {
        /// The endpoint.
        server: String,
        /// The command.
        command: String,
        /// The limit.
        seconds: u64,
    },
    /// HTTP 401.
    #[error(
        "Kea at {server} does not accept the credentials; check KEA_BASIC_AUTH_USERNAME and KEA_BASIC_AUTH_PASSWORD, or the client certificate"
    )]
    Unauthorized {
        /// The endpoint.
        server: String,
    },
    /// HTTP 403 or 407.
    #[error(
        "Kea at {server} does not permit {command} (HTTP {status}); permit it in Kea's access control, or in the proxy before it"
    )]
    Forbidden {
        /// The endpoint.
        server: String,
        /// The command.
        command: String,
        /// The HTTP status.
        status: u16,
    },
    /// Any other HTTP status that is no success.
    #[error(
        "Kea at {server} answered with HTTP status {status}; check that KEA_URL leads to Kea and not to something before it"
    )]
    HttpStatus {
        /// The endpoint.
        server: String,
        /// The command.
        command: String,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that is none of Kea's.
    #[error("an answer of {server} is not Kea's: {cause}; check that KEA_URL leads to Kea")]
    Malformed {
        /// The endpoint.
        server: String,
        /// The command.
        command: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Result 2, or a command that the server does not list.
    #[error("Kea at {server} does not support {command}; {remedy}")]
    Unsupported {
        /// The endpoint.
        server: String,
        /// The command.
        command: String,
        /// What to load.
        remedy: String,
    },
    /// Result 1, or another that is no success.
    #[error("Kea at {server} refused {command}: {text}")]
    Refused {
        /// The endpoint.
        server: String,
        /// The command.
        command: String,
        /// Kea's own text.
        text: String,
    },
    /// A server that should share a host database with another does not see what was written there.
    #[error(
        "Kea at {server} does not have what was written to {other}; give both the same hosts-databases, or set \
         KEA_SHARED_HOST_DATABASE to auto"
    )]
    NotShared {
        /// The endpoint.
        server: String,
        /// The one that was written to.
        other: String,
    },
}

impl KeaError {
    /// What helps against it.
    pub fn class(&self) -> ErrorClass {
        match self {
            // An answer that is not Kea's comes from something that stands in for it while it is away.
            Self::Unreachable { .. }
            | Self::NoConnection { .. }
            | Self::Broken { .. }
            | Self::Suspended { .. }
            | Self::NotReady { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::Malformed { .. } => ErrorClass::Network,
            Self::HttpStatus { status, .. } if *status >= 500 || matches!(status, 408 | 429) => {
                ErrorClass::Network
            }
            Self::HttpStatus { .. } | Self::Refused { .. } | Self::NotShared { .. } => ErrorClass::Validation,
            Self::Unauthorized { .. } => ErrorClass::Authentication,
            Self::Forbidden { .. } => ErrorClass::Permission,
            Self::Unsupported { .. } => ErrorClass::Resource,
        }
    }

    /// Whether Kea itself said so, and not something before it, or nobody.
    pub fn is_keas(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unsupported { .. } | Self::Forbidden { .. })
    }
}
