//! `reservation-get-all`, `-get-by-id`, `-get-by-hostname` and `-get-by-address`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::server::{self, HostFilter, Target};

use super::CommandError;
use super::arguments::{self, configured_subnet4};

/// Shows all reservations of a subnet.
pub fn get_all(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let target = target(arguments)?;
    let Some(subnet) = arguments::optional_subnet_id(arguments)? else {
        return Err(arguments::missing(arguments, "subnet-id")?);
    };
    configured_subnet4(subnet)?;
    reply(target, &HostFilter::Subnet(subnet))
}

/// Shows all reservations of an identifier, whatever their subnet.
pub fn get_by_id(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let target = target(arguments)?;
    if arguments.get("subnet-id")?.is_some() {
        return Err(CommandError::new("'subnet-id' is forbidden in reservation-get-by-id"));
    }
    let (kind, identifier) = arguments::identifier(arguments, "")?;
    reply(target, &HostFilter::Identifier(kind, &identifier))
}

/// Shows all reservations of a hostname.
pub fn get_by_hostname(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let target = target(arguments)?;
    let hostname = arguments::required_text(arguments, "hostname")?;
    if hostname.is_empty() {
        return Err(CommandError::new("Empty hostname"));
    }
    reply(target, &HostFilter::Hostname(&hostname, subnet(arguments)?))
}

/// Shows all reservations of an address.
pub fn get_by_address(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let target = target(arguments)?;
    let address = server::canonical_address4(&arguments::required_text(arguments, "ip-address")?)?;
    reply(target, &HostFilter::Address(&address, subnet(arguments)?))
}

fn target(arguments: &Element) -> Result<Target, CommandError> {
    Ok(arguments::operation_target(arguments)?.unwrap_or(Target::All))
}

/// A subnet that exists, where one is given.
fn subnet(arguments: &Element) -> Result<Option<u32>, CommandError> {
    let subnet = arguments::optional_subnet_id(arguments)?;
    if let Some(id) = subnet {
        configured_subnet4(id)?;
    }
    Ok(subnet)
}

fn reply(target: Target, filter: &HostFilter<'_>) -> Result<Reply, CommandError> {
    arguments::check_databases(target)?;
    let hosts = server::find_hosts4(target, filter)?;
    let mut list = Element::list()?;
    for host in &hosts {
        list.push(host)?;
    }
    let mut arguments = Element::map()?;
    arguments.set("hosts", &list)?;
    let result = if hosts.is_empty() { ResultCode::Empty } else { ResultCode::Success };
    Ok(Reply::new(result, format!("{} IPv4 host(s) found.", hosts.len())).with(arguments))
}
