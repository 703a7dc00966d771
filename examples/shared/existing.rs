//! URLs of databases that must exist.

use std::borrow::Cow;

/// Changes the URL so that opening it does not create an empty database. A reader needs one that exists.
pub(crate) fn only(url: &str) -> Cow<'_, str> {
    if url.starts_with("sqlite:") && !url.contains('?') {
        format!("{url}?mode=rw").into()
    } else {
        url.into()
    }
}
