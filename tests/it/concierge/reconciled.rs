//! The concierge's requests beside host tables with a row for everything that it did.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use moltbot_audit::auditor::{Clock as _, SystemClock};
use moltbot_audit::event::Subject;
use moltbot_audit::reconcile::{reconcile_period, reconcile_request};
use moltbot_audit::store::AuditStore as _;
use sqlx::Executor as _;

use super::{Played, scenario_file};
use crate::support::stores;

/// The tables as a host without foreign keys has them, filled from what was recorded. The concierge's ids are names, so
/// ids are texts here.
const TABLES: &str = "
    create table moltbot_conversations as
        select distinct conversation_id as id from moltbot_audit.audit_events where conversation_id is not null;
    create table moltbot_conversation_messages as
        select gen_random_uuid() as id, conversation_id,
            coalesce(output ->> 'provider_message_id', input ->> 'provider_message_id') as provider_message_id,
            case event_type when 'whatsapp.inbound_received' then 'inbound' else 'outbound' end as direction,
            coalesce(input ->> 'message_type', 'text') as message_type, input ->> 'text' as body,
            created_at as timestamp
        from moltbot_audit.audit_events
        where outcome = 'succeeded' and (event_type in ('whatsapp.outbound_sent', 'call.consent_requested')
            or event_type = 'whatsapp.inbound_received' and actor = 'client'
                and coalesce(output ->> 'duplicate', 'false') = 'false');
    create table moltbot_marketplace_requests as
        select e.request_id as id, min(e.conversation_id::text)::uuid as conversation_id, min(e.created_at) as created_at,
            (array_agg(e.input ->> 'to_state' order by e.seq desc)
                filter (where e.event_type = 'request.state_changed'))[1] as state,
            coalesce((array_agg(e.output -> 'items' order by e.seq desc)
                filter (where e.event_type = 'shortlist.generated'))[1], '[]') as shortlist
        from moltbot_audit.audit_events e where e.request_id is not null group by e.request_id;
    create table moltbot_ocr_jobs as
        select input ->> 'job_id' as id, request_id, coalesce(output ->> 'status', 'completed') as status,
            (output ->> 'confidence')::double precision as confidence, created_at
        from moltbot_audit.audit_events where event_type = 'ocr.job_done' and input ? 'job_id';
    create table moltbot_vendor_outreach as
        select input ->> 'outreach_id' as id, request_id, input ->> 'vendor_id' as vendor_id,
            case when exists (select from moltbot_audit.audit_events r
                where r.stream_id = e.stream_id and r.event_type = 'vendor.reply_recorded'
                    and r.input ->> 'vendor_id' = e.input ->> 'vendor_id')
                then 'replied' else 'sent' end as state,
            created_at as outreach_sent_at
        from moltbot_audit.audit_events e where event_type = 'vendor.outreach_sent' and outcome = 'succeeded';
    create table moltbot_call_consents as
        select distinct on (input ->> 'consent_id') input ->> 'consent_id' as id, conversation_id,
            replace(event_type, 'call.consent_', '') as state, created_at
        from moltbot_audit.audit_events where event_type like 'call.consent\\_%'
        order by input ->> 'consent_id', seq desc;
    create table moltbot_call_attempts as
        select s.input ->> 'attempt_id' as id, s.input ->> 'consent_id' as consent_id,
            s.output ->> 'provider_call_id' as provider_call_id, s.created_at as initiated_at,
            coalesce(u.output ->> 'status', 'initiated') as status,
            (u.output ->> 'duration_seconds')::int as duration_seconds
        from moltbot_audit.audit_events s
        left join lateral (select output from moltbot_audit.audit_events u
            where u.stream_id = s.stream_id and u.event_type = 'call.status_updated' order by u.seq desc limit 1) u on true
        where s.event_type = 'call.started' and s.outcome = 'succeeded'";

#[tokio::test]
async fn a_clean_run_is_the_same_in_the_trail_and_in_the_tables() {
    let mut matched = BTreeSet::new();
    // Providers' ids repeat from play to play, so each has a database of its own.
    for name in ["phone_charger", "call_no_answer", "ocr_low_confidence"] {
        let (store, pool) = stores::database().await;
        let played = Played::on(&scenario_file(name), Arc::new(store.clone())).await;
        pool.execute(TABLES).await.expect("rows for what was recorded");
        let now = SystemClock::new().now();
        let period = (now - TimeDelta::days(1), now + TimeDelta::days(1));
        let host = store.host_tables();
        let mut found = Vec::new();
        let report = reconcile_period(&store, &host, period, now + TimeDelta::days(2), |finding| {
            found.push(finding);
        });
        let report = report.await.expect("both sides can be read");
        assert!(found.is_empty(), "{name}: {found:#?}");
        assert_eq!(report.requests, played.requests.len() as u64);
        matched.extend(report.matched.keys().copied());
        for request in &played.requests {
            let (_, found) = reconcile_request(&store, &host, request, now)
                .await
                .expect("both sides can be read");
            assert!(found.is_empty(), "{name}: {found:#?}");
        }
        store.close().await;
    }
    for subject in [Subject::Message, Subject::Outreach, Subject::Shortlist, Subject::Call] {
        assert!(matched.contains(&subject), "{subject}: {matched:?}");
    }
}
