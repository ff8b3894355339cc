//! `reservation-get-all`, `-get-by-id`, `-get-by-hostname` and `-get-by-address`.

use std::net::IpAddr;

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::host::{By, Family, Query};
use kea_ffi::hosts::{self, Sources, Target};

use crate::commands::CommandError;
use crate::commands::arguments::{self, configured_subnet};

/// Shows all reservations of a subnet.
pub fn get_all(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let Some(subnet) = arguments::optional_subnet_id(arguments)? else {
        return Err(arguments::missing(arguments, "subnet-id")?);
    };
    let target = target(arguments)?;
    configured_subnet(family, subnet)?;
    reply(target, family, Some(subnet), By::Any)
}

/// Shows all reservations of an identifier, whatever their subnet.
pub fn get_by_id(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let (kind, identifier) = arguments::identifier(arguments, "")?;
    if arguments.get("subnet-id")?.is_some() {
        return Err(CommandError::new("'subnet-id' is forbidden in reservation-get-by-id"));
    }
    reply(target(arguments)?, family, None, By::Identifier(kind, &identifier))
}

/// Shows all reservations of a hostname.
pub fn get_by_hostname(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let hostname = arguments::required_bytes(arguments, "hostname")?;
    if hostname.is_empty() {
        return Err(CommandError::new("Empty hostname"));
    }
    let (subnet, target) = subnet_and_target(family, arguments)?;
    reply(target, family, subnet, By::Hostname(&hostname))
}

/// Shows all reservations of an address.
pub fn get_by_address(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let text = arguments::required_text(arguments, "ip-address")?;
    let address = match hosts::parse_address(&text) {
        Ok(address) => address,
        Err(error) => {
            let position = arguments.get("ip-address")?.map(|value| value.position()).transpose()?;
            return Err(CommandError::new(format!(
                "Failed to convert '{text}' to address: {error}({})",
                position.unwrap_or_default()
            )));
        }
    };
    let by = match (family, address) {
        (Family::V4, IpAddr::V4(address)) => By::Ipv4(address),
        (Family::V6, IpAddr::V6(address)) => By::Ipv6(address),
        _ => {
            return Err(CommandError::new(format!(
                "must specify an {family} address when searching for a host, specified address was {address}"
            )));
        }
    };
    let (subnet, target) = subnet_and_target(family, arguments)?;
    reply(target, family, subnet, by)
}

fn target(arguments: &Element) -> Result<Target, CommandError> {
    Ok(arguments::operation_target(arguments)?.unwrap_or(Target::All))
}

/// A subnet that exists, where one is given, and where to look.
fn subnet_and_target(family: Family, arguments: &Element) -> Result<(Option<u32>, Target), CommandError> {
    let subnet = arguments::optional_subnet_id(arguments)?;
    let target = target(arguments)?;
    if let Some(id) = subnet {
        configured_subnet(family, id)?;
    }
    Ok((subnet, target))
}

fn reply(target: Target, family: Family, subnet: Option<u32>, by: By<'_>) -> Result<Reply, CommandError> {
    arguments::check_databases(target)?;
    let query = Query { family: Some(family), subnet, by };
    let mut list = Element::list()?;
    let mut count = 0;
    for source in Sources::of(target)?.iter() {
        for host in source.find(&query)? {
            list.push(&host.element(family)?)?;
            count += 1;
        }
    }
    let mut arguments = Element::map()?;
    arguments.set("hosts", &list)?;
    let result = if count == 0 { ResultCode::Empty } else { ResultCode::Success };
    Ok(Reply::new(result, format!("{count} {family} host(s) found.")).with(arguments))
}
