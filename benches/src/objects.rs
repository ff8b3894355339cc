//! The objects of the measurements: each has a number, from which its devices follow.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use crate::clients::{SUBNET, SUBNET_ID, address, mac};

/// Devices of an object.
pub const MACS: u32 = 2;

/// Seconds that a lease lasts.
const LIFETIME: u64 = 86_400;

/// The devices of an object, as numbers of clients.
pub fn devices(object: u32) -> std::ops::Range<u32> {
    object * MACS..(object + 1) * MACS
}

/// The network of all objects.
pub fn network_namespace() -> Value {
    json!({
        "apiVersion": "vitistack.io/v1alpha1",
        "kind": "NetworkNamespace",
        "metadata": { "name": "lab" },
        "spec": { "datacenterIdentifier": "lab", "supervisorIdentifier": "lab" },
        "status": { "ipv4Prefix": SUBNET },
    })
}

/// The name of an object.
pub fn name(object: u32) -> String {
    format!("vm-{object:05}")
}

/// An object.
pub fn configuration(object: u32) -> Value {
    let interfaces: Vec<Value> = devices(object)
        .enumerate()
        .map(|(place, client)| json!({ "name": format!("eth{place}"), "macAddress": mac(client) }))
        .collect();
    json!({
        "apiVersion": "vitistack.io/v1alpha1",
        "kind": "NetworkConfiguration",
        "metadata": { "name": name(object) },
        "spec": { "name": name(object), "networkNamespaceName": "lab", "networkInterfaces": interfaces },
    })
}

/// Writes a lease for each device of these objects into a file that Kea 3.0 reads at its start.
pub fn write_leases(path: &Path, objects: std::ops::Range<u32>) -> Result<()> {
    let now = std::time::UNIX_EPOCH.elapsed()?.as_secs();
    let mut text =
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,\
                    user_context,pool_id\n"
            .to_owned();
    for client in objects.flat_map(devices) {
        let (address, mac, expire) = (address(client), mac(client), now + LIFETIME);
        writeln!(text, "{address},{mac},,{LIFETIME},{expire},{SUBNET_ID},0,0,,0,,0")?;
    }
    Ok(fs::write(path, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_devices_of_their_own() {
        assert_eq!((devices(0), devices(7)), (0..2, 14..16));
        let object = configuration(7);
        assert_eq!(object["spec"]["networkInterfaces"][1]["macAddress"], mac(15));
    }

    #[test]
    fn a_line_for_each_lease() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("leases.csv");
        write_leases(&file, 0..3).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), 7);
        assert!(text.contains(&format!("\n{},{},", address(5), mac(5))), "{text}");
    }
}
