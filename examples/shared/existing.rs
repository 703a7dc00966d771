//! Databases that have to be there.

use std::borrow::Cow;

/// The URL with which opening creates no empty database: a reader wants one that is there.
pub(crate) fn only(url: &str) -> Cow<'_, str> {
    if url.starts_with("sqlite:") && !url.contains('?') {
        format!("{url}?mode=rw").into()
    } else {
        url.into()
    }
}
