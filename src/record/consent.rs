//! Checks events about consents, so that every store reads them alike.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::event::{AuditEvent, EventError, EventType};

const WORDS: [EventType; 4] = [
    EventType::CALL_CONSENT_REQUESTED,
    EventType::CALL_CONSENT_GRANTED,
    EventType::CALL_CONSENT_DENIED,
    EventType::CALL_CONSENT_EXPIRED,
];

/// Refuses an event that admission could not read. Otherwise it would silently count as no consent, or as a lapsed
/// one.
pub(super) fn check(event: &AuditEvent) -> Result<(), EventError> {
    if !WORDS.contains(&event.event_type) {
        return Ok(());
    }
    let given = |field| event.input.as_ref()?.get(field).filter(|value: &&Value| !value.is_null());
    if given("consent_id").is_some_and(|value| !value.is_string()) {
        return Err(EventError::MalformedConsent { field: "consent_id", expected: "a text" });
    }
    if given("expires_at").is_some_and(|value| time_of(value).is_none()) {
        let expected = "a time with its zone, such as \"2036-03-02T07:15:00Z\"";
        return Err(EventError::MalformedConsent { field: "expires_at", expected });
    }
    Ok(())
}

/// When a grant lapses: at the time that it names, else a lifetime after the database recorded it.
pub(crate) fn lapse(
    told: Option<DateTime<Utc>>,
    recorded_at: DateTime<Utc>,
    lifetime: TimeDelta,
) -> DateTime<Utc> {
    // A sum beyond the largest time is the largest time.
    let untold = || recorded_at.checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC);
    told.unwrap_or_else(untold)
}

/// The time in a value, if it is a text as RFC 3339 writes a time, of the years 1 to 9999, within what Postgres
/// takes: no leap second, at most nine digits of a second, and a zone of less than 16 hours.
pub(crate) fn time_of(value: &Value) -> Option<DateTime<Utc>> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let text = value.as_str()?;
    let (time, rest) = text.split_at_checked(SHAPE.len())?;
    let fits = |(shape, byte): (&u8, u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        other => *other == byte,
    };
    let has_shape = SHAPE.iter().zip(time.bytes()).all(fits);
    let has_year_and_second = !time.starts_with("0000") && !time.ends_with("60");
    if !(has_shape && has_year_and_second && is_fraction_and_zone(rest)) {
        return None;
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

fn is_fraction_and_zone(text: &str) -> bool {
    let zone = match text.strip_prefix('.') {
        None => text,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
    };
    match zone.as_bytes() {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hours @ .., b':', b'0'..=b'5', ones] => {
            let is_hour = matches!(hours, [b'0', b'0'..=b'9'] | [b'1', b'0'..=b'5']);
            is_hour && ones.is_ascii_digit()
        }
        _ => false,
    }
}
