//! The usual forms of hexadecimal text.

/// The bytes of `aa:bb:cc` or `aabbcc`, in either case; none for all other texts, which Kea may still know to read.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let step = if text.get(2) == Some(&b':') { 3 } else { 2 };
    let mut bytes = Vec::with_capacity(text.len() / step + 1);
    for place in text.chunks(step) {
        let (&[high, low], rest) = place.split_first_chunk::<2>()?;
        if rest.iter().any(|byte| *byte != b':') {
            return None;
        }
        bytes.push(digit(high)? << 4 | digit(low)?);
    }
    // A colon in the end belongs to nothing.
    (!text.is_empty() && text.last() != Some(&b':')).then_some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read() {
        for text in ["02:aB:Ff", "02abff", "02ABFF"] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(&[2, 0xab, 0xff][..]), "{text}");
        }
        assert_eq!(decode(b"0a"), Some(vec![10]));
    }

    #[test]
    fn everything_else_is_left_to_others() {
        for text in [
            "", "0", "0x12", "'ab'", "1:2", "01:", ":01", "01:2", "0:12", "01 02", "01:02 03", "01::02", "zz",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
