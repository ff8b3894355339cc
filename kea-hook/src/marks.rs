//! Marks: texts that this library keeps in the `user-context` of a reservation, beside what the user keeps there.

use std::collections::BTreeMap;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, rename = "user-context", default)]
    context: Option<BTreeMap<String, &'a RawValue>>,
}

/// The text that a member of the `user-context` has, in the JSON of a reservation. None where it is missing, or no text.
pub fn read(body: &[u8], member: &str) -> Option<String> {
    // Most bodies have no mark, and need not be read.
    memmem::find(body, member.as_bytes())?;
    let body = String::from_utf8_lossy(body);
    let context = serde_json::from_str::<Body<'_>>(&body).ok()?.context?;
    serde_json::from_str(context.get(member)?.get()).ok()
}
