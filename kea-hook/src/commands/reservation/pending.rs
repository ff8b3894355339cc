//! `ext-reservation-pending`.

use kea_ffi::element::{Element, Reply, ResultCode};

use crate::commands::arguments;
use crate::commands::reservation::summary::identifier_text;
use crate::commands::{CommandError, Commands};
use crate::pins::registry::{Client, Wish};

const KNOWN: [&str; 4] = ["owner", "subnet-id", "limit", "offset"];
const LIMIT: i64 = 1_000;
const LIMIT_MAX: i64 = 100_000;

/// Shows the reservations that wait for a lease.
pub fn pending(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let none = Element::map()?;
    let arguments = arguments::required(Some(arguments.unwrap_or(&none)))?;
    arguments::only_known(arguments, &KNOWN)?;
    let owner = arguments::owner(arguments)?;
    let subnet = arguments::optional_subnet_id(arguments)?;
    let number = |name, range, usual: i64| -> Result<usize, CommandError> {
        let number = arguments::optional_integer(arguments, name, range)?.unwrap_or(usual);
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    };
    let limit = number("limit", 1..=LIMIT_MAX, LIMIT)?;
    let offset = number("offset", 0..=i64::MAX, 0)?;

    let mut wishes = hook.pins.list();
    wishes.retain(|(client, wish)| {
        subnet.is_none_or(|subnet| client.subnet == subnet) && (owner.is_none() || wish.owner == owner)
    });
    let mut shown = Element::list()?;
    let page: Vec<_> = wishes.iter().skip(offset).take(limit).collect();
    for (client, wish) in &page {
        shown.push(&describe(client, wish)?)?;
    }
    let mut found = Element::map()?;
    found.set("count", &Element::integer(page.len())?)?;
    found.set("total", &Element::integer(wishes.len())?)?;
    found.set("complete", &Element::boolean(!hook.pins.has_more())?)?;
    found.set("reservations", &shown)?;
    let result = if wishes.is_empty() { ResultCode::Empty } else { ResultCode::Success };
    Ok(Reply::new(result, format!("{} host(s) wait for a lease.", wishes.len())).with(found))
}

fn describe(client: &Client, wish: &Wish) -> Result<Element, CommandError> {
    let identifier = identifier_text(client.kind, &client.value);
    let mut shown = Element::map()?;
    shown.set("subnet-id", &Element::integer(client.subnet)?)?;
    shown.set(client.kind.name(), &Element::text(&identifier)?)?;
    shown.set("owner", &wish.owner.as_ref().map_or_else(Element::null, |owner| Element::bytes(owner))?)?;
    if let Some(problem) = &wish.problem {
        shown.set("problem", &Element::text(problem)?)?;
    }
    Ok(shown)
}
