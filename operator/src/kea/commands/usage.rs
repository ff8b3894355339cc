//! How many addresses of each subnet are in use: one command for all subnets.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::super::{KeaError, Server};
use crate::domain::Usage;

/// Counts the leases in the lease database, which servers may share (Kea's hook `libdhcp_stat_cmds.so`).
pub(in crate::kea) const OF_DATABASE: &str = "stat-lease4-get";
/// Every Kea has it; it tells what this server has counted, of all that it counts.
const OF_SERVER: &str = "statistic-get-all";

/// Reads the arguments of a reply.
type Reading = fn(&Value) -> Result<HashMap<u32, Usage>, String>;

impl Server {
    /// How many addresses of each subnet, by its number, are in use.
    pub async fn usage(&self) -> Result<HashMap<u32, Usage>, KeaError> {
        let (command, arguments, read): (_, _, Reading) = if self.dialect().await?.counts_leases {
            (OF_DATABASE, Some(json!({})), of_database)
        } else {
            (OF_SERVER, None, of_server)
        };
        match self.found(command, arguments).await? {
            Some(told) => read(&told).map_err(|cause| self.malformed(command, &cause)),
            None => Ok(HashMap::new()),
        }
    }
}

/// A table with a row for each subnet.
fn of_database(told: &Value) -> Result<HashMap<u32, Usage>, String> {
    let set = &told["result-set"];
    let columns = set["columns"].as_array().ok_or("\"columns\" is no list")?;
    let rows = set["rows"].as_array().ok_or("\"rows\" is no list")?;
    let place = |name: &str| {
        columns.iter().position(|column| column == name).ok_or(format!("the column {name:?} is missing"))
    };
    let (subnet, total) = (place("subnet-id")?, place("total-addresses")?);
    let (assigned, declined) = (place("assigned-addresses")?, place("declined-addresses")?);
    let row = |row: &Value| {
        let usage = Usage {
            total: number(&row[total])?,
            assigned: number(&row[assigned])?,
            declined: number(&row[declined])?,
        };
        Some((u32::try_from(row[subnet].as_u64()?).ok()?, usage))
    };
    rows.iter().map(|told| row(told).ok_or_else(|| "a row is malformed".to_owned())).collect()
}

/// Everything that the server counts, each with its latest values, the newest first: `"subnet[1].total-addresses": [[9, "…"], …]`.
/// Those of a pool have a longer name.
fn of_server(told: &Value) -> Result<HashMap<u32, Usage>, String> {
    let statistics: &Map<String, Value> = told.as_object().ok_or("its arguments are no map")?;
    let mut usage: HashMap<u32, Usage> = HashMap::new();
    for (name, values) in statistics {
        let Some((subnet, what)) = name.strip_prefix("subnet[").and_then(|rest| rest.split_once("].")) else {
            continue;
        };
        let set: fn(&mut Usage, u64) = match what {
            "total-addresses" => |usage, number| usage.total = number,
            "assigned-addresses" => |usage, number| usage.assigned = number,
            "declined-addresses" => |usage, number| usage.declined = number,
            _ => continue,
        };
        let subnet: u32 = subnet.parse().map_err(|_| format!("{name:?} names no subnet"))?;
        let number = number(&values[0][0]).ok_or_else(|| format!("{name:?} is no number"))?;
        set(usage.entry(subnet).or_default(), number);
    }
    Ok(usage)
}

/// Kea's counters fall below zero where it was told of the end of more leases than of beginnings.
fn number(value: &Value) -> Option<u64> {
    value.as_i64().map(|number| number.max(0).cast_unsigned()).or_else(|| value.as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(total: u64, assigned: u64, declined: u64) -> Usage {
        Usage { total, assigned, declined }
    }

    #[test]
    fn the_table_of_the_lease_database() {
        let told = json!({"result-set": {
            "columns": ["subnet-id", "total-addresses", "cumulative-assigned-addresses", "assigned-addresses", "declined-addresses"],
            "rows": [[1, 256, 300, 111, 2], [4_294_967_294_u32, 16_777_216, 0, 0, 0]],
            "timestamp": "2018-05-04 15:03:37.000000",
        }});
        let read = of_database(&told).unwrap();
        assert_eq!(read[&1], usage(256, 111, 2));
        assert_eq!(read[&4_294_967_294], usage(16_777_216, 0, 0));
        for wrong in [
            json!({}),
            json!({"result-set": {"columns": ["subnet-id"], "rows": []}}),
            json!({"result-set": {"columns": told["result-set"]["columns"], "rows": [[1, "x"]]}}),
        ] {
            of_database(&wrong).unwrap_err();
        }
    }

    #[test]
    fn what_the_server_has_counted_without_its_pools() {
        let told = json!({
            "pkt4-received": [[7, "t"]],
            "subnet[1].total-addresses": [[200, "t"]],
            "subnet[1].assigned-addresses": [[3, "newest"], [2, "t"]],
            "subnet[1].declined-addresses": [[1, "t"]],
            "subnet[1].pool[0].total-addresses": [[100, "t"]],
            "subnet[22].assigned-addresses": [[-1, "t"]],
        });
        let read = of_server(&told).unwrap();
        assert_eq!((read[&1], read[&22], read.len()), (usage(200, 3, 1), usage(0, 0, 0), 2));
        of_server(&json!({"subnet[x].total-addresses": [[1, "t"]]})).unwrap_err();
        of_server(&json!({"subnet[1].total-addresses": []})).unwrap_err();
    }

    #[test]
    fn more_leases_than_pools_leave_nothing() {
        assert_eq!((usage(10, 3, 1).available(), usage(10, 12, 0).available()), (7, 0));
    }
}
