//! Behind a pooler: the same store, whatever a connection turns out to be.

mod append_in;
mod find_out;
mod load;

/// Adds parameters to a URL of the tests, which all have some.
fn with(url: &str, parameters: &str) -> String {
    format!("{url}&{parameters}")
}
