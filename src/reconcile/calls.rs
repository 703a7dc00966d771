//! Compares consents and phone calls.

use chrono::{DateTime, Utc};

use super::agreement::{differs, is_id};
use super::found::Found;
use super::rows::Tables;
use super::trail::{Call, Trail};
use super::{Finding, Side};
use crate::event::{Aspect, FindingCode, Subject};
use crate::store::{HostRow, HostTable};

pub(super) fn consents(trail: &Trail, tables: &Tables, found: &mut Found) {
    for (id, consent) in &trail.consents {
        let Some(rows) = tables.consents.of(id) else { return };
        let Some(row) = rows.first() else {
            let missing = Finding::new(FindingCode::MissingInTables, Subject::Consent);
            found.add(missing.event(consent.event_id).trail(Side::Word(consent.state)));
            continue;
        };
        found.matched(Subject::Consent);
        let state = found.seen(HostTable::CallConsents, "state", row.text("state"));
        // The host notices at the next call that a grant has lapsed, and marks a prompt that could not be sent as
        // expired.
        let lapses = matches!(consent.state, "granted" | "requested");
        if differs(&state, |row| *row == consent.state || (lapses && *row == "expired")) {
            let (said, row_says) = (Side::Word(consent.state), Side::of_cell(state, Side::word));
            let differs = Finding::differs(Subject::Consent, Aspect::State, said, row_says);
            found.add(differs.event(consent.event_id).row(row.uuid("id").value()));
        }
    }
}

pub(super) fn calls(trail: &Trail, tables: &Tables, found: &mut Found) {
    for call in &trail.calls {
        let row = row_of(call, tables);
        if call.is_consented == Some(false) {
            found.add(
                without_consent()
                    .event(call.event_id)
                    .row(row.and_then(|row| row.uuid("id").value())),
            );
        }
        let Some(row) = row else {
            if is_checkable(call, tables) {
                let missing = Finding::new(FindingCode::MissingInTables, Subject::Call);
                found.add(missing.event(call.event_id));
            }
            continue;
        };
        found.matched(Subject::Call);
        one_call(call, row, found);
        // If the trail has a word on the consent and the tables have another, that is a finding of its own.
        if call.is_consented.is_none() && lacks_consent(row, tables) {
            found.add(without_consent().event(call.event_id).row(row.uuid("id").value()));
        }
    }
}

fn row_of<'a>(call: &Call, tables: &'a Tables) -> Option<&'a HostRow> {
    let by_id = call.attempt_id.as_ref().and_then(|id| tables.attempts.of(id)?.first());
    let by_provider = || {
        let id = call.provider_call_id.as_ref()?;
        tables.provider_calls.of(id)?.first()
    };
    by_id.or_else(by_provider)
}

/// Whether its row would have been found. A call that names neither id cannot be looked for.
fn is_checkable(call: &Call, tables: &Tables) -> bool {
    let by_id = call.attempt_id.as_ref().map(|id| tables.attempts.of(id).is_some());
    let by_provider = call.provider_call_id.as_ref();
    let by_provider = by_provider.map(|id| tables.provider_calls.of(id).is_some());
    by_id.or(by_provider).unwrap_or(false)
}

fn one_call(call: &Call, row: &HostRow, found: &mut Found) {
    const TABLE: HostTable = HostTable::CallAttempts;
    let row_id = row.uuid("id").value();
    let status = found.seen(TABLE, "status", row.text("status"));
    let duration = found.seen(TABLE, "duration_seconds", row.integer("duration_seconds"));
    // The host's CHECK does not know `rejected`, so it writes `failed`.
    let is_same = |row: &&str| match call.status.as_deref() {
        None => matches!(*row, "initiated" | "ringing"),
        Some("rejected") => matches!(*row, "rejected" | "failed"),
        Some(said) => *row == said,
    };
    if differs(&status, is_same) {
        let said = call.status.as_deref().map_or(Side::Word("initiated"), Side::word);
        let differs = Finding::differs(
            Subject::Call,
            Aspect::Status,
            said,
            Side::of_cell(status, Side::word),
        );
        found.add(differs.event(call.event_id).row(row_id));
    }
    if let Some(said) = call.duration
        && differs(&duration, |row| *row == said)
    {
        let other = Side::of_cell(duration, Side::integer);
        let differs = Finding::differs(Subject::Call, Aspect::Duration, Side::integer(said), other);
        found.add(differs.event(call.event_id).row(row_id));
    }
}

/// Whether the row's consent did not hold when the call was placed. False if the tables do not say.
fn lacks_consent(row: &HostRow, tables: &Tables) -> bool {
    let (Some(id), Some(at)) = (row.text("consent_id").value(), row.time("initiated_at").value())
    else {
        return false;
    };
    let Some(rows) = tables.consents.of(id) else { return false };
    let consent = rows.iter().find(|row| is_id(row, "id", id));
    consent.is_some_and(|consent| !held_at(consent, at))
}

/// Whether a consent's row says that it held. The host sets `expired` when it notices, and a refusal may come after the
/// call.
pub(super) fn held_at(consent: &HostRow, at: DateTime<Utc>) -> bool {
    let time = |column| consent.time(column).value();
    let is_over = |column| time(column).is_some_and(|over: DateTime<Utc>| over <= at);
    match consent.text("state").value() {
        Some("granted" | "expired" | "denied") => {
            let was_granted = match time("granted_at") {
                Some(granted) => granted <= at,
                None => consent.text("state").value() == Some("granted"),
            };
            was_granted && !is_over("denied_at") && !is_over("expires_at")
        }
        Some(_) => false,
        // Nothing can be said.
        None => true,
    }
}

pub(super) fn without_consent() -> Finding {
    Finding::new(FindingCode::CallWithoutConsent, Subject::Call)
}
