//! Checks that a text does not leak.

use crate::redact::{Kind, find};

/// Panics if a text holds personal data or secrets in any form that the redaction knows. Use it in
/// a host's tests, on each log line, metric, error, `Debug` text and exported file.
///
/// ```
/// moltbot_audit::testing::assert_no_personal_data("outreach sent to ***456, 15,000 RWF");
/// ```
///
/// # Panics
/// With what was found and where, in bytes, but never the data itself.
#[track_caller]
pub fn assert_no_personal_data(text: &str) {
    let found: Vec<(Kind, _)> =
        find(text).into_iter().map(|found| (found.kind, found.at)).collect();
    assert!(found.is_empty(), "a text of {} bytes holds {found:?}", text.len());
}
