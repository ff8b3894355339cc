//! What a client is recognised by, in the forms that Kea reads.

use dhcp_host_cmds_rs::store::{Family, Identifier, IdentifierType};
use serde_json::Value;

use super::Members;
use super::text::{encode, shown};

/// The types, with their names and the bytes that one may have at least and at most: what every Kea takes, and what the
/// hook takes.
const TYPES: [(IdentifierType, usize, usize); 5] = [
    (IdentifierType::HwAddress, 1, 20),
    (IdentifierType::Duid, 3, 130),
    (IdentifierType::CircuitId, 1, 128),
    (IdentifierType::ClientId, 1, 255),
    (IdentifierType::FlexId, 1, 128),
];

/// The names of those that a family has.
pub fn names(family: Family) -> impl Iterator<Item = &'static str> {
    let of_both = [IdentifierType::HwAddress, IdentifierType::Duid, IdentifierType::FlexId];
    TYPES
        .iter()
        .map(|(kind, ..)| *kind)
        .filter(move |kind| family == Family::V4 || of_both.contains(kind))
        .map(IdentifierType::name)
}

/// Takes the one identifier out of the members.
pub fn take(family: Family, members: &mut Members) -> Result<Identifier, String> {
    let mut found = names(family).filter_map(|name| Some((name, members.remove(name)?)));
    let (name, value) = found.next().ok_or_else(|| {
        format!("no identifier: one of {} is needed", names(family).collect::<Vec<_>>().join(", "))
    })?;
    if let Some((other, _)) = found.next() {
        return Err(format!("'{name}' and '{other}' at once: a reservation has one identifier"));
    }
    drop(found);
    let (kind, least, most) =
        TYPES.into_iter().find(|(kind, ..)| kind.name() == name).ok_or("an unknown identifier")?;
    let text = value.as_str().ok_or_else(|| format!("'{name}' is no string"))?;
    let value = parse(text).ok_or_else(|| {
        format!("'{name}' is neither hexadecimal nor a text in single quotes: '{}'", shown(text))
    })?;
    match value.len() {
        length if length < least => {
            Err(format!("'{name}' is too short ({length}), at least {least} bytes are needed"))
        }
        length if length > most => {
            Err(format!("'{name}' is too long ({length}), at most {most} bytes are possible"))
        }
        _ => Ok(Identifier { kind, value: value.into() }),
    }
}

/// The name and the form in which Kea shows it.
pub fn member(identifier: &Identifier) -> (String, Value) {
    let shown = identifier.to_string();
    let value = shown.split_once('=').map_or("", |(_, value)| value);
    (identifier.kind.name().to_owned(), value.into())
}

/// `'text'`, or hexadecimal: with colons or blanks, each of which has one or two digits between them; with `0x`; or bare.
fn parse(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if let Some(quoted) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return encode(quoted).filter(|bytes| !bytes.is_empty());
    }
    for separator in [':', ' '] {
        if text.contains(separator) {
            return text.split(separator).map(|digits| hex(digits, 1)).collect();
        }
    }
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let digits = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
    let pairs: Option<Vec<_>> = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2)).collect();
    pairs?.into_iter().map(|pair| hex(pair, 2)).collect()
}

fn hex(digits: &str, least: usize) -> Option<u8> {
    let valid = (least..=2).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    valid.then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let bytes: &[u8] = &[2, 0, 0xab];
        for text in ["02:00:ab", "2:0:AB", "0200ab", "0x0200AB", "02 00 ab", " 200ab "] {
            assert_eq!(parse(text).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(parse("'port 7'").as_deref(), Some(b"port 7".as_slice()));
        for text in ["02-00-ab", "02:00:", "02:000:ab", "0g", "''", "'", "+2:+3"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_of_the_right_length() {
        let take = |family, json: Value| take(family, &mut json.as_object().unwrap().clone());
        let identifier = take(Family::V4, serde_json::json!({ "client-id": "'a'" })).unwrap();
        assert_eq!(member(&identifier), ("client-id".to_owned(), "61".into()));
        assert!(
            take(Family::V6, serde_json::json!({ "client-id": "'a'" }))
                .unwrap_err()
                .contains("no identifier")
        );
        assert!(take(Family::V4, serde_json::json!({ "duid": "0102" })).unwrap_err().contains("too short"));
        let two = serde_json::json!({ "duid": "010203", "hw-address": "01" });
        assert!(take(Family::V4, two).unwrap_err().contains("at once"));
        assert!(take(Family::V4, serde_json::json!({ "duid": 5 })).unwrap_err().contains("no string"));
    }
}
