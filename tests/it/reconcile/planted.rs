//! The discrepancies that reconciliation has to find, written before the code. Each is planted in a request of its own,
//! beside requests in which nothing is wrong.
//!
//! In the SQL, `{request}` and the like stand for the ids of that request's rows, and `{at}` for a time within it.

/// One discrepancy.
pub(super) struct Plant {
    pub(super) name: &'static str,
    /// What differs in the trail.
    pub(super) trail: Trail,
    /// What is done to the host's tables.
    pub(super) sql: &'static str,
    /// Code, subject, aspect and severity of each finding, and no other may come.
    pub(super) found: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

/// How the trail of a request differs from that of a clean one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Trail {
    /// Not at all.
    AsItWas,
    /// The state goes from collecting requirements to handed off, and on from there.
    IllegalStep,
    /// An effect was cancelled, and no one found out whether it was performed.
    InDoubt,
    /// An effect was admitted with a charge, its lease has run out, and no outcome is there.
    NeverSettled,
    /// The call's consent was never granted. The tables agree.
    NoConsent,
    /// The provider reported the last message as failed.
    NotDelivered,
    /// There is no trail at all.
    Nothing,
}

const fn row(
    name: &'static str,
    sql: &'static str,
    found: &'static [(&'static str, &'static str, &'static str, &'static str)],
) -> Plant {
    Plant { name, trail: Trail::AsItWas, sql, found }
}

const fn trail(
    name: &'static str,
    trail: Trail,
    found: &'static [(&'static str, &'static str, &'static str, &'static str)],
) -> Plant {
    Plant { name, trail, sql: "", found }
}

#[rustfmt::skip]
pub(super) const PLANTED: &[Plant] = &[
    // The request.
    row("the request's row is gone",
        "delete from moltbot_marketplace_requests where id = '{request}'",
        &[("missing_in_tables", "request", "", "error")]),
    trail("a request was never recorded", Trail::Nothing,
        &[("missing_in_trail", "request", "", "error")]),
    row("the request's row is in another state",
        "update moltbot_marketplace_requests set state = 'closed' where id = '{request}'",
        &[("differs", "request", "state", "error")]),
    row("the request's row belongs to another conversation",
        "update moltbot_marketplace_requests set conversation_id = '{stranger}' where id = '{request}'",
        &[("differs", "request", "conversation", "error")]),
    trail("a step that the state machine does not have", Trail::IllegalStep,
        &[("illegal_transition", "request", "state", "error")]),
    // The shortlist.
    row("the shortlist has another vendor",
        "update moltbot_marketplace_requests set shortlist = jsonb_set(shortlist, '{0,vendor_id}', '\"{vendor_c}\"') where id = '{request}'",
        &[("differs", "shortlist", "vendors", "error")]),
    row("the shortlist has another order",
        "update moltbot_marketplace_requests set shortlist = jsonb_build_array(shortlist -> 1, shortlist -> 0) where id = '{request}'",
        &[("differs", "shortlist", "order", "error")]),
    row("the shortlist has another price",
        "update moltbot_marketplace_requests set shortlist = jsonb_set(shortlist, '{1,price}', '99000') where id = '{request}'",
        &[("differs", "shortlist", "price", "error")]),
    // The conversation and its messages.
    row("the conversation's row is gone",
        "set session_replication_role = replica; delete from moltbot_conversations where id = '{conversation}'; set session_replication_role = origin",
        &[("missing_in_tables", "conversation", "", "error")]),
    row("an inbound message's row is gone",
        "delete from moltbot_conversation_messages where provider_message_id = '{inbound}'",
        &[("missing_in_tables", "message", "", "error")]),
    row("an outbound message was never recorded",
        "insert into moltbot_conversation_messages (conversation_id, provider_message_id, direction, body, timestamp)
         values ('{conversation}', 'wamid.unknown.{n}', 'outbound', 'Pay 0788 123 456', '{at}')",
        &[("missing_in_trail", "message", "", "error")]),
    row("a message has another direction",
        "update moltbot_conversation_messages set direction = 'inbound' where provider_message_id = '{outbound}'",
        &[("differs", "message", "direction", "error")]),
    row("a message has another text",
        "update moltbot_conversation_messages set body = body || ' 0788 123 456' where provider_message_id = '{outbound}'",
        &[("differs", "message", "text", "error")]),
    row("a message is of another type",
        "update moltbot_conversation_messages set message_type = 'template' where provider_message_id = '{outbound}'",
        &[("differs", "message", "type", "warning")]),
    row("a message is in another conversation",
        "update moltbot_conversation_messages set conversation_id = '{stranger}' where provider_message_id = '{inbound}'",
        &[("differs", "message", "conversation", "error")]),
    trail("a message was sent and not delivered", Trail::NotDelivered,
        &[("not_delivered", "message", "", "warning")]),
    // OCR.
    row("an OCR job's row is gone",
        "delete from moltbot_ocr_jobs where id = '{job}'",
        &[("missing_in_tables", "ocr_job", "", "error")]),
    row("an OCR job was never recorded",
        "insert into moltbot_ocr_jobs (request_id, status, media_url, created_at) values ('{request}', 'completed', 'https://x/1', '{at}')",
        &[("missing_in_trail", "ocr_job", "", "error")]),
    row("an OCR job's row has another status",
        "update moltbot_ocr_jobs set status = 'failed' where id = '{job}'",
        &[("differs", "ocr_job", "status", "error")]),
    row("an OCR job's row has another confidence",
        "update moltbot_ocr_jobs set confidence = 0.4 where id = '{job}'",
        &[("differs", "ocr_job", "confidence", "error")]),
    // Vendors.
    row("an outreach's row is gone",
        "delete from moltbot_vendor_outreach where id = '{outreach_b}'",
        &[("missing_in_tables", "outreach", "", "error")]),
    row("a vendor was messaged and the message never recorded",
        "insert into moltbot_vendor_outreach (request_id, vendor_id, state, outreach_sent_at, created_at)
         values ('{request}', '{vendor_c}', 'sent', '{at}', '{at}')",
        &[("missing_in_trail", "outreach", "", "error")]),
    row("an outreach's row says that it failed",
        "update moltbot_vendor_outreach set state = 'failed' where id = '{outreach_b}'",
        &[("differs", "outreach", "state", "error")]),
    row("a reply was never recorded",
        "update moltbot_vendor_outreach set state = 'replied', response_message = 'Ndayifite', response_received_at = '{at}' where id = '{outreach_b}'",
        &[("missing_in_trail", "reply", "", "error")]),
    row("a reply is not in the outreach's row",
        "update moltbot_vendor_outreach set state = 'sent', response_message = null, response_received_at = null where id = '{outreach_a}'",
        &[("missing_in_tables", "reply", "", "warning")]),
    // Consents and calls.
    row("a consent's row says that the client declined",
        "update moltbot_call_consents set state = 'denied', granted_at = null, denied_at = '{at}' where id = '{consent}'",
        &[("differs", "consent", "state", "error")]),
    row("a consent was never recorded",
        "insert into moltbot_call_consents (conversation_id, state, granted_at, created_at) values ('{conversation}', 'granted', '{at}', '{at}')",
        &[("missing_in_trail", "consent", "", "error")]),
    row("a call was never recorded",
        "insert into moltbot_call_attempts (consent_id, provider_call_id, status, initiated_at, created_at)
         values ('{consent}', 'call.unknown.{n}', 'completed', '{at}', '{at}')",
        &[("missing_in_trail", "call", "", "error")]),
    row("a call's row is gone",
        "delete from moltbot_call_attempts where id = '{attempt}'",
        &[("missing_in_tables", "call", "", "error")]),
    row("a call's row has another status",
        "update moltbot_call_attempts set status = 'no_answer' where id = '{attempt}'",
        &[("differs", "call", "status", "error")]),
    row("a call's row has another duration",
        "update moltbot_call_attempts set duration_seconds = 4200 where id = '{attempt}'",
        &[("differs", "call", "duration", "error")]),
    trail("a call without a consent", Trail::NoConsent,
        &[("call_without_consent", "call", "", "error")]),
    // Effects.
    trail("an effect is in doubt", Trail::InDoubt,
        &[("effect_in_doubt", "effect", "", "error")]),
    trail("a reservation was never settled", Trail::NeverSettled,
        &[("reservation_not_settled", "effect", "", "error")]),
];
