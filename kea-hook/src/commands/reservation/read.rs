//! Reading one reservation of a request.

use kea_ffi::element::Element;
use kea_ffi::host::{Family, Reservation};
use kea_ffi::hosts::Host;

use super::{placement, validity};
use crate::commands::CommandError;
use crate::commands::arguments::SUBNET_ID_MAX;

/// The reservation, as Kea's parser reads it.
pub fn read(family: Family, given: &Element, subnet: Option<u32>) -> Result<Host, CommandError> {
    match Host::parse(family, subnet.unwrap_or(0), &given.without("subnet-id")?) {
        Ok(host) => Ok(host),
        // Earlier versions say some things in other words.
        Err(error) => Err(validity::check_limits(given).err().unwrap_or_else(|| error.into())),
    }
}

/// Checks a reservation against its subnet, and for what Kea's parser lets pass. Last, so that clients of the stock hook
/// first get the errors that they know.
pub fn check(
    family: Family,
    given: &Element,
    reservation: &Reservation,
    subnet: Option<u32>,
) -> Result<(), CommandError> {
    placement::check_inside(family, reservation, subnet.unwrap_or(0))?;
    validity::check_parsed(family, given, &reservation.identifier)
}

/// Its subnet, where it names one.
pub fn subnet_id(reservation: &Element) -> Result<Option<u32>, CommandError> {
    let Some(value) = reservation.get("subnet-id")? else {
        return Ok(None);
    };
    let id = value.as_integer().ok_or_else(|| CommandError::new("'subnet-id' parameter is not integer."))?;
    u32::try_from(id).ok().filter(|_| id <= SUBNET_ID_MAX).map(Some).ok_or_else(|| {
        CommandError::new(format!(
            "subnet-id: {id} is invalid, must be between 0 and {SUBNET_ID_MAX} (inclusive)."
        ))
    })
}
