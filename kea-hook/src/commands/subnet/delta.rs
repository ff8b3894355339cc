//! How a part of a subnet's description is merged into the whole, or taken out of it.
//!
//! Pools, prefixes to delegate from and options are recognised by what identifies them; everything else in a list is
//! one value among others.

use kea_ffi::element::{Element, Kind};
use kea_ffi::host::Family;

use crate::commands::CommandError;

/// What the items of a list stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Items {
    Pools,
    PrefixPools,
    Options(Family),
    Values,
}

/// Where in a description something is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Subnet,
    /// In a pool of either kind.
    Pool,
    Elsewhere,
}

impl Items {
    fn of(place: Place, member: &str, family: Family) -> Self {
        match (place, member) {
            (Place::Subnet, "pools") => Self::Pools,
            (Place::Subnet, "pd-pools") => Self::PrefixPools,
            (Place::Subnet | Place::Pool, "option-data") => Self::Options(family),
            _ => Self::Values,
        }
    }

    fn place(self) -> Place {
        if matches!(self, Self::Pools | Self::PrefixPools) { Place::Pool } else { Place::Elsewhere }
    }

    /// The members that identify an item.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Pools => &["pool"],
            Self::PrefixPools => &["prefix", "prefix-len", "delegated-len"],
            Self::Options(_) => &["space", "code", "name"],
            Self::Values => &[],
        }
    }

    /// Whether two items are the same one.
    fn same(self, left: &Element, right: &Element) -> Result<bool, CommandError> {
        match self {
            Self::Values => Ok(false),
            Self::Options(family) => same_option(left, right, family),
            Self::Pools | Self::PrefixPools => {
                for key in self.keys() {
                    if !same_member(left, right, key)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    /// Whether an item has nothing but what identifies it: then it is meant as a whole.
    fn only_identifies(self, item: &Element) -> Result<bool, CommandError> {
        for name in item.names()? {
            let no_options = name == "option-data"
                && self.place() == Place::Pool
                && item.get(&name)?.is_some_and(|options| is_empty(&options));
            if !no_options && !self.keys().contains(&name.as_str()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn same_member(left: &Element, right: &Element, name: &str) -> Result<bool, CommandError> {
    match (left.get(name)?, right.get(name)?) {
        (Some(left), Some(right)) => Ok(left.json()? == right.json()?),
        _ => Ok(false),
    }
}

fn same_option(left: &Element, right: &Element, family: Family) -> Result<bool, CommandError> {
    let space = |option: &Element| -> Result<String, CommandError> {
        let space = option.get("space")?.and_then(|space| space.as_text());
        Ok(space.unwrap_or_else(|| format!("dhcp{}", family.number())))
    };
    if space(left)? != space(right)? {
        return Ok(false);
    }
    let both_have_codes = left.get("code")?.is_some() && right.get("code")?.is_some();
    same_member(left, right, if both_have_codes { "code" } else { "name" })
}

fn is_empty(value: &Element) -> bool {
    match value.kind() {
        Kind::List => value.items().is_ok_and(|items| items.is_empty()),
        Kind::Map => value.names().is_ok_and(|names| names.is_empty()),
        _ => false,
    }
}

fn is_container(value: &Element) -> bool {
    matches!(value.kind(), Kind::List | Kind::Map)
}

fn check_kinds(left: &Element, right: &Element, what: &str) -> Result<(), CommandError> {
    if left.kind() == right.kind() {
        return Ok(());
    }
    Err(CommandError::new(format!("{what} arguments not same type")))
}

/// The members of a map that are not null.
fn members(map: &Element) -> Result<Vec<(String, Element)>, CommandError> {
    let mut members = Vec::new();
    for name in map.names()? {
        if let Some(value) = map.get(&name)?
            && value.kind() != Kind::Null
        {
            members.push((name, value));
        }
    }
    Ok(members)
}

/// A copy of a map, which can be built up.
fn copy(map: &Element) -> Result<Element, CommandError> {
    Ok(map.without("")?)
}

/// A subnet with what is given, too: values replace values, items join items.
pub fn add(current: &Element, given: &Element, family: Family) -> Result<Element, CommandError> {
    add_to_map(current, given, Place::Subnet, family)
}

fn add_to_map(
    current: &Element,
    given: &Element,
    place: Place,
    family: Family,
) -> Result<Element, CommandError> {
    let mut sum = copy(current)?;
    for (name, value) in members(given)? {
        let value = match current.get(&name)? {
            Some(old) if is_container(&value) => {
                add_to(&old, &value, Items::of(place, &name, family), family)?
            }
            _ => value,
        };
        sum.set(&name, &value)?;
    }
    Ok(sum)
}

fn add_to(current: &Element, given: &Element, items: Items, family: Family) -> Result<Element, CommandError> {
    check_kinds(current, given, "mergeDiffAdd")?;
    if current.kind() == Kind::Map {
        return add_to_map(current, given, Place::Elsewhere, family);
    }
    let (mut sum, mut new) = (current.items()?, Vec::new());
    for item in given.items()? {
        let mut found = false;
        for old in &mut sum {
            if items.same(old, &item)? {
                found = true;
                *old = add_to_map(old, &item, items.place(), family)?;
            }
        }
        if !found {
            new.push(item);
        }
    }
    list(sum.iter().chain(&new))
}

fn list<'a>(items: impl Iterator<Item = &'a Element>) -> Result<Element, CommandError> {
    let mut list = Element::list()?;
    for item in items {
        list.push(item)?;
    }
    Ok(list)
}

/// A subnet without what is given: values go by their names, items by what identifies them.
pub fn del(current: &Element, given: &Element, family: Family) -> Result<Element, CommandError> {
    del_from_map(current, given, Place::Subnet, &["id", "subnet"], family)
}

/// What identifies the map stays, as long as it has anything else.
fn del_from_map(
    current: &Element,
    given: &Element,
    place: Place,
    keys: &[&str],
    family: Family,
) -> Result<Element, CommandError> {
    let mut rest = copy(current)?;
    let mut identity = Vec::new();
    for (name, value) in members(given)? {
        let Some(old) = current.get(&name)? else { continue };
        if is_container(&old) {
            let old = del_from(&old, &value, Items::of(place, &name, family), family)?;
            rest = rest.without(&name)?;
            if !is_empty(&old) {
                rest.set(&name, &old)?;
            }
        } else {
            rest = rest.without(&name)?;
            if keys.contains(&name.as_str()) {
                identity.push((name, old));
            }
        }
    }
    if !is_empty(&rest) {
        for (name, value) in &identity {
            rest.set(name, value)?;
        }
    }
    Ok(rest)
}

fn del_from(
    current: &Element,
    given: &Element,
    items: Items,
    family: Family,
) -> Result<Element, CommandError> {
    check_kinds(current, given, "mergeDiffDel")?;
    if current.kind() == Kind::Map {
        return del_from_map(current, given, Place::Elsewhere, &[], family);
    }
    let mut rest = current.items()?;
    for item in given.items()? {
        let mut left = Vec::new();
        for old in rest {
            if items == Items::Values {
                if old.json()? != item.json()? {
                    left.push(old);
                }
            } else if !items.same(&old, &item)? {
                left.push(old);
            } else if !items.only_identifies(&item)? {
                let part = del_from_map(&old, &item, items.place(), items.keys(), family)?;
                if !is_empty(&part) {
                    left.push(part);
                }
            }
        }
        rest = left;
    }
    list(rest.iter())
}

/// What is given, with the data of the options that it names: Kea reads no option without data.
pub fn complete_options(given: &Element, current: &Element, family: Family) -> Result<Element, CommandError> {
    let mut completed = copy(given)?;
    for (name, old) in members(current)? {
        let Some(value) = given.get(&name)? else { continue };
        if !is_container(&old) {
            continue;
        }
        check_kinds(&value, &old, "extend")?;
        match Items::of(Place::Subnet, &name, family) {
            Items::Options(_) => completed.set(&name, &options_with_data(&value, &old.items()?, family)?)?,
            Items::Pools | Items::PrefixPools => {
                completed.set(&name, &pools_with_data(&value, &old, family)?)?;
            }
            Items::Values => {}
        }
    }
    Ok(completed)
}

/// Pools whose options have the data that the same ones have in any of the old pools.
fn pools_with_data(given: &Element, old: &Element, family: Family) -> Result<Element, CommandError> {
    let mut known = Vec::new();
    for pool in old.items()? {
        if let Some(options) = pool.get("option-data")? {
            known.extend(options.items()?);
        }
    }
    let mut pools = Element::list()?;
    for pool in given.items()? {
        match pool.get("option-data")? {
            Some(options) => {
                check_kinds(&options, &Element::list()?, "extend")?;
                let mut pool = copy(&pool)?;
                pool.set("option-data", &options_with_data(&options, &known, family)?)?;
                pools.push(&pool)?;
            }
            None => pools.push(&pool)?,
        }
    }
    Ok(pools)
}

/// Options with the data that the same ones have among the known ones.
fn options_with_data(given: &Element, known: &[Element], family: Family) -> Result<Element, CommandError> {
    let mut options = Element::list()?;
    for mut option in given.items()? {
        for old in known {
            if option.kind() == Kind::Map
                && same_option(&option, old, family)?
                && let Some(data) = old.get("data")?
            {
                option = option.without("data")?;
                option.set("data", &data)?;
            }
        }
        options.push(&option)?;
    }
    Ok(options)
}
