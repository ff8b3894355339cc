//! The commands that the operator uses, in the dialect that the server speaks.

mod availability;
mod change;
mod counts;
mod events;
mod life;
mod look_up;
mod stock;
mod subnet_add;
mod usage;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::dialect::SubnetDialect;
use super::{KeaError, Server, databases_of, wire, wire_options};
use crate::domain::{Mac, NetworkOptions, Reservation, Subnet};

pub use availability::Availability;
pub(super) use availability::HEARTBEAT;
pub use change::{Change, Changed};
pub use events::{Bookmark, Happening, News, What};
pub use life::Life;
pub(super) use usage::OF_DATABASE as COUNTS_LEASES;

/// How many items one bulk command has at most: what the hook does in some 10 ms (docs/hook.md, ext-reservation-apply).
const BULK: usize = 1000;
/// How many commands for single items are under way at a time, on one server.
const AT_A_TIME: usize = 5;

/// What a server's configuration says.
pub struct Configuration {
    /// What each of its subnets, by number, tells its devices about their network.
    pub options: HashMap<u32, NetworkOptions>,
    /// Its host databases, where they are such as servers can share.
    pub databases: Option<Arc<str>>,
}

impl Server {
    /// All subnets of the server.
    pub async fn subnets(&self) -> Result<Vec<Subnet>, KeaError> {
        let dialect = self.dialect().await?.subnets;
        let command = dialect.command();
        let Some(arguments) = self.found(command, None).await? else {
            return Ok(vec![]);
        };
        let subnets = match dialect {
            SubnetDialect::Ext | SubnetDialect::Stock => wire::subnets_of_list(&arguments),
            SubnetDialect::Config => wire::subnets_of_config(&arguments),
        };
        subnets.map_err(|cause| self.malformed(command, &cause))
    }

    /// What its configuration says, of what the operator has to know.
    pub async fn configuration(&self) -> Result<Configuration, KeaError> {
        let command = "config-get";
        let arguments = self.found(command, None).await?.unwrap_or_default();
        let options = wire_options::options_of_config(&arguments);
        let options = options.map_err(|cause| self.malformed(command, &cause))?;
        Ok(Configuration { options, databases: databases_of(&arguments) })
    }

    /// The reservation of a device in a subnet, as a whole.
    pub async fn reservation_of(&self, subnet_id: u32, mac: Mac) -> Result<Option<Reservation>, KeaError> {
        self.reservation(identified(subnet_id, mac)).await
    }

    /// The reservation of an address in a subnet, as a whole.
    pub async fn reservation_at(
        &self,
        subnet_id: u32,
        address: IpAddr,
    ) -> Result<Option<Reservation>, KeaError> {
        self.reservation(json!({"subnet-id": subnet_id, "ip-address": address})).await
    }

    async fn reservation(&self, arguments: Value) -> Result<Option<Reservation>, KeaError> {
        let command = self.dialect().await?.reservation_command("get");
        match self.found(&command, Some(arguments)).await? {
            None => Ok(None),
            Some(host) => {
                wire::reservation(&host).map(Some).map_err(|cause| self.malformed(&command, &cause))
            }
        }
    }
}

fn identified(subnet_id: u32, mac: Mac) -> Value {
    json!({"subnet-id": subnet_id, "identifier-type": "hw-address", "identifier": mac.to_string()})
}
