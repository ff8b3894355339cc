//! Kea's JSON values.

use cxx::UniquePtr;

use crate::bridge::ffi;

pub use ffi::Kind;

/// Something that Kea refused, in Kea's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeaError(pub String);

impl From<cxx::Exception> for KeaError {
    fn from(exception: cxx::Exception) -> Self {
        Self(exception.what().to_owned())
    }
}

/// A JSON value of Kea's. Those that came with a request are read-only; those made here can be built up.
pub struct Element(UniquePtr<ffi::Element>);

impl Element {
    pub(crate) fn some(value: UniquePtr<ffi::Element>) -> Option<Self> {
        (!value.is_null()).then_some(Self(value))
    }

    pub(crate) fn from_shim(value: UniquePtr<ffi::Element>) -> Result<Self, KeaError> {
        Self::some(value).ok_or_else(|| KeaError("Kea gave no value".into()))
    }

    pub(crate) fn shim(&self) -> &ffi::Element {
        &self.0
    }

    /// Reads what [`Self::json`] wrote.
    pub fn from_json(json: &str) -> Result<Self, KeaError> {
        Self::from_shim(ffi::element_from_json(json)?)
    }

    /// An empty map.
    pub fn map() -> Result<Self, KeaError> {
        Self::from_shim(ffi::element_map()?)
    }

    /// An empty list.
    pub fn list() -> Result<Self, KeaError> {
        Self::from_shim(ffi::element_list()?)
    }

    /// JSON null.
    pub fn null() -> Result<Self, KeaError> {
        Self::from_shim(ffi::element_null()?)
    }

    /// A boolean.
    pub fn boolean(value: bool) -> Result<Self, KeaError> {
        Self::from_shim(ffi::element_boolean(value)?)
    }

    /// A number. What is above Kea's range (2^63 - 1) becomes the largest.
    pub fn integer(value: impl TryInto<i64>) -> Result<Self, KeaError> {
        Self::from_shim(ffi::element_integer(value.try_into().unwrap_or(i64::MAX))?)
    }

    /// A string.
    pub fn text(value: &str) -> Result<Self, KeaError> {
        Self::from_shim(ffi::element_text(value.as_bytes())?)
    }

    /// A string of any bytes.
    pub fn bytes(value: &[u8]) -> Result<Self, KeaError> {
        Self::from_shim(ffi::element_text(value)?)
    }

    /// What this value is.
    pub fn kind(&self) -> Kind {
        self.0.kind()
    }

    /// The same in the words of Kea's messages.
    pub fn kind_name(&self) -> &'static str {
        match self.kind() {
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::Real => "real",
            Kind::Text => "string",
            Kind::List => "list",
            Kind::Map => "map",
            _ => "null",
        }
    }

    /// The member of a map; none where it is missing or this is no map.
    pub fn get(&self, name: &str) -> Result<Option<Self>, KeaError> {
        Ok(Self::some(self.0.member(name)?))
    }

    /// The number, where this is one.
    pub fn as_integer(&self) -> Option<i64> {
        self.0.integer().ok()
    }

    /// The string, where this is one. Bytes that are no UTF-8 are replaced.
    pub fn as_text(&self) -> Option<String> {
        self.0.text().ok().map(|text| text.to_string_lossy().into_owned())
    }

    /// The bytes of the string, where this is one. Kea does not demand UTF-8.
    pub fn as_bytes(&self) -> Option<Vec<u8>> {
        self.0.text().ok().map(|text| text.as_bytes().to_vec())
    }

    /// The boolean, where this is one.
    pub fn as_boolean(&self) -> Option<bool> {
        self.0.boolean().ok()
    }

    /// Names of a map's members.
    pub fn names(&self) -> Result<Vec<String>, KeaError> {
        Ok(self.0.names()?)
    }

    /// The items of a list; none where this is no list.
    pub fn items(&self) -> Result<Vec<Self>, KeaError> {
        (0..self.0.length()).map(|index| Self::from_shim(self.0.item(index)?)).collect()
    }

    /// Where in the request this value stands, as Kea's own messages tell it: `<wire>:0:61`.
    pub fn position(&self) -> Result<String, KeaError> {
        Ok(self.0.position()?)
    }

    /// This value as JSON text.
    pub fn json(&self) -> Result<String, KeaError> {
        Ok(self.0.json()?)
    }

    /// Sets a member of a map that was made here.
    pub fn set(&mut self, name: &str, value: &Self) -> Result<(), KeaError> {
        Ok(self.0.pin_mut().set(name, value.shim())?)
    }

    /// Appends to a list that was made here.
    pub fn push(&mut self, value: &Self) -> Result<(), KeaError> {
        Ok(self.0.pin_mut().push(value.shim())?)
    }

    /// A copy of a map (not of its members) without one of them, which can be built up.
    pub fn without(&self, name: &str) -> Result<Self, KeaError> {
        Self::from_shim(self.0.without(name)?)
    }
}

/// Result codes of Kea's commands (Kea ARM, section "Using the Control Channel").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum ResultCode {
    /// Done.
    Success = 0,
    /// Not done; the text says why.
    Error = 1,
    /// Done, and there was nothing to find.
    Empty = 3,
}

/// The answer to a command.
pub struct Reply {
    /// How it went.
    pub result: ResultCode,
    /// The same for a person.
    pub text: String,
    /// What was asked for.
    pub arguments: Option<Element>,
}

impl Reply {
    /// An answer without arguments.
    pub fn new(result: ResultCode, text: impl Into<String>) -> Self {
        Self { result, text: text.into(), arguments: None }
    }

    /// The same answer with arguments.
    #[must_use]
    pub fn with(mut self, arguments: Element) -> Self {
        self.arguments = Some(arguments);
        self
    }

    pub(crate) fn give(self, answer: std::pin::Pin<&mut ffi::Answer>) -> Result<(), KeaError> {
        let arguments = self.arguments.map_or_else(UniquePtr::null, |element| element.0);
        Ok(answer.give(self.result as i32, &self.text, arguments)?)
    }
}
