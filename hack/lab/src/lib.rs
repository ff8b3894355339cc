//! Kea operator.
