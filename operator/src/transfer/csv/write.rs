//! Writes a table.

use std::io::Write;

use csv::{ByteRecord, WriterBuilder};
use serde_json::Value;

use super::super::Entry;
use super::super::text::{self, Style, encode};
use super::{COLUMNS, FAMILY, LISTS, MORE, SUBNET, has_controls};

/// Writes a file of this format.
pub struct Writer<W: Write>(csv::Writer<W>);

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(out: W) -> anyhow::Result<Self> {
        let mut writer = WriterBuilder::new().from_writer(out);
        writer.write_record(COLUMNS)?;
        Ok(Self(writer))
    }

    /// Writes one reservation, as [`row`] makes it.
    pub fn row(&mut self, row: &ByteRecord) -> anyhow::Result<()> {
        Ok(self.0.write_byte_record(row)?)
    }

    /// Ends the file.
    pub fn finish(mut self) -> anyhow::Result<W> {
        self.0.flush()?;
        self.0.into_inner().map_err(|error| anyhow::anyhow!("{error}"))
    }
}

/// The row of a reservation.
///
/// # Errors
/// Names what cannot be written.
pub fn row(entry: &Entry) -> Result<ByteRecord, String> {
    let mut members = entry.members.clone();
    let mut row = ByteRecord::new();
    for name in COLUMNS {
        match name {
            FAMILY => row.push_field(entry.family.number().to_string().as_bytes()),
            SUBNET => row.push_field(entry.subnet.map(|id| id.to_string()).unwrap_or_default().as_bytes()),
            MORE if members.is_empty() => row.push_field(b""),
            MORE => {
                let mut more = Vec::new();
                let rest = Value::Object(std::mem::take(&mut members));
                text::write(&rest, Style::Readable, &mut more)?;
                row.push_field(&more);
            }
            name => {
                let cell = members.get(name).and_then(|value| cell(name, value));
                if cell.is_some() {
                    members.remove(name);
                }
                row.push_field(&cell.unwrap_or_default());
            }
        }
    }
    Ok(row)
}

/// What can be in a cell and be read from it again; none for what must go into `more`.
fn cell(name: &str, value: &Value) -> Option<Vec<u8>> {
    if LISTS.contains(&name) {
        let items: Option<Vec<_>> = value.as_array()?.iter().map(Value::as_str).collect();
        return encode(&items?.join(" "));
    }
    encode(value.as_str()?).filter(|cell| !has_controls(cell))
}
