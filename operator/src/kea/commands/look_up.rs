//! Leases and reservations of many devices.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::super::dialect::ReservationDialect;
use super::super::{KeaError, Server, wire};
use super::{AT_A_TIME, BULK};
use crate::domain::{Known, Mac};

impl Server {
    /// What the server knows of each of `macs`, in all its subnets. With our hook, reservations are told in short.
    pub async fn look_up(&self, macs: &[Mac]) -> Result<Vec<Known>, KeaError> {
        match self.dialect().await?.reservations {
            ReservationDialect::Ext => self.resolve(macs).await,
            ReservationDialect::Stock => {
                let macs = macs.to_vec();
                stream::iter(macs).map(|mac| self.look_up_one(mac)).buffered(AT_A_TIME).try_collect().await
            }
        }
    }

    async fn resolve(&self, macs: &[Mac]) -> Result<Vec<Known>, KeaError> {
        let command = "ext-lease-resolve";
        let mut known = Vec::with_capacity(macs.len());
        for some in macs.chunks(BULK) {
            let identifiers: Vec<String> = some.iter().map(ToString::to_string).collect();
            let arguments = json!({"identifier-type": "hw-address", "identifiers": identifiers});
            self.metrics().kea_batch_sent(self.name(), command, some.len());
            let answer = self.found(command, Some(arguments)).await?.unwrap_or_default();
            known.extend(wire::resolved(&answer, some).map_err(|cause| self.malformed(command, &cause))?);
        }
        Ok(known)
    }

    async fn look_up_one(&self, mac: Mac) -> Result<Known, KeaError> {
        let command = "lease4-get-by-hw-address";
        let arguments = json!({"hw-address": mac.to_string()});
        let leases = match self.found(command, Some(arguments)).await? {
            None => vec![],
            Some(answer) => wire::leases(&answer).map_err(|cause| self.malformed(command, &cause))?,
        };
        let command = "reservation-get-by-id";
        let arguments = json!({"identifier-type": "hw-address", "identifier": mac.to_string()});
        let mut reservations = match self.found(command, Some(arguments)).await? {
            None => vec![],
            Some(answer) => wire::reservations(&answer).map_err(|cause| self.malformed(command, &cause))?,
        };
        // What is both in memory and in a database is served from memory, which comes first.
        let mut seen = std::collections::BTreeSet::new();
        reservations.retain(|found| seen.insert(found.subnet_id));
        Ok(Known { leases, reservations })
    }
}
