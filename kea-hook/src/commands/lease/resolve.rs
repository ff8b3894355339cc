//! `ext-lease-resolve`.

use kea_ffi::element::{Element, Kind, Reply, ResultCode};
use kea_ffi::host::IdentifierType;
use kea_ffi::hosts::Target;
use kea_ffi::leases::Resolver;

use crate::commands::arguments::{self, HW_ADDRESS_MAX};
use crate::commands::{CommandError, Commands};
use crate::owner;

/// Shows the leases and the reservations of many clients.
pub fn resolve(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let Some(identifiers) = arguments.get("identifiers")? else {
        return Err(arguments::missing(arguments, "identifiers")?);
    };
    if identifiers.kind() != Kind::List {
        return Err(CommandError::new(format!(
            "'identifiers' must be a list, not {}",
            identifiers.kind_name()
        )));
    }
    let count = identifiers.len();
    if count > hook.max_resolve_identifiers {
        return Err(CommandError::new(format!(
            "'identifiers' has {count} entries, more than max-resolve-identifiers ({}): send them in several commands, \
             or raise that parameter of the library",
            hook.max_resolve_identifiers
        )));
    }
    let common = Common::read(arguments)?;
    let target = arguments::operation_target(arguments)?.unwrap_or(Target::All);
    arguments::check_databases(target)?;

    let mut resolver = Resolver::new(hook.family, target, owner::MEMBER)?;
    let mut refused = 0;
    for index in 0..count {
        if let Err(error) = append(&mut resolver, &identifiers.item(index)?, &common) {
            resolver.refuse(&error.to_string())?;
            refused += 1;
        }
    }
    let text = format!(
        "{count} identifier(s) resolved: {} lease(s), {} reservation(s), {refused} error(s).",
        resolver.leases(),
        resolver.reservations()
    );
    let mut found = Element::map()?;
    found.set("identifiers", &resolver.answers()?)?;
    Ok(Reply::new(ResultCode::Success, text).with(found))
}

/// What holds for the entries that are no more than an identifier.
struct Common {
    kind: Option<IdentifierType>,
    subnet: Option<u32>,
}

impl Common {
    fn read(arguments: &Element) -> Result<Self, CommandError> {
        let kind = match arguments.get("identifier-type")? {
            Some(_) => Some(arguments::identifier_type(arguments)?),
            None => None,
        };
        Ok(Self { kind, subnet: arguments::optional_subnet_id(arguments)? })
    }
}

/// Resolves one entry.
fn append(resolver: &mut Resolver, entry: &Element, common: &Common) -> Result<(), CommandError> {
    let (kind, identifier, subnet) = match entry.kind() {
        Kind::Text => {
            let kind = common.kind.ok_or_else(|| {
                CommandError::new(
                    "an entry of 'identifiers' without a type needs 'identifier-type' beside 'identifiers'",
                )
            })?;
            let text = entry.as_bytes().unwrap_or_default();
            (kind, arguments::identifier_bytes(&text)?, common.subnet)
        }
        Kind::Map => {
            let (kind, identifier) = arguments::identifier(entry, "")?;
            (kind, identifier, arguments::optional_subnet_id(entry)?)
        }
        _ => {
            let found = entry.kind_name();
            return Err(CommandError::new(format!(
                "an entry of 'identifiers' must be a map or a string, not {found}"
            )));
        }
    };
    if kind == IdentifierType::HwAddress && identifier.len() > HW_ADDRESS_MAX {
        return Err(CommandError::new(format!("a hw-address has at most {HW_ADDRESS_MAX} bytes")));
    }
    Ok(resolver.resolve(kind, &identifier, subnet)?)
}
