//! `kea-operator explain`: everything about one object, device or address, on one page.

mod page;

use std::net::IpAddr;

use clap::Args;
use kube::ResourceExt;
use serde_json::json;

use super::output::OutputArgs;
use super::plan::Difference;
use super::stage::{Stage, StageArgs, block_on, name};
use crate::crd::NetworkConfiguration;
use crate::domain::{Identifier, Mac};
use crate::kea::Server;
use page::{Device, Held, Leased, Object, OnServer, Page, Report};

/// Shown below the options.
pub const HELP: &str = "\
Nothing is changed.

Examples:
  kea-operator explain team-a/vm1
  kea-operator explain 52:54:00:12:34:56
  kea-operator explain 10.100.1.20 --source dir:/etc/kea-operator --kea-url unix:/run/kea/kea4-ctrl-socket";

/// What `explain` takes.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A NetworkConfiguration (namespace/name or name), a MAC address, or an IP address
    #[arg(value_name = "OBJECT|MAC|ADDRESS")]
    subject: String,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    stage: StageArgs,
}

/// Prints the page.
pub fn explain(args: &ExplainArgs) -> anyhow::Result<()> {
    let page = block_on(async {
        let stage = args.stage.open(|rules| rules).await?;
        write(&stage, args.subject.trim()).await
    })?;
    args.output.print(&page, Page::to_string)
}

async fn write(stage: &Stage, subject: &str) -> anyhow::Result<Page> {
    let mut page = Page::default();
    let objects = if let Ok(address) = subject.parse::<IpAddr>() {
        let macs = of_address(stage, address, &mut page).await;
        with_macs(stage, &macs, Some(address))
    } else if let Ok(mac) = subject.parse::<Mac>() {
        page.devices.push(Device { name: None, mac: mac.to_string(), servers: vec![] });
        with_macs(stage, &[mac], None)
    } else {
        stage.objects(&[subject.to_owned()])?
    };
    for object in &objects {
        for interface in &object.spec.network_interfaces {
            page.add_device(interface.name.clone(), interface.mac_address.as_deref().unwrap_or_default());
        }
        page.objects.push(of_object(stage, object).await?);
    }
    for device in &mut page.devices {
        let Ok(mac) = device.mac.parse() else { continue };
        for server in &stage.servers {
            device.servers.push(of_device(server, mac).await);
        }
    }
    Ok(page)
}

/// Devices that have an address leased or reserved.
async fn of_address(stage: &Stage, address: IpAddr, page: &mut Page) -> Vec<Mac> {
    let mut macs = vec![];
    for server in &stage.servers {
        match holders(server, address).await {
            Ok(found) => macs.extend(found),
            Err(error) => page.troubles.push(error.to_string()),
        }
    }
    macs.sort_unstable();
    macs.dedup();
    for mac in &macs {
        page.add_device(None, &mac.to_string());
    }
    macs
}

async fn holders(server: &Server, address: IpAddr) -> Result<Vec<Mac>, crate::kea::KeaError> {
    let lease = server.found("lease4-get", Some(json!({"ip-address": address}))).await?.unwrap_or_default();
    let mut macs: Vec<Mac> =
        lease["hw-address"].as_str().and_then(|text| text.parse().ok()).into_iter().collect();
    for subnet in server.subnets().await?.iter().filter(|subnet| subnet.prefix.contains(&address)) {
        let there = server.reservation_at(subnet.id, address).await?;
        if let Some(Identifier::HwAddress(mac)) = there.map(|there| there.identifier) {
            macs.push(mac);
        }
    }
    Ok(macs)
}

/// Objects whose spec has one of the devices, or whose status the address.
fn with_macs(stage: &Stage, macs: &[Mac], address: Option<IpAddr>) -> Vec<NetworkConfiguration> {
    let wishes = |object: &NetworkConfiguration| {
        let of_spec = object.spec.network_interfaces.iter().any(|interface| {
            let mac = interface.mac_address.as_deref().and_then(|text| text.parse::<Mac>().ok());
            mac.is_some_and(|mac| macs.contains(&mac))
        });
        let reported = object.status.iter().flat_map(|status| &status.network_interfaces);
        let mut addresses = reported.flat_map(|interface| &interface.ipv4_addresses);
        of_spec || address.is_some_and(|address| addresses.any(|text| text.parse() == Ok(address)))
    };
    stage.rehearsal.objects().into_iter().filter(wishes).collect()
}

async fn of_object(stage: &Stage, object: &NetworkConfiguration) -> anyhow::Result<Object> {
    let notes = stage.play(object).await?;
    let (network, prefix, trouble) = match stage.rehearsal.namespace(object) {
        Ok(network) => {
            let prefix = network.status.as_ref().and_then(|status| status.ipv4_prefix.clone());
            (Some(network.name_any()), prefix, None)
        }
        Err(trouble) => (None, None, Some(trouble)),
    };
    let reported = object.status.as_ref().map(Report::of);
    // What is reported again is no news.
    let next_report = notes.status.as_ref().map(Report::of).filter(|next| Some(next) != reported.as_ref());
    Ok(Object {
        name: name(object),
        uid: object.uid().unwrap_or_default(),
        unserved: stage.rehearsal.unserved(object),
        network,
        prefix,
        trouble,
        reported,
        next: Difference::of(stage, name(object), &notes).await?,
        next_report,
    })
}

async fn of_device(server: &Server, mac: Mac) -> OnServer {
    let mut found = OnServer { server: server.name().into(), ..OnServer::default() };
    if let Err(error) = fill(server, mac, &mut found).await {
        found.trouble = Some(error.to_string());
    }
    found
}

async fn fill(server: &Server, mac: Mac, found: &mut OnServer) -> Result<(), crate::kea::KeaError> {
    let now = k8s_openapi::jiff::Timestamp::now().as_second();
    for known in server.look_up(&[mac]).await? {
        found.leases.extend(known.leases.iter().map(|lease| Leased {
            address: lease.address,
            subnet_id: lease.subnet_id,
            state: if lease.is_valid(now) { "valid" } else { "not valid" },
            expires: lease.expires.and_then(|at| k8s_openapi::jiff::Timestamp::from_second(at).ok()),
        }));
        for brief in known.reservations {
            let whole = server.reservation_of(brief.subnet_id, mac).await?.unwrap_or(brief);
            found.reservations.push(Held {
                subnet_id: whole.subnet_id,
                address: whole.address(),
                owner: whole.ownership.to_string(),
            });
        }
    }
    Ok(())
}
