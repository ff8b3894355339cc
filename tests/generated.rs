//! Committed files that are generated from code must equal what the code generates now.
