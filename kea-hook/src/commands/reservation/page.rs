//! `reservation-get-page`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::host::Family;
use kea_ffi::hosts::{Page, Target};

use crate::commands::CommandError;
use crate::commands::arguments::{self, configured_subnet};

/// Kea has the configuration and at most ten host databases.
const SOURCE_INDEX_MAX: i64 = 10;

/// Shows reservations page by page, source by source.
pub fn get_page(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let subnet = arguments::optional_subnet_id(arguments)?;
    let limit = match arguments::optional_integer(arguments, "limit", 0..=u32::MAX.into())? {
        None => return Err(arguments::missing(arguments, "limit")?),
        Some(limit) => usize::try_from(limit).unwrap_or_default(),
    };
    let source = arguments::optional_integer(arguments, "source-index", 0..=SOURCE_INDEX_MAX)?.unwrap_or(0);
    if let Some(id) = subnet {
        configured_subnet(family, id)?;
    }
    let after = arguments::optional_integer(arguments, "from", 0..=i64::MAX)?.unwrap_or(0);
    arguments::check_databases(Target::All)?;
    page(family, subnet, usize::try_from(source).unwrap_or_default(), after.unsigned_abs(), limit)
}

/// The next page that has something to show. Reservations of the other family, which share an SQL database
/// with ours, are passed over; a page of nothing else must not look like the end.
fn page(
    family: Family,
    subnet: Option<u32>,
    mut source: usize,
    mut after: u64,
    limit: usize,
) -> Result<Reply, CommandError> {
    loop {
        let page = Page::read(family, subnet, source, after, limit)?;
        let Some(last) = page.last_id() else {
            return reply(family, &Element::list()?, 0, None);
        };
        let mut hosts = Element::list()?;
        let mut count = 0;
        for host in page.hosts() {
            hosts.push(&host?)?;
            count += 1;
        }
        if count > 0 {
            return reply(family, &hosts, count, Some((page.source, last)));
        }
        (source, after) = (page.source, last);
    }
}

fn reply(
    family: Family,
    hosts: &Element,
    count: usize,
    next: Option<(usize, u64)>,
) -> Result<Reply, CommandError> {
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
    Ok(Reply::new(result, format!("{count} {family} host(s) found.")).with(arguments))
}
