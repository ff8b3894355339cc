//! `reservation-get-page`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::server::{self, Target};

use super::CommandError;
use super::arguments::{self, configured_subnet4};

/// Kea has the configuration and at most ten host databases.
const SOURCE_INDEX_MAX: i64 = 10;

/// The id that a reservation of the other family has in this one.
const SUBNET_UNUSED: u32 = u32::MAX;

/// Shows reservations page by page, source by source.
pub fn get_page(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let subnet = arguments::optional_subnet_id(arguments)?;
    let limit = match arguments::optional_integer(arguments, "limit", 0..=u32::MAX.into())? {
        None => return Err(arguments::missing(arguments, "limit")?),
        Some(limit) => usize::try_from(limit).unwrap_or_default(),
    };
    let source = arguments::optional_integer(arguments, "source-index", 0..=SOURCE_INDEX_MAX)?.unwrap_or(0);
    let after = arguments::optional_integer(arguments, "from", 0..=i64::MAX)?.unwrap_or(0);
    if let Some(id) = subnet {
        configured_subnet4(id)?;
    }
    arguments::check_databases(Target::All)?;
    page(subnet, usize::try_from(source).unwrap_or_default(), after.unsigned_abs(), limit)
}

/// The next page that has something to show. Reservations of the other family, which share an SQL database
/// with ours, are passed over; a page of nothing else must not look like the end.
fn page(subnet: Option<u32>, mut source: usize, mut after: u64, limit: usize) -> Result<Reply, CommandError> {
    loop {
        let page = server::host4_page(subnet, source, after, limit)?;
        let Some(last) = page.last_id() else {
            return reply(&Element::list()?, 0, None);
        };
        let mut hosts = Element::list()?;
        let mut count = 0;
        for host in page.hosts() {
            let (of_subnet, host) = host?;
            if of_subnet != SUBNET_UNUSED {
                hosts.push(&host)?;
                count += 1;
            }
        }
        if count > 0 {
            return reply(&hosts, count, Some((page.source, last)));
        }
        (source, after) = (page.source, last);
    }
}

fn reply(hosts: &Element, count: usize, next: Option<(usize, u64)>) -> Result<Reply, CommandError> {
    let mut arguments = Element::map()?;
    arguments.set("count", &Element::integer(count)?)?;
    arguments.set("hosts", hosts)?;
    if let Some((source, from)) = next {
        let mut position = Element::map()?;
        position.set("from", &Element::integer(from)?)?;
        position.set("source-index", &Element::integer(source)?)?;
        arguments.set("next", &position)?;
    }
    let result = if count == 0 { ResultCode::Empty } else { ResultCode::Success };
    Ok(Reply::new(result, format!("{count} IPv4 host(s) found.")).with(arguments))
}
