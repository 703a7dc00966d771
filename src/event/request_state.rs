//! The host's state machine of a request: which state may follow which.

/// Where each state may lead.
const STEPS: [(&str, &[&str]); 8] = [
    ("awaiting_vendor_replies", &["shortlist_ready", "vendor_outreach", "error"]),
    (CLOSED, &[]),
    (FIRST, &["ocr_processing", "vendor_outreach", "error", CLOSED]),
    ("error", &[FIRST, CLOSED]),
    ("handed_off", &[CLOSED]),
    ("ocr_processing", &[FIRST, "vendor_outreach", "error"]),
    ("shortlist_ready", &["handed_off", CLOSED, "error"]),
    ("vendor_outreach", &["awaiting_vendor_replies", "error"]),
];

/// The state that a request begins in.
const FIRST: &str = "collecting_requirements";

/// The state that a request ends in.
pub(crate) const CLOSED: &str = "closed";

/// True if the state machine leads from one state to another. From no state it leads to the first.
pub(crate) fn leads(from: Option<&str>, to: &str) -> bool {
    match from {
        None => to == FIRST,
        Some(from) => STEPS.iter().any(|(state, next)| *state == from && next.contains(&to)),
    }
}

/// The states by which a request that went from one state to another is closed. Empty if it is closed, and if the
/// state machine does not know the state.
///
/// A request goes back first if that leads to its end, because `error` says that something went wrong. It is never
/// sent forward: a shortlist that was never made must not be claimed.
pub(crate) fn way_to_closed<'a>(from: Option<&'a str>, to: &str) -> Vec<&'a str> {
    let back = from.filter(|back| leads(Some(to), back) && leads(Some(back), CLOSED));
    match back.or_else(|| leads(Some(to), "error").then_some("error")) {
        _ if leads(Some(to), CLOSED) => vec![CLOSED],
        Some(first) => vec![first, CLOSED],
        None => Vec::new(),
    }
}
