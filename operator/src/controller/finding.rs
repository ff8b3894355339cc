//! What one look at an object came to: all that its status is made of.

use ipnet::IpNet;

use super::creation::CreationError;
use super::dereference::DereferenceError;
use super::pace::Wait;
use super::validate::{Remembered, ValidateError};
use crate::domain::{Interface, NetworkOptions, Outcome, Subnet, SubnetError, View};
use crate::kea::{ErrorClass, KeaError};

/// The result of one look at an object.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The Kea servers, the one to believe first.
    pub servers: Vec<Attended>,
    /// Prefix of the NetworkNamespace, where known.
    pub prefix: Option<IpNet>,
    /// Kea's subnet for it, where known.
    pub subnet: Option<Subnet>,
    /// What is to be said of the subnet, though it serves.
    pub caveat: Option<Caveat>,
    /// What the subnet tells its devices about their network, where known.
    pub options: Option<NetworkOptions>,
    /// The interfaces of the spec and what became of them.
    pub interfaces: Vec<(Interface, Outcome)>,
    /// Reservations that the object may still have and does not wish for.
    pub unreleased: Vec<Remembered>,
    /// What is in the way of knowing more, on every server.
    pub obstacle: Option<Obstacle>,
}

/// What is not as it should be with a subnet that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caveat {
    /// The operator made it, and it is lost when Kea restarts; why.
    NotPersisted(String),
    /// Servers have different ones; which.
    NumbersDiffer(String),
}

impl Caveat {
    /// Where servers have different subnets for a prefix.
    pub fn of_views(views: &[View]) -> Option<Self> {
        let first = views.first()?;
        if views.iter().all(|view| view.subnet == first.subnet) {
            return None;
        }
        let each: Vec<String> =
            views.iter().map(|view| format!("{} on {}", view.subnet, view.server)).collect();
        Some(Self::NumbersDiffer(each.join(", ")))
    }
}

/// One server, as the object found it.
#[derive(Clone, Debug)]
pub struct Attended {
    /// What it is called in messages.
    pub name: String,
    /// Why it is not as the object wishes.
    pub trouble: Option<Obstacle>,
}

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The NetworkNamespace is not known.
    #[error(transparent)]
    Namespace(#[from] DereferenceError),
    /// Its prefix leads to no subnet.
    #[error(transparent)]
    Subnet(#[from] ValidateError),
    /// It leads to no subnet, and none can be made.
    #[error(transparent)]
    Creation(#[from] CreationError),
    /// Kea.
    #[error(transparent)]
    Kea(#[from] KeaError),
}

impl Obstacle {
    /// Whether Kea had to be asked to find it.
    pub fn is_after_kea(&self) -> bool {
        match self {
            Self::Namespace(_) => false,
            Self::Subnet(error) => {
                matches!(
                    error,
                    ValidateError::Subnet(SubnetError::NotFound { .. } | SubnetError::Ambiguous { .. })
                )
            }
            Self::Creation(_) | Self::Kea(_) => true,
        }
    }

    /// Whether it is expected to go without anybody's doing.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Subnet(ValidateError::NotReady { phase, .. }) if phase != "Error")
    }

    /// Whether it keeps a server from being reached, so that every object misses something there.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Kea(error)
            if matches!(error.class(), ErrorClass::Network | ErrorClass::Authentication))
    }

    /// How long to wait for it to go.
    pub fn wait(&self) -> Wait {
        match self {
            Self::Kea(error) => match error.class() {
                ErrorClass::Network => Wait::Retry,
                ErrorClass::Authentication | ErrorClass::Permission => Wait::AUTHENTICATION,
                ErrorClass::Validation | ErrorClass::Resource => Wait::RESOURCE,
            },
            _ if self.is_after_kea() => Wait::RESOURCE,
            // The watch on NetworkNamespaces tells when this changes.
            _ => Wait::Change,
        }
    }
}

impl Finding {
    /// How long the object can be left alone.
    pub fn wait(&self) -> Wait {
        if let Some(obstacle) = &self.obstacle {
            return obstacle.wait();
        }
        let any = |some: fn(&Outcome) -> bool| self.interfaces.iter().any(|(_, outcome)| some(outcome));
        if any(|o| matches!(o, Outcome::Waiting { .. } | Outcome::Unknown)) {
            Wait::Retry
        } else if any(|o| matches!(o, Outcome::Conflict { .. } | Outcome::Refused { .. })) {
            Wait::RESOURCE
        } else {
            // A server that is away brings all objects back when it returns; anything else is for the object to try again.
            let troubles = self.servers.iter().filter_map(|server| server.trouble.as_ref());
            troubles.map(Obstacle::wait).find(|wait| *wait != Wait::Retry).unwrap_or(Wait::RESYNC)
        }
    }

    /// Names of the servers that answered, or of all where none did.
    pub fn answering(&self) -> String {
        let names = |all: bool| {
            let chosen = self.servers.iter().filter(|server| all || server.trouble.is_none());
            chosen.map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        match names(false) {
            none if none.is_empty() => names(true),
            some => some,
        }
    }
}
