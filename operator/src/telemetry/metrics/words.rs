//! Values of labels that are one of a few words.

use std::borrow::Cow;

use crate::kea::{ErrorClass, KeaError};

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$meaning])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The one with that word.
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.word() == word)
            }

            /// As it is scraped.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl From<$name> for Cow<'static, str> {
            fn from(value: $name) -> Self {
                Self::Borrowed(value.word())
            }
        }
    };
}

words! {
    /// What an error is about: the classes of the documents, and the object's source.
    ErrorType {
        /// Kea is away or slow.
        Network = "network",
        /// Kea does not accept the credentials.
        Authentication = "authentication",
        /// Kea does not permit a command.
        Permission = "permission",
        /// Something asked for is refused or wrong: in the object, or by Kea.
        Validation = "validation",
        /// Something is missing in Kea: a command, a subnet.
        Resource = "resource",
        /// Another reservation is in the way.
        Conflict = "conflict",
        /// The cluster or the folder did not take a write.
        Source = "source",
    }
}

impl From<ErrorClass> for ErrorType {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::Network => Self::Network,
            ErrorClass::Authentication => Self::Authentication,
            ErrorClass::Permission => Self::Permission,
            ErrorClass::Validation => Self::Validation,
            ErrorClass::Resource => Self::Resource,
        }
    }
}

words! {
    /// What one command to Kea came to.
    CommandResult {
        /// Kea did it.
        Success = "success",
        /// Kea says that there is nothing of the kind.
        Empty = "empty",
        /// Kea is away or slow.
        Network = "network",
        /// Kea does not accept the credentials.
        Authentication = "authentication",
        /// Kea does not permit the command.
        Permission = "permission",
        /// Kea refused it.
        Validation = "validation",
        /// Kea lacks the command.
        Resource = "resource",
        /// It was not sent: the breaker is open, or what TLS or authentication needs is not there.
        NotSent = "not_sent",
    }
}

impl From<&KeaError> for CommandResult {
    fn from(error: &KeaError) -> Self {
        match error.class() {
            _ if matches!(error, KeaError::Suspended { .. } | KeaError::NotReady { .. }) => Self::NotSent,
            ErrorClass::Network => Self::Network,
            ErrorClass::Authentication => Self::Authentication,
            ErrorClass::Permission => Self::Permission,
            ErrorClass::Validation => Self::Validation,
            ErrorClass::Resource => Self::Resource,
        }
    }
}

words! {
    /// Place of a server among the servers of one Kea.
    ServerType {
        /// The one that is asked first.
        Primary = "primary",
        /// One that takes its place.
        Secondary = "secondary",
    }
}

impl ServerType {
    /// The places of servers in their order, without end.
    pub fn places() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Primary).chain(std::iter::repeat(Self::Secondary))
    }
}

words! {
    /// Which addresses of a subnet are counted.
    AddressState {
        /// All that are in its pools.
        Total = "total",
        /// Those in use, declined ones too.
        Assigned = "assigned",
        /// Those that a device declined.
        Declined = "declined",
    }
}

words! {
    /// What is done to a reservation.
    ReservationOperation {
        /// Made.
        Add = "add",
        /// Changed.
        Update = "update",
        /// Removed.
        Remove = "remove",
        /// Taken over: it was there, identical and without owner.
        Adopt = "adopt",
    }
}

words! {
    /// What one operation on a reservation came to.
    OperationStatus {
        /// Done.
        Success = "success",
        /// Another reservation is in the way.
        Conflict = "conflict",
        /// Not done, for another reason.
        Error = "error",
    }
}

words! {
    /// Phase of an object, as in its status.
    Phase {
        /// Every interface has its reservation.
        Ready = "Ready",
        /// Something is awaited.
        Reconciling = "Reconciling",
        /// Something has to be put right.
        Error = "Error",
        /// It is deleted, and not released yet.
        Deleting = "Deleting",
    }
}

words! {
    /// Why an object is left alone.
    SkipReason {
        /// Its provider is another's.
        Provider = "provider",
        /// Its NetworkNamespace does not allocate by DHCP, or with another provider.
        Allocation = "allocation",
        /// It is deleted and was never claimed.
        Deleted = "deleted",
        /// It cannot be read.
        Malformed = "malformed",
    }
}

words! {
    /// What one reconciliation, one write or one sweep came to.
    Outcome {
        /// Done.
        Success = "success",
        /// Not done.
        Error = "error",
    }
}

words! {
    /// What a sweep for orphans came to.
    SweepResult {
        /// Everything was looked at.
        Done = "done",
        /// Held by the brake: too much would have gone.
        Stopped = "stopped",
        /// Not finished: Kea or the source failed.
        Error = "error",
    }
}
