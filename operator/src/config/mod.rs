//! Settings, from flags and environment variables to checked values.

mod credentials;
mod error;
mod kea;
mod limits;
mod servers;

pub use error::ConfigError;
pub use kea::{KeaArgs, KeaSettings, TlsSecretName};
pub use limits::understood;
pub use servers::ServerSettings;

/// Variables of the documents that this version does not act on.
const NOT_YET: [&str; 1] = ["KEA_HEADER"];

/// A text, if it is not empty.
pub fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// Reads a boolean as Go and charts write it; empty is false.
pub fn flag(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "on" => Ok(true),
        "false" | "f" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err("write true or false".into()),
    }
}

#[cfg(test)]
mod tests;
