//! The commands that the operator uses.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::dialect::SubnetDialect;
use super::reply::Code;
use super::{KeaError, Repeat, Server, wire};
use crate::domain::{Lease, Mac, Owner, Reservation, Subnet};

/// What became of a reservation that was to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addition {
    /// It is there.
    Added,
    /// Kea refused it, with this text.
    Refused(String),
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

    /// All leases of a device, valid or not.
    pub async fn leases(&self, mac: Mac) -> Result<Vec<Lease>, KeaError> {
        self.dialect().await?;
        let command = "lease4-get-by-hw-address";
        match self.found(command, Some(json!({"hw-address": mac.to_string()}))).await? {
            None => Ok(vec![]),
            Some(arguments) => wire::leases(&arguments).map_err(|cause| self.malformed(command, &cause)),
        }
    }

    /// The reservation of a device in a subnet.
    pub async fn reservation_of(&self, subnet_id: u32, mac: Mac) -> Result<Option<Reservation>, KeaError> {
        self.reservation(identified(subnet_id, mac)).await
    }

    /// The reservation of an address in a subnet.
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

    /// Reserves `address` for a device, marked as `owner`'s.
    pub async fn add(
        &self,
        subnet_id: u32,
        mac: Mac,
        address: IpAddr,
        owner: &Owner,
    ) -> Result<Addition, KeaError> {
        let command = self.dialect().await?.reservation_command("add");
        let reservation = json!({
            "subnet-id": subnet_id,
            "hw-address": mac.to_string(),
            "ip-address": address,
            "user-context": owner.user_context(),
        });
        let reply = self.call(&command, Some(json!({ "reservation": reservation })), Repeat::Never).await?;
        match reply.code {
            Code::Success => Ok(Addition::Added),
            _ => Ok(Addition::Refused(reply.text)),
        }
    }

    /// Removes the reservation of a device; that there is none is as good.
    pub async fn remove(&self, subnet_id: u32, mac: Mac) -> Result<(), KeaError> {
        let command = self.dialect().await?.reservation_command("del");
        self.found(&command, Some(identified(subnet_id, mac))).await.map(|_| ())
    }
}

fn identified(subnet_id: u32, mac: Mac) -> Value {
    json!({"subnet-id": subnet_id, "identifier-type": "hw-address", "identifier": mac.to_string()})
}
